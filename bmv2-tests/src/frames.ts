// Frames as the neighbours of the standard gateway send them, and as it should send them on.
import { crc32 } from "node:zlib";
import {
  addressBytes,
  build,
  concat,
  dissect,
  ethernet,
  ICMP_ERRORS,
  ICMPV6_ERRORS,
  type Icmp,
  type Icmpv6,
  type Ipv4,
  type Ipv6,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  PROTOCOL,
  payload,
  readUint,
  type Tcp,
  type Trailer,
  tcp,
  type Udp,
  udp,
  uint,
  VXLAN_PORT,
  vlan,
  vxlan,
} from "./packet/index.js";
import {
  BUCKETS,
  CLIENT,
  GATEWAY_VTEP,
  LD1,
  type Ld,
  SERVICE_PORT,
  SERVICE_VIP,
  type Side,
  STEERING_ADDRESS,
} from "./standard.js";

type L4 = readonly Layer[];

export const TUNNEL_SRC_PORT_BASE = 0xc000;
export const TUNNEL_SRC_PORT_SHIFT = 4;
/** The header in front of a frame on its second pass through the gateway (hairpin). */
export const RECIRCULATED_BYTES = 8;
/** Ethernet and VLAN tag come before what the outer IPv4 header counts; this is what it counts besides the inner packet. */
export const TUNNEL_OVERHEAD_BYTES = 20 + 8 + 8 + 14;

/** The Ethernet header (and VLAN tag) of a frame from a neighbour to the gateway. */
export function from(side: Side): Layer[] {
  return [
    ethernet({ dst: side.mac, src: side.peer.mac }),
    ...(side.vid === undefined ? [] : [vlan({ vid: side.vid })]),
  ];
}

/** The Ethernet header (and VLAN tag) of a frame from the gateway to a neighbour. */
export function to(side: Side, dstMac = side.peer.mac): Layer[] {
  return [
    ethernet({ dst: dstMac, src: side.mac }),
    ...(side.vid === undefined ? [] : [vlan({ vid: side.vid })]),
  ];
}

/** An IPv4 packet; the next layer follows. */
export function packet(src: string, dst: string, l4: L4, fields: Partial<Ipv4> = {}): Layer[] {
  return [ipv4({ src, dst, identification: 0x1234, ...fields }), ...l4];
}

/** A client's SYN to the standard service. */
export function toService(
  fields: { src?: string; srcPort?: number; dst?: string; dstPort?: number } = {},
  ip: Partial<Ipv4> = {},
): Layer[] {
  return packet(
    fields.src ?? CLIENT,
    fields.dst ?? SERVICE_VIP,
    [tcp({ srcPort: fields.srcPort ?? 40_000, dstPort: fields.dstPort ?? SERVICE_PORT })],
    ip,
  );
}

/** An IPv6 packet; the next layer follows. */
export function packetV6(src: string, dst: string, l4: L4, fields: Partial<Ipv6> = {}): Layer[] {
  return [ipv6({ src, dst, flowLabel: 0x12345, ...fields }), ...l4];
}

/** A packet of the version that the addresses have. */
export function packetOf(src: string, dst: string, l4: L4): Layer[] {
  return dst.includes(":") ? packetV6(src, dst, l4) : packet(src, dst, l4);
}

/** Of the version that the addresses have. */
export function datagram(
  src: string,
  dst: string,
  srcPort: number,
  dstPort: number,
  bytes: Uint8Array | string = "datagram",
): Layer[] {
  return packetOf(src, dst, [udp({ srcPort, dstPort }), payload(bytes)]);
}

export function ping(
  src: string,
  dst: string,
  bytes: Uint8Array | string = "ping",
  fields: Partial<Icmp> = {},
): Layer[] {
  return packet(src, dst, [icmp({ type: 8, identifier: 0x0102, sequence: 7, ...fields }), payload(bytes)]);
}

export function pingV6(
  src: string,
  dst: string,
  bytes: Uint8Array | string = "ping",
  fields: Partial<Icmpv6> = {},
): Layer[] {
  return packetV6(src, dst, [icmpv6({ type: 128, rest: 0x01020007, ...fields }), payload(bytes)]);
}

/** A VXLAN packet from an LD or a host to the gateway: what follows the Ethernet header. */
export function tunnelled(
  vni: number,
  inner: readonly Layer[],
  outer: { ip?: Partial<Ipv4>; udp?: Partial<Udp>; flags?: number; innerEtherType?: number } = {},
): Layer[] {
  return [
    ipv4({ src: LD1.vtep, dst: GATEWAY_VTEP, dontFragment: 1, ...outer.ip }),
    udp({ srcPort: 0xc123, dstPort: VXLAN_PORT, checksum: 0, ...outer.udp }),
    vxlan({ vni, flags: outer.flags ?? 0x08 }),
    ethernet({
      dst: "02:00:00:00:aa:01",
      src: LD1.mac,
      ...(outer.innerEtherType === undefined ? {} : { etherType: outer.innerEtherType }),
    }),
    ...inner,
  ];
}

/** {@link tunnelled} over IPv6. */
export function tunnelledV6(
  vni: number,
  inner: readonly Layer[],
  ends: { src: string; dst: string; mac?: string },
  outer: { ip?: Partial<Ipv6>; udp?: Partial<Udp>; flags?: number } = {},
): Layer[] {
  return [
    ipv6({ src: ends.src, dst: ends.dst, ...outer.ip }),
    udp({ srcPort: 0xc123, dstPort: VXLAN_PORT, checksum: 0, ...outer.udp }),
    vxlan({ vni, flags: outer.flags ?? 0x08 }),
    ethernet({ dst: "02:00:00:00:aa:01", src: ends.mac ?? LD1.mac }),
    ...inner,
  ];
}

