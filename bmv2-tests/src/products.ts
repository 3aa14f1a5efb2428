// What the products add to the standard gateway: EIPs of both versions with their VMs, hosts in the fabric, IPv6 everywhere.
//
//   203.0.113.50, 2001:db8:113::50 ── VM 192.168.0.5, fd00::5 in VNI 0x1001 ── host A ─┐
//   203.0.113.51, 2001:db8:113::51 ── VM 192.168.0.6, fd00::6 in VNI 0x2002 ── host B ─┴─ fabric, port 2
//
// Both VMs' EIPs belong to network 1. The region's public prefixes are hairpin routes in the VRF of the fabric and of network 1.
import type { Entry } from "@sluice/controller/p4runtime";
import { type FlowKey, flowOf, from, to, tunnelled, wrapped } from "./frames.js";
import { addressBytes, concat, type Layer, uint, withFields } from "./packet/index.js";
import {
  CARRIER,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  FABRIC_TAGGED,
  GATEWAY_MAC,
  GATEWAY_VTEP,
  LD1,
  LD2,
  NEXTHOP,
  SIDES,
  type Side,
  STANDARD_ENTRIES,
  UPSTREAM,
} from "./standard.js";

/** The gateway's IPv6 address on each side, and its neighbour's. */
export const OWN_V6: ReadonlyMap<Side, { address: string; peer: string }> = new Map([
  [UPSTREAM, { address: "2001:db8:1::1", peer: "2001:db8:1::2" }],
  [CARRIER, { address: "2001:db8:2::1", peer: "2001:db8:2::2" }],
  [FABRIC, { address: "2001:db8:10::1", peer: "2001:db8:10::3" }],
  [FABRIC_TAGGED, { address: "2001:db8:11::1", peer: "2001:db8:11::3" }],
]);

export const CLIENT_V6 = "2001:db8:c::1";
export const SERVER_V6 = "2001:db8:5::5";
export const SERVERS_V6 = "2001:db8:5::/48";
export const SERVICE_VIP_V6 = "2001:db8:113::10";
export const PLAIN_VIP_V6 = "2001:db8:113::20";
export const LOCAL_IP_V6 = "2001:db8:64::7";
export const LOCAL_PREFIX_V6 = "2001:db8:64::/64";

export interface Host {
  vtep: string;
  wireMac: string;
  nexthopId: number;
}

export const HOST_A: Host = { vtep: "10.0.0.21", wireMac: "02:00:00:00:00:21", nexthopId: 31 };
export const HOST_B: Host = { vtep: "10.0.0.22", wireMac: "02:00:00:00:00:22", nexthopId: 32 };

export interface Eip {
  eip: string;
  index: number;
  vni: number;
  /** The VM. */
  address: string;
  mac: string;
  host: Host;
}

const VM_A = { vni: 0x1001, mac: "02:00:00:0a:00:05", host: HOST_A };
const VM_B = { vni: 0x2002, mac: "02:00:00:0b:00:06", host: HOST_B };
export const EIP_A: Eip = { ...VM_A, eip: "203.0.113.50", index: 5, address: "192.168.0.5" };
export const EIP_A_V6: Eip = { ...VM_A, eip: "2001:db8:113::50", index: 6, address: "fd00::5" };
export const EIP_B: Eip = { ...VM_B, eip: "203.0.113.51", index: 7, address: "192.168.0.6" };
export const EIP_B_V6: Eip = { ...VM_B, eip: "2001:db8:113::51", index: 8, address: "fd00::6" };

/** The same cases for both versions of IP. */
export const VERSIONS = [
  { version: "IPv4", client: "198.18.0.1", a: EIP_A, b: EIP_B },
  { version: "IPv6", client: CLIENT_V6, a: EIP_A_V6, b: EIP_B_V6 },
] as const;

/** The entry of eip_in, for the EIP's VM or another. */
export function bindingOf(eip: Eip, vm: Omit<Eip, "eip" | "index"> = eip, networkId = 1): Entry {
  const { vni, address, mac, host } = vm;
  return entry.eipIn(networkId, eip.eip, { index: eip.index, vni, address, mac, host: host.vtep });
}

