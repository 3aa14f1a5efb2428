// What a switch holds against what it should hold.
import type { Entity } from "@sluice/proto/p4runtime";
import {
  decodeItem,
  effectKey,
  encodeItem,
  type Item,
  isEntry,
  itemKey,
  placeOf,
  type Schema,
  type UpdateType,
} from "../p4runtime/index.js";

export interface EntryChange {
  type: UpdateType;
  /** Its place in the order of writing: a table, or members or groups of an action profile (`placeOf`). */
  table: string;
  /** The entry as it will be, or for a delete as it was. */
  entry: Item;
  /** For a modify: what it does now. */
  before?: Item;
  message: Entity;
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
export function diffEntries(schema: Schema, held: Iterable<Entity>, desired: readonly Item[]): EntryChange[] {
  const unwanted = new Map<string, Entity>();
  for (const message of held) {
    const { entity } = message;
    if (entity?.$case !== "tableEntry" || !entity.value.isConst) {
      unwanted.set(itemKey(message), message);
    }
  }
  const counts = new Map<string, number>();
  const changes: EntryChange[] = [];
  for (const entry of desired) {
    const message = encodeItem(schema, entry);
    const table = placeOf(entry);
    if (isEntry(entry)) {
      counts.set(table, (counts.get(table) ?? 0) + 1);
    }
    const key = itemKey(message);
    const before = unwanted.get(key);
    unwanted.delete(key);
    if (before === undefined) {
      changes.push({ type: "insert", table, entry, message });
    } else if (effectKey(before) !== effectKey(message)) {
      changes.push({ type: "modify", table, entry, before: decodeItem(schema, before), message });
    }
  }
  for (const message of unwanted.values()) {
    const entry = decodeItem(schema, message);
    changes.push({ type: "delete", table: placeOf(entry), entry, message });
  }
  for (const [table, count] of counts) {
    const { size } = schema.tables.get(table);
    if (count > size) {
      throw new CapacityError(`table ${table}: ${count} entries are wanted, but it holds ${size}`);
    }
  }
  return changes;
}
