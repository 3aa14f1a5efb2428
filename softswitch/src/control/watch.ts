// Tells of every look-up that a packet makes: what tests measure by how far they reach, and what a trace shows.
import type { TableEntry } from "@sluice/proto/p4runtime";
import type { BoundTable, Schema } from "./schema.js";
import { entryToWire } from "./table_writes.js";

export type OnLookUp = (
  table: string,
  action: string | undefined,
  entry: () => TableEntry | undefined,
) => void;

/** Puts a listener before the look-ups of all tables. */
export function watchLookUps(schema: Schema, onLookUp: OnLookUp): void {
  for (const table of schema.tables.values()) {
    const { store } = table;
    const find = store.find.bind(store);
    store.find = (key) => {
      const entry = find(key);
      onLookUp(table.name, entry === 0 ? undefined : actionOf(table, entry), () =>
        entry === 0 ? undefined : entryToWire(table, entry),
      );
      return entry;
    };
  }
}

/** Of an entry that chooses by a group the group's first action stands for all. */
function actionOf({ store, profile, actionsByProgramId }: BoundTable, entry: number): string | undefined {
  const reference = store.actions[entry]!;
  if (profile === undefined) return actionsByProgramId.get(reference)?.name;
  return profile.actionsByProgramId.get(profile.store.actions[profile.store.select(reference, 0)]!)?.name;
}
