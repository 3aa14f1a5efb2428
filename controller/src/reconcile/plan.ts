// Reads what every part holds and finds what has to change. Nothing is written here.
import type { TableEntry } from "@sluice/proto/p4runtime";
import { type Pipeline, pipelineCookie, Schema } from "../p4runtime/index.js";
import { diffEntries, type EntryChange } from "./entry_diff.js";
import { type LdSteps, planLds } from "./ld_steps.js";
import { allOrReasons, type LdPart, type Parts, type SwitchPart } from "./parts.js";

export interface SwitchPlan {
  part: SwitchPart;
  /** The switch runs another pipeline, or none: it will be pushed, and the switch begins empty. */
  push: boolean;
  changes: EntryChange[];
}

export interface LdPlan extends LdSteps {
  part: LdPart;
}

export interface Plan {
  pipeline: Pipeline;
  schema: Schema;
  switches: SwitchPlan[];
  lds: LdPlan[];
}

async function planSwitch(part: SwitchPart, pipeline: Pipeline, schema: Schema): Promise<SwitchPlan> {
  const push = (await part.connection.runningCookie()) !== pipelineCookie(pipeline);
  const held: TableEntry[] = [];
  if (!push) {
    for await (const message of part.connection.readMessages()) {
      held.push(message);
    }
  }
  return { part, push, changes: diffEntries(schema, held, part.target.entries) };
}

/** @throws UnreachableError with the reason of each part that did not tell what it holds */
export async function makePlan(parts: Parts, pipeline: Pipeline): Promise<Plan> {
  const schema = new Schema(pipeline.p4info);
  const heldLds: LdPlan["held"][] = new Array(parts.lds.length).fill(undefined);
  const switches: SwitchPlan[] = new Array(parts.switches.length);
  await allOrReasons([
    ...parts.switches.map(async (part, i) => {
      switches[i] = await planSwitch(part, pipeline, schema);
    }),
    ...parts.lds.map(async ({ connection }, i) => {
      heldLds[i] = await connection.getConfig();
    }),
  ]);
  const steps = planLds(parts.lds.map(({ target }, i) => ({ target, held: heldLds[i] })));
  return { pipeline, schema, switches, lds: steps.map((step, i) => ({ ...step, part: parts.lds[i]! })) };
}

export function isEmpty(plan: Plan): boolean {
  return (
    plan.switches.every(({ push, changes }) => !push && changes.length === 0) &&
    plan.lds.every(({ release, take, settle }) => !release && !take && !settle)
  );
}
