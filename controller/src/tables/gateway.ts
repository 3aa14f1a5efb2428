// Generated from the P4 program by `npm run generate -w controller`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated

import type { Entry, ProfileGroup, ProfileMember, ValueInput } from "../p4runtime/index.js";

/** Like 192.0.2.1. */
export type Ipv4 = string;
/** Like 192.0.2.0/24. */
export type Ipv4Prefix = string;
/** Like 02:00:00:00:00:01. */
export type Mac = string;

/** An interface has no index signature, though every field of these is a value. */
const fields = (given: object) => given as Record<string, ValueInput>;

export interface NetworkKey {
  /** 16 bits. */
  port: number;
  /** 12 bits. */
  vlan_id: number;
}

export interface SetNetworkParams {
  /** 16 bits. */
  network_id: number;
  /** 16 bits. */
  vrf_id: number;
}

/** Table network: 1024 entries. */
export const network = {
  set_network: (match: NetworkKey, params: SetNetworkParams): Entry => ({ table: "network", match: fields(match), action: "set_network", params: fields(params) }),
};

export interface MyMacKey {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_mac: 64 entries. */
export const my_mac = {
  accept_mac: (match: MyMacKey): Entry => ({ table: "my_mac", match: fields(match), action: "accept_mac" }),
};

export interface LdSourceKey {
  /** 16 bits. */
  port: number;
  /** 16 bits. */
  network_id: number;
  /** 32 bits. */
  address: Ipv4;
}

export interface KnownLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
  /** 32 bits. */
  key: number;
  /** 32 bits. */
  epoch: number;
  /** 32 bits. */
  hold_us: number;
}

/** Table ld_source: 4096 entries. */
export const ld_source = {
  known_ld: (match: LdSourceKey, params: KnownLdParams): Entry => ({ table: "ld_source", match: fields(match), action: "known_ld", params: fields(params) }),
};

export interface LdSourceV6Key {
  /** 16 bits. */
  port: number;
  /** 16 bits. */
  network_id: number;
  /** 128 bits. */
  address: string;
}

export interface KnownLdV6Params {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
  /** 32 bits. */
  key: number;
  /** 32 bits. */
  epoch: number;
  /** 32 bits. */
  hold_us: number;
}

/** Table ld_source_v6: 4096 entries. */
export const ld_source_v6 = {
  known_ld_v6: (match: LdSourceV6Key, params: KnownLdV6Params): Entry => ({ table: "ld_source_v6", match: fields(match), action: "known_ld_v6", params: fields(params) }),
};

export interface MyAddressKey {
  /** 16 bits. */
  network_id: number;
  /** 32 bits. */
  address: Ipv4;
}

