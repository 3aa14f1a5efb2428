// Packets whose checksum is the wanted one: where ones' complement sums wrap, incremental updates go wrong.
import { build } from "./build.js";
import { readUint } from "./bytes.js";
import { type Layer, withFields } from "./layers.js";

/** Where a checksum lies behind the IP header. */
const OFFSET = { tcp: 16, udp: 6, icmp: 2, icmpv6: 2 } as const;

/**
 * Changes the two bytes of payload (for `ipv4`: the identification) so that the checksum becomes this one.
 *
 * @param packet - from its IP header on, with a payload of two bytes
 * @throws Error where no value gives it: a UDP checksum of 0, 0xffff elsewhere
 */
export function packetWithChecksum(
  packet: readonly Layer[],
  kind: "ipv4" | keyof typeof OFFSET,
  checksum: number,
): Layer[] {
  const headerBytes = packet[0]!.kind === "ipv6" ? 40 : 20;
  const at = kind === "ipv4" ? 10 : headerBytes + OFFSET[kind];
  const withWord = (word: number): Layer[] =>
    kind === "ipv4"
      ? withFields(packet, "ipv4", { identification: word })
      : withFields(packet, "payload", { bytes: Uint8Array.of(word >> 8, word & 0xff) });
  const checksumOf = (layers: readonly Layer[]) => readUint(build(layers), at, 2);
  const rest = ~checksumOf(withWord(0)) & 0xffff;
  const found = withWord(((~checksum & 0xffff) - rest + 2 * 0xffff) % 0xffff);
  if (checksumOf(found) !== checksum) {
    throw new Error(`no value gives the ${kind} checksum ${checksum}; the nearest is ${checksumOf(found)}`);
  }
  return found;
}
