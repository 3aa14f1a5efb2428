// Carries a plan out, make before break:
//
//   1  pipelines, where the switch runs another
//   2  switches: what no packet is steered by yet   (next hops, routes, local IPs, LDs)
//   3  LDs: buckets are given up, then taken; services are added
//   4  switches: what steers packets                (buckets, services, changed entries)
//   5  switches: what is no longer wanted
//   6  LDs: services that nothing steers to them any more
//
// What is of a cluster is a track of its own, and so is what is of no cluster, for each switch (tracks.ts). In a track a step begins when the
// one before has succeeded everywhere; no track waits for another one to succeed. What is of no cluster comes after all clusters' tracks in
// each of the steps 2, 4 and 5: a switch that has been pushed a pipeline lets packets in when local IPs are there, and an EIP turns to a VIP
// that is. A switch that refuses what is of none gets nothing more, and keeps those clusters waiting whose entries it is told, or whose LDs
// are told of another way to a switch; no other switch and no other cluster. What failed is completed by the next apply.
import type { LdConfig } from "@sluice/proto/ld";
import { APART_TABLES, STEERING_TABLES } from "../tables/steering.js";
import type { EntryChange } from "./entry_diff.js";
import { everywhere, Failures } from "./failures.js";
import { sameWays } from "./ld_facts.js";
import { writeOrder } from "./order.js";
import type { LdPlan, Writes } from "./plan.js";
import type { SwitchPlan } from "./switch_plan.js";
import { bySwitch, type Track, tracksOf } from "./tracks.js";

export interface Applied {
  pipelines: number;
  inserted: number;
  modified: number;
  deleted: number;
  /** Configurations sent to LDs. */
  ldConfigs: number;
}

type Wanted = (change: EntryChange) => boolean;

const isGroundwork: Wanted = ({ type, table }) => type === "insert" && !STEERING_TABLES.has(table);
const isDelete: Wanted = ({ type }) => type === "delete";
const isTurn: Wanted = (change) => !isGroundwork(change) && !isDelete(change);
/** Whatever LDs still hold, it may go. */
const isApart: Wanted = ({ table }) => APART_TABLES.has(table);

/** Writes some of a switch's changes, one table after the other. */
async function write(
  { part, changes }: SwitchPlan,
  order: readonly string[],
  wanted: Wanted,
  onWritten: (updates: number) => void,
) {
  const chosen = new Map<string, EntryChange[]>(order.map((table) => [table, []]));
  for (const change of changes) {
    if (wanted(change)) {
      chosen.get(change.table)?.push(change);
    }
  }
  for (const updates of chosen.values()) {
    let before = 0;
    await part.connection.writePacked(updates, (written) => {
      onWritten(written - before);
      before = written;
    });
  }
}

/** The steps of a plan, each for some of its parts. */
function stepsOf({ schema, pipeline }: Writes, onWritten: (updates: number) => void) {
  const order = writeOrder(schema);
  const onSwitches = (tables: readonly string[], wanted: Wanted) => (track: Track) =>
    everywhere(track.switches, (item) => write(item, tables, wanted, onWritten));
  const onLds = (choose: (item: LdPlan) => LdConfig | undefined) => (track: Track) =>
    everywhere(track.lds, async (item) => {
      const config = choose(item);
      if (config !== undefined) {
        await item.part.connection.applyConfig(config);
      }
    });
  return {
    push: (track: Track) =>
      everywhere(track.switches, async ({ push, part }) => {
        if (push) {
          await part.connection.setPipeline(pipeline);
        }
      }),
    prepare: onSwitches(order, isGroundwork),
    release: onLds(({ release }) => release),
    take: onLds(({ take }) => take),
    turn: onSwitches(order, isTurn),
    clear: onSwitches(order.toReversed(), isDelete),
    settle: onLds(({ settle }) => settle),
  };
}

