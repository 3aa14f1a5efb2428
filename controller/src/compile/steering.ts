// Services, clusters, LDs: what steers packets, the same on every switch, since any of them may get any packet. Only who is
// believed to be an LD depends on the switch's ports.
import { type Entry, type Ipv4, type Ipv6, type Uint, uint } from "../p4runtime/index.js";
import {
  type ClusterSpec,
  clustersOf,
  type DesiredState,
  isIpv6,
  type LdSpec,
  otherClusterOf,
  type ServiceSpec,
} from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { heartbeatKey } from "./cluster.js";
import { pairingsOf } from "./migration.js";
import { once } from "./once.js";
import { fabricPortsToward, hostOf, type Region, type Site, vniOf } from "./site.js";

export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** As `backup_ld_id`: there is none, and the primary is not watched. */
export const NO_LD = uint(16, 0);
const US_PER_MS = 1000;
/** As `previous_cluster_id`: the service does not migrate. */
const NO_CLUSTER = uint(16, 0);

/** The VPCs of the real servers of each cluster. */
const vpcsOf = once((state: DesiredState): Map<string, Set<string>> => {
  const byCluster = new Map(state.clusters.map(({ name }) => [name, new Set<string>()]));
  for (const service of state.services) {
    for (const { vpc } of service.real_servers) {
      if (vpc === undefined) continue;
      for (const cluster of clustersOf(service)) {
        byCluster.get(cluster)?.add(vpc);
      }
    }
  }
  return byCluster;
});

/** VNIs in which packets of a cluster's sessions come back: outside any VPC, and in each VPC that has one of its RS. */
function vnisOf(state: DesiredState, cluster: ClusterSpec): Uint<24>[] {
  const vpcs = vpcsOf(state).get(cluster.name) ?? new Set();
  return [uint(24, 0), ...state.vpcs.filter(({ name }) => vpcs.has(name)).map(({ vni }) => vni)];
}

/**
 * Who is believed to be an LD: its address, on a fabric port by which it is reached. The epoch of its heartbeats is 0 here;
 * reconcile/plan.ts sets it to the one that the LD will have.
 */
function ldSources(site: Site, cluster: ClusterSpec): Entry[] {
  return cluster.lds.flatMap((ld) => {
    const address = hostOf(ld.address);
    return fabricPortsToward(site, address).map(({ port, network }) => {
      const key = { port, network_id: site.ids.networks.get(network)! };
      const params = {
        ld_id: site.ids.lds.get(ld.name)!,
        key: cluster.failover === undefined ? uint(32, 0) : heartbeatKey(cluster, ld),
        epoch: uint(32, 0),
        hold_us: uint(32, (cluster.failover?.hold_ms ?? 0) * US_PER_MS),
      };
      return isIpv6(address)
        ? tables.ld_source_v6.known_ld_v6({ ...key, address }, params)
        : tables.ld_source.known_ld({ ...key, address }, params);
    });
  });
}

/** Who has a bucket in a cluster that services come from: the LDs they go to may ask it for a session that is new to them. */
function hints({ ids, maps }: Site, cluster: ClusterSpec): Entry[] {
  const cluster_id = ids.clusters.get(cluster.name)!;
  return maps
    .get(cluster.name)!
    .map(({ ld }, bucket) =>
      tables.previous_ld_of_bucket.hint_ld(
        { cluster_id, bucket: uint(10, bucket) },
        { ld_id: ids.lds.get(ld)! },
      ),
    );
}

/** Switches of a cluster send from one address; a region entry from its own, by which LDs know whom to answer through it. */
function tunnelTo({ item }: Site, cluster: ClusterSpec, { address, mac }: LdSpec, key: tables.LdKey): Entry {
  const vtep = hostOf(address);
  const steering_address = item.region_entry ? item.tunnel_address : cluster.steering_address;
  // Both are of one family: state/check_underlay.ts
  return isIpv6(vtep)
    ? tables.ld.tunnel_to_ld_v6(key, { steering_address: steering_address as Ipv6, vtep, mac })
    : tables.ld.tunnel_to_ld(key, { steering_address: steering_address as Ipv4, vtep, mac });
}

function clusterEntries(site: Site, cluster: ClusterSpec): Entry[] {
  const { state, ids } = site;
  const cluster_id = ids.clusters.get(cluster.name)!;
  const idOf = (name: string | undefined) => (name === undefined ? NO_LD : ids.lds.get(name)!);
  return [
    ...cluster.lds.map((ld) => tunnelTo(site, cluster, ld, { ld_id: ids.lds.get(ld.name)! })),
    ...ldSources(site, cluster),
    ...site.maps
      .get(cluster.name)!
      .map(({ ld, backup }, bucket) =>
        tables.ld_of_bucket.assign_ld(
          { cluster_id, bucket: uint(10, bucket) },
          { ld_id: ids.lds.get(ld)!, backup_ld_id: idOf(backup) },
        ),
      ),
    ...(pairingsOf(state).has(cluster.name) ? hints(site, cluster) : []),
    ...vnisOf(state, cluster).flatMap((vni) =>
      cluster.local_ips.map((prefix) =>
        isIpv6(prefix)
          ? tables.local_ip_v6.steer_reply_v6({ vni, prefix }, { cluster_id })
          : tables.local_ip.steer_reply({ vni, prefix }, { cluster_id }),
      ),
    ),
  ];
}

/**
 * What of a VIP goes to no service by its port: pings, which LDs answer, and fragments. Where services of one VIP are in several
 * clusters, that of the service whose name comes first.
 */
function vipEntries({ state, ids }: Region): Entry[] {
  const firsts = new Map<string, ServiceSpec>();
  for (const service of state.services) {
    const key = `${vniOf(state, service.vpc)} ${service.vip}`;
    const first = firsts.get(key);
    if (first === undefined || service.name < first.name) {
      firsts.set(key, service);
    }
  }
  return Array.from(firsts.values(), ({ vip, vpc, cluster }) => {
    const vni = vniOf(state, vpc);
    const params = { cluster_id: ids.clusters.get(cluster)! };
    return isIpv6(vip)
      ? tables.vip_v6.steer_vip_v6({ vni, vip }, params)
      : tables.vip.steer_vip({ vni, vip }, params);
  });
}

export function compileClusters(site: Site): Entry[] {
  return site.state.clusters.flatMap((cluster) => clusterEntries(site, cluster));
}

/** One service after the other: there may be many thousands. */
export function* compileServices(region: Region): Generator<Entry> {
  const { state, ids } = region;
  yield* vipEntries(region);
  for (const service of state.services) {
    const { vpc, vip, protocol, port, cluster } = service;
    const other = otherClusterOf(service);
    const vni = vniOf(state, vpc);
    const number = PROTOCOL_NUMBERS[protocol];
    const params = {
      cluster_id: ids.clusters.get(cluster)!,
      previous_cluster_id: other === undefined ? NO_CLUSTER : ids.clusters.get(other)!,
    };
    yield isIpv6(vip)
      ? tables.service_v6.steer_service_v6({ vni, vip, protocol: number, port }, params)
      : tables.service.steer_service({ vni, vip, protocol: number, port }, params);
  }
}
