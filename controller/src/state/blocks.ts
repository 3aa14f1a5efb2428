// Address blocks as ranges of numbers: what overlaps what. Blocks of different families never do.
import {
  formatIp,
  formatIpPrefix,
  type Ip,
  type IpPrefix,
  type Ipv6,
  networkOf,
  type Prefix,
  parseIpInterface,
  quickIpv4,
} from "../p4runtime/index.js";

export interface Block {
  /** 32 (IPv4) or 128. */
  bits: number;
  /** First and last address, as numbers. */
  first: bigint;
  last: bigint;
}

function toNumber(address: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(address).toString("hex")}`);
}

function toOctets(number: bigint, bits: number): Uint8Array {
  return Buffer.from(number.toString(16).padStart(bits / 4, "0"), "hex");
}

/** @param text - a canonical address or prefix; bits beyond the prefix length are ignored */
export function blockOf(text: string): Block {
  const { address, prefixLen } = parseIpInterface(text);
  const bits = 8 * address.length;
  const first = toNumber(networkOf(address, prefixLen));
  return { bits, first, last: first + (1n << BigInt(bits - prefixLen)) - 1n };
}

export function sizeOf(block: Block): number {
  return Number(block.last - block.first + 1n);
}

export function overlap(a: Block, b: Block): boolean {
  return a.bits === b.bits && a.first <= b.last && b.first <= a.last;
}

export function contains(outer: Block, inner: Block): boolean {
  return outer.bits === inner.bits && outer.first <= inner.first && inner.last <= outer.last;
}

export function isIpv6(address: Ip): address is Ipv6;
export function isIpv6(prefix: IpPrefix): prefix is Prefix<Ipv6>;
export function isIpv6(text: string): boolean;
export function isIpv6(text: string): boolean {
  return text.includes(":");
}

/** All addresses of a prefix, ascending, as text. */
export function addressesOf(prefix: string): Ip[] {
  const block = blockOf(prefix);
  return Array.from({ length: sizeOf(block) }, (_, i) =>
    formatIp(toOctets(block.first + BigInt(i), block.bits)),
  );
}

/** The number of an IPv4 address, for the loops that see a million of them. Undefined for an IPv6 one. */
function quickNumber(address: string): number | undefined {
  const number = quickIpv4(address);
  return number < 0 ? undefined : number;
}

/** Prefixes and addresses, to be asked for what is inside them. */
export class BlockSet {
  /** IPv4: first and last of each range, ascending and apart. */
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];
  readonly #others: Block[] = [];

  constructor(items: Iterable<string | Block>) {
    const ranges: { first: number; last: number }[] = [];
    for (const item of items) {
      const number = typeof item === "string" ? quickNumber(item) : undefined;
      if (number !== undefined) {
        ranges.push({ first: number, last: number });
        continue;
      }
      const block = typeof item === "string" ? blockOf(item) : item;
      if (block.bits === 32) {
        ranges.push({ first: Number(block.first), last: Number(block.last) });
      } else {
        this.#others.push(block);
      }
    }
    ranges.sort((a, b) => a.first - b.first);
    for (const { first, last } of ranges) {
      const end = this.#lasts.length - 1;
      if (end >= 0 && first <= this.#lasts[end]!) {
        this.#lasts[end] = Math.max(last, this.#lasts[end]!);
      } else {
        this.#firsts.push(first);
        this.#lasts.push(last);
      }
    }
  }

  /** The index of the last range that begins at or before `number`, or -1. */
  #before(number: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firsts[middle]! <= number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  /** Whether a prefix or address has an address in common with any of the set. */
  meets(text: string): boolean {
    const number = quickNumber(text);
    if (number !== undefined) {
      const at = this.#before(number);
      return at >= 0 && number <= this.#lasts[at]!;
    }
    const block = blockOf(text);
    if (block.bits === 32) {
      const at = this.#before(Number(block.last));
      return at >= 0 && Number(block.first) <= this.#lasts[at]!;
    }
    return this.#others.some((other) => overlap(other, block));
  }
}

/** Cuts a range of addresses into as few prefixes as cover it exactly. */
function prefixesOf({ bits, first, last }: Block): IpPrefix[] {
  const prefixes: IpPrefix[] = [];
  for (let next = first; next <= last; ) {
    let length = bits;
    while (length > 0) {
      const size = 1n << BigInt(bits - length + 1);
      if (next % size !== 0n || next + size - 1n > last) {
        break;
      }
      length--;
    }
    prefixes.push(formatIpPrefix({ address: toOctets(next, bits), prefixLen: length }));
    next += 1n << BigInt(bits - length);
  }
  return prefixes;
}

/** As few prefixes as hold exactly these addresses, ascending. */
export function aggregate(addresses: Iterable<string>): IpPrefix[] {
  const blocks = [...addresses].map(blockOf);
  blocks.sort((a, b) => a.bits - b.bits || (a.first < b.first ? -1 : Number(a.first > b.first)));
  const ranges: Block[] = [];
  for (const block of blocks) {
    const open = ranges.at(-1);
    if (open !== undefined && open.bits === block.bits && block.first <= open.last + 1n) {
      if (block.last > open.last) {
        open.last = block.last;
      }
    } else {
      ranges.push({ ...block });
    }
  }
  return ranges.flatMap(prefixesOf);
}