export interface OwnAddressParams {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_address: 1024 entries. */
export const my_address = {
  own_address: (match: MyAddressKey, params: OwnAddressParams): Entry => ({ table: "my_address", match: fields(match), action: "own_address", params: fields(params) }),
};

export interface MyAddressV6Key {
  /** 16 bits. */
  network_id: number;
  /** 128 bits. */
  address: string;
}

export interface OwnAddressV6Params {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_address_v6: 1024 entries. */
export const my_address_v6 = {
  own_address_v6: (match: MyAddressV6Key, params: OwnAddressV6Params): Entry => ({ table: "my_address_v6", match: fields(match), action: "own_address_v6", params: fields(params) }),
};

export interface MyTunnelKey {
  /** 32 bits. */
  address: Ipv4;
  /** 16 bits. */
  udp_port: number;
  /** 16 bits. */
  network_id: number;
}

/** Table my_tunnel: 64 entries. */
export const my_tunnel = {
  terminate_tunnel: (match: MyTunnelKey): Entry => ({ table: "my_tunnel", match: fields(match), action: "terminate_tunnel" }),
};

export interface MyTunnelV6Key {
  /** 128 bits. */
  address: string;
  /** 16 bits. */
  udp_port: number;
  /** 16 bits. */
  network_id: number;
}

/** Table my_tunnel_v6: 64 entries. */
export const my_tunnel_v6 = {
  terminate_tunnel: (match: MyTunnelV6Key): Entry => ({ table: "my_tunnel_v6", match: fields(match), action: "terminate_tunnel" }),
};

export interface HostSourceV6Key {
  /** 16 bits. */
  network_id: number;
  /** 128 bits. */
  address: string;
}

export interface KnownHostParams {
  /** 16 bits. */
  host_id: number;
}

/** Table host_source_v6: 16384 entries. */
export const host_source_v6 = {
  known_host: (match: HostSourceV6Key, params: KnownHostParams): Entry => ({ table: "host_source_v6", match: fields(match), action: "known_host", params: fields(params) }),
};

export interface SourcePolicyKey {
  /** 16 bits. */
  network_id: number;
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  prefix?: Ipv4Prefix;
}

export interface RouteInVrfParams {
  /** 16 bits. */
  vrf_id: number;
}

/** Table source_policy: 4096 entries. */
export const source_policy = {
  accept_source: (match: SourcePolicyKey): Entry => ({ table: "source_policy", match: fields(match), action: "accept_source" }),
  deny_source: (match: SourcePolicyKey): Entry => ({ table: "source_policy", match: fields(match), action: "deny_source" }),
  route_in_vrf: (match: SourcePolicyKey, params: RouteInVrfParams): Entry => ({ table: "source_policy", match: fields(match), action: "route_in_vrf", params: fields(params) }),
};

export interface SourcePolicyV6Key {
  /** 16 bits. */
  network_id: number;
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  prefix?: string;
}

export interface RouteInVrfV6Params {
  /** 16 bits. */
  vrf_id: number;
}

/** Table source_policy_v6: 4096 entries. */
export const source_policy_v6 = {
  accept_source_v6: (match: SourcePolicyV6Key): Entry => ({ table: "source_policy_v6", match: fields(match), action: "accept_source_v6" }),
  deny_source_v6: (match: SourcePolicyV6Key): Entry => ({ table: "source_policy_v6", match: fields(match), action: "deny_source_v6" }),
  route_in_vrf_v6: (match: SourcePolicyV6Key, params: RouteInVrfV6Params): Entry => ({ table: "source_policy_v6", match: fields(match), action: "route_in_vrf_v6", params: fields(params) }),
};

export interface AclKey {
  /** 16 bits. */
  network_id?: number | string;
  /** 32 bits. */
  src?: Ipv4;
  /** 32 bits. */
  dst?: Ipv4;
  /** 8 bits. */
  protocol?: number | string;
  /** 16 bits. */
  src_port?: number | string;
  /** 16 bits. */
  dst_port?: number | string;
}

/** Table acl: 1024 entries. */
export const acl = {
  acl_allow: (match: AclKey, priority: number): Entry => ({ table: "acl", match: fields(match), action: "acl_allow", priority }),
  acl_deny: (match: AclKey, priority: number): Entry => ({ table: "acl", match: fields(match), action: "acl_deny", priority }),
};

export interface AclV6Key {
  /** 16 bits. */
  network_id?: number | string;
  /** 128 bits. */
  src?: string;
  /** 128 bits. */
  dst?: string;
  /** 8 bits. */
  protocol?: number | string;
  /** 16 bits. */
  src_port?: number | string;
  /** 16 bits. */
  dst_port?: number | string;
}

/** Table acl_v6: 1024 entries. */
export const acl_v6 = {
  acl_allow_v6: (match: AclV6Key, priority: number): Entry => ({ table: "acl_v6", match: fields(match), action: "acl_allow_v6", priority }),
  acl_deny_v6: (match: AclV6Key, priority: number): Entry => ({ table: "acl_v6", match: fields(match), action: "acl_deny_v6", priority }),
};

export interface IcmpSourceKey {
  /** 16 bits. */
  network_id: number;
  /** 24 bits. */
  vni?: number | string;
}

export interface AnswerFromParams {
  /** 32 bits. */
  address: Ipv4;
}

/** Table icmp_source: 1024 entries. */
export const icmp_source = {
  answer_from: (match: IcmpSourceKey, params: AnswerFromParams, priority: number): Entry => ({ table: "icmp_source", match: fields(match), action: "answer_from", params: fields(params), priority }),
};

export interface IcmpSourceV6Key {
  /** 16 bits. */
  network_id: number;
  /** 24 bits. */
  vni?: number | string;
}

export interface AnswerFromV6Params {
  /** 128 bits. */
  address: string;
}

/** Table icmp_source_v6: 1024 entries. */
export const icmp_source_v6 = {
  answer_from_v6: (match: IcmpSourceV6Key, params: AnswerFromV6Params, priority: number): Entry => ({ table: "icmp_source_v6", match: fields(match), action: "answer_from_v6", params: fields(params), priority }),
};

export interface EipOutKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  address: Ipv4;
}

export interface SetEipParams {
  /** 16 bits. */
  network_id: number;
  /** 16 bits. */
  vrf_id: number;
  /** 32 bits. */
  eip: Ipv4;
}

/** Table eip_out: 1048576 entries. */
export const eip_out = {
  set_eip: (match: EipOutKey, params: SetEipParams): Entry => ({ table: "eip_out", match: fields(match), action: "set_eip", params: fields(params) }),
};

export interface EipInKey {
  /** 16 bits. */
  network_id: number;
  /** 32 bits. */
  eip: Ipv4;
}

export interface BindVmParams {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  address: Ipv4;
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface BindVipParams {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  vip: Ipv4;
}

export interface BindVmByHostIdParams {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  address: Ipv4;
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: number;
}

/** Table eip_in: 1048576 entries. */
export const eip_in = {
  bind_vm: (match: EipInKey, params: BindVmParams): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vm", params: fields(params) }),
  bind_vip: (match: EipInKey, params: BindVipParams): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vip", params: fields(params) }),
  bind_vm_by_host_id: (match: EipInKey, params: BindVmByHostIdParams): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vm_by_host_id", params: fields(params) }),
};

export interface EipOutV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  address: string;
}

export interface SetEipV6Params {
  /** 16 bits. */
  network_id: number;
  /** 16 bits. */
  vrf_id: number;
  /** 128 bits. */
  eip: string;
}

/** Table eip_out_v6: 1048576 entries. */
export const eip_out_v6 = {
  set_eip_v6: (match: EipOutV6Key, params: SetEipV6Params): Entry => ({ table: "eip_out_v6", match: fields(match), action: "set_eip_v6", params: fields(params) }),
};

export interface EipInV6Key {
  /** 16 bits. */
  network_id: number;
  /** 128 bits. */
  eip: string;
}

export interface BindVmV6Params {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  address: string;
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface BindVipV6Params {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  vip: string;
}

export interface BindVmByHostIdV6Params {
  /** 24 bits. */
  index: number;
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  address: string;
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: number;
}

/** Table eip_in_v6: 1048576 entries. */
export const eip_in_v6 = {
  bind_vm_v6: (match: EipInV6Key, params: BindVmV6Params): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vm_v6", params: fields(params) }),
  bind_vip_v6: (match: EipInV6Key, params: BindVipV6Params): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vip_v6", params: fields(params) }),
  bind_vm_by_host_id_v6: (match: EipInV6Key, params: BindVmByHostIdV6Params): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vm_by_host_id_v6", params: fields(params) }),
};

export interface VmKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  address: Ipv4;
}

export interface ToHostParams {
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface ToHostByIdParams {
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: number;
}

/** Table vm: 1048576 entries. */
export const vm = {
  to_host: (match: VmKey, params: ToHostParams): Entry => ({ table: "vm", match: fields(match), action: "to_host", params: fields(params) }),
  to_host_by_id: (match: VmKey, params: ToHostByIdParams): Entry => ({ table: "vm", match: fields(match), action: "to_host_by_id", params: fields(params) }),
};

export interface VmV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  address: string;
}

export interface ToHostParams {
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface ToHostByIdParams {
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: number;
}

/** Table vm_v6: 1048576 entries. */
export const vm_v6 = {
  to_host: (match: VmV6Key, params: ToHostParams): Entry => ({ table: "vm_v6", match: fields(match), action: "to_host", params: fields(params) }),
  to_host_by_id: (match: VmV6Key, params: ToHostByIdParams): Entry => ({ table: "vm_v6", match: fields(match), action: "to_host_by_id", params: fields(params) }),
};

export interface FlowPinKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  src: Ipv4;
  /** 32 bits. */
  dst: Ipv4;
  /** 8 bits. */
  protocol: number;
  /** 16 bits. */
  src_port: number;
  /** 16 bits. */
  dst_port: number;
}

export interface PinFlowParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
}

