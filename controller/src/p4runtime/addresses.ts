// Addresses as people write them <-> bytes in network order. The lowest layer: nothing here knows P4.
import { isIPv6 } from "node:net";
import type { Ip, IpPrefix, Ipv4, Ipv6, Mac } from "./value_types.js";

/** A value that is not what it claims to be. The message says what is wrong with it and what would be right. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** An address block: `address` has no bits set beyond `prefixLen`. */
export interface AddressBlock {
  address: Uint8Array;
  prefixLen: number;
}

const ZERO = 0x30;
const DOT = 0x2e;
const DECIMAL_OCTET = /^(0|[1-9]\d{0,2})$/;

/** @returns the number of the dotted quad in `text` before `end`, or -1 */
export function quickIpv4(text: string, end = text.length): number {
  let value = 0;
  let octet = -1; // no digit yet
  let dots = 0;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0 || dots === 3) {
        return -1;
      }
      value = value * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || octet === 0) {
      return -1; // also a leading zero
    }
    octet = octet < 0 ? digit : 10 * octet + digit;
    if (octet > 255) {
      return -1;
    }
  }
  return octet < 0 || dots < 3 ? -1 : value * 256 + octet;
}

/**
 * Parses a dotted quad. Octets with leading zeros are refused: programs disagree on whether they are octal.
 *
 * @returns 4 bytes
 * @throws ValueError
 */
export function parseIpv4(text: string): Uint8Array {
  const number = quickIpv4(text);
  if (number < 0) {
    const parts = text.split(".");
    const wrong = parts.find((part) => !DECIMAL_OCTET.test(part) || Number(part) > 255);
    throw new ValueError(
      parts.length !== 4
        ? `"${text}" is not an IPv4 address (write it like 192.0.2.1)`
        : `"${text}" is not an IPv4 address ("${wrong}" is not a number from 0 to 255 without leading zeros)`,
    );
  }
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

/** @param bytes - 4 bytes */
export function formatIpv4(bytes: Uint8Array): Ipv4 {
  return bytes.join(".") as Ipv4;
}

/**
 * Parses the text forms of RFC 4291, section 2.2, without a zone.
 *
 * @returns 16 bytes
 * @throws ValueError
 */
export function parseIpv6(text: string): Uint8Array {
  if (!isIPv6(text) || text.includes("%")) {
    throw new ValueError(`"${text}" is not an IPv6 address (write it like 2001:db8::1)`);
  }
  const groupsOf = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) {
            return [Number.parseInt(group, 16)];
          }
          const [a, b, c, d] = parseIpv4(group) as unknown as [number, number, number, number];
          return [(a << 8) | b, (c << 8) | d];
        });
  const [head, tail] = text.split("::") as [string, string | undefined];
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const groups = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}

/**
 * The one text form that RFC 5952 recommends: lower case, the longest run of two or more zero groups shortened.
 *
 * @param bytes - 16 bytes
 */
export function formatIpv6(bytes: Uint8Array): Ipv6 {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) {
      length++;
    }
    if (length > best.length) {
      best = { start, length };
    }
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  const text =
    best.start < 0
      ? hex(groups)
      : `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
  return text as Ipv6;
}

/**
 * Parses six hexadecimal octets, separated by colons or hyphens.
 *
 * @returns 6 bytes
 * @throws ValueError
 */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) {
    throw new ValueError(`"${text}" is not a MAC address (write it like 02:00:00:00:00:01)`);
  }
  return Uint8Array.from(text.split(/[:-]/), (octet) => Number.parseInt(octet, 16));
}

/** @param bytes - 6 bytes */
export function formatMac(bytes: Uint8Array): Mac {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join(":") as Mac;
}

/** Formats 4 bytes as IPv4, 16 as IPv6, 6 as a MAC, anything else as hexadecimal. */
export function formatAddress(bytes: Uint8Array): string {
  switch (bytes.length) {
    case 4:
      return formatIpv4(bytes);
    case 6:
      return formatMac(bytes);
    case 16:
      return formatIpv6(bytes);
    default:
      return `0x${Buffer.from(bytes).toString("hex")}`;
  }
}

/** @param bytes - 4 or 16 bytes */
export function formatIp(bytes: Uint8Array): Ip {
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** `address/length`; bits beyond the length are left away. */
export function formatIpPrefix({ address, prefixLen }: AddressBlock): IpPrefix {
  return `${formatIp(networkOf(address, prefixLen))}/${prefixLen}` as IpPrefix;
}

/** Clears every bit after the first `prefixLen`. */
export function networkOf(address: Uint8Array, prefixLen: number): Uint8Array {
  return address.map((octet, i) => {
    const keep = Math.min(8, Math.max(0, prefixLen - 8 * i));
    return octet & (0xff00 >> keep) & 0xff;
  });
}

/** Parses an address of either family; a colon makes it an IPv6 one. @returns 4 or 16 bytes @throws ValueError */
export function parseIp(text: string): Uint8Array {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/**
 * Parses an address or prefix of either family; a bare address is a prefix of full length.
 *
 * @throws ValueError, also when bits beyond the prefix length are set
 */
export function parseIpPrefix(text: string): AddressBlock {
  const { address, prefixLen } = parseIpInterface(text);
  const network = networkOf(address, prefixLen);
  if (Buffer.compare(network, address) !== 0) {
    throw new ValueError(
      `"${text}" has bits set beyond its prefix length (did you mean ${formatAddress(network)}/${prefixLen}?)`,
    );
  }
  return { address, prefixLen };
}

/** Parses `address/length` where the address may be any of the block, as on an interface; no length means all bits. */
export function parseIpInterface(text: string): AddressBlock {
  const [addressText, lengthText, ...rest] = text.split("/") as [string, string | undefined];
  const address = parseIp(addressText);
  const bits = 8 * address.length;
  if (
    rest.length > 0 ||
    (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) ||
    Number(lengthText ?? 0) > bits
  ) {
    const family = bits === 32 ? "IPv4" : "IPv6";
    throw new ValueError(
      `"${text}" is not an ${family} prefix (the length after "/" is a number from 0 to ${bits})`,
    );
  }
  return { address, prefixLen: lengthText === undefined ? bits : Number(lengthText) };
}

/** {@link parseIpPrefix} for IPv4 alone. */
export function parseIpv4Prefix(text: string): AddressBlock {
  const [address] = text.split("/") as [string];
  parseIpv4(address);
  return parseIpPrefix(text);
}
