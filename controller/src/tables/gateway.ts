// Generated from the P4 program by `npm run generate -w controller`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated

import type { Entry } from "../p4runtime/index.js";

/** Like 192.0.2.1. */
export type Ipv4 = string;
/** Like 192.0.2.0/24. */
export type Ipv4Prefix = string;
/** Like 02:00:00:00:00:01. */
export type Mac = string;

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
  set_network: (match: NetworkKey, params: SetNetworkParams): Entry => ({ table: "network", match: { ...match }, action: "set_network", params: { ...params } }),
};

export interface MyMacKey {
  /** 48 bits. */
  mac: Mac;
}

/** Table my_mac: 64 entries. */
export const my_mac = {
  accept_mac: (match: MyMacKey): Entry => ({ table: "my_mac", match: { ...match }, action: "accept_mac" }),
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
  own_address: (match: MyAddressKey, params: OwnAddressParams): Entry => ({ table: "my_address", match: { ...match }, action: "own_address", params: { ...params } }),
};

export interface MyTunnelKey {
  /** 32 bits. */
  address: Ipv4;
  /** 16 bits. */
  udp_port: number;
}

/** Table my_tunnel: 64 entries. */
export const my_tunnel = {
  terminate_tunnel: (match: MyTunnelKey): Entry => ({ table: "my_tunnel", match: { ...match }, action: "terminate_tunnel" }),
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
}

/** Table service: 65536 entries. */
export const service = {
  steer_service: (match: ServiceKey, params: SteerServiceParams): Entry => ({ table: "service", match: { ...match }, action: "steer_service", params: { ...params } }),
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
  steer_vip: (match: VipKey, params: SteerVipParams): Entry => ({ table: "vip", match: { ...match }, action: "steer_vip", params: { ...params } }),
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
  steer_reply: (match: LocalIpKey, params: SteerReplyParams): Entry => ({ table: "local_ip", match: { ...match }, action: "steer_reply", params: { ...params } }),
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
}

/** Table ld_of_bucket: 65536 entries. */
export const ld_of_bucket = {
  assign_ld: (match: LdOfBucketKey, params: AssignLdParams): Entry => ({ table: "ld_of_bucket", match: { ...match }, action: "assign_ld", params: { ...params } }),
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

/** Table ld: 4096 entries. */
export const ld = {
  tunnel_to_ld: (match: LdKey, params: TunnelToLdParams): Entry => ({ table: "ld", match: { ...match }, action: "tunnel_to_ld", params: { ...params } }),
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

/** Table route: 16384 entries. */
export const route = {
  set_nexthop: (match: RouteKey, params: SetNexthopParams): Entry => ({ table: "route", match: { ...match }, action: "set_nexthop", params: { ...params } }),
  discard: (match: RouteKey): Entry => ({ table: "route", match: { ...match }, action: "discard" }),
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
  forward: (match: NexthopKey, params: ForwardParams): Entry => ({ table: "nexthop", match: { ...match }, action: "forward", params: { ...params } }),
};

export type TableName = "network" | "my_mac" | "my_address" | "my_tunnel" | "service" | "vip" | "local_ip" | "ld_of_bucket" | "ld" | "route" | "nexthop";