/** Table flow_pin: 65536 entries. */
export const flow_pin = {
  pin_flow: (match: FlowPinKey, params: PinFlowParams): Entry => ({ table: "flow_pin", match: fields(match), action: "pin_flow", params: fields(params) }),
};

export interface ServiceKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  vip: Ipv4;
  /** 8 bits. */
  protocol: number;
  /** 16 bits. */
  port: number;
}

export interface SteerServiceParams {
  /** 16 bits. */
  cluster_id: number;
  /** 16 bits. */
  previous_cluster_id: number;
}

/** Table service: 65536 entries. */
export const service = {
  steer_service: (match: ServiceKey, params: SteerServiceParams): Entry => ({ table: "service", match: fields(match), action: "steer_service", params: fields(params) }),
};

export interface VipKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  vip: Ipv4;
}

export interface SteerVipParams {
  /** 16 bits. */
  cluster_id: number;
}

/** Table vip: 65536 entries. */
export const vip = {
  steer_vip: (match: VipKey, params: SteerVipParams): Entry => ({ table: "vip", match: fields(match), action: "steer_vip", params: fields(params) }),
};

export interface LocalIpKey {
  /** 24 bits. */
  vni: number;
  /** 32 bits. */
  prefix?: Ipv4Prefix;
}

export interface SteerReplyParams {
  /** 16 bits. */
  cluster_id: number;
}

