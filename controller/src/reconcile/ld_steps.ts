// The configurations that lead an LD from what it holds to what it should hold, so that at any moment a bucket has at most one
// LD that allocates its ports, and no service ends at an LD before the switches have stopped steering it there.
import type { LdConfig } from "@sluice/proto/ld";
import { type CompiledLd, fromRanges, toRanges } from "../compile/index.js";
import { headFacts, sameConfig, serviceKey } from "./ld_facts.js";
import { formerLds, withFormer } from "./ld_former.js";
import { givesOut, givesUp, withholding } from "./ld_shares.js";

export interface HeldLd {
  target: CompiledLd;
  held: LdConfig | undefined;
}

export interface LdSteps {
  target: CompiledLd;
  held: LdConfig | undefined;
  /** What it ends with: the target's configuration with its epoch. */
  final: LdConfig;
  /** In which every LD gives up the buckets and ports that are no longer its own. Undefined: nothing to do. */
  release: LdConfig | undefined;
  /** In which every LD takes its buckets and services, and still serves those that go. */
  take: LdConfig | undefined;
  /** In which it forgets what the switches no longer steer to it. */
  settle: LdConfig | undefined;
}

/** Whether it is told anything. */
export function isTold({ release, take, settle }: LdSteps): boolean {
  return release !== undefined || take !== undefined || settle !== undefined;
}

/** What an epoch is of. */
const MAP_FACTS = ["buckets", "bucket map", "ports withheld in buckets"];

function sameBuckets(a: LdConfig | undefined, b: LdConfig): boolean {
  const [before, after] = [headFacts(a), headFacts(b)];
  return MAP_FACTS.every((fact) => before.get(fact) === after.get(fact));
}

/**
 * The epoch of each cluster's bucket map: one more than the greatest that any of its LDs holds when that one's buckets change. When
 * they do not, the greatest, for an LD that is new or has come back with a configuration of before; undefined when all hold that,
 * so that applying twice writes nothing.
 */
export function newEpochs(lds: readonly HeldLd[]): Map<string, bigint> {
  const epochs = new Map<string, bigint>();
  for (const cluster of new Set(lds.map(({ target }) => target.cluster.name))) {
    const members = lds.filter(({ target }) => target.cluster.name === cluster);
    const greatest = members.reduce(
      (max, { held }) => (held !== undefined && held.epoch > max ? held.epoch : max),
      0n,
    );
    const newest = members.filter(({ held }) => held?.epoch === greatest);
    if (newest.length === 0 || !newest.every(({ target, held }) => sameBuckets(held, target.config))) {
      epochs.set(cluster, greatest + 1n);
    } else if (newest.length < members.length) {
      epochs.set(cluster, greatest);
    }
  }
  return epochs;
}

/** The services of `config`, and those of `held` that are neither the same nor called the same. */
function withOldServices(config: LdConfig, held: LdConfig | undefined): LdConfig {
  if (held === undefined) {
    return config;
  }
  const names = new Set(config.services.map(({ name }) => name));
  const renamed = held.services.filter(({ name }) => !names.has(name));
  if (renamed.length === 0) {
    return config;
  }
  const keys = new Set(config.services.map(serviceKey));
  const old = renamed.filter((service) => !keys.has(serviceKey(service)));
  return { ...config, services: [...config.services, ...old] };
}

/**
 * While the switches learn a new epoch, an LD's heartbeats carry the one before as well: else it would be taken for dead until its
 * switch has been told. When that has not happened before a newer epoch comes, the switches still know the one before both.
 */
function withOldHeartbeat(config: LdConfig, held: LdConfig | undefined): LdConfig {
  if (config.heartbeat === undefined || held?.heartbeat === undefined) {
    return config;
  }
  const { previousEpoch: unsettled } = held.heartbeat;
  const previousEpoch = held.epoch === config.epoch || unsettled !== 0 ? unsettled : Number(held.epoch);
  return { ...config, heartbeat: { ...config.heartbeat, previousEpoch } };
}

/** By cluster: who has left a bucket, and is not known to have by all switches. */
function formerOf(lds: readonly HeldLd[], epochs: ReadonlyMap<string, bigint>): Map<string, Uint32Array> {
  const byCluster = new Map<string, HeldLd[]>();
  for (const ld of lds) {
    const { name } = ld.target.cluster;
    byCluster.set(name, [...(byCluster.get(name) ?? []), ld]);
  }
  return new Map(
    [...byCluster].map(([name, members]) => {
      const held = members.flatMap((member) => member.held ?? []);
      return [name, formerLds(held, members[0]!.target.config.cluster!, epochs.get(name))];
    }),
  );
}

/** Plans the steps of all LDs. Steps that would change nothing are left out. */
export function planLds(lds: readonly HeldLd[]): LdSteps[] {
  const epochs = newEpochs(lds);
  const former = formerOf(lds, epochs);
  return lds.map(({ target, held }) => {
    const final = { ...target.config, epoch: epochs.get(target.cluster.name) ?? held?.epoch ?? 0n };
    const speaking = withOldHeartbeat(withOldServices(final, held), held);
    const take = withFormer(speaking, former.get(target.cluster.name)!);
    const heldBuckets = fromRanges(held?.ownedBuckets ?? []);
    const kept = [...fromRanges(final.ownedBuckets)].filter((bucket) => heldBuckets.has(bucket));
    const before = givesOut(held);
    const release = withholding({ ...take, ownedBuckets: toRanges(kept) }, before);
    const releases = kept.length < heldBuckets.size || givesUp(before, givesOut(take));
    let now = held;
    const step = (config: LdConfig, wanted = true): LdConfig | undefined => {
      if (!wanted || sameConfig(now, config)) {
        return undefined;
      }
      now = config;
      return config;
    };
    return {
      target,
      held,
      final,
      release: step(release, releases),
      take: step(take),
      settle: step(final),
    };
  });
}
