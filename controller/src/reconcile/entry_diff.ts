// What a switch holds against what it should hold.
import type { TableEntry } from "@sluice/proto/p4runtime";
import {
  actionKey,
  decodeEntry,
  type Entry,
  encodeEntry,
  entryKey,
  type Schema,
  type UpdateType,
} from "../p4runtime/index.js";

export interface EntryChange {
  type: UpdateType;
  table: string;
  /** The entry as it will be, or for a delete as it was. */
  entry: Entry;
  /** For a modify: what it does now. */
  before?: Entry;
  message: TableEntry;
}

/** More entries than a table holds. */
export class CapacityError extends Error {
  override name = "CapacityError";
}

/**
 * Finds the updates that turn `held` into `desired`.
 *
 * @param held - as read from the switch; entries that the program fixes (`const`) are left alone
 * @throws EntryError when an entry does not fit the program, CapacityError when a table is too small
 */
export function diffEntries(
  schema: Schema,
  held: Iterable<TableEntry>,
  desired: readonly Entry[],
): EntryChange[] {
  const unwanted = new Map<string, TableEntry>();
  for (const message of held) {
    if (!message.isConst) {
      unwanted.set(entryKey(message), message);
    }
  }
  const counts = new Map<string, number>();
  const changes: EntryChange[] = [];
  for (const entry of desired) {
    const message = encodeEntry(schema, entry);
    const table = schema.tables.get(entry.table).alias;
    counts.set(table, (counts.get(table) ?? 0) + 1);
    const key = entryKey(message);
    const before = unwanted.get(key);
    unwanted.delete(key);
    if (before === undefined) {
      changes.push({ type: "insert", table, entry, message });
    } else if (actionKey(before) !== actionKey(message)) {
      changes.push({ type: "modify", table, entry, before: decodeEntry(schema, before), message });
    }
  }
  for (const message of unwanted.values()) {
    const entry = decodeEntry(schema, message);
    changes.push({ type: "delete", table: entry.table, entry, message });
  }
  for (const [table, count] of counts) {
    const { size } = schema.tables.get(table);
    if (count > size) {
      throw new CapacityError(`table ${table}: ${count} entries are wanted, but it holds ${size}`);
    }
  }
  return changes;
}
