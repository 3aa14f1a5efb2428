// Desired state -> the configuration of one LD. Pure.
import { IpProtocol, type LdConfig, type RealServer, type Service } from "@sluice/proto/ld";
import { parseIp, parseIpv6, parseMac } from "../p4runtime/index.js";
import {
  addressesOf,
  type ClusterSpec,
  clustersOf,
  type DesiredState,
  type LdSpec,
  type RealServerSpec,
  type ServiceSpec,
} from "../state/index.js";
import type { BucketMap } from "./bucket_map.js";
import { compileCluster, compileHeartbeat } from "./cluster.js";
import { compileMigration } from "./migration.js";
import type { Ids } from "./names.js";
import { once } from "./once.js";
import { toRanges } from "./ranges.js";
import { limits, servicePolicy, timeouts } from "./service_policy.js";
import { entryTunnelsOf, vniOf } from "./site.js";

const PROTOCOLS = { tcp: IpProtocol.TCP, udp: IpProtocol.UDP } as const;

function realServer(state: DesiredState, rs: RealServerSpec): RealServer {
  return {
    name: rs.name,
    address: parseIp(rs.address),
    port: rs.port,
    weight: rs.drain ? 0 : rs.weight,
    vpc:
      rs.vpc === undefined
        ? undefined
        : { vni: vniOf(state, rs.vpc), hostVtep: parseIp(rs.host!), mac: parseMac(rs.mac!) },
  };
}

function service(state: DesiredState, item: ServiceSpec): Service {
  return {
    name: item.name,
    vni: vniOf(state, item.vpc),
    vip: parseIp(item.vip),
    protocol: PROTOCOLS[item.protocol],
    port: item.port,
    realServers: item.real_servers.map((rs) => realServer(state, rs)),
    ...servicePolicy(item),
  };
}

/** The services of each cluster: all its LDs have the same. */
const servicesOf = once((state: DesiredState): Map<string, Service[]> => {
  const byCluster = new Map<string, Service[]>();
  for (const item of state.services) {
    const made = service(state, item);
    for (const cluster of clustersOf(item)) {
      const services = byCluster.get(cluster) ?? [];
      services.push(made);
      byCluster.set(cluster, services);
    }
  }
  return byCluster;
});

function ipv6({ address_v6, gateway_v6 }: LdSpec): LdConfig["ipv6"] {
  if (address_v6 === undefined || gateway_v6 === undefined) {
    return undefined;
  }
  const [address, prefixLen] = address_v6.split("/") as [string, string];
  return { address: parseIpv6(address), prefixLen: Number(prefixLen), gateway: parseIpv6(gateway_v6) };
}

/**
 * What an LD must hold, but for the epoch: that depends on what the LDs of the cluster hold now, and is 0 here.
 *
 * @param ld - one of the cluster's
 * @param maps - of all clusters
 */
export function compileLd(
  state: DesiredState,
  ids: Ids,
  cluster: ClusterSpec,
  ld: LdSpec,
  maps: ReadonlyMap<string, BucketMap>,
): LdConfig {
  const map = maps.get(cluster.name)!;
  const [address, prefixLen] = ld.address.split("/") as [string, string];
  const gateway = state.switches.find(({ region_entry }) => !region_entry) ?? state.switches[0];
  const services = servicesOf(state).get(cluster.name) ?? [];
  const ownBuckets = map.flatMap((holders, bucket) => (holders.ld === ld.name ? [bucket] : []));
  return {
    vtep: parseIp(address),
    prefixLen: Number(prefixLen),
    gateway: parseIp(ld.gateway),
    mtuBytes: ld.mtu_bytes,
    gatewayVtep: gateway === undefined ? new Uint8Array() : parseIp(gateway.tunnel_address),
    localIps: cluster.local_ips.flatMap(addressesOf).map(parseIp),
    ownedBuckets: toRanges(ownBuckets),
    epoch: 0n,
    services,
    ...limits(state, services, ownBuckets.length),
    timeouts: timeouts(cluster.timeouts),
    heartbeat: compileHeartbeat(state, ids, cluster, ld),
    cluster: compileCluster(ids, cluster, ld, map),
    ipv6: ipv6(ld),
    returnTunnels: entryTunnelsOf(state).map(parseIp),
    migration: compileMigration(state, ids, cluster, maps),
  };
}
