// ARP (RFC 826) and neighbour discovery (RFC 4861) as frames: what is asked of a neighbour, and what it answers.
import { formatIp, formatMac, type Ip, type Mac, parseIp, parseMac } from "../p4runtime/index.js";

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_IPV6 = 0x86dd;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const NEIGHBOR_SOLICITATION = 135;
const NEIGHBOR_ADVERTISEMENT = 136;
const NEXT_HEADER_ICMPV6 = 58;
const UNROUTED_HOP_LIMIT = 255;
const OPTION_SOURCE_MAC = 1;
const OPTION_TARGET_MAC = 2;
const SOLICITED = 0x40;
const BROADCAST = Buffer.alloc(6, 0xff);
const SOLICITATION_BYTES = 32;
const MAC_BYTES = 12;
const IPV6_HEADER_BYTES = 40;
/** A frame below is filled up (IEEE 802.3, without the check sequence). */
const MIN_FRAME_BYTES = 60;

/** Who asks, and where. */
export interface Asker {
  mac: string;
  address: string;
  /** 0: untagged. */
  vlan: number;
}

/**
 * The question who has an address: ARP for an IPv4 one, a solicitation for an IPv6 one.
 *
 * @param to - MAC of the one that is asked; undefined: everybody on the link
 */
export function question(from: Asker, address: string, to?: string): Buffer {
  const target = Buffer.from(parseIp(address));
  const source = Buffer.from(parseIp(from.address));
  const own = Buffer.from(parseMac(from.mac));
  const isV6 = target.length === 16;
  const everybody = isV6
    ? Buffer.concat([Buffer.from([0x33, 0x33]), solicitedNode(target).subarray(12)])
    : BROADCAST;
  const destination = to === undefined ? everybody : Buffer.from(parseMac(to));
  const tag = from.vlan === 0 ? [] : [uint16(ETHERTYPE_VLAN, from.vlan)];
  const body = isV6
    ? [uint16(ETHERTYPE_IPV6), solicitation(own, source, target, to !== undefined)]
    : [uint16(ETHERTYPE_ARP, 1, 0x0800, 0x0604, ARP_REQUEST), own, source, Buffer.alloc(6), target];
  const frame = Buffer.concat([destination, own, ...tag, ...body]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, MIN_FRAME_BYTES - frame.length))]);
}

function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) {
    bytes.writeUInt16BE(value, 2 * i);
  }
  return bytes;
}

/** RFC 4291, section 2.7.1. */
function solicitedNode(target: Buffer): Buffer {
  return Buffer.concat([Buffer.from("ff0200000000000000000001ff", "hex"), target.subarray(13)]);
}

function solicitation(own: Buffer, source: Buffer, target: Buffer, unicast: boolean): Buffer {
  const destination = unicast ? target : solicitedNode(target);
  const icmp = Buffer.concat([
    Buffer.from([NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]),
    target,
    Buffer.from([OPTION_SOURCE_MAC, 1]),
    own,
  ]);
  const pseudo = Buffer.concat([source, destination, uint16(0, icmp.length, 0, NEXT_HEADER_ICMPV6)]);
  icmp.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, icmp])), 2);
  const header = Buffer.from([0x60, 0, 0, 0, 0, SOLICITATION_BYTES, NEXT_HEADER_ICMPV6, UNROUTED_HOP_LIMIT]);
  return Buffer.concat([header, source, destination, icmp]);
}

/** RFC 1071, over an even number of bytes. */
function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes.readUInt16BE(i);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return ~sum & 0xffff;
}

/** What a frame from the switch says of neighbours. */
export type Heard =
  /** A neighbour said which MAC it has. */
  | { kind: "answer"; address: Ip; mac: Mac }
  /** A packet is for a neighbour whose MAC is not known. */
  | { kind: "unresolved"; address: Ip };

/** @param frame - as packet-in has it, with or without a VLAN tag @returns undefined for what says nothing */
export function heard(frame: Uint8Array): Heard | undefined {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (bytes.length < MAC_BYTES + 2) {
    return undefined;
  }
  const at = bytes.readUInt16BE(MAC_BYTES) === ETHERTYPE_VLAN ? MAC_BYTES + 4 : MAC_BYTES;
  if (bytes.length < at + 2) {
    return undefined;
  }
  const packet = bytes.subarray(at + 2);
  if (bytes.readUInt16BE(at) === ETHERTYPE_ARP) {
    return arpAnswer(packet);
  }
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) {
    return { kind: "unresolved", address: formatIp(packet.subarray(16, 20)) };
  }
  if (version === 6 && packet.length >= IPV6_HEADER_BYTES) {
    const isAdvertisement = packet[6] === NEXT_HEADER_ICMPV6 && packet[40] === NEIGHBOR_ADVERTISEMENT;
    return isAdvertisement && packet[7] === UNROUTED_HOP_LIMIT
      ? advertisement(bytes.subarray(6, 12), packet.subarray(IPV6_HEADER_BYTES))
      : { kind: "unresolved", address: formatIp(packet.subarray(24, IPV6_HEADER_BYTES)) };
  }
  return undefined;
}

function arpAnswer(packet: Buffer): Heard | undefined {
  return packet.length >= 28 && packet.readUInt16BE(6) === ARP_REPLY
    ? answer(packet.subarray(14, 18), packet.subarray(8, 14))
    : undefined;
}

/** No station has a group's MAC or none. */
function answer(address: Buffer, mac: Buffer): Heard | undefined {
  return (mac[0]! & 1) === 0 && mac.some((octet) => octet !== 0)
    ? { kind: "answer", address: formatIp(address), mac: formatMac(mac) }
    : undefined;
}

/** One that was asked for; without the option, as the answer to a unicast question may be, the sender's MAC is meant. */
function advertisement(sender: Buffer, icmp: Buffer): Heard | undefined {
  if (icmp.length < 24 || (icmp[4]! & SOLICITED) === 0) {
    return undefined;
  }
  let mac = sender;
  for (let at = 24; at + 8 <= icmp.length && icmp[at + 1]! > 0; at += 8 * icmp[at + 1]!) {
    if (icmp[at] === OPTION_TARGET_MAC) {
      mac = icmp.subarray(at + 2, at + 8);
    }
  }
  return answer(icmp.subarray(8, 24), mac);
}
