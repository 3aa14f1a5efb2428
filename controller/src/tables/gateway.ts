// Generated from the P4 program by `npm run generate -w controller`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated

import type { BigUint, Entry, Given, Ipv4, Ipv6, Mac, Named, Prefix, ProfileGroup, ProfileMember, Range, Ternary, Uint, ValueInput } from "../p4runtime/index.js";

/** What was given has been checked by the compiler, field by field. */
const fields = (given: unknown) => given as Record<string, ValueInput>;

export interface NetworkKey {
  /** 16 bits. */
  port: Uint<16>;
  /** 12 bits. */
  vlan_id: Uint<12>;
}

export interface SetNetworkParams {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 16 bits. */
  vrf_id: Uint<16>;
}

/** Table network: 1024 entries. */
export const network = {
  set_network: <const M extends Named<NetworkKey>, const P extends Named<SetNetworkParams>>(match: Given<M, NetworkKey>, params: Given<P, SetNetworkParams>): Entry => ({ table: "network", match: fields(match), action: "set_network", params: fields(params) }),
};

export interface MyMacKey {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_mac: 64 entries. */
export const my_mac = {
  accept_mac: <const M extends Named<MyMacKey>>(match: Given<M, MyMacKey>): Entry => ({ table: "my_mac", match: fields(match), action: "accept_mac" }),
};

export interface LdSourceKey {
  /** 16 bits. */
  port: Uint<16>;
  /** 16 bits. */
  network_id: Uint<16>;
  /** 32 bits. */
  address: Ipv4;
}

export interface KnownLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
  /** 32 bits. */
  key: Uint<32>;
  /** 32 bits. */
  epoch: Uint<32>;
  /** 32 bits. */
  hold_us: Uint<32>;
}

/** Table ld_source: 4096 entries. */
export const ld_source = {
  known_ld: <const M extends Named<LdSourceKey>, const P extends Named<KnownLdParams>>(match: Given<M, LdSourceKey>, params: Given<P, KnownLdParams>): Entry => ({ table: "ld_source", match: fields(match), action: "known_ld", params: fields(params) }),
};

export interface LdSourceV6Key {
  /** 16 bits. */
  port: Uint<16>;
  /** 16 bits. */
  network_id: Uint<16>;
  /** 128 bits. */
  address: Ipv6;
}

export interface KnownLdV6Params {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
  /** 32 bits. */
  key: Uint<32>;
  /** 32 bits. */
  epoch: Uint<32>;
  /** 32 bits. */
  hold_us: Uint<32>;
}

/** Table ld_source_v6: 4096 entries. */
export const ld_source_v6 = {
  known_ld_v6: <const M extends Named<LdSourceV6Key>, const P extends Named<KnownLdV6Params>>(match: Given<M, LdSourceV6Key>, params: Given<P, KnownLdV6Params>): Entry => ({ table: "ld_source_v6", match: fields(match), action: "known_ld_v6", params: fields(params) }),
};

export interface MyAddressKey {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 32 bits. */
  address: Ipv4;
}

export interface OwnAddressParams {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_address: 1024 entries. */
export const my_address = {
  own_address: <const M extends Named<MyAddressKey>, const P extends Named<OwnAddressParams>>(match: Given<M, MyAddressKey>, params: Given<P, OwnAddressParams>): Entry => ({ table: "my_address", match: fields(match), action: "own_address", params: fields(params) }),
};

export interface MyAddressV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 128 bits. */
  address: Ipv6;
}

