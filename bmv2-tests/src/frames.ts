// Frames as the neighbours of the standard gateway send them, and as it should send them on.
import { crc32 } from "node:zlib";
import {
  build,
  concat,
  dissect,
  ethernet,
  type Icmp,
  type Ipv4,
  icmp,
  ipv4,
  ipv4Bytes,
  type Layer,
  payload,
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

export function datagram(
  src: string,
  dst: string,
  srcPort: number,
  dstPort: number,
  bytes: Uint8Array | string = "datagram",
): Layer[] {
  return packet(src, dst, [udp({ srcPort, dstPort }), payload(bytes)]);
}

export function ping(
  src: string,
  dst: string,
  bytes: Uint8Array | string = "ping",
  fields: Partial<Icmp> = {},
): Layer[] {
  return packet(src, dst, [icmp({ type: 8, identifier: 0x0102, sequence: 7, ...fields }), payload(bytes)]);
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

/** The packet after one hop: TTL one less, checksum computed afresh. */
export function hopped(packet: readonly Layer[]): Layer[] {
  return packet.map((layer, i) =>
    i === 0 && layer.kind === "ipv4" ? { ...layer, ttl: layer.ttl - 1 } : layer,
  );
}

/**
 * The bucket of a client's packet, from its wire bytes and node's own CRC-32: VNI, source, destination, protocol, ports; the
 * ports are 0 for fragments and for what has none.
 */
export function bucketOf(vni: number, packet: readonly Layer[]): number {
  const layers = dissect(
    build([ethernet({ dst: "02:00:00:00:00:00", src: "02:00:00:00:00:00" }), ...packet]),
  );
  const ip = layers.find((layer): layer is Ipv4 => layer.kind === "ipv4")!;
  const l4 = layers[2];
  const ports = l4?.kind === "tcp" || l4?.kind === "udp" ? (l4 as Tcp | Udp) : { srcPort: 0, dstPort: 0 };
  const key = concat(
    uint(vni, 3),
    ipv4Bytes(ip.src),
    ipv4Bytes(ip.dst),
    uint(ip.protocol!, 1),
    uint(ports.srcPort, 2),
    uint(ports.dstPort, 2),
  );
  return crc32(key) % BUCKETS;
}

/**
 * The frame in which the gateway sends a packet to an LD: every outer field as it should be.
 *
 * @param packet - as it came; its TTL is one less inside the tunnel
 * @param arrivedFor - MAC the frame was sent to: the source inside the tunnel
 */
export function toLd(
  ld: Ld,
  vni: number,
  bucket: number,
  packet: readonly Layer[],
  arrivedFor: string,
): Layer[] {
  const trailing = packet.filter((layer): layer is Trailer => layer.kind === "trailer");
  const inner = hopped(packet.filter((layer) => layer.kind !== "trailer"));
  const ip = inner[0] as Ipv4;
  return [
    ...to(ld.side, ld.wireMac),
    ipv4({
      src: STEERING_ADDRESS,
      dst: ld.vtep,
      identification: 0,
      dontFragment: 1,
      ttl: 64,
      dscp: ip.dscp,
      ecn: ip.ecn,
    }),
    udp({
      srcPort: TUNNEL_SRC_PORT_BASE | (bucket << TUNNEL_SRC_PORT_SHIFT),
      dstPort: VXLAN_PORT,
      checksum: 0,
    }),
    vxlan({ vni }),
    ethernet({ dst: ld.mac, src: arrivedFor }),
    ...inner,
    ...trailing,
  ];
}
