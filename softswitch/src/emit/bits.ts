// Bits of a byte array at constant offsets.

/**
 * An expression for up to 32 bits that begin `bitOffset` bits behind byte `base` of array `bytes`, as an int32.
 */
export function readBits(bytes: string, base: string, bitOffset: number, bits: number): string {
  const first = bitOffset >> 3;
  const skip = bitOffset & 7;
  const count = (skip + bits + 7) >> 3;
  const at = (i: number) => `${bytes}[${base} + ${first + i}]`;
  const unused = count * 8 - skip - bits;
  if (count > 4) {
    // Five bytes: the first four less the bits before, and the rest of the fifth.
    const head = `(${[0, 1, 2, 3].map((i) => `${at(i)} << ${24 - 8 * i}`).join(" | ")})`;
    return `(${head} << ${8 - unused} | ${at(4)} >>> ${unused})${maskOf(bits)}`;
  }
  const joined = Array.from({ length: count }, (_, i) => {
    const shift = 8 * (count - 1 - i);
    return shift === 0 ? at(i) : `${at(i)} << ${shift}`;
  }).join(" | ");
  const shifted = unused === 0 ? `(${joined})` : `((${joined}) >>> ${unused})`;
  return skip === 0 && bits < 32 ? shifted : bits === 32 ? `(${joined})` : `(${shifted}${maskOf(bits)})`;
}

function maskOf(bits: number): string {
  return bits === 32 ? "" : ` & ${2 ** bits - 1}`;
}

/** A value in a run of bits: lane expressions, least significant first. */
export interface BitPiece {
  bits: number;
  lanes: readonly string[];
}

/**
 * Expressions for the bytes of pieces that lie one after the other.
 *
 * @returns one expression a byte; the last byte is filled up with zero bits
 */
export function packBytes(pieces: readonly BitPiece[]): string[] {
  const bytes: string[][] = [];
  let position = 0;
  for (const { bits, lanes } of pieces) {
    for (let done = 0; done < bits; ) {
      const byte = (position + done) >> 3;
      const room = 8 - ((position + done) & 7);
      const take = Math.min(room, bits - done);
      const part = takeBits(lanes, bits - done - take, take);
      bytes[byte] ??= [];
      bytes[byte].push(room === take ? part : `${part} << ${room - take}`);
      done += take;
    }
    position += bits;
  }
  return bytes.map((parts) => parts.join(" | "));
}

/** `count` bits (at most 8) whose lowest is bit `low` of the value. */
function takeBits(lanes: readonly string[], low: number, count: number): string {
  const lane = low >> 5;
  const shift = low & 31;
  const mask = 2 ** count - 1;
  const part = shift === 0 ? lanes[lane]! : `${lanes[lane]} >>> ${shift}`;
  return shift + count <= 32
    ? `(${part} & ${mask})`
    : `((${part} | ${lanes[lane + 1]} << ${32 - shift}) & ${mask})`;
}
