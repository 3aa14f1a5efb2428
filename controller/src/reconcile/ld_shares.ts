// Which ports an LD gives out by the configuration that it holds, and how it is told to take more of them only when the others have
// given them up.
import type { BucketAssignment, LdConfig } from "@sluice/proto/ld";
import { ALL_SHARES, joinAssignments, USUAL_SHARES } from "../compile/index.js";
import { BUCKETS } from "../tables/constants.js";

function sharesOf({ ldId, backupLdId, shares }: BucketAssignment, self: number): number {
  const { primary, backup } =
    backupLdId === 0 ? { primary: ALL_SHARES, backup: 0 } : (shares ?? USUAL_SHARES);
  return ldId === self ? primary : backupLdId === self ? backup : 0;
}

/** By bucket: the shares of its ports (bit 0 to 3) that an LD gives out. */
export function givesOut(config: LdConfig | undefined): Uint8Array {
  const shares = new Uint8Array(BUCKETS);
  for (const item of config?.cluster?.buckets ?? []) {
    shares.fill(sharesOf(item, config!.cluster!.ldId) & ~item.withheldShares, item.first, item.last + 1);
  }
  return shares;
}

/** The configuration, but without the ports that the LD does not give out yet. */
export function withholding(config: LdConfig, held: Uint8Array): LdConfig {
  const { cluster } = config;
  if (cluster === undefined) {
    return config;
  }
  const buckets = cluster.buckets.flatMap((item) =>
    Array.from({ length: item.last - item.first + 1 }, (_, i) => {
      const bucket = item.first + i;
      const withheldShares = sharesOf(item, cluster.ldId) & ~held[bucket]!;
      return { ...item, first: bucket, last: bucket, withheldShares };
    }),
  );
  return { ...config, cluster: { ...cluster, buckets: joinAssignments(buckets) } };
}

/** Whether an LD that gives out `before` gives any of it up. */
export function givesUp(before: Uint8Array, after: Uint8Array): boolean {
  return before.some((shares, bucket) => (shares & ~after[bucket]!) !== 0);
}

/** Whether an LD waits for others to give up ports. */
export function withholds({ cluster }: LdConfig): boolean {
  return cluster?.buckets.some(({ withheldShares }) => withheldShares !== 0) ?? false;
}
