// The values that nearly all entries are made of, encoded without anything in between: numbers, IPv4 addresses and prefixes, MACs,
// IPv6 addresses. Whatever is not plainly right is left to values.ts, which says what is wrong with it.
import { parseIpv6, quickIpv4, ValueError } from "./addresses.js";
import type { OctetWriter } from "./octets.js";
import { canonical, type ValueInput } from "./values.js";

const ZERO = 0x30;
const COLON = 0x3a;
const MAC_CHARACTERS = 17;
/** Numbers below it are exact. */
const EXACT_BITS = 53;
/** 2 to the power of the index. */
const LIMITS = Float64Array.from({ length: EXACT_BITS + 1 }, (_, bits) => 2 ** bits);

/** A decimal number of at most `digits` digits without leading zeros in `text` from `start` to `end`, or -1. */
function decimal(text: string, start: number, end: number, digits: number): number {
  if (end <= start || end - start > digits || (end - start > 1 && text.charCodeAt(start) === ZERO)) {
    return -1;
  }
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = 10 * value + digit;
  }
  return value;
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= 0x39) {
    return code - ZERO;
  }
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** @returns the number of a MAC with colons, or -1 */
function quickMac(text: string): number {
  if (text.length !== MAC_CHARACTERS) {
    return -1;
  }
  let value = 0;
  for (let at = 0; at < MAC_CHARACTERS; at += 3) {
    const high = hexDigit(text.charCodeAt(at));
    const low = hexDigit(text.charCodeAt(at + 1));
    if (high < 0 || low < 0 || (at > 0 && text.charCodeAt(at - 1) !== COLON)) {
      return -1;
    }
    value = value * 256 + 16 * high + low;
  }
  return value;
}

function quickIpv6(text: string): Uint8Array | undefined {
  try {
    return parseIpv6(text);
  } catch (error) {
    if (error instanceof ValueError) {
      return undefined;
    }
    throw error;
  }
}

/** @returns the number that a value of at most 53 bits is, or -1 */
export function quickNumber(value: ValueInput, bitwidth: number): number {
  if (typeof value === "string") {
    return bitwidth === 32 ? quickIpv4(value) : bitwidth === 48 ? quickMac(value) : -1;
  }
  const limit = LIMITS[Math.min(bitwidth, EXACT_BITS)]!;
  return typeof value === "number" && value >= 0 && value < limit && Math.floor(value) === value ? value : -1;
}

/** @returns whether the field was written; if not, what was written of it is of no use */
export function writeExact(out: OctetWriter, field: number, value: ValueInput, bitwidth: number): boolean {
  const number = quickNumber(value, bitwidth);
  if (number >= 0) {
    out.canonicalNumber(field, number);
    return true;
  }
  const bytes = typeof value === "string" && bitwidth === 128 ? quickIpv6(value) : undefined;
  if (bytes === undefined) {
    return false;
  }
  out.bytes(field, canonical(bytes));
  return true;
}

/** Writes `address/length`'s address. @returns the length, or -1: nothing of use was written */
export function writeLpm(out: OctetWriter, field: number, value: ValueInput, bitwidth: number): number {
  if (typeof value !== "string") {
    return writeExact(out, field, value, bitwidth) ? bitwidth : -1;
  }
  const slash = value.indexOf("/");
  if (slash < 0) {
    return writeExact(out, field, value, bitwidth) ? bitwidth : -1;
  }
  const length = decimal(value, slash + 1, value.length, 3);
  if (length < 0 || length > bitwidth) {
    return -1;
  }
  if (bitwidth === 32) {
    const address = quickIpv4(value, slash);
    if (address < 0 || address % 2 ** (32 - length) !== 0) {
      return -1;
    }
    out.canonicalNumber(field, address);
    return length;
  }
  const address = bitwidth === 128 ? quickIpv6(value.slice(0, slash)) : undefined;
  if (address === undefined || !endsInZeros(address, 128 - length)) {
    return -1;
  }
  out.bytes(field, canonical(address));
  return length;
}

function endsInZeros(bytes: Uint8Array, bits: number): boolean {
  const whole = Math.floor(bits / 8);
  for (let i = bytes.length - whole; i < bytes.length; i++) {
    if (bytes[i] !== 0) {
      return false;
    }
  }
  const part = bits % 8;
  return part === 0 || (bytes[bytes.length - whole - 1]! & ((1 << part) - 1)) === 0;
}