/** Table local_ip: 1024 entries. */
export const local_ip = {
  steer_reply: (match: LocalIpKey, params: SteerReplyParams): Entry => ({ table: "local_ip", match: fields(match), action: "steer_reply", params: fields(params) }),
};

export interface FlowPinV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  src: string;
  /** 128 bits. */
  dst: string;
  /** 8 bits. */
  protocol: number;
  /** 16 bits. */
  src_port: number;
  /** 16 bits. */
  dst_port: number;
}

export interface PinFlowV6Params {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
}

/** Table flow_pin_v6: 65536 entries. */
export const flow_pin_v6 = {
  pin_flow_v6: (match: FlowPinV6Key, params: PinFlowV6Params): Entry => ({ table: "flow_pin_v6", match: fields(match), action: "pin_flow_v6", params: fields(params) }),
};

export interface ServiceV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  vip: string;
  /** 8 bits. */
  protocol: number;
  /** 16 bits. */
  port: number;
}

export interface SteerServiceV6Params {
  /** 16 bits. */
  cluster_id: number;
  /** 16 bits. */
  previous_cluster_id: number;
}

/** Table service_v6: 65536 entries. */
export const service_v6 = {
  steer_service_v6: (match: ServiceV6Key, params: SteerServiceV6Params): Entry => ({ table: "service_v6", match: fields(match), action: "steer_service_v6", params: fields(params) }),
};

export interface VipV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  vip: string;
}

export interface SteerVipV6Params {
  /** 16 bits. */
  cluster_id: number;
}

/** Table vip_v6: 65536 entries. */
export const vip_v6 = {
  steer_vip_v6: (match: VipV6Key, params: SteerVipV6Params): Entry => ({ table: "vip_v6", match: fields(match), action: "steer_vip_v6", params: fields(params) }),
};

export interface LocalIpV6Key {
  /** 24 bits. */
  vni: number;
  /** 128 bits. */
  prefix?: string;
}

export interface SteerReplyV6Params {
  /** 16 bits. */
  cluster_id: number;
}

/** Table local_ip_v6: 1024 entries. */
export const local_ip_v6 = {
  steer_reply_v6: (match: LocalIpV6Key, params: SteerReplyV6Params): Entry => ({ table: "local_ip_v6", match: fields(match), action: "steer_reply_v6", params: fields(params) }),
};

export interface TunnelSourceKey {
  /** 16 bits. */
  network_id: number;
}

export interface SetTunnelSourceParams {
  /** 32 bits. */
  address: Ipv4;
}

/** Table tunnel_source: 1024 entries. */
export const tunnel_source = {
  set_tunnel_source: (match: TunnelSourceKey, params: SetTunnelSourceParams): Entry => ({ table: "tunnel_source", match: fields(match), action: "set_tunnel_source", params: fields(params) }),
};

