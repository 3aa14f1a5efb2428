// Layers -> the bytes of a frame.
import { addressBytes, concat, internetChecksum, ipv4Bytes, ipv6Bytes, macBytes, uint } from "./bytes.js";
import {
  ETHERTYPE,
  type Icmp,
  type Icmpv6,
  type Ipv4,
  type Ipv6,
  ipv4,
  ipv6Fragment,
  type Layer,
  MIN_FRAME_BYTES,
  PROTOCOL,
  type Tcp,
  trailer,
  type Udp,
} from "./layers.js";

/**
 * Builds a frame. Nothing is padded: a frame on a wire is, see {@link padded}.
 *
 * @returns the frame from its destination MAC on, without FCS
 */
export function build(layers: readonly Layer[]): Uint8Array {
  let body: Uint8Array = new Uint8Array();
  let pending: Uint8Array = new Uint8Array();
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i]!;
    if (layer.kind === "trailer") {
      if (i !== layers.length - 1) throw new Error("a trailer is the last layer");
      pending = layer.bytes;
    } else {
      body = encode(layer, body, layers[i + 1], enclosingIp(layers, i));
    }
    const last = layers.at(-1);
    if (layer.kind === "ethernet" && i > 0 && last?.kind === "trailer" && last.inTunnel) {
      body = concat(body, pending);
      pending = new Uint8Array();
    }
  }
  return concat(body, pending);
}

/** The layers with the zero bytes at the end that a sender adds up to Ethernet's shortest frame. */
export function padded(layers: readonly Layer[]): Layer[] {
  const missing = MIN_FRAME_BYTES - build(layers).length;
  return missing <= 0 ? [...layers] : [...layers, trailer(new Uint8Array(missing))];
}

/**
 * Cuts the (outermost) IPv4 packet of a frame into fragments (RFC 791, section 3.2).
 *
 * @param cuts - where the payload is cut, in bytes, each a multiple of 8
 */
export function fragments(layers: readonly Layer[], ...cuts: number[]): Layer[][] {
  const at = layers.findIndex((layer) => layer.kind === "ipv4");
  const header = layers[at] as Ipv4;
  const packet = build(layers.slice(at));
  const protocol = packet[9]!;
  const data = packet.subarray((packet[0]! & 15) * 4);
  const edges = [0, ...cuts, data.length];
  return edges.slice(0, -1).map((from, i) => {
    const to = edges[i + 1]!;
    const piece = ipv4({
      ...header,
      protocol,
      moreFragments: to < data.length ? 1 : 0,
      fragmentOffset: from / 8,
    });
    return [...layers.slice(0, at), piece, { kind: "payload", bytes: data.slice(from, to) }];
  });
}

/**
 * Cuts the (outermost) IPv6 packet of a frame into fragments (RFC 8200, section 4.5).
 *
 * @param cuts - where the payload is cut, in bytes, each a multiple of 8
 */
export function fragmentsV6(layers: readonly Layer[], identification: number, ...cuts: number[]): Layer[][] {
  const at = layers.findIndex((layer) => layer.kind === "ipv6");
  const packet = build(layers.slice(at));
  const data = packet.subarray(40);
  const edges = [0, ...cuts, data.length];
  return edges.slice(0, -1).map((from, i) => {
    const to = edges[i + 1]!;
    const piece = ipv6Fragment({
      nextHeader: packet[6]!,
      moreFragments: to < data.length ? 1 : 0,
      offset: from / 8,
      identification,
    });
    return [...layers.slice(0, at + 1), piece, { kind: "payload", bytes: data.slice(from, to) }];
  });
}

/**
 * What an ICMP error quotes of a packet: its IP header and the first bytes behind it.
 *
 * @param l4Bytes - 8 is what RFC 792 asks for; all of the packet by default
 */
export function quote(packet: readonly Layer[], l4Bytes = Number.POSITIVE_INFINITY): Layer {
  const bytes = build(packet);
  const headerBytes = bytes[0]! >> 4 === 6 ? 40 : (bytes[0]! & 15) * 4;
  return { kind: "payload", bytes: bytes.slice(0, Math.min(bytes.length, headerBytes + l4Bytes)) };
}

