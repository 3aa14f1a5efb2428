// What a switch has to be told.
import { type Pipeline, pipelineCookie } from "../p4runtime/index.js";
import { type DesiredEntries, type EntryChange, EntryDiff } from "./entry_diff.js";
import type { SwitchPart } from "./parts.js";

export interface SwitchPlan {
  part: SwitchPart;
  /** The switch runs another pipeline, or none: it will be pushed, and the switch begins empty. */
  push: boolean;
  changes: EntryChange[];
}

/** Tables of a switch whose others are known to be right. */
export interface SomeTables {
  tables: ReadonlySet<string>;
  /** What it should hold in all tables: for a switch that has lost its pipeline since. */
  whole: () => DesiredEntries;
}

/**
 * Compares a switch's entries as they come: nothing keeps them all.
 *
 * @param desired - what it should hold, in all its tables or in `some`
 */
export async function planSwitch(
  part: SwitchPart,
  pipeline: Pipeline,
  desired: DesiredEntries,
  some?: SomeTables,
): Promise<SwitchPlan> {
  const { connection } = part;
  const push = (await connection.runningCookie()) !== pipelineCookie(pipeline);
  const diff = new EntryDiff(push && some !== undefined ? some.whole() : desired);
  if (!push) {
    for await (const message of connection.readMessages(some && [...some.tables])) {
      diff.see(message);
    }
  }
  return { part, push, changes: diff.changes() };
}
