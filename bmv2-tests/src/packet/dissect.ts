// The bytes of a frame -> layers with every field given. Never throws: what is cut short or unknown becomes the payload.
import { ipv4Text, ipv6Text, macText, readUint } from "./bytes.js";
import {
  ETHERTYPE,
  HEARTBEAT_BYTES,
  HEARTBEAT_PORT,
  ICMP_ERRORS,
  ICMPV6,
  ICMPV6_ERRORS,
  type Layer,
  PROTOCOL,
  VXLAN_PORT,
} from "./layers.js";

export function dissect(frame: Uint8Array): Layer[] {
  const layers: Layer[] = [];
  ethernetAt(frame, 0, frame.length, layers, false);
  return layers;
}

/** Reads one layer of `length` bytes, or takes the rest as payload when there are fewer. */
function fits(frame: Uint8Array, at: number, end: number, length: number, layers: Layer[]): boolean {
  if (end - at >= length) return true;
  if (end > at) layers.push({ kind: "payload", bytes: frame.slice(at, end) });
  return false;
}

function ethernetAt(frame: Uint8Array, at: number, end: number, layers: Layer[], inTunnel: boolean): void {
  if (!fits(frame, at, end, 14, layers)) return;
  const etherType = readUint(frame, at + 12, 2);
  layers.push({
    kind: "ethernet",
    dst: macText(frame.subarray(at, at + 6)),
    src: macText(frame.subarray(at + 6, at + 12)),
    etherType,
  });
  byEtherType(etherType, frame, at + 14, end, layers, inTunnel);
}

function byEtherType(
  type: number,
  frame: Uint8Array,
  at: number,
  end: number,
  layers: Layer[],
  inTunnel: boolean,
): void {
  if (type === ETHERTYPE.vlan) {
    if (!fits(frame, at, end, 4, layers)) return;
    const tag = readUint(frame, at, 2);
    const etherType = readUint(frame, at + 2, 2);
    layers.push({ kind: "vlan", pcp: tag >> 13, dei: (tag >> 12) & 1, vid: tag & 0xfff, etherType });
    byEtherType(etherType, frame, at + 4, end, layers, inTunnel);
  } else if (type === ETHERTYPE.arp) {
    arpAt(frame, at, end, layers, inTunnel);
  } else if (type === ETHERTYPE.ipv4) {
    ipv4At(frame, at, end, layers, inTunnel);
  } else if (type === ETHERTYPE.ipv6) {
    ipv6At(frame, at, end, layers, inTunnel);
  } else {
    fits(frame, at, end, Number.POSITIVE_INFINITY, layers);
  }
}

function trailerAt(frame: Uint8Array, at: number, end: number, layers: Layer[], inTunnel: boolean): void {
  if (end > at) layers.push({ kind: "trailer", bytes: frame.slice(at, end), inTunnel });
}

function arpAt(frame: Uint8Array, at: number, end: number, layers: Layer[], inTunnel: boolean): void {
  if (!fits(frame, at, end, 28, layers)) return;
  layers.push({
    kind: "arp",
    hardwareType: readUint(frame, at, 2),
    protocolType: readUint(frame, at + 2, 2),
    hardwareLen: readUint(frame, at + 4, 1),
    protocolLen: readUint(frame, at + 5, 1),
    operation: readUint(frame, at + 6, 2),
    senderMac: macText(frame.subarray(at + 8, at + 14)),
    senderIp: ipv4Text(frame.subarray(at + 14, at + 18)),
    targetMac: macText(frame.subarray(at + 18, at + 24)),
    targetIp: ipv4Text(frame.subarray(at + 24, at + 28)),
  });
  trailerAt(frame, at + 28, end, layers, inTunnel);
}

