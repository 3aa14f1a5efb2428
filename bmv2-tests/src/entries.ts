// Entries of each table by name: what a set-up is made of, and what a test adds or changes. An address with a colon takes the
// table of IPv6.
import type { Entry } from "@sluice/controller/p4runtime";

type Values = Record<string, string | number>;

/** The host of a VM: its IPv4 address, or the number of one over IPv6. */
export type HostRef = string | number;

/** What an EIP is bound to: a VM, or with `vip` an internal VIP. */
export type Binding =
  | { index: number; vni: number; address: string; mac: string; host: HostRef }
  | { index: number; vni: number; vip: string };

const versionOf = (address: string): string => (address.includes(":") ? "_v6" : "");

function of(table: string, match: Values, action: string, params: Values = {}): Entry {
  return { table, match, action, params };
}

/** An entry of the table, and with the action, of the version that `address` has. */
function byVersion(
  address: string,
  table: string,
  match: Values,
  action: string,
  params: Values = {},
): Entry {
  return of(`${table}${versionOf(address)}`, match, `${action}${versionOf(address)}`, params);
}

function route(vrfId: number, prefix: string, action: string, params: Values = {}): Entry {
  return of(`route${versionOf(prefix)}`, { vrf_id: vrfId, prefix }, action, params);
}

export interface AclKey {
  network_id?: number;
  src?: string;
  dst?: string;
  protocol?: number;
  src_port?: number;
  dst_port?: number;
}

