// Desired state -> the table entries of one switch. Pure.
import type { Entry } from "../p4runtime/index.js";
import {
  blockOf,
  type ClusterSpec,
  type DesiredState,
  type NeighborSpec,
  overlap,
  type SwitchSpec,
} from "../state/index.js";
import { BUCKETS } from "../tables/constants.js";
import * as tables from "../tables/gateway.js";
import { assignIds } from "./ids.js";
import { maglev } from "./maglev.js";
import type { Ids } from "./names.js";

const UDP_PORT_VXLAN = 4789;
const MAX_NEXTHOP_ID = 0xffff;
/** The VRF of the fabric: tunnels to LDs are routed in it (p4src/controls/ld_tunnel.p4). */
const FABRIC_VRF = 0;

export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

function hostOf(interfaceText: string): string {
  return interfaceText.split("/")[0]!;
}

/** VNIs in which packets of a cluster's sessions come back: outside any VPC, and in each VPC that has one of its RS. */
function vnisOf(state: DesiredState, cluster: ClusterSpec): number[] {
  const vpcs = new Set(
    state.services
      .filter((service) => service.cluster === cluster.name)
      .flatMap((service) => service.real_servers.flatMap(({ vpc }) => vpc ?? [])),
  );
  return [0, ...state.vpcs.filter(({ name }) => vpcs.has(name)).map(({ vni }) => vni)];
}

export function vniOf(state: DesiredState, vpc: string | undefined): number {
  return state.vpcs.find(({ name }) => name === vpc)?.vni ?? 0;
}

/** LDs that are on a switch's own subnets are its neighbors, also when nobody lists them. */
function neighborsOf(state: DesiredState, item: SwitchSpec): NeighborSpec[] {
  const listed = new Set(item.neighbors.map(({ address }) => address));
  const attached = state.clusters
    .flatMap((cluster) => cluster.lds)
    .flatMap((ld): NeighborSpec[] => {
      const address = hostOf(ld.address);
      const port = item.ports.find(
        (candidate) =>
          candidate.address !== undefined && overlap(blockOf(candidate.address), blockOf(address)),
      );
      return port === undefined || listed.has(address)
        ? []
        : [{ address, mac: ld.mac, port: port.port, vlan: port.vlan }];
    });
  return [...item.neighbors, ...attached];
}

function portEntries(item: SwitchSpec, state: DesiredState, ids: Ids): Entry[] {
  const vrfs = new Map(state.networks.map(({ name, vrf }) => [name, vrf]));
  return item.ports.flatMap(({ port, vlan, network, address }) => {
    const network_id = ids.networks.get(network)!;
    const belongs = tables.network.set_network(
      { port, vlan_id: vlan },
      { network_id, vrf_id: vrfs.get(network) ?? FABRIC_VRF },
    );
    return address === undefined
      ? [belongs]
      : [belongs, tables.my_address.own_address({ network_id, address: hostOf(address) }, { mac: item.mac })];
  });
}

function routeEntries(item: SwitchSpec, state: DesiredState): Entry[] {
  const vrfOfNetwork = new Map(state.networks.map(({ name, vrf }) => [name, vrf]));
  const hops = neighborsOf(state, item).map((neighbor) => {
    const port = item.ports.find(
      (candidate) => candidate.port === neighbor.port && (neighbor.vlan ?? candidate.vlan) === candidate.vlan,
    )!;
    return { ...neighbor, vlan: port.vlan, vrf: vrfOfNetwork.get(port.network) ?? FABRIC_VRF };
  });
  const ids = assignIds(
    hops.map(({ address }) => ({ name: address })),
    MAX_NEXTHOP_ID,
  );
  const hopEntries = hops.flatMap((hop) => {
    const nexthop_id = ids.get(hop.address)!;
    return [
      tables.nexthop.forward(
        { nexthop_id },
        { port: hop.port, vlan_id: hop.vlan, src_mac: item.mac, dst_mac: hop.mac },
      ),
      tables.route.set_nexthop({ vrf_id: hop.vrf, prefix: `${hop.address}/32` }, { nexthop_id }),
    ];
  });
  const listed = item.routes.map(({ prefix, via, vrf }) => {
    const hop = hops.find(({ address }) => address === via);
    const key = { vrf_id: vrf ?? hop?.vrf ?? FABRIC_VRF, prefix };
    return hop === undefined
      ? tables.route.discard(key)
      : tables.route.set_nexthop(key, { nexthop_id: ids.get(hop.address)! });
  });
  return [...hopEntries, ...listed];
}

function clusterEntries(cluster: ClusterSpec, state: DesiredState, ids: Ids): Entry[] {
  const cluster_id = ids.clusters.get(cluster.name)!;
  const owners = maglev(
    cluster.lds.map(({ name }) => name),
    BUCKETS,
  );
  return [
    ...cluster.lds.map((ld) =>
      tables.ld.tunnel_to_ld(
        { ld_id: ids.lds.get(ld.name)! },
        { steering_address: cluster.steering_address, vtep: hostOf(ld.address), mac: ld.mac },
      ),
    ),
    ...owners.map((name, bucket) =>
      tables.ld_of_bucket.assign_ld({ cluster_id, bucket }, { ld_id: ids.lds.get(name)! }),
    ),
    ...vnisOf(state, cluster).flatMap((vni) =>
      cluster.local_ips.map((prefix) => tables.local_ip.steer_reply({ vni, prefix }, { cluster_id })),
    ),
  ];
}

/**
 * What a switch must hold. Every switch gets the same services, clusters and buckets: any of them may get any packet.
 *
 * @returns entries in no particular order; no two have the same key
 */
export function compileSwitch(state: DesiredState, item: SwitchSpec, ids: Ids): Entry[] {
  return [
    tables.my_mac.accept_mac({ mac: item.mac }),
    tables.my_tunnel.terminate_tunnel({ address: item.tunnel_address, udp_port: UDP_PORT_VXLAN }),
    ...portEntries(item, state, ids),
    ...routeEntries(item, state),
    ...state.clusters.flatMap((cluster) => clusterEntries(cluster, state, ids)),
    ...state.services.map((service) =>
      tables.service.steer_service(
        {
          vni: vniOf(state, service.vpc),
          vip: service.vip,
          protocol: PROTOCOL_NUMBERS[service.protocol],
          port: service.port,
        },
        { cluster_id: ids.clusters.get(service.cluster)! },
      ),
    ),
  ];
}