type Ip = Ipv4 | Ipv6;

function enclosingIp(layers: readonly Layer[], i: number): Ip | undefined {
  return layers.slice(0, i).findLast((layer): layer is Ip => layer.kind === "ipv4" || layer.kind === "ipv6");
}

function encode(
  layer: Exclude<Layer, { kind: "trailer" }>,
  body: Uint8Array,
  next: Layer | undefined,
  ip: Ip | undefined,
) {
  switch (layer.kind) {
    case "ethernet":
      return concat(
        macBytes(layer.dst),
        macBytes(layer.src),
        uint(layer.etherType ?? etherTypeOf(next), 2),
        body,
      );
    case "vlan":
      return concat(
        uint((layer.pcp << 13) | (layer.dei << 12) | layer.vid, 2),
        uint(layer.etherType ?? etherTypeOf(next), 2),
        body,
      );
    case "arp":
      return concat(
        uint(layer.hardwareType, 2),
        uint(layer.protocolType, 2),
        uint(layer.hardwareLen, 1),
        uint(layer.protocolLen, 1),
        uint(layer.operation, 2),
        macBytes(layer.senderMac),
        ipv4Bytes(layer.senderIp),
        macBytes(layer.targetMac),
        ipv4Bytes(layer.targetIp),
        body,
      );
    case "ipv4":
      return encodeIpv4(layer, body, next);
    case "ipv6":
      return encodeIpv6(layer, body, next);
    case "ipv6Fragment":
      return concat(
        uint(layer.nextHeader ?? protocolOf(next), 1),
        uint(layer.reserved, 1),
        uint((layer.offset << 3) | (layer.reserved2 << 1) | layer.moreFragments, 2),
        uint(layer.identification, 4),
        body,
      );
    case "icmpv6":
      return encodeIcmpv6(layer, body, ip);
    case "nd":
      return concat(ipv6Bytes(layer.target), body);
    case "ndOption":
      return concat(uint(layer.type, 1), uint(layer.length, 1), macBytes(layer.mac), body);
    case "heartbeat":
      return concat(
        uint(layer.key, 4),
        uint(layer.ldId, 2),
        uint(layer.flags, 2),
        uint(layer.epoch, 4),
        uint(0, 2),
        uint(layer.sequence, 6),
        body,
      );
    case "udp":
      return encodeUdp(layer, body, ip);
    case "tcp":
      return encodeTcp(layer, body, ip);
    case "icmp":
      return encodeIcmp(layer, body);
    case "vxlan":
      return concat(
        uint(layer.flags, 1),
        uint(layer.reserved, 3),
        uint(layer.vni, 3),
        uint(layer.reserved2, 1),
        body,
      );
    case "payload":
      return concat(layer.bytes, body);
  }
}

function etherTypeOf(next: Layer | undefined): number {
  switch (next?.kind) {
    case "vlan":
      return ETHERTYPE.vlan;
    case "arp":
      return ETHERTYPE.arp;
    case "ipv4":
      return ETHERTYPE.ipv4;
    case "ipv6":
      return ETHERTYPE.ipv6;
    default:
      throw new Error(
        `give etherType: ${next?.kind ?? "nothing"} after an Ethernet header has none of its own`,
      );
  }
}

function protocolOf(next: Layer | undefined): number {
  switch (next?.kind) {
    case "udp":
      return PROTOCOL.udp;
    case "tcp":
      return PROTOCOL.tcp;
    case "icmp":
      return PROTOCOL.icmp;
    case "icmpv6":
      return PROTOCOL.icmpv6;
    case "ipv6Fragment":
      return PROTOCOL.ipv6Fragment;
    default:
      throw new Error(`give protocol: ${next?.kind ?? "nothing"} after an IP header has none of its own`);
  }
}