function ipv4At(frame: Uint8Array, at: number, end: number, layers: Layer[], inTunnel: boolean): void {
  if (!fits(frame, at, end, 20, layers)) return;
  const ihl = frame[at]! & 15;
  const headerEnd = Math.min(end, at + Math.max(20, ihl * 4));
  const flags = readUint(frame, at + 6, 2);
  const totalLen = readUint(frame, at + 2, 2);
  const protocol = frame[at + 9]!;
  layers.push({
    kind: "ipv4",
    version: frame[at]! >> 4,
    ihl,
    dscp: frame[at + 1]! >> 2,
    ecn: frame[at + 1]! & 3,
    totalLen,
    identification: readUint(frame, at + 4, 2),
    reserved: flags >> 15,
    dontFragment: (flags >> 14) & 1,
    moreFragments: (flags >> 13) & 1,
    fragmentOffset: flags & 0x1fff,
    ttl: frame[at + 8]!,
    protocol,
    checksum: readUint(frame, at + 10, 2),
    src: ipv4Text(frame.subarray(at + 12, at + 16)),
    dst: ipv4Text(frame.subarray(at + 16, at + 20)),
    options: frame.slice(at + 20, headerEnd),
  });
  const packetEnd = at + totalLen >= headerEnd && at + totalLen <= end ? at + totalLen : end;
  if ((flags & 0x3fff) !== 0) {
    // A fragment: what follows is a piece of a datagram, not one.
    fits(frame, headerEnd, packetEnd, Number.POSITIVE_INFINITY, layers);
  } else {
    byProtocol(protocol, frame, headerEnd, packetEnd, layers);
  }
  trailerAt(frame, packetEnd, end, layers, inTunnel);
}

function ipv6At(frame: Uint8Array, at: number, end: number, layers: Layer[], inTunnel: boolean): void {
  if (!fits(frame, at, end, 40, layers)) return;
  const payloadLen = readUint(frame, at + 4, 2);
  const nextHeader = frame[at + 6]!;
  const first = readUint(frame, at, 4);
  layers.push({
    kind: "ipv6",
    version: first >>> 28,
    dscp: (first >>> 22) & 0x3f,
    ecn: (first >>> 20) & 3,
    flowLabel: first & 0xfffff,
    payloadLen,
    nextHeader,
    hopLimit: frame[at + 7]!,
    src: ipv6Text(frame.subarray(at + 8, at + 24)),
    dst: ipv6Text(frame.subarray(at + 24, at + 40)),
  });
  const packetEnd = Math.min(at + 40 + payloadLen, end);
  if (nextHeader === PROTOCOL.ipv6Fragment && packetEnd - at - 40 >= 8) {
    const word = readUint(frame, at + 42, 2);
    layers.push({
      kind: "ipv6Fragment",
      nextHeader: frame[at + 40]!,
      reserved: frame[at + 41]!,
      offset: word >> 3,
      reserved2: (word >> 1) & 3,
      moreFragments: word & 1,
      identification: readUint(frame, at + 44, 4),
    });
    fits(frame, at + 48, packetEnd, Number.POSITIVE_INFINITY, layers);
  } else {
    byProtocol(nextHeader, frame, at + 40, packetEnd, layers);
  }
  trailerAt(frame, packetEnd, end, layers, inTunnel);
}

