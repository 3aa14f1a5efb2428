// Reads what every part holds and finds what has to change. Nothing is written here.
import type { LdConfig } from "@sluice/proto/ld";
import type { Entity } from "@sluice/proto/p4runtime";
import { type BucketMap, compile, type Ids, nameOf } from "../compile/index.js";
import { type Item, isEntry, type Pipeline, pipelineCookie, Schema } from "../p4runtime/index.js";
import type { TableName } from "../tables/gateway.js";
import { diffEntries, type EntryChange } from "./entry_diff.js";
import { type LdSteps, planLds } from "./ld_steps.js";
import { allOrReasons, type LdPart, type Parts, type SwitchPart } from "./parts.js";

const HEARTBEAT_TABLE: TableName = "ld_source";

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
 * The maps that are in force: of each cluster the one with the highest epoch that an LD of it holds. What is compiled from them
 * moves no bucket that need not move.
 */
function presentMaps(parts: Parts, configs: readonly (LdConfig | undefined)[]): Map<string, BucketMap> {
  const newest = new Map<string, LdConfig>();
  for (const [i, { cluster }] of parts.lds.entries()) {
    const config = configs[i];
    const known = newest.get(cluster.name);
    if (config?.cluster !== undefined && (known === undefined || config.epoch > known.epoch)) {
      newest.set(cluster.name, config);
    }
  }
  return new Map([...newest].map(([name, config]) => [name, bucketMapOf(config, parts.ids)]));
}

function bucketMapOf({ cluster }: LdConfig, ids: Ids): BucketMap {
  const name = (id: number) => nameOf(ids.lds, id);
  return cluster!.buckets.flatMap(({ first, last, ldId, backupLdId }) =>
    Array.from({ length: last - first + 1 }, () => ({
      ld: name(ldId),
      backup: backupLdId === 0 ? undefined : name(backupLdId),
    })),
  );
}

/** The switches believe heartbeats of the epoch that each LD will have. */
function withEpochs(items: readonly Item[], epochs: ReadonlyMap<number, bigint>): Item[] {
  return items.map((item) =>
    isEntry(item) && item.table === HEARTBEAT_TABLE
      ? {
          ...item,
          params: { ...item.params, epoch: Number(epochs.get(Number(item.params?.ld_id)) ?? 0n) },
        }
      : item,
  );
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
  const compiled = compile(parts.state, presentMaps(parts, configs));
  const steps = planLds(compiled.lds.map((target, i) => ({ target, held: configs[i] })));
  const epochs = new Map(
    steps.flatMap(({ final }) =>
      final.heartbeat === undefined ? [] : [[final.heartbeat.ldId, final.epoch] as const],
    ),
  );
  return {
    pipeline,
    schema,
    switches: parts.switches.map((part, i) => ({
      part,
      push: entries[i] === undefined,
      changes: diffEntries(schema, entries[i] ?? [], [
        ...compiled.switches[i]!.profiles,
        ...withEpochs(compiled.switches[i]!.entries, epochs),
      ]),
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
