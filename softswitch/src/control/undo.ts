// What takes an update back: asked before the update is made.
import { type Entity, type Update, Update_Type } from "@sluice/proto/p4runtime";
import { applyUpdate, readEntity } from "./index.js";
import type { Schema } from "./schema.js";
import { defaultToWire, entryToWire, findEntry } from "./table_writes.js";

const INVERSE = {
  [Update_Type.INSERT]: Update_Type.DELETE,
  [Update_Type.MODIFY]: Update_Type.MODIFY,
  [Update_Type.DELETE]: Update_Type.INSERT,
} as const;

/** The entity as it is held now. @throws UpdateError when there is none */
function heldNow(schema: Schema, entity: Entity): Entity {
  const item = entity.entity;
  if (item?.$case !== "tableEntry") return [...readEntity(schema, entity)][0] ?? entity;
  const { value } = item;
  const table = schema.tables.get(value.tableId);
  if (value.isDefaultAction) {
    return { entity: { $case: "tableEntry", value: (table && defaultToWire(table)) ?? value } };
  }
  const found = findEntry(schema, value);
  return { entity: { $case: "tableEntry", value: entryToWire(found.table, found.entry, { counter: true }) } };
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
      const before = type === Update_Type.INSERT || entity === undefined ? entity : heldNow(schema, entity);
      applyUpdate(schema, update);
      undo.push({ type: INVERSE[type as keyof typeof INVERSE], entity: before });
    } catch (error) {
      for (const back of undo.reverse()) applyUpdate(schema, back);
      return { index, error };
    }
  }
  return undefined;
}