function byProtocol(protocol: number, frame: Uint8Array, at: number, end: number, layers: Layer[]): void {
  if (protocol === PROTOCOL.udp && end - at >= 8) {
    const dstPort = readUint(frame, at + 2, 2);
    layers.push({
      kind: "udp",
      srcPort: readUint(frame, at, 2),
      dstPort,
      length: readUint(frame, at + 4, 2),
      checksum: readUint(frame, at + 6, 2),
    });
    if (dstPort === VXLAN_PORT && end - at >= 16) {
      vxlanAt(frame, at + 8, end, layers);
    } else if (
      dstPort === HEARTBEAT_PORT &&
      end - at === 8 + HEARTBEAT_BYTES &&
      readUint(frame, at + 20, 2) === 0
    ) {
      heartbeatAt(frame, at + 8, layers);
    } else {
      fits(frame, at + 8, end, Number.POSITIVE_INFINITY, layers);
    }
  } else if (protocol === PROTOCOL.tcp && end - at >= 20) {
    tcpAt(frame, at, end, layers);
  } else if (protocol === PROTOCOL.icmp && end - at >= 8) {
    layers.push({
      kind: "icmp",
      type: frame[at]!,
      code: frame[at + 1]!,
      checksum: readUint(frame, at + 2, 2),
      identifier: readUint(frame, at + 4, 2),
      sequence: readUint(frame, at + 6, 2),
    });
    if (ICMP_ERRORS.has(frame[at]!)) ipv4At(frame, at + 8, end, layers, false);
    else fits(frame, at + 8, end, Number.POSITIVE_INFINITY, layers);
  } else if (protocol === PROTOCOL.icmpv6 && end - at >= 8) {
    icmpv6At(frame, at, end, layers);
  } else {
    fits(frame, at, end, Number.POSITIVE_INFINITY, layers);
  }
}

function icmpv6At(frame: Uint8Array, at: number, end: number, layers: Layer[]): void {
  const type = frame[at]!;
  layers.push({
    kind: "icmpv6",
    type,
    code: frame[at + 1]!,
    checksum: readUint(frame, at + 2, 2),
    rest: readUint(frame, at + 4, 4),
  });
  if (ICMPV6_ERRORS.has(type)) {
    ipv6At(frame, at + 8, end, layers, false);
  } else if ((type === ICMPV6.solicitation || type === ICMPV6.advertisement) && end - at >= 24) {
    layers.push({ kind: "nd", target: ipv6Text(frame.subarray(at + 8, at + 24)) });
    const option = at + 24;
    if (end - option === 8) {
      const mac = macText(frame.subarray(option + 2, option + 8));
      layers.push({ kind: "ndOption", type: frame[option]!, length: frame[option + 1]!, mac });
    } else {
      fits(frame, option, end, Number.POSITIVE_INFINITY, layers);
    }
  } else {
    fits(frame, at + 8, end, Number.POSITIVE_INFINITY, layers);
  }
}

function heartbeatAt(frame: Uint8Array, at: number, layers: Layer[]): void {
  layers.push({
    kind: "heartbeat",
    key: readUint(frame, at, 4),
    ldId: readUint(frame, at + 4, 2),
    flags: readUint(frame, at + 6, 2),
    epoch: readUint(frame, at + 8, 4),
    sequence: readUint(frame, at + 14, 6),
  });
}

function tcpAt(frame: Uint8Array, at: number, end: number, layers: Layer[]): void {
  const dataOffset = frame[at + 12]! >> 4;
  const headerEnd = Math.min(end, at + Math.max(20, dataOffset * 4));
  layers.push({
    kind: "tcp",
    srcPort: readUint(frame, at, 2),
    dstPort: readUint(frame, at + 2, 2),
    seq: readUint(frame, at + 4, 4),
    ack: readUint(frame, at + 8, 4),
    dataOffset,
    reserved: frame[at + 12]! & 15,
    flags: frame[at + 13]!,
    window: readUint(frame, at + 14, 2),
    checksum: readUint(frame, at + 16, 2),
    urgent: readUint(frame, at + 18, 2),
    options: frame.slice(at + 20, headerEnd),
  });
  fits(frame, headerEnd, end, Number.POSITIVE_INFINITY, layers);
}

function vxlanAt(frame: Uint8Array, at: number, end: number, layers: Layer[]): void {
  layers.push({
    kind: "vxlan",
    flags: frame[at]!,
    reserved: readUint(frame, at + 1, 3),
    vni: readUint(frame, at + 4, 3),
    reserved2: frame[at + 7]!,
  });
  ethernetAt(frame, at + 8, end, layers, true);
}