function encodeIpv4(ip: Ipv4, body: Uint8Array, next: Layer | undefined): Uint8Array {
  const headerBytes = 20 + ip.options.length;
  const header = concat(
    uint((ip.version << 4) | (ip.ihl ?? headerBytes / 4), 1),
    uint((ip.dscp << 2) | ip.ecn, 1),
    uint(ip.totalLen ?? headerBytes + body.length, 2),
    uint(ip.identification, 2),
    uint((ip.reserved << 15) | (ip.dontFragment << 14) | (ip.moreFragments << 13) | ip.fragmentOffset, 2),
    uint(ip.ttl, 1),
    uint(ip.protocol ?? protocolOf(next), 1),
    uint(0, 2),
    ipv4Bytes(ip.src),
    ipv4Bytes(ip.dst),
    ip.options,
  );
  header.set(uint(ip.checksum ?? internetChecksum(header), 2), 10);
  return concat(header, body);
}

function encodeIpv6(ip: Ipv6, body: Uint8Array, next: Layer | undefined): Uint8Array {
  const first = concat(
    uint((ip.version << 4) | (ip.dscp >> 2), 1),
    uint(((ip.dscp & 3) << 6) | (ip.ecn << 4), 1),
  );
  first[1]! |= ip.flowLabel >> 16;
  return concat(
    first,
    uint(ip.flowLabel & 0xffff, 2),
    uint(ip.payloadLen ?? body.length, 2),
    uint(ip.nextHeader ?? protocolOf(next), 1),
    uint(ip.hopLimit, 1),
    ipv6Bytes(ip.src),
    ipv6Bytes(ip.dst),
    body,
  );
}

/** The pseudo header of RFC 768 and RFC 9293, section 3.1; of RFC 8200, section 8.1 (zeros between fields add nothing). */
function pseudoHeader(ip: Ip | undefined, protocol: number, length: number): Uint8Array {
  if (ip === undefined)
    throw new Error("give checksum: without an IP header around it there is no pseudo header");
  return concat(addressBytes(ip.src), addressBytes(ip.dst), uint(protocol, 2), uint(length, 2));
}

function encodeUdp(udp: Udp, body: Uint8Array, ip: Ip | undefined): Uint8Array {
  const length = 8 + body.length;
  const header = concat(
    uint(udp.srcPort, 2),
    uint(udp.dstPort, 2),
    uint(udp.length ?? length, 2),
    uint(0, 2),
  );
  let checksum = udp.checksum;
  if (checksum === undefined) {
    checksum = internetChecksum(pseudoHeader(ip, PROTOCOL.udp, length), header, body);
    if (checksum === 0) checksum = 0xffff; // 0 says: no checksum (RFC 768)
  }
  header.set(uint(checksum, 2), 6);
  return concat(header, body);
}

function encodeTcp(tcp: Tcp, body: Uint8Array, ip: Ip | undefined): Uint8Array {
  const headerBytes = 20 + tcp.options.length;
  const header = concat(
    uint(tcp.srcPort, 2),
    uint(tcp.dstPort, 2),
    uint(tcp.seq, 4),
    uint(tcp.ack, 4),
    uint(((tcp.dataOffset ?? headerBytes / 4) << 4) | tcp.reserved, 1),
    uint(tcp.flags, 1),
    uint(tcp.window, 2),
    uint(0, 2),
    uint(tcp.urgent, 2),
    tcp.options,
  );
  const checksum =
    tcp.checksum ??
    internetChecksum(pseudoHeader(ip, PROTOCOL.tcp, header.length + body.length), header, body);
  header.set(uint(checksum, 2), 16);
  return concat(header, body);
}

function encodeIcmp(icmp: Icmp, body: Uint8Array): Uint8Array {
  const header = concat(
    uint(icmp.type, 1),
    uint(icmp.code, 1),
    uint(0, 2),
    uint(icmp.identifier, 2),
    uint(icmp.sequence, 2),
  );
  header.set(uint(icmp.checksum ?? internetChecksum(header, body), 2), 2);
  return concat(header, body);
}

function encodeIcmpv6(icmp: Icmpv6, body: Uint8Array, ip: Ip | undefined): Uint8Array {
  const header = concat(uint(icmp.type, 1), uint(icmp.code, 1), uint(0, 2), uint(icmp.rest, 4));
  const checksum =
    icmp.checksum ??
    internetChecksum(pseudoHeader(ip, PROTOCOL.icmpv6, header.length + body.length), header, body);
  header.set(uint(checksum, 2), 2);
  return concat(header, body);
}
