// Services, clusters, LDs: what steers packets, the same on every switch, since any of them may get any packet.
import type { Entry } from "../p4runtime/index.js";
import type { ClusterSpec, DesiredState } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { heartbeatKey } from "./cluster.js";
import { fabricPortsToward, hostOf, type Site, vniOf } from "./site.js";

export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** As `backup_ld_id`: there is none, and the primary is not watched. */
const NO_LD = 0;
const US_PER_MS = 1000;
/** As `previous_cluster_id`: the service does not migrate. */
const NO_CLUSTER = 0;

/** VNIs in which packets of a cluster's sessions come back: outside any VPC, and in each VPC that has one of its RS. */
function vnisOf(state: DesiredState, cluster: ClusterSpec): number[] {
  const vpcs = new Set(
    state.services
      .filter((service) => service.cluster === cluster.name)
      .flatMap((service) => service.real_servers.flatMap(({ vpc }) => vpc ?? [])),
  );
  return [0, ...state.vpcs.filter(({ name }) => vpcs.has(name)).map(({ vni }) => vni)];
}

/**
 * Who is believed to be an LD: its address, on a fabric port by which it is reached. The epoch of its heartbeats is 0 here;
 * reconcile/plan.ts sets it to the one that the LD will have.
 */
function ldSources(site: Site, cluster: ClusterSpec): Entry[] {
  return cluster.lds.flatMap((ld) => {
    const address = hostOf(ld.address);
    return fabricPortsToward(site, address).map(({ port, network }) =>
      tables.ld_source.known_ld(
        { port, network_id: site.ids.networks.get(network)!, address },
        {
          ld_id: site.ids.lds.get(ld.name)!,
          key: cluster.failover === undefined ? 0 : heartbeatKey(cluster, ld),
          epoch: 0,
          hold_us: (cluster.failover?.hold_ms ?? 0) * US_PER_MS,
        },
      ),
    );
  });
}

function clusterEntries(site: Site, cluster: ClusterSpec): Entry[] {
  const { state, ids } = site;
  const cluster_id = ids.clusters.get(cluster.name)!;
  const idOf = (name: string | undefined) => (name === undefined ? NO_LD : ids.lds.get(name)!);
  return [
    ...cluster.lds.map((ld) =>
      tables.ld.tunnel_to_ld(
        { ld_id: ids.lds.get(ld.name)! },
        { steering_address: cluster.steering_address, vtep: hostOf(ld.address), mac: ld.mac },
      ),
    ),
    ...ldSources(site, cluster),
    ...site.maps
      .get(cluster.name)!
      .map(({ ld, backup }, bucket) =>
        tables.ld_of_bucket.assign_ld(
          { cluster_id, bucket },
          { ld_id: ids.lds.get(ld)!, backup_ld_id: idOf(backup) },
        ),
      ),
    ...vnisOf(state, cluster).flatMap((vni) =>
      cluster.local_ips.map((prefix) => tables.local_ip.steer_reply({ vni, prefix }, { cluster_id })),
    ),
  ];
}

/**
 * What of a VIP goes to no service by its port: pings, which LDs answer, and fragments. Where services of one VIP are in several
 * clusters, that of the service whose name comes first.
 */
function vipEntries({ state, ids }: Site): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { vip, vpc, cluster } of state.services.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const vni = vniOf(state, vpc);
    const key = `${vni} ${vip}`;
    if (entries.has(key)) continue;
    entries.set(key, tables.vip.steer_vip({ vni, vip }, { cluster_id: ids.clusters.get(cluster)! }));
  }
  return [...entries.values()];
}

export function compileSteering(site: Site): Entry[] {
  const { state, ids } = site;
  return [
    ...state.clusters.flatMap((cluster) => clusterEntries(site, cluster)),
    ...vipEntries(site),
    ...state.services.map((service) =>
      tables.service.steer_service(
        {
          vni: vniOf(state, service.vpc),
          vip: service.vip,
          protocol: PROTOCOL_NUMBERS[service.protocol],
          port: service.port,
        },
        { cluster_id: ids.clusters.get(service.cluster)!, previous_cluster_id: NO_CLUSTER },
      ),
    ),
  ];
}
