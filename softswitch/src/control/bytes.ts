// P4Runtime's byte strings <-> lanes (specification, section 8.4): big endian, of any length that holds the value on the way
// in, of the shortest on the way out.
import { lanesOf } from "../ir/program.js";
import { invalid } from "./errors.js";

/**
 * Writes a value's lanes.
 *
 * @param what - names the value in errors
 * @throws UpdateError INVALID_ARGUMENT when it is empty or too large; lanes may have been written then
 */
export function toLanes(bytes: Uint8Array, bits: number, lanes: Int32Array, at: number, what: string): void {
  if (bytes.length === 0) throw invalid(`${what}: an empty byte string is no value`);
  const count = lanesOf(bits);
  for (let i = 0; i < count; i++) lanes[at + i] = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[bytes.length - 1 - i]!;
    const room = bits - 8 * i;
    if (byte !== 0 && (room <= 0 || (room < 8 && byte >> room !== 0))) {
      throw invalid(
        `${what}: the value 0x${Buffer.from(bytes).toString("hex")} does not fit into ${bits} bits`,
      );
    }
    if (room > 0) lanes[at + (i >> 2)]! |= byte << (8 * (i & 3));
  }
}

export function bigintToLanes(value: bigint, bits: number, lanes: Int32Array, at: number): void {
  for (let i = 0; i < lanesOf(bits); i++) lanes[at + i] = Number(BigInt.asIntN(32, value >> BigInt(32 * i)));
}

/** The shortest byte string of a value. */
export function toBytes(lane: (i: number) => number, bits: number): Uint8Array {
  const count = lanesOf(bits);
  const bytes = new Uint8Array(count * 4);
  for (let i = 0; i < count; i++) {
    const value = lane(i);
    for (let b = 0; b < 4; b++) bytes[bytes.length - 1 - (4 * i + b)] = value >>> (8 * b);
  }
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first++;
  return bytes.subarray(first);
}