export interface TunnelSourceV6Key {
  /** 16 bits. */
  network_id: number;
}

export interface SetTunnelSourceV6Params {
  /** 128 bits. */
  address: string;
}

/** Table tunnel_source_v6: 1024 entries. */
export const tunnel_source_v6 = {
  set_tunnel_source_v6: (match: TunnelSourceV6Key, params: SetTunnelSourceV6Params): Entry => ({ table: "tunnel_source_v6", match: fields(match), action: "set_tunnel_source_v6", params: fields(params) }),
};

export interface HostV6Key {
  /** 16 bits. */
  host_id: number;
}

export interface SetHostV6Params {
  /** 128 bits. */
  address: string;
}

/** Table host_v6: 16384 entries. */
export const host_v6 = {
  set_host_v6: (match: HostV6Key, params: SetHostV6Params): Entry => ({ table: "host_v6", match: fields(match), action: "set_host_v6", params: fields(params) }),
};

export interface LdOfBucketKey {
  /** 16 bits. */
  cluster_id: number;
  /** 16 bits. */
  bucket: number;
}

export interface AssignLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
  /** 16 bits. Key `ld_id` of an entry in ld. */
  backup_ld_id: number;
}

/** Table ld_of_bucket: 65536 entries. */
export const ld_of_bucket = {
  assign_ld: (match: LdOfBucketKey, params: AssignLdParams): Entry => ({ table: "ld_of_bucket", match: fields(match), action: "assign_ld", params: fields(params) }),
};

export interface PreviousLdOfBucketKey {
  /** 16 bits. */
  cluster_id: number;
  /** 16 bits. */
  bucket: number;
}

export interface HintLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: number;
}

/** Table previous_ld_of_bucket: 65536 entries. */
export const previous_ld_of_bucket = {
  hint_ld: (match: PreviousLdOfBucketKey, params: HintLdParams): Entry => ({ table: "previous_ld_of_bucket", match: fields(match), action: "hint_ld", params: fields(params) }),
};

export interface LdKey {
  /** 16 bits. */
  ld_id: number;
}

export interface TunnelToLdParams {
  /** 32 bits. */
  steering_address: Ipv4;
  /** 32 bits. */
  vtep: Ipv4;
  /** 48 bits. */
  mac: Mac;
}

export interface TunnelToLdV6Params {
  /** 128 bits. */
  steering_address: string;
  /** 128 bits. */
  vtep: string;
  /** 48 bits. */
  mac: Mac;
}

/** Table ld: 4096 entries. */
export const ld = {
  tunnel_to_ld: (match: LdKey, params: TunnelToLdParams): Entry => ({ table: "ld", match: fields(match), action: "tunnel_to_ld", params: fields(params) }),
  tunnel_to_ld_v6: (match: LdKey, params: TunnelToLdV6Params): Entry => ({ table: "ld", match: fields(match), action: "tunnel_to_ld_v6", params: fields(params) }),
};

export interface RouteKey {
  /** 16 bits. */
  vrf_id: number;
  /** 32 bits. */
  prefix?: Ipv4Prefix;
}

export interface SetNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: number;
}

export interface SetGroupParams {
  /** 16 bits. Key `group_id` of an entry in ecmp_group. */
  group_id: number;
}

export interface HairpinParams {
  /** 16 bits. */
  network_id: number;
}

/** Table route: 16384 entries. */
export const route = {
  set_nexthop: (match: RouteKey, params: SetNexthopParams): Entry => ({ table: "route", match: fields(match), action: "set_nexthop", params: fields(params) }),
  discard: (match: RouteKey): Entry => ({ table: "route", match: fields(match), action: "discard" }),
  set_group: (match: RouteKey, params: SetGroupParams): Entry => ({ table: "route", match: fields(match), action: "set_group", params: fields(params) }),
  hairpin: (match: RouteKey, params: HairpinParams): Entry => ({ table: "route", match: fields(match), action: "hairpin", params: fields(params) }),
  unresolved: (match: RouteKey): Entry => ({ table: "route", match: fields(match), action: "unresolved" }),
};

export interface RouteV6Key {
  /** 16 bits. */
  vrf_id: number;
  /** 128 bits. */
  prefix?: string;
}

