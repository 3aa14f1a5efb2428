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

/** Compares a switch's entries as they come: nothing keeps them all. */
export async function planSwitch(
  part: SwitchPart,
  pipeline: Pipeline,
  desired: DesiredEntries,
): Promise<SwitchPlan> {
  const { connection } = part;
  const diff = new EntryDiff(desired);
  const push = (await connection.runningCookie()) !== pipelineCookie(pipeline);
  if (!push) {
    for await (const message of connection.readMessages()) {
      diff.see(message);
    }
  }
  return { part, push, changes: diff.changes() };
}