export function sourceOf(eip: Eip, side: Side = UPSTREAM): Entry {
  return entry.eipOut(eip.vni, eip.address, side.networkId, side.vrfId, eip.eip);
}

export const PRODUCT_ENTRIES: readonly Entry[] = [
  ...STANDARD_ENTRIES,
  ...SIDES.map((side) => entry.tunnelSource(side.networkId, GATEWAY_VTEP)),
  ...[HOST_A, HOST_B].flatMap((host) => [
    entry.route(0, `${host.vtep}/32`, host.nexthopId),
    entry.nexthop(host.nexthopId, FABRIC, host.wireMac),
  ]),
  ...[EIP_A, EIP_A_V6, EIP_B, EIP_B_V6].flatMap((eip) => [bindingOf(eip), sourceOf(eip)]),
  ...SIDES.map((side) => entry.myAddress(side.networkId, OWN_V6.get(side)!.address, side.mac)),
  entry.route(0, "::/0", NEXTHOP.upstream),
  entry.route(7, "::/0", NEXTHOP.carrier),
  entry.route(0, SERVERS_V6, NEXTHOP.servers),
  entry.route(0, "203.0.113.0/24", NEXTHOP.upstream),
  entry.hairpin(0, "203.0.113.48/28", UPSTREAM.networkId),
  entry.hairpin(0, "2001:db8:113::/48", UPSTREAM.networkId),
  entry.service(0, SERVICE_VIP_V6, 6, 80, CLUSTER),
  entry.vip(0, PLAIN_VIP_V6, CLUSTER),
  entry.localIp(0, LOCAL_PREFIX_V6, CLUSTER),
  ...[LD1, LD2].map((ld) =>
    entry.ldSource(
      { port: ld.side.port, networkId: ld.side.networkId, vtep: ld.vtep },
      { ldId: ld.id, key: 0xfeed0000 + ld.id, epoch: 1, holdUs: 0xffffffff },
    ),
  ),
];

/** The packet with another source or destination, all checksums computed afresh. */
export function translated(packet: readonly Layer[], ends: { src?: string; dst?: string }): Layer[] {
  const kind = packet[0]!.kind;
  if (kind !== "ipv4" && kind !== "ipv6") throw new Error(`${kind} has no addresses to translate`);
  return withFields(packet, kind, ends);
}

/** CRC-16/ARC, the ECMP hash of p4src/arch/v1model.p4. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

export function ecmpHash(vni: number, flow: FlowKey): number {
  return crc16(
    concat(
      uint(vni, 3),
      addressBytes(flow.src),
      addressBytes(flow.dst),
      uint(flow.protocol, 1),
      uint(flow.srcPort, 2),
      uint(flow.dstPort, 2),
    ),
  );
}

/**
 * The frame in which the gateway sends a packet to an EIP's VM.
 *
 * @param packet - as the client sent it to the EIP, its hop not yet made
 * @param inside - as it is inside the tunnel but for the hop; default: with the VM's address as destination
 */
export function toVm(
  eip: Eip,
  packet: readonly Layer[],
  inside: readonly Layer[] = translated(packet, { dst: eip.address }),
  arrivedFor = GATEWAY_MAC,
): Layer[] {
  const srcPort = 0xc000 | (ecmpHash(eip.vni, flowOf(inside)) >> 2);
  const tunnel = { src: GATEWAY_VTEP, dst: eip.host.vtep, srcPort, vni: eip.vni, mac: eip.mac, arrivedFor };
  return [...to(FABRIC, eip.host.wireMac), ...wrapped(tunnel, inside)];
}

/** The frame in which a VM's host sends its packet to the gateway. */
export function fromVm(vm: Omit<Eip, "eip" | "index">, packet: readonly Layer[], mac = FABRIC_MAC): Layer[] {
  const outer = withFields(tunnelled(vm.vni, packet, { ip: { src: vm.host.vtep } }), "ethernet", {
    src: vm.mac,
  });
  return [{ ...from(FABRIC)[0]!, dst: mac } as Layer, ...outer];
}