/** A track with some of its changes. */
function withChanges({ switches, lds }: Track, wanted: Wanted): Track {
  return { switches: switches.map((plan) => ({ ...plan, changes: plan.changes.filter(wanted) })), lds };
}

/** What the last steps of a track are about; undefined: nothing. */
function lastOf({ switches, lds }: Track): Track | undefined {
  const last = {
    switches: withChanges({ switches, lds }, isDelete).switches.filter(({ changes }) => changes.length > 0),
    lds: lds.filter(({ settle }) => settle !== undefined),
  };
  return last.switches.length + last.lds.length > 0 ? last : undefined;
}

/** Whether LDs are told of another way to or from switches, which is there when these have what is of no cluster. */
function changesWays({ lds }: Track): boolean {
  return lds.some(({ held, final }) => !sameWays(held, final));
}

async function carryOut(plan: Writes, onWritten: (updates: number) => void): Promise<Failures> {
  const { push, prepare, release, take, turn, clear, settle } = stepsOf(plan, onWritten);
  const { switches, clusters } = tracksOf(plan);
  const failures = new Failures();
  /** Switches that have refused a pipeline, or what is of no cluster. */
  const broken = new Set<string>();
  /** Parts that keep clusters from being done. */
  const keeping = new Set<string>();
  /**
   * @param failed - gets the names of the parts that fail
   * @returns the tracks in which all steps have succeeded
   */
  const inEach = async (
    tracks: readonly Track[],
    failed: Set<string>,
    ...steps: ((track: Track) => Promise<void>)[]
  ) => {
    const names = await Promise.all(
      tracks.map((track) =>
        failures.ofSteps(track, async () => {
          for (const step of steps) await step(track);
        }),
      ),
    );
    for (const name of names.flat()) failed.add(name);
    return tracks.filter((_, i) => names[i]!.length === 0);
  };
  /** Clusters' tracks that need no broken switch; the others wait for it. */
  const free = (tracks: readonly Track[]) =>
    tracks.filter((track) => {
      const needed = new Set(changesWays(track) ? broken : track.switches.map(({ part }) => part.spec.name));
      const first = [...broken].filter((name) => needed.has(name));
      if (first.length > 0) failures.hold(track, first);
      for (const name of first) keeping.add(name);
      return first.length === 0;
    });
  const isWhole = (track: Track) => track.switches.every(({ part }) => !broken.has(part.spec.name));
  await inEach(bySwitch(plan.switches), broken, push);
  const prepared = await inEach(free(clusters), keeping, prepare);
  const ready = await inEach(switches.filter(isWhole), broken, prepare);
  const turned = await inEach(free(prepared), keeping, release, take, turn);
  const open = await inEach(ready, broken, turn);
  await inEach(free(turned.flatMap((track) => lastOf(track) ?? [])), keeping, clear, settle);
  // Packets of a cluster that is not done may need the rest still.
  const isBound: Wanted = (change) => keeping.size > 0 && !isApart(change);
  for (const track of open) {
    const bound = withChanges(track, (change) => isDelete(change) && isBound(change));
    failures.hold(bound, keeping);
  }
  const last = open.map((track) => withChanges(track, (change) => !isBound(change)));
  await inEach(last, broken, clear);
  return failures;
}

/**
 * @param onWritten - told of each batch of updates that a switch has taken
 * @throws ApplyError
 */
export async function executePlan(
  plan: Writes,
  onWritten: (updates: number) => void = () => {},
): Promise<Applied> {
  const failures = await carryOut(plan, onWritten);
  if (failures.some) {
    throw failures.toError();
  }
  const changes = plan.switches.flatMap((item) => item.changes);
  const count = (type: EntryChange["type"]) => changes.filter((change) => change.type === type).length;
  return {
    pipelines: plan.switches.filter(({ push }) => push).length,
    inserted: count("insert"),
    modified: count("modify"),
    deleted: count("delete"),
    ldConfigs: plan.lds.flatMap(({ release, take, settle }) => [release, take, settle]).filter(Boolean)
      .length,
  };
}