export interface OwnAddressV6Params {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_address_v6: 1024 entries. */
export const my_address_v6 = {
  own_address_v6: <const M extends Named<MyAddressV6Key>, const P extends Named<OwnAddressV6Params>>(match: Given<M, MyAddressV6Key>, params: Given<P, OwnAddressV6Params>): Entry => ({ table: "my_address_v6", match: fields(match), action: "own_address_v6", params: fields(params) }),
};

export interface MyTunnelKey {
  /** 32 bits. */
  address: Ipv4;
  /** 16 bits. */
  udp_port: Uint<16>;
  /** 16 bits. */
  network_id: Uint<16>;
}

/** Table my_tunnel: 64 entries. */
export const my_tunnel = {
  terminate_tunnel: <const M extends Named<MyTunnelKey>>(match: Given<M, MyTunnelKey>): Entry => ({ table: "my_tunnel", match: fields(match), action: "terminate_tunnel" }),
};

export interface MyTunnelV6Key {
  /** 128 bits. */
  address: Ipv6;
  /** 16 bits. */
  udp_port: Uint<16>;
  /** 16 bits. */
  network_id: Uint<16>;
}

/** Table my_tunnel_v6: 64 entries. */
export const my_tunnel_v6 = {
  terminate_tunnel: <const M extends Named<MyTunnelV6Key>>(match: Given<M, MyTunnelV6Key>): Entry => ({ table: "my_tunnel_v6", match: fields(match), action: "terminate_tunnel" }),
};

export interface HostSourceV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 128 bits. */
  address: Ipv6;
}

export interface KnownHostParams {
  /** 16 bits. */
  host_id: Uint<16>;
}

/** Table host_source_v6: 16384 entries. */
export const host_source_v6 = {
  known_host: <const M extends Named<HostSourceV6Key>, const P extends Named<KnownHostParams>>(match: Given<M, HostSourceV6Key>, params: Given<P, KnownHostParams>): Entry => ({ table: "host_source_v6", match: fields(match), action: "known_host", params: fields(params) }),
};

export interface SourcePolicyKey {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  prefix?: Prefix<Ipv4>;
}

export interface RouteInVrfParams {
  /** 16 bits. */
  vrf_id: Uint<16>;
}

/** Table source_policy: 4096 entries. */
export const source_policy = {
  accept_source: <const M extends Named<SourcePolicyKey>>(match: Given<M, SourcePolicyKey>): Entry => ({ table: "source_policy", match: fields(match), action: "accept_source" }),
  deny_source: <const M extends Named<SourcePolicyKey>>(match: Given<M, SourcePolicyKey>): Entry => ({ table: "source_policy", match: fields(match), action: "deny_source" }),
  route_in_vrf: <const M extends Named<SourcePolicyKey>, const P extends Named<RouteInVrfParams>>(match: Given<M, SourcePolicyKey>, params: Given<P, RouteInVrfParams>): Entry => ({ table: "source_policy", match: fields(match), action: "route_in_vrf", params: fields(params) }),
};

export interface SourcePolicyV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  prefix?: Prefix<Ipv6>;
}

export interface RouteInVrfV6Params {
  /** 16 bits. */
  vrf_id: Uint<16>;
}

/** Table source_policy_v6: 4096 entries. */
export const source_policy_v6 = {
  accept_source_v6: <const M extends Named<SourcePolicyV6Key>>(match: Given<M, SourcePolicyV6Key>): Entry => ({ table: "source_policy_v6", match: fields(match), action: "accept_source_v6" }),
  deny_source_v6: <const M extends Named<SourcePolicyV6Key>>(match: Given<M, SourcePolicyV6Key>): Entry => ({ table: "source_policy_v6", match: fields(match), action: "deny_source_v6" }),
  route_in_vrf_v6: <const M extends Named<SourcePolicyV6Key>, const P extends Named<RouteInVrfV6Params>>(match: Given<M, SourcePolicyV6Key>, params: Given<P, RouteInVrfV6Params>): Entry => ({ table: "source_policy_v6", match: fields(match), action: "route_in_vrf_v6", params: fields(params) }),
};

export interface AclKey {
  /** 16 bits. */
  network_id?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
  /** 32 bits. */
  src?: Ipv4 | Prefix<Ipv4> | Ternary<Ipv4>;
  /** 32 bits. */
  dst?: Ipv4 | Prefix<Ipv4> | Ternary<Ipv4>;
  /** 8 bits. */
  protocol?: Uint<8> | Prefix<Uint<8>> | Ternary<Uint<8>>;
  /** 16 bits. */
  src_port?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
  /** 16 bits. */
  dst_port?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
}

