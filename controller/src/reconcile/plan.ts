// Reads what every part holds and finds what has to change. Nothing is written here.
import type { LdConfig } from "@sluice/proto/ld";
import type { Entity } from "@sluice/proto/p4runtime";
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

/** What a switch holds; undefined when it does not run this pipeline. */
async function readSwitch({ connection }: SwitchPart, pipeline: Pipeline): Promise<Entity[] | undefined> {
  if ((await connection.runningCookie()) !== pipelineCookie(pipeline)) {
    return undefined;
  }
  const held: Entity[] = [];
  for await (const message of connection.readMessages()) {
    held.push(message);
  }
  return held;
}

/**
 * @throws UnreachableError with the reason of each part that did not tell what it holds
 * @throws CapacityError | EntryError when what is desired does not fit the program
 */
export async function makePlan(parts: Parts, pipeline: Pipeline): Promise<Plan> {
  const schema = new Schema(pipeline.p4info);
  const entries: (Entity[] | undefined)[] = [];
  const configs: (LdConfig | undefined)[] = [];
  await allOrReasons([
    ...parts.switches.map(async (part, i) => {
      entries[i] = await readSwitch(part, pipeline);
    }),
    ...parts.lds.map(async ({ connection }, i) => {
      configs[i] = await connection.getConfig();
    }),
  ]);
  const steps = planLds(parts.lds.map(({ target }, i) => ({ target, held: configs[i] })));
  return {
    pipeline,
    schema,
    switches: parts.switches.map((part, i) => ({
      part,
      push: entries[i] === undefined,
      changes: diffEntries(schema, entries[i] ?? [], [...part.target.profiles, ...part.target.entries]),
    })),
    lds: steps.map((step, i) => ({ ...step, part: parts.lds[i]! })),
  };
}

export function isEmpty(plan: Plan): boolean {
  return (
    plan.switches.every(({ push, changes }) => !push && changes.length === 0) &&
    plan.lds.every(({ release, take, settle }) => !release && !take && !settle)
  );
}
