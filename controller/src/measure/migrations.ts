// How far services are on their way from one cluster to another.
import type { PeerReplication } from "@sluice/proto/ld";
import { allOrReasons, type LdPart, type Parts, readRealServers } from "../reconcile/index.js";
import { clustersOf, otherClusterOf } from "../state/index.js";
import { BUCKETS } from "../tables/constants.js";

export interface MigrationNumbers {
  service: string;
  from: string;
  to: string;
  /** Which of the two gets the packets. */
  cluster: string;
  /** Whose sessions are in both clusters, counted. */
  buckets_copied: number;
  buckets: number;
  /** From `from` to `to`, of all services that migrate between the two. The second is an estimate until all are copied. */
  sessions_copied: number;
  sessions_to_copy: number;
  /** All sessions are in both clusters: packets can be turned to the other one, and nothing is lost. */
  copied: boolean;
  /** Sessions at `cluster` that have begun at the other one, which still gets the answers to them. */
  sessions_left: number;
}

const sum = (numbers: readonly (number | bigint)[]) =>
  numbers.reduce<number>((total, number) => total + Number(number), 0);

/** Those of an LD's peers that are of the other cluster. */
async function twinsOf({ connection }: LdPart): Promise<PeerReplication[]> {
  const { state } = await connection.getStatus();
  return (state?.peers ?? []).filter(({ migration }) => migration);
}

/** @throws UnreachableError */
export async function measureMigrations({ state, lds }: Parts): Promise<MigrationNumbers[]> {
  const services = state.services.filter(({ migration }) => migration !== undefined);
  const clusters = new Set(services.flatMap(clustersOf));
  const members = lds.filter(({ cluster }) => clusters.has(cluster.name));
  const [twins, realServers] = await Promise.all([
    allOrReasons(members.map(twinsOf)),
    allOrReasons(members.map((member) => readRealServers([member]))),
  ]);
  const at = <T>(cluster: string, of: readonly T[][]) =>
    of.filter((_, i) => members[i]!.cluster.name === cluster).flat();
  return services.map((service) => {
    const { name, cluster, migration } = service;
    const [here, there] = [at(cluster, twins), at(otherClusterOf(service)!, twins)];
    const guests = at(cluster, realServers).filter(({ service }) => service === name);
    // A cluster with backups has each session twice.
    const times = state.clusters.find((item) => item.name === cluster)!.lds.length > 1 ? 2 : 1;
    const copies = at(migration!.from, twins);
    const whole = (peers: readonly PeerReplication[]) =>
      sum(peers.map(({ whole, buckets }) => (whole ? buckets : 0)));
    const buckets_copied = Math.min(whole(here), whole(there));
    return {
      service: name,
      from: migration!.from,
      to: migration!.to,
      cluster,
      buckets_copied,
      buckets: BUCKETS,
      sessions_copied: sum(copies.map(({ sessionsCopied }) => sessionsCopied)),
      sessions_to_copy: sum(copies.map(({ sessionsToCopy }) => sessionsToCopy)),
      copied: buckets_copied === BUCKETS,
      sessions_left: Math.ceil(sum(guests.map(({ sessions_guest }) => sessions_guest)) / times),
    };
  });
}
