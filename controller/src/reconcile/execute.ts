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
// that is. A switch that refuses what is of none gets nothing more, and keeps the clusters waiting whose entries it is told, no other switch
// and no other cluster. What failed is completed by the next apply.
import type { LdConfig } from "@sluice/proto/ld";
import { APART_TABLES, STEERING_TABLES } from "../tables/steering.js";
import type { EntryChange } from "./entry_diff.js";
import { everywhere, Failures } from "./failures.js";
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

async function carryOut(plan: Writes, onWritten: (updates: number) => void): Promise<Failures> {
  const { push, prepare, release, take, turn, clear, settle } = stepsOf(plan, onWritten);
  const { switches, clusters } = tracksOf(plan);
  const failures = new Failures();
  /** @returns the tracks in which all steps have succeeded */
  const inEach = async (tracks: readonly Track[], ...steps: ((track: Track) => Promise<void>)[]) => {
    const inOne = (track: Track) =>
      failures.succeed(track, async () => {
        for (const step of steps) await step(track);
      });
    const succeeded = await Promise.all(tracks.map(inOne));
    return tracks.filter((_, i) => succeeded[i]);
  };
  /** Switches that have refused what is of no cluster. */
  const broken = new Set<string>();
  const onEachSwitch = async (tracks: readonly Track[], step: (track: Track) => Promise<void>) => {
    const done = await inEach(tracks, step);
    for (const { switches: left } of tracks.filter((track) => !done.includes(track))) {
      for (const { part } of left) broken.add(part.spec.name);
    }
    return done;
  };
  /** Those without a broken switch; the others wait for it. */
  const free = (tracks: readonly Track[]) =>
    tracks.filter((track) => {
      const first = track.switches.map(({ part }) => part.spec.name).filter((name) => broken.has(name));
      if (first.length > 0) failures.hold(track, first);
      return first.length === 0;
    });
  await onEachSwitch(bySwitch(plan.switches), push);
  const prepared = await inEach(free(clusters), prepare);
  const ready = await onEachSwitch(free(switches), prepare);
  const turned = await inEach(free(prepared), release, take, turn);
  const open = await onEachSwitch(ready, turn);
  const done = await inEach(free(turned), clear, settle);
  // Packets of a cluster that is not done may need the rest still.
  const isBound: Wanted = (change) => done.length < clusters.length && !isApart(change);
  for (const track of open) {
    failures.hold(withChanges(track, (change) => isDelete(change) && isBound(change)));
  }
  await inEach(
    open.map((track) => withChanges(track, (change) => !isBound(change))),
    clear,
  );
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
