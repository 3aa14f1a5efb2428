// The order in which tables are written, so that no packet finds a reference that leads nowhere.
import type { Schema, SchemaTable } from "../p4runtime/index.js";

function referencesOf(table: SchemaTable): string[] {
  const fields = [...table.fields, ...table.actions.flatMap(({ action }) => action.params)];
  return fields.flatMap(({ refersTo }) => refersTo.map((reference) => reference.table));
}

/** Where a packet meets a table: ids are in the order of the pipeline, those of IPv6 0x100 above IPv4's (p4src/ids.p4). */
function positionOf({ id }: SchemaTable): number {
  return id & 0xff;
}

/**
 * Orders the tables for inserts; deletes go in the reverse order. A table that others refer to (`@refers_to`) comes before
 * them. Beyond that, tables that a packet meets later come first, so that what steers a packet to a new place is written
 * when the rest of its way is there.
 *
 * @returns places: the aliases of tables, and before a table that chooses from an action profile its members and groups
 */
export function writeOrder(schema: Schema): string[] {
  const tables = new Map([...schema.tables].map((table) => [table.alias, table]));
  const order: string[] = [];
  const visited = new Set<string>();
  const visit = (table: SchemaTable) => {
    if (visited.has(table.alias)) {
      return;
    }
    visited.add(table.alias); // before its references: a cycle must not go round for ever
    for (const name of referencesOf(table)) {
      const target = tables.get(name);
      if (target !== undefined) {
        visit(target);
      }
    }
    if (table.profile !== undefined) {
      order.push(`${table.profile.alias} members`, `${table.profile.alias} groups`); // items.ts, placeOf
    }
    order.push(table.alias);
  };
  for (const table of [...tables.values()].sort((a, b) => positionOf(b) - positionOf(a) || b.id - a.id)) {
    visit(table);
  }
  return [...new Set(order)];
}