/** The packet after one hop: TTL or hop limit one less, checksum computed afresh. */
export function hopped(packet: readonly Layer[]): Layer[] {
  return packet.map((layer, i) => {
    if (i === 0 && layer.kind === "ipv4") return { ...layer, ttl: layer.ttl - 1 };
    return i === 0 && layer.kind === "ipv6" ? { ...layer, hopLimit: layer.hopLimit - 1 } : layer;
  });
}

/** What a flow is told by. */
export interface FlowKey {
  src: string;
  dst: string;
  protocol: number;
  srcPort: number;
  dstPort: number;
}

/** crc32(VNI, source, destination, protocol, ports) mod 1024, by node's own CRC-32. */
export function bucketOfFlow(vni: number, flow: FlowKey): number {
  const key = concat(
    uint(vni, 3),
    addressBytes(flow.src),
    addressBytes(flow.dst),
    uint(flow.protocol, 1),
    uint(flow.srcPort, 2),
    uint(flow.dstPort, 2),
  );
  return crc32(key) % BUCKETS;
}

/**
 * The flow of a packet, read from its wire bytes. Ports are 0 for fragments and for what has none. That of an ICMP error is
 * the flow of the packet that it is about, with its ends exchanged.
 */
export function flowOf(packet: readonly Layer[]): FlowKey {
  const layers = dissect(
    build([ethernet({ dst: "02:00:00:00:00:00", src: "02:00:00:00:00:00" }), ...packet]),
  ).slice(1);
  const first = layers[1];
  const isError =
    (first?.kind === "icmp" && ICMP_ERRORS.has(first.type)) ||
    (first?.kind === "icmpv6" && ICMPV6_ERRORS.has(first.type));
  const [ip, l4] = (isError ? layers.slice(2) : layers) as [Ipv4 | Ipv6, Layer | undefined];
  const fragment = l4?.kind === "ipv6Fragment" ? l4 : undefined;
  const ports = l4?.kind === "tcp" || l4?.kind === "udp" ? (l4 as Tcp | Udp) : { srcPort: 0, dstPort: 0 };
  const protocol = ip.kind === "ipv4" ? ip.protocol! : (fragment ?? ip).nextHeader!;
  const flow = { src: ip.src, dst: ip.dst, protocol, srcPort: ports.srcPort, dstPort: ports.dstPort };
  if (!isError) return flow;
  // Of a TCP header that is cut off after 8 bytes, which are the ports and more, there is a payload left.
  const quoted = l4?.kind === "payload" && protocol === PROTOCOL.tcp ? l4.bytes : undefined;
  return {
    src: ip.dst,
    dst: ip.src,
    protocol,
    srcPort: quoted ? readUint(quoted, 2, 2) : flow.dstPort,
    dstPort: quoted ? readUint(quoted, 0, 2) : flow.srcPort,
  };
}

/** The bucket of a packet inside this VNI (0: outside). */
export function bucketOf(vni: number, packet: readonly Layer[]): number {
  return bucketOfFlow(vni, flowOf(packet));
}

/**
 * The frame in which the gateway sends a packet to an LD: every outer field as it should be.
 *
 * @param packet - as it came; its TTL is one less inside the tunnel
 * @param arrivedFor - MAC the frame was sent to: the source inside the tunnel
 * @param reserved - the LD that had the bucket before
 */
export function toLd(
  ld: Ld,
  vni: number,
  bucket: number,
  packet: readonly Layer[],
  arrivedFor: string,
  reserved = 0,
): Layer[] {
  const srcPort = TUNNEL_SRC_PORT_BASE | (bucket << TUNNEL_SRC_PORT_SHIFT);
  return [
    ...to(ld.side, ld.wireMac),
    ...wrapped(
      { src: STEERING_ADDRESS, dst: ld.vtep, srcPort, vni, reserved, mac: ld.mac, arrivedFor },
      packet,
    ),
  ];
}

/** The tunnel that the gateway puts around a packet, which has made one hop inside it. */
export function wrapped(
  tunnel: {
    src: string;
    dst: string;
    srcPort: number;
    vni: number;
    reserved?: number;
    mac: string;
    arrivedFor: string;
  },
  packet: readonly Layer[],
): Layer[] {
  const trailing = packet.filter((layer): layer is Trailer => layer.kind === "trailer");
  const inner = hopped(packet.filter((layer) => layer.kind !== "trailer"));
  const { dscp, ecn } = inner[0] as Ipv4 | Ipv6;
  const { src, dst, srcPort } = tunnel;
  return [
    dst.includes(":")
      ? ipv6({ src, dst, flowLabel: srcPort, hopLimit: 64, dscp, ecn })
      : ipv4({ src, dst, identification: 0, dontFragment: 1, ttl: 64, dscp, ecn }),
    udp({ srcPort, dstPort: VXLAN_PORT, checksum: 0 }),
    vxlan({ vni: tunnel.vni, reserved: tunnel.reserved ?? 0 }),
    ethernet({ dst: tunnel.mac, src: tunnel.arrivedFor }),
    ...inner,
    ...trailing,
  ];
}
