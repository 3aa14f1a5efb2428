// Desired state -> what the LDs of a cluster know of each other, and by what they and the switches know them. Pure.
import { createHmac } from "node:crypto";
import type { BucketAssignment, Cluster, Heartbeat } from "@sluice/proto/ld";
import { parseIp, type Uint, uint } from "../p4runtime/index.js";
import { type ClusterSpec, type DesiredState, isIpv6, type LdSpec } from "../state/index.js";
import type { BucketMap } from "./bucket_map.js";
import type { Ids } from "./names.js";
import { fabricPortsToward, hostOf, siteOf } from "./site.js";

export const REPLICATION_KEY_BYTES = 16;

/** Keys of one purpose tell nothing about those of another, or about the secret. */
export function keyOf(cluster: ClusterSpec, purpose: string): Buffer {
  return createHmac("sha256", cluster.failover?.secret ?? "")
    .update(purpose)
    .digest();
}

/** What an LD's heartbeats carry, and the switches compare. */
export function heartbeatKey(cluster: ClusterSpec, ld: LdSpec): Uint<32> {
  return uint(32, keyOf(cluster, `heartbeat ${cluster.name} ${ld.name}`).readUInt32BE(0));
}

/** Where on each switch an LD's heartbeats arrive: the switch's address, of the LD's family, on the port by which it reaches the LD. */
function switchAddresses(state: DesiredState, ids: Ids, ld: LdSpec): string[] {
  const field = isIpv6(ld.address) ? "address_v6" : "address";
  const addresses = state.switches.flatMap((item) => {
    const ports = fabricPortsToward(siteOf(state, item, ids), hostOf(ld.address));
    const address = ports.find((port) => port[field] !== undefined)?.[field];
    return address === undefined ? [] : [hostOf(address)];
  });
  return [...new Set(addresses)];
}

/** @returns undefined when the cluster has no failover, or the LD reaches no switch that has an address */
export function compileHeartbeat(
  state: DesiredState,
  ids: Ids,
  cluster: ClusterSpec,
  ld: LdSpec,
): Heartbeat | undefined {
  if (cluster.failover === undefined) {
    return undefined;
  }
  const switches = switchAddresses(state, ids, ld).map(parseIp);
  return switches.length === 0
    ? undefined
    : {
        ldId: ids.lds.get(ld.name)!,
        key: heartbeatKey(cluster, ld),
        intervalMs: cluster.failover.heartbeat_ms,
        holdMs: cluster.failover.hold_ms,
        switches,
        previousEpoch: 0,
      };
}

function saySame(a: BucketAssignment, b: BucketAssignment): boolean {
  return (
    a.ldId === b.ldId &&
    a.backupLdId === b.backupLdId &&
    a.shares?.primary === b.shares?.primary &&
    a.shares?.backup === b.shares?.backup &&
    a.withheldShares === b.withheldShares &&
    a.formerLdId === b.formerLdId
  );
}

/** Makes one of neighbours that say the same. */
export function joinAssignments(assignments: readonly BucketAssignment[]): BucketAssignment[] {
  const joined: BucketAssignment[] = [];
  for (const assignment of assignments) {
    const open = joined.at(-1);
    if (open?.last === assignment.first - 1 && saySame(open, assignment)) {
      open.last = assignment.last;
    } else {
      joined.push({ ...assignment });
    }
  }
  return joined;
}

/** Who has which bucket, as LDs are told: runs of buckets that have the same LDs. */
export function assignments(ids: Ids, map: BucketMap): BucketAssignment[] {
  const idOf = (name: string | undefined) => (name === undefined ? 0 : ids.lds.get(name)!);
  return joinAssignments(
    map.map(({ ld, backup, shares }, bucket) => ({
      first: bucket,
      last: bucket,
      ldId: idOf(ld),
      backupLdId: idOf(backup),
      shares,
      withheldShares: 0,
      formerLdId: 0,
    })),
  );
}

/** @param map - of the cluster */
export function compileCluster(ids: Ids, cluster: ClusterSpec, ld: LdSpec, map: BucketMap): Cluster {
  return {
    ldId: ids.lds.get(ld.name)!,
    lds: cluster.lds.map(({ name, address }) => ({
      ldId: ids.lds.get(name)!,
      vtep: parseIp(hostOf(address)),
    })),
    buckets: assignments(ids, map),
    replicationKey:
      cluster.failover === undefined
        ? new Uint8Array()
        : Uint8Array.from(keyOf(cluster, `replication ${cluster.name}`).subarray(0, REPLICATION_KEY_BYTES)),
  };
}
