// A frame as documents show it: one line a header, outermost first, with the fields that a reader follows.
import { hex } from "./bytes.js";
import { dissect } from "./dissect.js";
import type { Layer } from "./layers.js";

const PROTOCOLS: Record<number, string> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" };
const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK"];
const SHOWN_BYTES = 16;

const hex16 = (value: number | undefined) => `0x${(value ?? 0).toString(16).padStart(4, "0")}`;

/** One line a header. */
export function outline(frame: Uint8Array): string[] {
  return dissect(frame).map((layer) => `${layer.kind.padEnd(9)} ${detailOf(layer)}`.trimEnd());
}

function detailOf(layer: Layer): string {
  switch (layer.kind) {
    case "ethernet":
      return `${layer.src} → ${layer.dst}`;
    case "vlan":
      return `VLAN ${layer.vid}`;
    case "ipv4": {
      const protocol = PROTOCOLS[layer.protocol!] ?? layer.protocol;
      return `${layer.src} → ${layer.dst}  ${protocol}, TTL ${layer.ttl}, length ${layer.totalLen}, checksum ${hex16(layer.checksum)}`;
    }
    case "ipv6": {
      const next = PROTOCOLS[layer.nextHeader!] ?? layer.nextHeader;
      return `${layer.src} → ${layer.dst}  ${next}, hop limit ${layer.hopLimit}, payload ${layer.payloadLen}`;
    }
    case "udp":
      return `${layer.srcPort} → ${layer.dstPort}  length ${layer.length}, checksum ${hex16(layer.checksum)}`;
    case "tcp": {
      const flags = FLAGS.filter((_, bit) => layer.flags & (1 << bit)).join(", ");
      return `${layer.srcPort} → ${layer.dstPort}  ${flags}, checksum ${hex16(layer.checksum)}`;
    }
    case "icmp":
    case "icmpv6":
      return `type ${layer.type}, code ${layer.code}, checksum ${hex16(layer.checksum)}`;
    case "vxlan":
      return `VNI ${layer.vni}, reserved ${layer.reserved}`;
    case "payload":
    case "trailer": {
      const shown = hex(layer.bytes.subarray(0, SHOWN_BYTES));
      return `${layer.bytes.length} bytes ${shown}${layer.bytes.length > SHOWN_BYTES ? "…" : ""}`;
    }
    default:
      return "";
  }
}
