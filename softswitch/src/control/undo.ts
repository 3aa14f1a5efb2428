// What takes an update back: asked before the update is made.
import { type Entity, type TableEntry, type Update, Update_Type } from "@sluice/proto/p4runtime";
import { applyUpdate, readEntity } from "./index.js";
import type { Schema } from "./schema.js";
import { defaultToWire, entryToWire, findEntry, readCounter } from "./table_writes.js";

const INVERSE = {
  [Update_Type.INSERT]: Update_Type.DELETE,
  [Update_Type.MODIFY]: Update_Type.MODIFY,
  [Update_Type.DELETE]: Update_Type.INSERT,
} as const;

const tableEntry = (value: TableEntry): Entity => ({ entity: { $case: "tableEntry", value } });

/** What an update of this entity changes, as it is now. @throws UpdateError when it is not there */
function heldNow(schema: Schema, entity: Entity): Entity[] {
  const item = entity.entity;
  switch (item?.$case) {
    case "tableEntry":
      return [tableEntry(tableEntryNow(schema, item.value))];
    case "directCounterEntry": {
      // Not by a read: to that an entry that matches everything is one of all.
      if (item.value.tableEntry === undefined) return [];
      const { table, entry } = findEntry(schema, item.value.tableEntry);
      const data = table.store.hasCounter ? readCounter(table.store.counters, entry) : undefined;
      return [{ entity: { $case: "directCounterEntry", value: { ...item.value, data } } }];
    }
    default:
      return [...readEntity(schema, entity)];
  }
}

function tableEntryNow(schema: Schema, value: TableEntry): TableEntry {
  const table = schema.tables.get(value.tableId);
  if (value.isDefaultAction) return (table && defaultToWire(table)) ?? value;
  const found = findEntry(schema, value);
  const held = entryToWire(found.table, found.entry, { counter: true });
  // Of the program's own entries only the counts can have changed, and be written.
  return held.isConst ? { ...held, isConst: false, action: undefined } : held;
}

/**
 * Applies updates one after the other; when one fails, takes back those before it.
 *
 * @returns the position of the update that failed with its error, or undefined
 */
export function applyAllOrNone(
  schema: Schema,
  updates: readonly Update[],
): { index: number; error: unknown } | undefined {
  const undo: Update[] = [];
  for (const [index, update] of updates.entries()) {
    try {
      const { type, entity } = update;
      const before = type === Update_Type.INSERT || entity === undefined ? [entity] : heldNow(schema, entity);
      applyUpdate(schema, update);
      const back = INVERSE[type as keyof typeof INVERSE];
      undo.push(...before.map((held) => ({ type: back, entity: held })));
    } catch (error) {
      for (const back of undo.reverse()) applyUpdate(schema, back);
      return { index, error };
    }
  }
  return undefined;
}
