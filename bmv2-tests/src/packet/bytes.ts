// Bytes in network order, and addresses as people write them. Written apart from the controller's and the soft switch's
// code on purpose: a test that shares an encoder with what it tests cannot see the encoder's mistakes.

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Big-endian integer of `bytes` bytes (at most 6). */
export function uint(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let rest = value;
  for (let i = bytes - 1; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/** Reads a big-endian integer of `length` bytes (at most 6). */
export function readUint(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

export function macBytes(text: string): Uint8Array {
  const bytes = Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16));
  if (bytes.length !== 6) throw new Error(`"${text}" is not a MAC address`);
  return bytes;
}

export function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join(":");
}

export function ipv4Bytes(text: string): Uint8Array {
  const bytes = Uint8Array.from(text.split("."), Number);
  if (bytes.length !== 4) throw new Error(`"${text}" is not an IPv4 address`);
  return bytes;
}

export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

export function ipv6Bytes(text: string): Uint8Array {
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((g) => Number.parseInt(g, 16)));
  const [left, right] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...new Array<number>(Math.max(0, zeros)).fill(0), ...right];
  if (all.length !== 8 || all.some((group) => !(group >= 0 && group <= 0xffff))) {
    throw new Error(`"${text}" is not an IPv6 address`);
  }
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The eight groups, the longest run of zeros shortened (RFC 5952, section 4). */
export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => readUint(bytes, 2 * i, 2).toString(16));
  const runs = [
    ...groups
      .map((group) => (group === "0" ? "0" : "1"))
      .join("")
      .matchAll(/00+/g),
  ];
  const longest = runs.sort((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return groups.join(":");
  const end = longest.index + longest[0].length;
  return `${groups.slice(0, longest.index).join(":")}::${groups.slice(end).join(":")}`;
}

/** The bytes of an address of either version. */
export function addressBytes(text: string): Uint8Array {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** `length` bytes that count up from `first`: a payload whose every byte tells its place. */
export function countingBytes(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
}

/** The 16-bit ones' complement sum of RFC 1071 over all parts as one string of bytes (an odd last byte is padded with 0). */
export function onesSum(...parts: readonly Uint8Array[]): number {
  const bytes = concat(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The Internet checksum of RFC 1071. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  return ~onesSum(...parts) & 0xffff;
}