/** Table acl: 1024 entries. */
export const acl = {
  acl_allow: <const M extends Named<AclKey>>(match: Given<M, AclKey>, priority: number): Entry => ({ table: "acl", match: fields(match), action: "acl_allow", priority }),
  acl_deny: <const M extends Named<AclKey>>(match: Given<M, AclKey>, priority: number): Entry => ({ table: "acl", match: fields(match), action: "acl_deny", priority }),
};

export interface AclV6Key {
  /** 16 bits. */
  network_id?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
  /** 128 bits. */
  src?: Ipv6 | Prefix<Ipv6> | Ternary<Ipv6>;
  /** 128 bits. */
  dst?: Ipv6 | Prefix<Ipv6> | Ternary<Ipv6>;
  /** 8 bits. */
  protocol?: Uint<8> | Prefix<Uint<8>> | Ternary<Uint<8>>;
  /** 16 bits. */
  src_port?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
  /** 16 bits. */
  dst_port?: Uint<16> | Prefix<Uint<16>> | Ternary<Uint<16>>;
}

/** Table acl_v6: 1024 entries. */
export const acl_v6 = {
  acl_allow_v6: <const M extends Named<AclV6Key>>(match: Given<M, AclV6Key>, priority: number): Entry => ({ table: "acl_v6", match: fields(match), action: "acl_allow_v6", priority }),
  acl_deny_v6: <const M extends Named<AclV6Key>>(match: Given<M, AclV6Key>, priority: number): Entry => ({ table: "acl_v6", match: fields(match), action: "acl_deny_v6", priority }),
};

export interface IcmpSourceKey {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 24 bits. */
  vni?: Uint<24> | Prefix<Uint<24>> | Ternary<Uint<24>>;
}

export interface AnswerFromParams {
  /** 32 bits. */
  address: Ipv4;
}

/** Table icmp_source: 1024 entries. */
export const icmp_source = {
  answer_from: <const M extends Named<IcmpSourceKey>, const P extends Named<AnswerFromParams>>(match: Given<M, IcmpSourceKey>, params: Given<P, AnswerFromParams>, priority: number): Entry => ({ table: "icmp_source", match: fields(match), action: "answer_from", params: fields(params), priority }),
};

export interface IcmpSourceV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 24 bits. */
  vni?: Uint<24> | Prefix<Uint<24>> | Ternary<Uint<24>>;
}

export interface AnswerFromV6Params {
  /** 128 bits. */
  address: Ipv6;
}

/** Table icmp_source_v6: 1024 entries. */
export const icmp_source_v6 = {
  answer_from_v6: <const M extends Named<IcmpSourceV6Key>, const P extends Named<AnswerFromV6Params>>(match: Given<M, IcmpSourceV6Key>, params: Given<P, AnswerFromV6Params>, priority: number): Entry => ({ table: "icmp_source_v6", match: fields(match), action: "answer_from_v6", params: fields(params), priority }),
};

export interface EipOutKey {
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  address: Ipv4;
}

export interface SetEipParams {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 16 bits. */
  vrf_id: Uint<16>;
  /** 32 bits. */
  eip: Ipv4;
}

/** Table eip_out: 1048576 entries. */
export const eip_out = {
  set_eip: <const M extends Named<EipOutKey>, const P extends Named<SetEipParams>>(match: Given<M, EipOutKey>, params: Given<P, SetEipParams>): Entry => ({ table: "eip_out", match: fields(match), action: "set_eip", params: fields(params) }),
};

export interface EipInKey {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 32 bits. */
  eip: Ipv4;
}

export interface BindVmParams {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  address: Ipv4;
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface BindVipParams {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  vip: Ipv4;
}

export interface BindVmByHostIdParams {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  address: Ipv4;
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: Uint<16>;
}

/** Table eip_in: 1048576 entries. */
export const eip_in = {
  bind_vm: <const M extends Named<EipInKey>, const P extends Named<BindVmParams>>(match: Given<M, EipInKey>, params: Given<P, BindVmParams>): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vm", params: fields(params) }),
  bind_vip: <const M extends Named<EipInKey>, const P extends Named<BindVipParams>>(match: Given<M, EipInKey>, params: Given<P, BindVipParams>): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vip", params: fields(params) }),
  bind_vm_by_host_id: <const M extends Named<EipInKey>, const P extends Named<BindVmByHostIdParams>>(match: Given<M, EipInKey>, params: Given<P, BindVmByHostIdParams>): Entry => ({ table: "eip_in", match: fields(match), action: "bind_vm_by_host_id", params: fields(params) }),
};

export interface EipOutV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  address: Ipv6;
}

