// IPv4 blocks as ranges of numbers: what overlaps what.
import { parseIpv4Interface } from "../p4runtime/index.js";

export interface Block {
  /** First and last address, as numbers. */
  first: number;
  last: number;
}

/** @param text - a canonical address or prefix; bits beyond the prefix length are ignored */
export function blockOf(text: string): Block {
  const { address, prefixLen } = parseIpv4Interface(text);
  const number = Buffer.from(address).readUInt32BE();
  const size = 2 ** (32 - prefixLen);
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}

export function sizeOf(block: Block): number {
  return block.last - block.first + 1;
}

export function overlap(a: Block, b: Block): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** All addresses of a prefix, ascending, as text. */
export function addressesOf(prefix: string): string[] {
  const { first, last } = blockOf(prefix);
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const number = first + i;
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
  });
}
