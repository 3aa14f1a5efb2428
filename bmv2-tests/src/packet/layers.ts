// The layers a test frame is made of, outermost first. A field that is left out takes the value a correct sender would give
// it (lengths, checksums, the next protocol's number); a field that is given is sent as given, right or wrong.

export interface Ethernet {
  kind: "ethernet";
  dst: string;
  src: string;
  etherType?: number;
}

export interface Vlan {
  kind: "vlan";
  pcp: number;
  dei: number;
  vid: number;
  etherType?: number;
}

export interface Arp {
  kind: "arp";
  hardwareType: number;
  protocolType: number;
  hardwareLen: number;
  protocolLen: number;
  operation: number;
  senderMac: string;
  senderIp: string;
  targetMac: string;
  targetIp: string;
}

export interface Ipv4 {
  kind: "ipv4";
  version: number;
  /** Header length in 32-bit words. */
  ihl?: number;
  dscp: number;
  ecn: number;
  totalLen?: number;
  identification: number;
  reserved: number;
  dontFragment: number;
  moreFragments: number;
  /** In units of 8 bytes, as on the wire. */
  fragmentOffset: number;
  ttl: number;
  protocol?: number;
  checksum?: number;
  src: string;
  dst: string;
  /** A multiple of 4 bytes; see {@link ipv4Options}. */
  options: Uint8Array;
}

/** RFC 8200. */
export interface Ipv6 {
  kind: "ipv6";
  version: number;
  dscp: number;
  ecn: number;
  flowLabel: number;
  payloadLen?: number;
  nextHeader?: number;
  hopLimit: number;
  src: string;
  dst: string;
}

export interface Ipv6Fragment {
  kind: "ipv6Fragment";
  nextHeader?: number;
  reserved: number;
  /** In units of 8 bytes, as on the wire. */
  offset: number;
  reserved2: number;
  moreFragments: number;
  identification: number;
}

export interface Udp {
  kind: "udp";
  srcPort: number;
  dstPort: number;
  length?: number;
  checksum?: number;
}

export interface Tcp {
  kind: "tcp";
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  /** Header length in 32-bit words. */
  dataOffset?: number;
  reserved: number;
  flags: number;
  window: number;
  checksum?: number;
  urgent: number;
  options: Uint8Array;
}

export interface Icmp {
  kind: "icmp";
  type: number;
  code: number;
  checksum?: number;
  identifier: number;
  sequence: number;
}

/** RFC 4443. `rest` is an echo's identifier and sequence number, an advertisement's flags, an MTU, or unused. */
export interface Icmpv6 {
  kind: "icmpv6";
  type: number;
  code: number;
  checksum?: number;
  rest: number;
}

/** The target of a neighbour solicitation or advertisement (RFC 4861, sections 4.3 and 4.4). */
export interface Nd {
  kind: "nd";
  target: string;
}

/** A link-layer address option (RFC 4861, section 4.6.1). */
export interface NdOption {
  kind: "ndOption";
  type: number;
  length: number;
  mac: string;
}

/** From an LD to the switch, as in p4src/headers.p4. */
export interface Heartbeat {
  kind: "heartbeat";
  key: number;
  ldId: number;
  flags: number;
  epoch: number;
  sequence: number;
}

export interface Vxlan {
  kind: "vxlan";
  flags: number;
  reserved: number;
  vni: number;
  reserved2: number;
}

export interface Payload {
  kind: "payload";
  bytes: Uint8Array;
}

/** Bytes after the end of the IP packet. In a tunnel they belong to the inner frame and count for the outer lengths. */
export interface Trailer {
  kind: "trailer";
  bytes: Uint8Array;
  inTunnel: boolean;
}

export type Layer =
  | Ethernet
  | Vlan
  | Arp
  | Ipv4
  | Ipv6
  | Ipv6Fragment
  | Udp
  | Tcp
  | Icmp
  | Icmpv6
  | Nd
  | NdOption
  | Heartbeat
  | Vxlan
  | Payload
  | Trailer;
export type Kind = Layer["kind"];
export type LayerOf<K extends Kind> = Extract<Layer, { kind: K }>;

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, ipv6Fragment: 44, icmpv6: 58 } as const;
export const ICMP = { echoReply: 0, unreachable: 3, echoRequest: 8, timeExceeded: 11 } as const;
export const ICMPV6 = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  echoRequest: 128,
  echoReply: 129,
  solicitation: 135,
  advertisement: 136,
} as const;
/** ICMP and ICMPv6 types that quote the packet they are about. */
export const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 11, 12]);
export const ICMPV6_ERRORS: ReadonlySet<number> = new Set([1, 2, 3, 4]);
export const HEARTBEAT_PORT = 53793;
export const HEARTBEAT_BYTES = 20;
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;
export const VXLAN_PORT = 4789;
export const BROADCAST = "ff:ff:ff:ff:ff:ff";
/** Shortest Ethernet frame, without its FCS (IEEE 802.3, section 4A.2.3.3). */
export const MIN_FRAME_BYTES = 60;