export interface SetEipV6Params {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 16 bits. */
  vrf_id: Uint<16>;
  /** 128 bits. */
  eip: Ipv6;
}

/** Table eip_out_v6: 1048576 entries. */
export const eip_out_v6 = {
  set_eip_v6: <const M extends Named<EipOutV6Key>, const P extends Named<SetEipV6Params>>(match: Given<M, EipOutV6Key>, params: Given<P, SetEipV6Params>): Entry => ({ table: "eip_out_v6", match: fields(match), action: "set_eip_v6", params: fields(params) }),
};

export interface EipInV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
  /** 128 bits. */
  eip: Ipv6;
}

export interface BindVmV6Params {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  address: Ipv6;
  /** 48 bits. */
  mac: Mac;
  /** 32 bits. */
  host: Ipv4;
}

export interface BindVipV6Params {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  vip: Ipv6;
}

export interface BindVmByHostIdV6Params {
  /** 24 bits. */
  index: Uint<24>;
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  address: Ipv6;
  /** 48 bits. */
  mac: Mac;
  /** 16 bits. Key `host_id` of an entry in host_v6. */
  host_id: Uint<16>;
}

/** Table eip_in_v6: 1048576 entries. */
export const eip_in_v6 = {
  bind_vm_v6: <const M extends Named<EipInV6Key>, const P extends Named<BindVmV6Params>>(match: Given<M, EipInV6Key>, params: Given<P, BindVmV6Params>): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vm_v6", params: fields(params) }),
  bind_vip_v6: <const M extends Named<EipInV6Key>, const P extends Named<BindVipV6Params>>(match: Given<M, EipInV6Key>, params: Given<P, BindVipV6Params>): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vip_v6", params: fields(params) }),
  bind_vm_by_host_id_v6: <const M extends Named<EipInV6Key>, const P extends Named<BindVmByHostIdV6Params>>(match: Given<M, EipInV6Key>, params: Given<P, BindVmByHostIdV6Params>): Entry => ({ table: "eip_in_v6", match: fields(match), action: "bind_vm_by_host_id_v6", params: fields(params) }),
};

export interface VmKey {
  /** 24 bits. */
  vni: Uint<24>;
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
  host_id: Uint<16>;
}

/** Table vm: 1048576 entries. */
export const vm = {
  to_host: <const M extends Named<VmKey>, const P extends Named<ToHostParams>>(match: Given<M, VmKey>, params: Given<P, ToHostParams>): Entry => ({ table: "vm", match: fields(match), action: "to_host", params: fields(params) }),
  to_host_by_id: <const M extends Named<VmKey>, const P extends Named<ToHostByIdParams>>(match: Given<M, VmKey>, params: Given<P, ToHostByIdParams>): Entry => ({ table: "vm", match: fields(match), action: "to_host_by_id", params: fields(params) }),
};

export interface VmV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  address: Ipv6;
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
  host_id: Uint<16>;
}

/** Table vm_v6: 1048576 entries. */
export const vm_v6 = {
  to_host: <const M extends Named<VmV6Key>, const P extends Named<ToHostParams>>(match: Given<M, VmV6Key>, params: Given<P, ToHostParams>): Entry => ({ table: "vm_v6", match: fields(match), action: "to_host", params: fields(params) }),
  to_host_by_id: <const M extends Named<VmV6Key>, const P extends Named<ToHostByIdParams>>(match: Given<M, VmV6Key>, params: Given<P, ToHostByIdParams>): Entry => ({ table: "vm_v6", match: fields(match), action: "to_host_by_id", params: fields(params) }),
};

export interface FlowPinKey {
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  src: Ipv4;
  /** 32 bits. */
  dst: Ipv4;
  /** 8 bits. */
  protocol: Uint<8>;
  /** 16 bits. */
  src_port: Uint<16>;
  /** 16 bits. */
  dst_port: Uint<16>;
}

