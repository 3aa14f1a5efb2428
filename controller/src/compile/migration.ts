// Desired state -> what an LD knows of the cluster that services of its own migrate from or to. Pure.
import { createHash } from "node:crypto";
import type { Migration } from "@sluice/proto/ld";
import { parseIp } from "../p4runtime/index.js";
import { type ClusterSpec, clustersOf, type DesiredState } from "../state/index.js";
import type { BucketMap } from "./bucket_map.js";
import { assignments, keyOf, REPLICATION_KEY_BYTES } from "./cluster.js";
import type { Ids } from "./names.js";
import { once } from "./once.js";
import { hostOf } from "./site.js";

/** What moves between a cluster and another one. */
interface Pairing {
  other: string;
  /** Names, ascending. */
  services: string[];
}

/** By cluster; those without an entry are in no migration. */
export const pairingsOf = once((state: DesiredState): Map<string, Pairing> => {
  const pairings = new Map<string, Pairing>();
  for (const service of state.services) {
    const clusters = clustersOf(service);
    if (clusters.length < 2) continue;
    for (const [i, name] of clusters.entries()) {
      const pairing = pairings.get(name) ?? { other: clusters[1 - i]!, services: [] };
      pairing.services.push(service.name);
      pairings.set(name, pairing);
    }
  }
  for (const { services } of pairings.values()) {
    services.sort();
  }
  return pairings;
});

/** Either cluster's secret is needed to come to it. */
function migrationKey(pair: readonly ClusterSpec[]): Uint8Array {
  const hash = createHash("sha256");
  for (const cluster of pair) {
    hash.update(keyOf(cluster, `migration ${pair.map(({ name }) => name).join(" ")}`));
  }
  return Uint8Array.from(hash.digest().subarray(0, REPLICATION_KEY_BYTES));
}

/** The same for both clusters; another one as soon as anything differs that they have to agree about. */
function migrationEpoch(
  pair: readonly ClusterSpec[],
  services: readonly string[],
  maps: ReadonlyMap<string, BucketMap>,
): number {
  const holders = pair.map(({ name }) => (maps.get(name) ?? []).map(({ ld }) => ld));
  return createHash("sha256")
    .update(JSON.stringify([pair.map(({ name }) => name), services, holders]))
    .digest()
    .readUInt32BE(0);
}

/** @param maps - of all clusters. @returns undefined when no service of the cluster migrates */
export function compileMigration(
  state: DesiredState,
  ids: Ids,
  cluster: ClusterSpec,
  maps: ReadonlyMap<string, BucketMap>,
): Migration | undefined {
  const pairing = pairingsOf(state).get(cluster.name);
  const other = state.clusters.find(({ name }) => name === pairing?.other);
  if (pairing === undefined || other === undefined) {
    return undefined;
  }
  const pair = [cluster, other].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    services: pairing.services,
    lds: other.lds.map(({ name, address }) => ({
      ldId: ids.lds.get(name)!,
      vtep: parseIp(hostOf(address)),
    })),
    buckets: assignments(ids, maps.get(other.name)!),
    key: migrationKey(pair),
    epoch: migrationEpoch(pair, pairing.services, maps),
  };
}