export interface SetNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: number;
}

export interface SetGroupParams {
  /** 16 bits. Key `group_id` of an entry in ecmp_group. */
  group_id: number;
}

export interface HairpinParams {
  /** 16 bits. */
  network_id: number;
}

/** Table route_v6: 16384 entries. */
export const route_v6 = {
  set_nexthop: (match: RouteV6Key, params: SetNexthopParams): Entry => ({ table: "route_v6", match: fields(match), action: "set_nexthop", params: fields(params) }),
  discard: (match: RouteV6Key): Entry => ({ table: "route_v6", match: fields(match), action: "discard" }),
  set_group: (match: RouteV6Key, params: SetGroupParams): Entry => ({ table: "route_v6", match: fields(match), action: "set_group", params: fields(params) }),
  hairpin: (match: RouteV6Key, params: HairpinParams): Entry => ({ table: "route_v6", match: fields(match), action: "hairpin", params: fields(params) }),
  unresolved: (match: RouteV6Key): Entry => ({ table: "route_v6", match: fields(match), action: "unresolved" }),
};

export interface EcmpGroupKey {
  /** 16 bits. */
  group_id: number;
}

export interface SelectNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: number;
}

/** Table ecmp_group: 256 entries. */
export const ecmp_group = {
  member: (match: EcmpGroupKey, member: number): Entry => ({ table: "ecmp_group", match: fields(match), member }),
  group: (match: EcmpGroupKey, group: number): Entry => ({ table: "ecmp_group", match: fields(match), group }),
};

export interface NexthopKey {
  /** 16 bits. */
  nexthop_id: number;
}

export interface ForwardParams {
  /** 16 bits. */
  port: number;
  /** 12 bits. */
  vlan_id: number;
  /** 48 bits. */
  src_mac: Mac;
  /** 48 bits. */
  dst_mac: Mac;
}

/** Table nexthop: 4096 entries. */
export const nexthop = {
  forward: (match: NexthopKey, params: ForwardParams): Entry => ({ table: "nexthop", match: fields(match), action: "forward", params: fields(params) }),
};

export interface EipLimitKey {
  /** 24 bits. */
  index: number;
  /** 2 bits. */
  direction: number;
}

export interface SetLimitParams {
  /** 32 bits. */
  byte_time: number;
  /** 32 bits. */
  low_tolerance_us: number;
  /** 32 bits. */
  high_tolerance_us: number;
}

/** Table eip_limit: 2097152 entries. */
export const eip_limit = {
  set_limit: (match: EipLimitKey, params: SetLimitParams): Entry => ({ table: "eip_limit", match: fields(match), action: "set_limit", params: fields(params) }),
};

export interface PriorityPortKey {
  /** 8 bits. */
  protocol: number;
  /** 16 bits. */
  port: number;
}

/** Table priority_port: 64 entries. */
export const priority_port = {
  high_priority: (match: PriorityPortKey): Entry => ({ table: "priority_port", match: fields(match), action: "high_priority" }),
};

/** Action profile ecmp_members: 32768 members, 128 in a group. */
export const ecmp_members = {
  select_nexthop: (member: number, params: SelectNexthopParams): ProfileMember => ({ profile: "ecmp_members", member, action: "select_nexthop", params: fields(params) }),
  group: (group: number, members: ProfileGroup["members"]): ProfileGroup => ({ profile: "ecmp_members", group, members }),
};

export type TableName = "network" | "my_mac" | "ld_source" | "ld_source_v6" | "my_address" | "my_address_v6" | "my_tunnel" | "my_tunnel_v6" | "host_source_v6" | "source_policy" | "source_policy_v6" | "acl" | "acl_v6" | "icmp_source" | "icmp_source_v6" | "eip_out" | "eip_in" | "eip_out_v6" | "eip_in_v6" | "vm" | "vm_v6" | "flow_pin" | "service" | "vip" | "local_ip" | "flow_pin_v6" | "service_v6" | "vip_v6" | "local_ip_v6" | "tunnel_source" | "tunnel_source_v6" | "host_v6" | "ld_of_bucket" | "previous_ld_of_bucket" | "ld" | "route" | "route_v6" | "ecmp_group" | "nexthop" | "eip_limit" | "priority_port";