export interface PinFlowParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
}

/** Table flow_pin: 65536 entries. */
export const flow_pin = {
  pin_flow: <const M extends Named<FlowPinKey>, const P extends Named<PinFlowParams>>(match: Given<M, FlowPinKey>, params: Given<P, PinFlowParams>): Entry => ({ table: "flow_pin", match: fields(match), action: "pin_flow", params: fields(params) }),
};

export interface ServiceKey {
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  vip: Ipv4;
  /** 8 bits. */
  protocol: Uint<8>;
  /** 16 bits. */
  port: Uint<16>;
}

export interface SteerServiceParams {
  /** 16 bits. */
  cluster_id: Uint<16>;
  /** 16 bits. */
  previous_cluster_id: Uint<16>;
}

/** Table service: 65536 entries. */
export const service = {
  steer_service: <const M extends Named<ServiceKey>, const P extends Named<SteerServiceParams>>(match: Given<M, ServiceKey>, params: Given<P, SteerServiceParams>): Entry => ({ table: "service", match: fields(match), action: "steer_service", params: fields(params) }),
};

export interface VipKey {
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  vip: Ipv4;
}

export interface SteerVipParams {
  /** 16 bits. */
  cluster_id: Uint<16>;
}

/** Table vip: 65536 entries. */
export const vip = {
  steer_vip: <const M extends Named<VipKey>, const P extends Named<SteerVipParams>>(match: Given<M, VipKey>, params: Given<P, SteerVipParams>): Entry => ({ table: "vip", match: fields(match), action: "steer_vip", params: fields(params) }),
};

export interface LocalIpKey {
  /** 24 bits. */
  vni: Uint<24>;
  /** 32 bits. */
  prefix?: Prefix<Ipv4>;
}

export interface SteerReplyParams {
  /** 16 bits. */
  cluster_id: Uint<16>;
}

/** Table local_ip: 1024 entries. */
export const local_ip = {
  steer_reply: <const M extends Named<LocalIpKey>, const P extends Named<SteerReplyParams>>(match: Given<M, LocalIpKey>, params: Given<P, SteerReplyParams>): Entry => ({ table: "local_ip", match: fields(match), action: "steer_reply", params: fields(params) }),
};

export interface FlowPinV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  src: Ipv6;
  /** 128 bits. */
  dst: Ipv6;
  /** 8 bits. */
  protocol: Uint<8>;
  /** 16 bits. */
  src_port: Uint<16>;
  /** 16 bits. */
  dst_port: Uint<16>;
}

export interface PinFlowV6Params {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
}

/** Table flow_pin_v6: 65536 entries. */
export const flow_pin_v6 = {
  pin_flow_v6: <const M extends Named<FlowPinV6Key>, const P extends Named<PinFlowV6Params>>(match: Given<M, FlowPinV6Key>, params: Given<P, PinFlowV6Params>): Entry => ({ table: "flow_pin_v6", match: fields(match), action: "pin_flow_v6", params: fields(params) }),
};

export interface ServiceV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  vip: Ipv6;
  /** 8 bits. */
  protocol: Uint<8>;
  /** 16 bits. */
  port: Uint<16>;
}

export interface SteerServiceV6Params {
  /** 16 bits. */
  cluster_id: Uint<16>;
  /** 16 bits. */
  previous_cluster_id: Uint<16>;
}

/** Table service_v6: 65536 entries. */
export const service_v6 = {
  steer_service_v6: <const M extends Named<ServiceV6Key>, const P extends Named<SteerServiceV6Params>>(match: Given<M, ServiceV6Key>, params: Given<P, SteerServiceV6Params>): Entry => ({ table: "service_v6", match: fields(match), action: "steer_service_v6", params: fields(params) }),
};

export interface VipV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  vip: Ipv6;
}

export interface SteerVipV6Params {
  /** 16 bits. */
  cluster_id: Uint<16>;
}

