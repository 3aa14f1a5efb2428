// Who has left a bucket, as long as a switch may not know: that LD may be sent packets, so it and the primary go on telling each other the
// bucket's sessions (docs/failover.md).
import type { BucketAssignment, Cluster, LdConfig } from "@sluice/proto/ld";
import { joinAssignments } from "../compile/index.js";
import { BUCKETS } from "../tables/constants.js";
import { isUnsettled } from "./ld_moves.js";

function byBucket({ buckets }: Cluster): Map<number, BucketAssignment> {
  return new Map(
    buckets.flatMap((item) =>
      Array.from({ length: item.last - item.first + 1 }, (_, i): [number, BucketAssignment] => [
        item.first + i,
        item,
      ]),
    ),
  );
}

/**
 * @param held - by the LDs of a cluster
 * @param wanted - the map that they shall hold
 * @param epoch - of that map; undefined: the one that is held
 * @returns by bucket, the id of the LD that is none of the bucket's two in that map, and is in one that a switch may hold; 0: nobody
 */
export function formerLds(
  held: readonly LdConfig[],
  wanted: Cluster,
  epoch: bigint | undefined,
): Uint32Array {
  const former = new Uint32Array(BUCKETS);
  const isNewest = (config: LdConfig) => held.every((other) => other.epoch <= config.epoch);
  const newest = held.filter(isNewest);
  const base = newest.find(isUnsettled) ?? newest[0];
  if (base?.cluster === undefined || wanted.replicationKey.length === 0) {
    return former;
  }
  const members = new Set(wanted.lds.map(({ ldId }) => ldId));
  const [before, after] = [byBucket(base.cluster), byBucket(wanted)];
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const [now, to] = [before.get(bucket), after.get(bucket)];
    if (now === undefined || to === undefined) continue;
    // The switches have not learnt the map that is held either: whoever has left by that one comes first.
    const known = isUnsettled(base) ? [now.formerLdId] : [];
    const leaving = base.epoch === (epoch ?? base.epoch) ? [] : [now.ldId, now.backupLdId];
    const isOut = (id: number) => members.has(id) && id !== to.ldId && id !== to.backupLdId;
    former[bucket] = [...known, ...leaving].find(isOut) ?? 0;
  }
  return former;
}

/** The configuration that names them, while its LD speaks for two epochs. */
export function withFormer(config: LdConfig, former: Uint32Array): LdConfig {
  const { cluster } = config;
  if (cluster === undefined || !isUnsettled(config)) {
    return config;
  }
  const buckets = [...byBucket(cluster)].map(([bucket, item]) => ({
    ...item,
    first: bucket,
    last: bucket,
    formerLdId: former[bucket]!,
  }));
  return { ...config, cluster: { ...cluster, buckets: joinAssignments(buckets) } };
}