type Fields<L extends Layer, Needed extends keyof L> = Pick<L, Needed> & Partial<Omit<L, "kind" | Needed>>;

export function ethernet(fields: Fields<Ethernet, "dst" | "src">): Ethernet {
  return { kind: "ethernet", ...fields };
}

export function vlan(fields: Fields<Vlan, "vid">): Vlan {
  return { kind: "vlan", pcp: 0, dei: 0, ...fields };
}

export function arp(fields: Fields<Arp, "operation" | "senderMac" | "senderIp" | "targetIp">): Arp {
  return {
    kind: "arp",
    hardwareType: 1,
    protocolType: ETHERTYPE.ipv4,
    hardwareLen: 6,
    protocolLen: 4,
    targetMac: "00:00:00:00:00:00",
    ...fields,
  };
}

export function ipv4(fields: Fields<Ipv4, "src" | "dst">): Ipv4 {
  return {
    kind: "ipv4",
    version: 4,
    dscp: 0,
    ecn: 0,
    identification: 0,
    reserved: 0,
    dontFragment: 0,
    moreFragments: 0,
    fragmentOffset: 0,
    ttl: 64,
    options: new Uint8Array(),
    ...fields,
  };
}

export function ipv6(fields: Fields<Ipv6, "src" | "dst">): Ipv6 {
  return { kind: "ipv6", version: 6, dscp: 0, ecn: 0, flowLabel: 0, hopLimit: 64, ...fields };
}

export function ipv6Fragment(fields: Fields<Ipv6Fragment, "identification">): Ipv6Fragment {
  return { kind: "ipv6Fragment", reserved: 0, offset: 0, reserved2: 0, moreFragments: 0, ...fields };
}

export function icmpv6(fields: Fields<Icmpv6, "type">): Icmpv6 {
  return { kind: "icmpv6", code: 0, rest: 0, ...fields };
}

export function nd(target: string): Nd {
  return { kind: "nd", target };
}

/** @param type - 1: the sender's MAC (in a solicitation), 2: the target's (in an advertisement) */
export function ndOption(type: number, mac: string): NdOption {
  return { kind: "ndOption", type, length: 1, mac };
}

export function heartbeat(fields: Omit<Heartbeat, "kind">): Heartbeat {
  return { kind: "heartbeat", ...fields };
}

export function udp(fields: Fields<Udp, "srcPort" | "dstPort">): Udp {
  return { kind: "udp", ...fields };
}

export function tcp(fields: Fields<Tcp, "srcPort" | "dstPort">): Tcp {
  return {
    kind: "tcp",
    seq: 0x01020304,
    ack: 0,
    reserved: 0,
    flags: TCP_FLAG.syn,
    window: 0xfaf0,
    urgent: 0,
    options: new Uint8Array(),
    ...fields,
  };
}

export function icmp(fields: Fields<Icmp, "type">): Icmp {
  return { kind: "icmp", code: 0, identifier: 0, sequence: 0, ...fields };
}

export function vxlan(fields: Fields<Vxlan, "vni">): Vxlan {
  return { kind: "vxlan", flags: 0x08, reserved: 0, reserved2: 0, ...fields };
}

export function payload(bytes: Uint8Array | string): Payload {
  return { kind: "payload", bytes: typeof bytes === "string" ? Buffer.from(bytes) : bytes };
}

export function trailer(bytes: Uint8Array, inTunnel = false): Trailer {
  return { kind: "trailer", bytes, inTunnel };
}

/** Options, ended and padded to 32-bit words (RFC 791, section 3.1). */
export function ipv4Options(...bytes: number[]): Uint8Array {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
}

/** Router alert (RFC 2113): an option of exactly one word. */
export const ROUTER_ALERT = ipv4Options(0x94, 0x04, 0x00, 0x00);

/**
 * The layers with some fields of one layer changed.
 *
 * @param occurrence - which layer of that kind, 0 is the outermost
 */
export function withFields<K extends Kind>(
  layers: readonly Layer[],
  kind: K,
  fields: Partial<LayerOf<K>>,
  occurrence = 0,
): Layer[] {
  const at = indexOf(layers, kind, occurrence);
  return layers.map((layer, i) => (i === at ? ({ ...layer, ...fields } as Layer) : layer));
}

/** @throws Error when there is no such layer */
export function layerOf<K extends Kind>(layers: readonly Layer[], kind: K, occurrence = 0): LayerOf<K> {
  return layers[indexOf(layers, kind, occurrence)] as LayerOf<K>;
}

function indexOf(layers: readonly Layer[], kind: Kind, occurrence: number): number {
  const found = layers.flatMap((layer, i) => (layer.kind === kind ? [i] : []))[occurrence];
  if (found === undefined) {
    throw new Error(
      `no ${kind} layer number ${occurrence} in ${layers.map((layer) => layer.kind).join(" / ")}`,
    );
  }
  return found;
}
