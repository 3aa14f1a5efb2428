// The gateway that most tests start from: two upstream networks, a fabric with two LDs and a router to the real servers.
//
//   upstream router ── port 1, untagged, network 1, VRF 0 ──┐         ┌── port 2, untagged, network 10, VRF 0 ── LD 1, RS router
//   carrier's router ─ port 4, VLAN 100, network 2, VRF 7 ──┤ gateway ├
//                                                           └─────────└── port 3, VLAN 30, network 11, VRF 0 ─── LD 2
//
// Cluster 1 has all its buckets: even ones at LD 1, odd ones at LD 2.
import type { Entry } from "@sluice/controller/p4runtime";
import { entry } from "./entries.js";

export { entry } from "./entries.js";

export const BUCKETS = 1024;
export const CLUSTER = 1;

export const GATEWAY_MAC = "02:00:00:00:00:01";
export const FABRIC_MAC = "02:00:00:00:00:02";

/** The VIP whose port 80/tcp is a service. */
export const SERVICE_VIP = "203.0.113.10";
export const SERVICE_PORT = 80;
/** A VIP without services: all of it goes to the cluster. */
export const PLAIN_VIP = "203.0.113.20";
export const LOCAL_IP = "10.64.0.7";
export const LOCAL_PREFIX = "10.64.0.0/24";
/** The source of the tunnels to LDs. */
export const STEERING_ADDRESS = "10.0.0.100";
/** Where the gateway ends tunnels. */
export const GATEWAY_VTEP = "10.0.0.1";
export const CLIENT = "198.18.0.1";
export const SERVER = "10.1.0.5";

export interface Side {
  port: number;
  /** Undefined: untagged. */
  vid: number | undefined;
  networkId: number;
  vrfId: number;
  /** The gateway's own address and MAC there. */
  address: string;
  mac: string;
  /** Who is on the other end. */
  peer: { address: string; mac: string };
}

export const UPSTREAM: Side = {
  port: 1,
  vid: undefined,
  networkId: 1,
  vrfId: 0,
  address: "192.0.2.1",
  mac: GATEWAY_MAC,
  peer: { address: "192.0.2.2", mac: "02:00:00:00:01:02" },
};

export const CARRIER: Side = {
  port: 4,
  vid: 100,
  networkId: 2,
  vrfId: 7,
  address: "198.51.100.1",
  mac: GATEWAY_MAC,
  peer: { address: "198.51.100.2", mac: "02:00:00:00:02:02" },
};

export const FABRIC: Side = {
  port: 2,
  vid: undefined,
  networkId: 10,
  vrfId: 0,
  address: GATEWAY_VTEP,
  mac: FABRIC_MAC,
  peer: { address: "10.0.0.3", mac: "02:00:00:00:00:03" },
};

export const FABRIC_TAGGED: Side = {
  port: 3,
  vid: 30,
  networkId: 11,
  vrfId: 0,
  address: "10.0.1.1",
  mac: FABRIC_MAC,
  peer: { address: "10.0.1.3", mac: "02:00:00:00:01:03" },
};

export const SIDES: readonly Side[] = [UPSTREAM, CARRIER, FABRIC, FABRIC_TAGGED];

export interface Ld {
  id: number;
  /** Tunnel endpoint in the fabric. */
  vtep: string;
  /** Destination MAC inside the tunnel. */
  mac: string;
  side: Side;
  /** MAC on the wire to it. */
  wireMac: string;
  nexthopId: number;
}

export const LD1: Ld = {
  id: 1,
  vtep: "10.0.0.11",
  mac: "02:00:00:01:00:11",
  side: FABRIC,
  wireMac: "02:00:00:00:00:11",
  nexthopId: 11,
};

export const LD2: Ld = {
  id: 2,
  vtep: "10.0.1.12",
  mac: "02:00:00:01:00:12",
  side: FABRIC_TAGGED,
  wireMac: "02:00:00:00:00:12",
  nexthopId: 12,
};

export const NEXTHOP = { upstream: 1, carrier: 2, servers: 21 } as const;

export function ldOf(bucket: number): Ld {
  return bucket % 2 === 0 ? LD1 : LD2;
}

/** All buckets of a cluster, shared out as in the standard one. */
export function bucketsOf(clusterId: number): Entry[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => entry.bucket(clusterId, bucket, ldOf(bucket).id));
}

export const STANDARD_ENTRIES: readonly Entry[] = [
  ...SIDES.map((side) => entry.network(side.port, side.vid ?? 0, side.networkId, side.vrfId)),
  ...SIDES.map((side) => entry.myAddress(side.networkId, side.address, side.mac)),
  entry.myMac(GATEWAY_MAC),
  entry.myMac(FABRIC_MAC),
  ...[FABRIC, FABRIC_TAGGED].map((side) => entry.myTunnel(GATEWAY_VTEP, side.networkId)),
  entry.service(0, SERVICE_VIP, 6, SERVICE_PORT, CLUSTER),
  entry.vip(0, PLAIN_VIP, CLUSTER),
  entry.localIp(0, LOCAL_PREFIX, CLUSTER),
  ...bucketsOf(CLUSTER),
  ...[LD1, LD2].map((ld) => entry.ld(ld.id, ld.vtep, ld.mac, STEERING_ADDRESS)),
  ...[LD1, LD2].map((ld) => entry.route(0, `${ld.vtep}/32`, ld.nexthopId)),
  ...[LD1, LD2].map((ld) => entry.nexthop(ld.nexthopId, ld.side, ld.wireMac)),
  entry.route(0, "0.0.0.0/0", NEXTHOP.upstream),
  entry.route(7, "0.0.0.0/0", NEXTHOP.carrier),
  entry.route(0, "10.1.0.0/16", NEXTHOP.servers),
  entry.nexthop(NEXTHOP.upstream, UPSTREAM, UPSTREAM.peer.mac),
  entry.nexthop(NEXTHOP.carrier, CARRIER, CARRIER.peer.mac),
  entry.nexthop(NEXTHOP.servers, FABRIC, FABRIC.peer.mac),
];