/** Table vip_v6: 65536 entries. */
export const vip_v6 = {
  steer_vip_v6: <const M extends Named<VipV6Key>, const P extends Named<SteerVipV6Params>>(match: Given<M, VipV6Key>, params: Given<P, SteerVipV6Params>): Entry => ({ table: "vip_v6", match: fields(match), action: "steer_vip_v6", params: fields(params) }),
};

export interface LocalIpV6Key {
  /** 24 bits. */
  vni: Uint<24>;
  /** 128 bits. */
  prefix?: Prefix<Ipv6>;
}

export interface SteerReplyV6Params {
  /** 16 bits. */
  cluster_id: Uint<16>;
}

/** Table local_ip_v6: 1024 entries. */
export const local_ip_v6 = {
  steer_reply_v6: <const M extends Named<LocalIpV6Key>, const P extends Named<SteerReplyV6Params>>(match: Given<M, LocalIpV6Key>, params: Given<P, SteerReplyV6Params>): Entry => ({ table: "local_ip_v6", match: fields(match), action: "steer_reply_v6", params: fields(params) }),
};

export interface TunnelSourceKey {
  /** 16 bits. */
  network_id: Uint<16>;
}

export interface SetTunnelSourceParams {
  /** 32 bits. */
  address: Ipv4;
}

/** Table tunnel_source: 1024 entries. */
export const tunnel_source = {
  set_tunnel_source: <const M extends Named<TunnelSourceKey>, const P extends Named<SetTunnelSourceParams>>(match: Given<M, TunnelSourceKey>, params: Given<P, SetTunnelSourceParams>): Entry => ({ table: "tunnel_source", match: fields(match), action: "set_tunnel_source", params: fields(params) }),
};

export interface TunnelSourceV6Key {
  /** 16 bits. */
  network_id: Uint<16>;
}

export interface SetTunnelSourceV6Params {
  /** 128 bits. */
  address: Ipv6;
}

/** Table tunnel_source_v6: 1024 entries. */
export const tunnel_source_v6 = {
  set_tunnel_source_v6: <const M extends Named<TunnelSourceV6Key>, const P extends Named<SetTunnelSourceV6Params>>(match: Given<M, TunnelSourceV6Key>, params: Given<P, SetTunnelSourceV6Params>): Entry => ({ table: "tunnel_source_v6", match: fields(match), action: "set_tunnel_source_v6", params: fields(params) }),
};

export interface HostV6Key {
  /** 16 bits. */
  host_id: Uint<16>;
}

export interface SetHostV6Params {
  /** 128 bits. */
  address: Ipv6;
}

/** Table host_v6: 16384 entries. */
export const host_v6 = {
  set_host_v6: <const M extends Named<HostV6Key>, const P extends Named<SetHostV6Params>>(match: Given<M, HostV6Key>, params: Given<P, SetHostV6Params>): Entry => ({ table: "host_v6", match: fields(match), action: "set_host_v6", params: fields(params) }),
};

export interface LdOfBucketKey {
  /** 16 bits. */
  cluster_id: Uint<16>;
  /** 16 bits. */
  bucket: Uint<16>;
}

export interface AssignLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
  /** 16 bits. Key `ld_id` of an entry in ld. */
  backup_ld_id: Uint<16>;
}

/** Table ld_of_bucket: 65536 entries. */
export const ld_of_bucket = {
  assign_ld: <const M extends Named<LdOfBucketKey>, const P extends Named<AssignLdParams>>(match: Given<M, LdOfBucketKey>, params: Given<P, AssignLdParams>): Entry => ({ table: "ld_of_bucket", match: fields(match), action: "assign_ld", params: fields(params) }),
};

export interface PreviousLdOfBucketKey {
  /** 16 bits. */
  cluster_id: Uint<16>;
  /** 16 bits. */
  bucket: Uint<16>;
}

export interface HintLdParams {
  /** 16 bits. Key `ld_id` of an entry in ld. */
  ld_id: Uint<16>;
}

/** Table previous_ld_of_bucket: 65536 entries. */
export const previous_ld_of_bucket = {
  hint_ld: <const M extends Named<PreviousLdOfBucketKey>, const P extends Named<HintLdParams>>(match: Given<M, PreviousLdOfBucketKey>, params: Given<P, HintLdParams>): Entry => ({ table: "previous_ld_of_bucket", match: fields(match), action: "hint_ld", params: fields(params) }),
};

