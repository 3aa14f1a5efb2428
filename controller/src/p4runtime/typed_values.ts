// Makes values of the types in value_types.ts, each with its check: for numbers and texts that only the run knows.
import { parseIpPrefix, parseIpv4, parseIpv6, parseMac, ValueError } from "./addresses.js";
import { type Fitting, GREATEST } from "./literal_types.js";
import type { BigUint, Ip, IpPrefix, Ipv4, Ipv6, Mac, Prefix, Range, Ternary, Uint } from "./value_types.js";

/**
 * A whole number of at most `bits` bits.
 *
 * @param bits - at most 48; {@link biguint} for wider fields
 * @param value - a literal that is too wide does not compile
 * @throws ValueError
 */
export function uint<W extends number, const N extends number>(
  bits: W,
  value: number extends N ? N : Fitting<N, Uint<W>>,
): Uint<W> {
  const number: number = value;
  const greatest = GREATEST[bits] ?? 0;
  if (!(Number.isInteger(number) && number >= 0 && number <= greatest)) {
    throw new ValueError(`${number} is not a whole number of at most ${bits} bits (0 to ${greatest})`);
  }
  return number as Uint<W>;
}

/** {@link uint} for fields of more than 48 bits. @throws ValueError */
export function biguint<W extends number>(bits: W, value: bigint): BigUint<W> {
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new ValueError(`${value} does not fit in ${bits} bits`);
  }
  return value as BigUint<W>;
}

/** @throws ValueError when the text is no such address; so do the next ones */
export function ipv4(text: string): Ipv4 {
  parseIpv4(text);
  return text as Ipv4;
}

export function ipv6(text: string): Ipv6 {
  parseIpv6(text);
  return text as Ipv6;
}

/** Of either family. */
export function ip(text: string): Ip {
  return text.includes(":") ? ipv6(text) : ipv4(text);
}

export function mac(text: string): Mac {
  parseMac(text);
  return text as Mac;
}

/** `address/length` of either family, without bits beyond the length. */
export function ipPrefix(text: string): IpPrefix {
  const { address, prefixLen } = parseIpPrefix(text);
  const full = text.includes("/") ? text : `${text}/${prefixLen}`;
  return address.length === 4 ? (full as Prefix<Ipv4>) : (full as Prefix<Ipv6>);
}

/** The values that agree with one in the bits of a mask; what the value has outside its mask is refused when it is written. */
export function ternary<T extends Uint<number> | Ip>(value: T, mask: T): Ternary<T> {
  return `${value}&&&${mask}` as Ternary<T>;
}

/** The values that agree with one in its first `length` bits. */
export function prefixOf<T extends Uint<number> | Ip>(value: T, length: number): Prefix<T> {
  return `${value}/${length}` as Prefix<T>;
}

/** The values from one to another, both included. */
export function range<T extends Uint<number>>(low: T, high: T): Range<T> {
  return `${low}..${high}` as Range<T>;
}
