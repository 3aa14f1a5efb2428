// Reads what every part holds and finds what has to change. Nothing is written here.
import type { LdConfig } from "@sluice/proto/ld";
import {
  type BucketMap,
  type Compiled,
  compile,
  compileRegion,
  type Ids,
  idsOf,
  nameOf,
} from "../compile/index.js";
import { type Item, isEntry, type Pipeline, pipelineCookie, Schema } from "../p4runtime/index.js";
import type { ClusterSpec, DesiredState } from "../state/index.js";
import type { TableName } from "../tables/gateway.js";
import { DesiredEntries, type EntryChange, EntryDiff } from "./entry_diff.js";
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

/** What a switch has to be told. Its entries are compared as they come: nothing keeps them all. */
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

/**
 * The maps that are in force: of each cluster the one with the highest epoch that an LD of it holds. What is compiled from them
 * moves no bucket that need not move.
 */
function presentMaps(lds: readonly LdHolding[], ids: Ids): Map<string, BucketMap> {
  const newest = new Map<string, LdConfig>();
  for (const { cluster, held: config } of lds) {
    const known = newest.get(cluster.name);
    if (config?.cluster !== undefined && (known === undefined || config.epoch > known.epoch)) {
      newest.set(cluster.name, config);
    }
  }
  return new Map([...newest].map(([name, config]) => [name, bucketMapOf(config, ids)]));
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
function* withEpochs(items: readonly Item[], epochs: ReadonlyMap<number, bigint>): Generator<Item> {
  for (const item of items) {
    yield isEntry(item) && item.table === HEARTBEAT_TABLE
      ? {
          ...item,
          params: { ...item.params, epoch: Number(epochs.get(Number(item.params?.ld_id)) ?? 0n) },
        }
      : item;
  }
}

/** An LD of the document, and what it says it holds. */
export interface LdHolding {
  cluster: ClusterSpec;
  held: LdConfig | undefined;
  /** It could not be asked: what it holds is not known, and it cannot be told anything. */
  lost?: boolean;
}

/** What a state means for parts that hold what they hold. */
export interface Meaning {
  compiled: Compiled;
  /** In the order of the document's LDs, without those that are lost. */
  steps: LdSteps[];
  /** What a switch should hold. @throws EntryError | CapacityError */
  desired(index: number): DesiredEntries;
}

/**
 * @param lds - in the order of the document
 * @param shared - of {@link regionEntries}
 */
export function meaningOf(state: DesiredState, lds: readonly LdHolding[], shared: DesiredEntries): Meaning {
  const compiled = compile(state, presentMaps(lds, idsOf(state)));
  const steps = planLds(
    compiled.lds.flatMap((target, i) => (lds[i]!.lost === true ? [] : [{ target, held: lds[i]!.held }])),
  );
  // An LD that is lost has the epoch of its cluster.
  const ofClusters = new Map(steps.map(({ target, final }) => [target.cluster.name, final.epoch]));
  const epochs = new Map(
    compiled.lds.flatMap(({ cluster, config: { heartbeat } }) =>
      heartbeat === undefined ? [] : [[heartbeat.ldId, ofClusters.get(cluster.name) ?? 0n] as const],
    ),
  );
  return {
    compiled,
    steps,
    desired: (index) => {
      const { profiles, entries } = compiled.switches[index]!;
      const desired = new DesiredEntries(shared.schema, shared);
      desired.addAll(profiles);
      desired.addAll(withEpochs(entries, epochs));
      desired.checkCapacity();
      return desired;
    },
  };
}

/** What all switches hold alike, whatever the parts hold now. @throws EntryError */
export function regionEntries(state: DesiredState, schema: Schema): DesiredEntries {
  const shared = new DesiredEntries(schema);
  shared.addAll(compileRegion({ state, ids: idsOf(state) }));
  return shared;
}

/**
 * @throws UnreachableError with the reason of each part that did not tell what it holds
 * @throws CapacityError | EntryError when what is desired does not fit the program
 */
export async function makePlan(parts: Parts, pipeline: Pipeline): Promise<Plan> {
  const schema = new Schema(pipeline.p4info);
  const holdings: LdHolding[] = [];
  await allOrReasons<unknown>([
    ...parts.switches.map(({ connection }) => connection.runningCookie()),
    ...parts.lds.map(async ({ cluster, connection }, i) => {
      holdings[i] = { cluster, held: await connection.getConfig() };
    }),
  ]);
  const { steps, desired } = meaningOf(parts.state, holdings, regionEntries(parts.state, schema));
  return {
    pipeline,
    schema,
    switches: await allOrReasons(parts.switches.map((part, i) => planSwitch(part, pipeline, desired(i)))),
    lds: steps.map((step, i) => ({ ...step, part: parts.lds[i]! })),
  };
}

export function isEmpty(plan: Plan): boolean {
  return (
    plan.switches.every(({ push, changes }) => !push && changes.length === 0) &&
    plan.lds.every(({ release, take, settle }) => !release && !take && !settle)
  );
}
