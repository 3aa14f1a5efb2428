// Where each cluster stands on the way to the map that it should have, and what is the next thing to do. It is read from what its LDs
// hold and say, and from nothing else: who has told them may have died.
//
//     LDs take a map ──► sessions are copied, and counted ──► switches learn it ──► settled: LDs speak for it alone ──► the next map
import type { LdConfig, LdState } from "@sluice/proto/ld";
import {
  type BucketMap,
  bucketsLeft,
  type Ids,
  type MoveStep,
  mapOf,
  mendMap,
  nameOf,
  nextMap,
  withSharesOf,
} from "../compile/index.js";
import type { ClusterSpec, DesiredState, LdSpec } from "../state/index.js";
import { BUCKETS } from "../tables/constants.js";
import { sameMap } from "./ld_facts.js";
import { withholds } from "./ld_shares.js";

/** An LD of the document, and what it says it holds. */
export interface LdHolding {
  cluster: ClusterSpec;
  spec: LdSpec;
  held: LdConfig | undefined;
  /** What it says of itself; absent: it was not asked, or has no data plane now. */
  state?: LdState | undefined;
  /** It could not be asked: what it holds is not known, and it cannot be told anything. */
  lost?: boolean;
}

/** Why a cluster does not go on. */
export interface Waiting {
  /** An LD cannot be asked; or sessions have not come yet; or a switch does not know the map. */
  why: "lost" | "copying" | "switch";
  /** `ld3 has not got all sessions of ld1` */
  reasons: string[];
  /** Sessions that LDs have copied to each other for the map in force, and how many there will be. */
  copied: number;
  toCopy: number;
}

export interface ClusterMove {
  cluster: ClusterSpec;
  /** The map that the switches should hold. */
  told: BucketMap;
  /** The map that the LDs should hold: the same, or the one that begins with this. */
  taken: BucketMap;
  /** What that is; undefined: nothing begins. */
  begins: { step: MoveStep; buckets: number } | undefined;
  /** The map at the end of all. */
  final: BucketMap;
  /** Nothing begins, and no switch is told anything of the map. */
  waiting: Waiting | undefined;
  /** Buckets that are not yet where they shall be. */
  left: number;
}

/** Clusters whose next step has to wait until sessions have been copied. */
export function copyingOf(moves: readonly ClusterMove[]): ClusterMove[] {
  return moves.filter(({ waiting }) => waiting?.why === "copying");
}

/** Whether any cluster's next step may follow at once. */
export function goesOn(moves: readonly ClusterMove[]): boolean {
  return moves.some(({ waiting, left }) => waiting === undefined && left > 0);
}

/** @returns undefined when it is no map of all buckets */
function bucketMapOf({ cluster }: LdConfig, ids: Ids): BucketMap | undefined {
  const name = (id: number) => nameOf(ids.lds, id);
  const map = cluster!.buckets.flatMap(({ first, last, ldId, backupLdId, shares }) =>
    Array.from({ length: last - first + 1 }, () => ({
      ld: name(ldId),
      backup: backupLdId === 0 ? undefined : name(backupLdId),
      ...(shares !== undefined && { shares: { primary: shares.primary, backup: shares.backup } }),
    })),
  );
  return map.length === BUCKETS ? map : undefined;
}

/** The configuration with the newest map. */
function newestOf(members: readonly LdHolding[]): LdConfig | undefined {
  return members
    .flatMap(({ held }) => (held?.cluster === undefined ? [] : [held]))
    .reduce<LdConfig | undefined>(
      (best, config) => (best !== undefined && best.epoch >= config.epoch ? best : config),
      undefined,
    );
}

/** Whether an LD speaks for the epoch before as well, which a switch may know still. */
export function isUnsettled(held: LdConfig | undefined): boolean {
  return (held?.heartbeat?.previousEpoch ?? 0) !== 0;
}

function waiting(why: Waiting["why"], reasons: string[], copied = 0, toCopy = 0): Waiting {
  return { why, reasons, copied, toCopy };
}

/** What is missing until every LD has all sessions of its buckets; undefined: nothing. */
function missing(members: readonly LdHolding[], newest: LdConfig, ids: Ids): Waiting | undefined {
  const reasons: string[] = [];
  const known = new Set(members.map(({ held }) => held?.cluster?.ldId));
  let [copied, toCopy] = [0, 0];
  for (const { spec, held, state } of members) {
    if (held?.epoch !== newest.epoch || !sameMap(held, newest) || withholds(held)) {
      reasons.push(`${spec.name} does not hold the map yet`);
    } else if (state?.epoch !== newest.epoch || !state.online) {
      reasons.push(`${spec.name} is not online yet`);
    }
    for (const peer of state?.peers.filter(({ ldId }) => known.has(ldId)) ?? []) {
      copied += Number(peer.sessionsCopied);
      toCopy += Number(peer.sessionsToCopy);
      if (!peer.whole) {
        const silent = peer.silent ? ", which says nothing" : "";
        reasons.push(`${spec.name} has not got all sessions of ${nameOf(ids.lds, peer.ldId)}${silent}`);
      }
    }
  }
  return reasons.length === 0 ? undefined : waiting("copying", reasons, copied, toCopy);
}

function moveOf(cluster: ClusterSpec, members: readonly LdHolding[], ids: Ids): ClusterMove {
  const newest = newestOf(members);
  const present = newest === undefined ? undefined : bucketMapOf(newest, ids);
  const final = mapOf(cluster, present);
  const stay = (map: BucketMap, why?: Waiting): ClusterMove => ({
    cluster,
    told: map,
    taken: map,
    begins: undefined,
    final: present === undefined || cluster.failover === undefined ? final : withSharesOf(present, final),
    waiting: why,
    left: bucketsLeft(map, final),
  });
  const lost = members.filter((member) => member.lost === true).map(({ spec }) => spec.name);
  if (lost.length > 0) {
    return stay(present ?? final, waiting("lost", [`${lost.join(" and ")} cannot be reached`]));
  }
  // Without replication there is nothing to wait for: sessions end where they are.
  if (newest === undefined || present === undefined || cluster.failover === undefined) {
    return stay(final);
  }
  const mended = mendMap(present, final, new Set(cluster.lds.map(({ name }) => name)));
  if (mended !== present) {
    return stay(mended);
  }
  const unsettled = members.some(({ held }) => isUnsettled(held));
  const next = nextMap(present, final);
  if (next === undefined && !unsettled) {
    return stay(present);
  }
  const isMissing = missing(members, newest, ids);
  return isMissing !== undefined || unsettled || next === undefined
    ? stay(present, isMissing)
    : { ...stay(present), taken: next.map, begins: { step: next.step, buckets: next.buckets } };
}

/** @param lds - in the order of the document */
export function movesOf(state: DesiredState, lds: readonly LdHolding[], ids: Ids): ClusterMove[] {
  return state.clusters.map((cluster) =>
    moveOf(
      cluster,
      lds.filter((ld) => ld.cluster === cluster),
      ids,
    ),
  );
}
