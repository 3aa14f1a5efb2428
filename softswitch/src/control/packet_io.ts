// The controller's packets: metadata beside the payload <-> a header in front of the frame (specification, section 16.1).
import type { PacketIn, PacketOut } from "@sluice/proto/p4runtime";
import { lanesOf } from "../ir/program.js";
import { toBytes, toLanes } from "./bytes.js";
import { invalid } from "./errors.js";
import type { PacketHeader } from "./schema.js";

/** @throws UpdateError for metadata that the program's packet_out header does not have, or that lacks a field */
export function packetOutFrame(
  header: PacketHeader | undefined,
  { payload, metadata }: PacketOut,
): Uint8Array {
  if (header === undefined) {
    if (metadata.length > 0) throw invalid("the program has no packet_out header");
    return payload;
  }
  const frame = new Uint8Array(header.bytes + payload.length);
  for (const { metadataId } of metadata) {
    if (!header.fields.some(({ id }) => id === metadataId)) {
      throw invalid(`packet_out has no metadata with id ${metadataId}`);
    }
  }
  for (const { id, name, bits, bitOffset } of header.fields) {
    const given = metadata.find(({ metadataId }) => metadataId === id);
    if (given === undefined) throw invalid(`packet_out: the metadata "${name}" is missing`);
    const lanes = new Int32Array(lanesOf(bits));
    toLanes(given.value, bits, lanes, 0, `packet_out.${name}`);
    for (let bit = 0; bit < bits; bit++) {
      const at = bitOffset + bits - 1 - bit;
      if ((lanes[bit >> 5]! >>> (bit & 31)) & 1) frame[at >> 3]! |= 0x80 >> (at & 7);
    }
  }
  frame.set(payload, header.bytes);
  return frame;
}

/** Takes the packet_in header off a frame that left by the CPU port; undefined when the frame is too short to have one. */
export function packetInOf(header: PacketHeader | undefined, frame: Uint8Array): PacketIn | undefined {
  if (header === undefined) return { payload: frame, metadata: [] };
  if (frame.length < header.bytes) return undefined;
  const metadata = header.fields.map(({ id, bits, bitOffset }) => {
    const lanes = new Int32Array(lanesOf(bits));
    for (let bit = 0; bit < bits; bit++) {
      const at = bitOffset + bits - 1 - bit;
      if (frame[at >> 3]! & (0x80 >> (at & 7))) lanes[bit >> 5]! |= 1 << (bit & 31);
    }
    return { metadataId: id, value: toBytes((i) => lanes[i]!, bits) };
  });
  return { payload: frame.subarray(header.bytes), metadata };
}
