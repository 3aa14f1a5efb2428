// A packet made up for a trace, and what is in one that came out.
import { formatAddress, parseIp, parseMac } from "../p4runtime/index.js";

export interface Probe {
  srcMac: string;
  dstMac: string;
  vlan: number;
  src: string;
  dst: string;
  protocol: number;
  srcPort: number;
  dstPort: number;
}

const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const UDP_PORT_VXLAN = 4789;
const HOP_LIMIT = 64;
const ETHERNET_BYTES = 14;

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, 2 * i);
  });
  return bytes;
}

/** RFC 1071 */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

function segment({ protocol, srcPort, dstPort }: Probe): Buffer {
  const ports = u16(srcPort, dstPort);
  return protocol === TCP
    ? Buffer.concat([ports, Buffer.alloc(8), Buffer.of(0x50, 0x02), u16(0xffff, 0, 0)]) // a SYN without options
    : Buffer.concat([ports, u16(8, 0)]);
}

/** The frame of a probe: a TCP SYN or an empty UDP datagram, over either family of IP. */
export function buildProbe(probe: Probe): Uint8Array {
  const [src, dst] = [parseIp(probe.src), parseIp(probe.dst)];
  const l4 = segment(probe);
  const pseudo = Buffer.concat([src, dst, u16(probe.protocol, l4.length), l4]);
  l4.writeUInt16BE(checksum(pseudo) || 0xffff, probe.protocol === TCP ? 16 : 6);
  const v6 = src.length === 16;
  const head = v6
    ? Buffer.concat([Buffer.of(0x60, 0, 0, 0), u16(l4.length), Buffer.of(probe.protocol, HOP_LIMIT)])
    : Buffer.concat([
        Buffer.of(0x45, 0),
        u16(20 + l4.length, 1, 0x4000),
        Buffer.of(HOP_LIMIT, probe.protocol),
        u16(0),
      ]);
  const header = Buffer.concat([head, src, dst]);
  if (!v6) {
    header.writeUInt16BE(checksum(header), 10);
  }
  const tag = probe.vlan === 0 ? Buffer.alloc(0) : u16(ETHERTYPE_VLAN, probe.vlan);
  return Buffer.concat([
    parseMac(probe.dstMac),
    parseMac(probe.srcMac),
    tag,
    u16(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4),
    header,
    l4,
  ]);
}

export interface SeenPacket {
  src: string;
  dst: string;
  /** `tcp`, `udp`, or a number. */
  protocol: string;
  srcPort?: number;
  dstPort?: number;
  vni?: number;
  inner?: SeenPacket;
}

/** What is in a frame, outermost IP header first; undefined for a frame without one. */
export function seePacket(frame: Uint8Array): SeenPacket | undefined {
  const bytes = Buffer.from(frame);
  const tagged = bytes.readUInt16BE(12) === ETHERTYPE_VLAN ? 4 : 0;
  const type = bytes.readUInt16BE(12 + tagged);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6
    ? seeIp(bytes.subarray(ETHERNET_BYTES + tagged))
    : undefined;
}

function seeIp(packet: Buffer): SeenPacket {
  const v6 = packet[0]! >> 4 === 6;
  const headerBytes = v6 ? 40 : 4 * (packet[0]! & 0xf);
  const protocol = packet[v6 ? 6 : 9]!;
  const [src, dst] = v6
    ? [packet.subarray(8, 24), packet.subarray(24, 40)]
    : [packet.subarray(12, 16), packet.subarray(16, 20)];
  const seen: SeenPacket = {
    src: formatAddress(src),
    dst: formatAddress(dst),
    protocol: protocol === TCP ? "tcp" : protocol === UDP ? "udp" : `${protocol}`,
  };
  if (protocol !== TCP && protocol !== UDP) {
    return seen;
  }
  const l4 = packet.subarray(headerBytes);
  seen.srcPort = l4.readUInt16BE(0);
  seen.dstPort = l4.readUInt16BE(2);
  if (protocol === UDP && seen.dstPort === UDP_PORT_VXLAN) {
    seen.vni = l4.readUIntBE(12, 3);
    const inner = seePacket(l4.subarray(16));
    if (inner !== undefined) {
      seen.inner = inner;
    }
  }
  return seen;
}