export interface LdKey {
  /** 16 bits. */
  ld_id: Uint<16>;
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
  steering_address: Ipv6;
  /** 128 bits. */
  vtep: Ipv6;
  /** 48 bits. */
  mac: Mac;
}

/** Table ld: 4096 entries. */
export const ld = {
  tunnel_to_ld: <const M extends Named<LdKey>, const P extends Named<TunnelToLdParams>>(match: Given<M, LdKey>, params: Given<P, TunnelToLdParams>): Entry => ({ table: "ld", match: fields(match), action: "tunnel_to_ld", params: fields(params) }),
  tunnel_to_ld_v6: <const M extends Named<LdKey>, const P extends Named<TunnelToLdV6Params>>(match: Given<M, LdKey>, params: Given<P, TunnelToLdV6Params>): Entry => ({ table: "ld", match: fields(match), action: "tunnel_to_ld_v6", params: fields(params) }),
};

export interface RouteKey {
  /** 16 bits. */
  vrf_id: Uint<16>;
  /** 32 bits. */
  prefix?: Prefix<Ipv4>;
}

export interface SetNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: Uint<16>;
}

export interface SetGroupParams {
  /** 16 bits. Key `group_id` of an entry in ecmp_group. */
  group_id: Uint<16>;
}

export interface HairpinParams {
  /** 16 bits. */
  network_id: Uint<16>;
}

/** Table route: 16384 entries. */
export const route = {
  set_nexthop: <const M extends Named<RouteKey>, const P extends Named<SetNexthopParams>>(match: Given<M, RouteKey>, params: Given<P, SetNexthopParams>): Entry => ({ table: "route", match: fields(match), action: "set_nexthop", params: fields(params) }),
  discard: <const M extends Named<RouteKey>>(match: Given<M, RouteKey>): Entry => ({ table: "route", match: fields(match), action: "discard" }),
  set_group: <const M extends Named<RouteKey>, const P extends Named<SetGroupParams>>(match: Given<M, RouteKey>, params: Given<P, SetGroupParams>): Entry => ({ table: "route", match: fields(match), action: "set_group", params: fields(params) }),
  hairpin: <const M extends Named<RouteKey>, const P extends Named<HairpinParams>>(match: Given<M, RouteKey>, params: Given<P, HairpinParams>): Entry => ({ table: "route", match: fields(match), action: "hairpin", params: fields(params) }),
  unresolved: <const M extends Named<RouteKey>>(match: Given<M, RouteKey>): Entry => ({ table: "route", match: fields(match), action: "unresolved" }),
};

export interface RouteV6Key {
  /** 16 bits. */
  vrf_id: Uint<16>;
  /** 128 bits. */
  prefix?: Prefix<Ipv6>;
}

export interface SetNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: Uint<16>;
}

export interface SetGroupParams {
  /** 16 bits. Key `group_id` of an entry in ecmp_group. */
  group_id: Uint<16>;
}

export interface HairpinParams {
  /** 16 bits. */
  network_id: Uint<16>;
}

/** Table route_v6: 16384 entries. */
export const route_v6 = {
  set_nexthop: <const M extends Named<RouteV6Key>, const P extends Named<SetNexthopParams>>(match: Given<M, RouteV6Key>, params: Given<P, SetNexthopParams>): Entry => ({ table: "route_v6", match: fields(match), action: "set_nexthop", params: fields(params) }),
  discard: <const M extends Named<RouteV6Key>>(match: Given<M, RouteV6Key>): Entry => ({ table: "route_v6", match: fields(match), action: "discard" }),
  set_group: <const M extends Named<RouteV6Key>, const P extends Named<SetGroupParams>>(match: Given<M, RouteV6Key>, params: Given<P, SetGroupParams>): Entry => ({ table: "route_v6", match: fields(match), action: "set_group", params: fields(params) }),
  hairpin: <const M extends Named<RouteV6Key>, const P extends Named<HairpinParams>>(match: Given<M, RouteV6Key>, params: Given<P, HairpinParams>): Entry => ({ table: "route_v6", match: fields(match), action: "hairpin", params: fields(params) }),
  unresolved: <const M extends Named<RouteV6Key>>(match: Given<M, RouteV6Key>): Entry => ({ table: "route_v6", match: fields(match), action: "unresolved" }),
};