export const entry = {
  // ---- Networks and own addresses ----------------------------------------------------------------------------------
  network: (port: number, vlanId: number, networkId: number, vrfId: number): Entry =>
    of("network", { port, vlan_id: vlanId }, "set_network", { network_id: networkId, vrf_id: vrfId }),
  myMac: (mac: string): Entry => of("my_mac", { mac }, "accept_mac"),
  myAddress: (networkId: number, address: string, mac: string): Entry =>
    byVersion(address, "my_address", { network_id: networkId, address }, "own_address", { mac }),
  myTunnel: (address: string, networkId = 10, udpPort = 4789): Entry =>
    of(
      `my_tunnel${versionOf(address)}`,
      { address, udp_port: udpPort, network_id: networkId },
      "terminate_tunnel",
    ),
  /** @param vni - undefined: all of the network's */
  icmpSource: (networkId: number, vni: number | undefined, address: string, priority = 1): Entry => ({
    ...byVersion(
      address,
      "icmp_source",
      { network_id: networkId, ...(vni === undefined ? {} : { vni: `${vni}&&&0xffffff` }) },
      "answer_from",
      { address },
    ),
    priority,
  }),

  // ---- Protection --------------------------------------------------------------------------------------------------
  acl: (version: 4 | 6, priority: number, verdict: "allow" | "deny", key: AclKey): Entry => {
    const suffix = version === 6 ? "_v6" : "";
    const masked = (value: number, mask: string) => `${value}&&&${mask}`;
    const match: Values = {
      ...(key.network_id !== undefined && { network_id: masked(key.network_id, "0xffff") }),
      ...(key.src !== undefined && { src: key.src }),
      ...(key.dst !== undefined && { dst: key.dst }),
      ...(key.protocol !== undefined && { protocol: masked(key.protocol, "0xff") }),
      ...(key.src_port !== undefined && { src_port: masked(key.src_port, "0xffff") }),
      ...(key.dst_port !== undefined && { dst_port: masked(key.dst_port, "0xffff") }),
    };
    return { ...of(`acl${suffix}`, match, `acl_${verdict}${suffix}`), priority };
  },
  acceptSource: (networkId: number, vni: number, prefix: string): Entry =>
    byVersion(prefix, "source_policy", { network_id: networkId, vni, prefix }, "accept_source"),
  denySource: (networkId: number, vni: number, prefix: string): Entry =>
    byVersion(prefix, "source_policy", { network_id: networkId, vni, prefix }, "deny_source"),
  routeSourceInVrf: (networkId: number, vni: number, prefix: string, vrfId: number): Entry =>
    byVersion(prefix, "source_policy", { network_id: networkId, vni, prefix }, "route_in_vrf", {
      vrf_id: vrfId,
    }),

  // ---- EIPs --------------------------------------------------------------------------------------------------------
  tunnelSource: (networkId: number, address: string): Entry =>
    byVersion(address, "tunnel_source", { network_id: networkId }, "set_tunnel_source", { address }),
  eipIn: (networkId: number, eip: string, binding: Binding): Entry => {
    const of = (action: string, params: Values) =>
      byVersion(eip, "eip_in", { network_id: networkId, eip }, action, params);
    if ("vip" in binding) return of("bind_vip", { ...binding });
    const { host, ...vm } = binding;
    return typeof host === "string"
      ? of("bind_vm", { ...vm, host })
      : of("bind_vm_by_host_id", { ...vm, host_id: host });
  },
  eipOut: (vni: number, address: string, networkId: number, vrfId: number, eip: string): Entry =>
    byVersion(eip, "eip_out", { vni, address }, "set_eip", { network_id: networkId, vrf_id: vrfId, eip }),
  vm: (vni: number, address: string, mac: string, host: HostRef): Entry => {
    const table = `vm${versionOf(address)}`;
    return typeof host === "string"
      ? of(table, { vni, address }, "to_host", { mac, host })
      : of(table, { vni, address }, "to_host_by_id", { mac, host_id: host });
  },
  /** A host over IPv6: where it is, and from which network its tunnels come. */
  hostV6: (hostId: number, address: string): Entry =>
    of("host_v6", { host_id: hostId }, "set_host_v6", { address }),
  hostSourceV6: (networkId: number, address: string, hostId: number): Entry =>
    of("host_source_v6", { network_id: networkId, address }, "known_host", { host_id: hostId }),
  /** @param byteTime - 2^-20 us a byte; tolerances in us */
  eipLimit: (
    index: number,
    direction: "in" | "out",
    byteTime: number,
    lowToleranceUs: number,
    highToleranceUs: number,
  ): Entry =>
    of("eip_limit", { index, direction: direction === "in" ? 1 : 2 }, "set_limit", {
      byte_time: byteTime,
      low_tolerance_us: lowToleranceUs,
      high_tolerance_us: highToleranceUs,
    }),
  priorityPort: (protocol: number, port: number): Entry =>
    of("priority_port", { protocol, port }, "high_priority"),

  // ---- Steering ----------------------------------------------------------------------------------------------------
  flowPin: (
    vni: number,
    flow: { src: string; dst: string; protocol: number; srcPort: number; dstPort: number },
    ldId: number,
  ): Entry =>
    byVersion(
      flow.dst,
      "flow_pin",
      {
        vni,
        src: flow.src,
        dst: flow.dst,
        protocol: flow.protocol,
        src_port: flow.srcPort,
        dst_port: flow.dstPort,
      },
      "pin_flow",
      { ld_id: ldId },
    ),
  service: (
    vni: number,
    vip: string,
    protocol: number,
    port: number,
    clusterId: number,
    previousClusterId = 0,
  ): Entry =>
    byVersion(vip, "service", { vni, vip, protocol, port }, "steer_service", {
      cluster_id: clusterId,
      previous_cluster_id: previousClusterId,
    }),
  vip: (vni: number, vip: string, clusterId: number): Entry =>
    byVersion(vip, "vip", { vni, vip }, "steer_vip", { cluster_id: clusterId }),
  localIp: (vni: number, prefix: string, clusterId: number): Entry =>
    byVersion(prefix, "local_ip", { vni, prefix }, "steer_reply", { cluster_id: clusterId }),
  bucket: (clusterId: number, bucket: number, ldId: number, backupLdId = 0): Entry =>
    of("ld_of_bucket", { cluster_id: clusterId, bucket }, "assign_ld", {
      ld_id: ldId,
      backup_ld_id: backupLdId,
    }),
  previousBucket: (clusterId: number, bucket: number, ldId: number): Entry =>
    of("previous_ld_of_bucket", { cluster_id: clusterId, bucket }, "hint_ld", { ld_id: ldId }),
  ld: (ldId: number, vtep: string, mac: string, steeringAddress = "10.0.0.100"): Entry =>
    of("ld", { ld_id: ldId }, `tunnel_to_ld${versionOf(vtep)}`, {
      steering_address: steeringAddress,
      vtep,
      mac,
    }),
  ldSource: (
    from: { port: number; networkId: number; vtep: string },
    ld: { ldId: number; key: number; epoch: number; holdUs: number },
  ): Entry =>
    byVersion(
      from.vtep,
      "ld_source",
      { port: from.port, network_id: from.networkId, address: from.vtep },
      "known_ld",
      { ld_id: ld.ldId, key: ld.key, epoch: ld.epoch, hold_us: ld.holdUs },
    ),

  // ---- Routing -----------------------------------------------------------------------------------------------------
  route: (vrfId: number, prefix: string, nexthopId: number): Entry =>
    route(vrfId, prefix, "set_nexthop", { nexthop_id: nexthopId }),
  routeToGroup: (vrfId: number, prefix: string, groupId: number): Entry =>
    route(vrfId, prefix, "set_group", { group_id: groupId }),
  discard: (vrfId: number, prefix: string): Entry => route(vrfId, prefix, "discard"),
  hairpin: (vrfId: number, prefix: string, networkId: number): Entry =>
    route(vrfId, prefix, "hairpin", { network_id: networkId }),
  unresolved: (vrfId: number, prefix: string): Entry => route(vrfId, prefix, "unresolved"),
  nexthop: (
    nexthopId: number,
    side: { port: number; vid: number | undefined; mac: string },
    dstMac: string,
  ): Entry =>
    of("nexthop", { nexthop_id: nexthopId }, "forward", {
      port: side.port,
      vlan_id: side.vid ?? 0,
      src_mac: side.mac,
      dst_mac: dstMac,
    }),
};