export interface EcmpGroupKey {
  /** 16 bits. */
  group_id: Uint<16>;
}

export interface SelectNexthopParams {
  /** 16 bits. Key `nexthop_id` of an entry in nexthop. */
  nexthop_id: Uint<16>;
}

/** Table ecmp_group: 256 entries. */
export const ecmp_group = {
  member: <const M extends Named<EcmpGroupKey>>(match: Given<M, EcmpGroupKey>, member: number): Entry => ({ table: "ecmp_group", match: fields(match), member }),
  group: <const M extends Named<EcmpGroupKey>>(match: Given<M, EcmpGroupKey>, group: number): Entry => ({ table: "ecmp_group", match: fields(match), group }),
};

export interface NexthopKey {
  /** 16 bits. */
  nexthop_id: Uint<16>;
}

export interface ForwardParams {
  /** 16 bits. */
  port: Uint<16>;
  /** 12 bits. */
  vlan_id: Uint<12>;
  /** 48 bits. */
  src_mac: Mac;
  /** 48 bits. */
  dst_mac: Mac;
}

/** Table nexthop: 4096 entries. */
export const nexthop = {
  forward: <const M extends Named<NexthopKey>, const P extends Named<ForwardParams>>(match: Given<M, NexthopKey>, params: Given<P, ForwardParams>): Entry => ({ table: "nexthop", match: fields(match), action: "forward", params: fields(params) }),
};

export interface EipLimitKey {
  /** 24 bits. */
  index: Uint<24>;
  /** 2 bits. */
  direction: Uint<2>;
}

export interface SetLimitParams {
  /** 32 bits. */
  byte_time: Uint<32>;
  /** 32 bits. */
  low_tolerance_us: Uint<32>;
  /** 32 bits. */
  high_tolerance_us: Uint<32>;
}

/** Table eip_limit: 2097152 entries. */
export const eip_limit = {
  set_limit: <const M extends Named<EipLimitKey>, const P extends Named<SetLimitParams>>(match: Given<M, EipLimitKey>, params: Given<P, SetLimitParams>): Entry => ({ table: "eip_limit", match: fields(match), action: "set_limit", params: fields(params) }),
};

export interface PriorityPortKey {
  /** 8 bits. */
  protocol: Uint<8>;
  /** 16 bits. */
  port: Uint<16>;
}

/** Table priority_port: 64 entries. */
export const priority_port = {
  high_priority: <const M extends Named<PriorityPortKey>>(match: Given<M, PriorityPortKey>): Entry => ({ table: "priority_port", match: fields(match), action: "high_priority" }),
};

/** Action profile ecmp_members: 32768 members, 128 in a group. */
export const ecmp_members = {
  select_nexthop: <const P extends Named<SelectNexthopParams>>(member: number, params: Given<P, SelectNexthopParams>): ProfileMember => ({ profile: "ecmp_members", member, action: "select_nexthop", params: fields(params) }),
  group: (group: number, members: ProfileGroup["members"]): ProfileGroup => ({ profile: "ecmp_members", group, members }),
};

export type TableName = "network" | "my_mac" | "ld_source" | "ld_source_v6" | "my_address" | "my_address_v6" | "my_tunnel" | "my_tunnel_v6" | "host_source_v6" | "source_policy" | "source_policy_v6" | "acl" | "acl_v6" | "icmp_source" | "icmp_source_v6" | "eip_out" | "eip_in" | "eip_out_v6" | "eip_in_v6" | "vm" | "vm_v6" | "flow_pin" | "service" | "vip" | "local_ip" | "flow_pin_v6" | "service_v6" | "vip_v6" | "local_ip_v6" | "tunnel_source" | "tunnel_source_v6" | "host_v6" | "ld_of_bucket" | "previous_ld_of_bucket" | "ld" | "route" | "route_v6" | "ecmp_group" | "nexthop" | "eip_limit" | "priority_port";
