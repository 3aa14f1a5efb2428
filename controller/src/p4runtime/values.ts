// Values as people write them <-> P4Runtime's canonical byte strings (specification, section 8.4): as few bytes as the
// number needs, at least one. Servers may pad what they send, so reads are normalised before anything is compared.
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  networkOf,
  parseIpv4,
  parseIpv6,
  parseMac,
  ValueError,
} from "./addresses.js";

/** What a caller may give for a field: a number, its text (`80`, `0x50`, an address), raw bytes, or a flag. */
export type ValueInput = number | bigint | string | boolean | Uint8Array;
/** What a read gives back: an address or other text, or a number where it is exact (up to 48 bits). */
export type Value = number | string;
/** How a field is shown; from `@format` in the P4 program. `text` is for fields translated to strings (bit width 0). */
export type Format = "number" | "hex" | "ipv4" | "ipv6" | "mac" | "text";

/** Numbers that have names: a serializable enum of the program. */
export interface NamedValues {
  /** The enum's name. */
  type: string;
  bitwidth: number;
  numbers: ReadonlyMap<string, bigint>;
}

/** Widest field that is given back as a JavaScript number. */
const MAX_NUMBER_BITS = 48;

/** The canonical form: leading zero bytes removed, one byte kept. */
export function canonical(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) {
    start++;
  }
  if (bytes.length === 0) {
    return new Uint8Array(1);
  }
  return start === 0 ? bytes : bytes.subarray(start);
}

/** @returns the canonical byte string of a non-negative integer */
export function integerToBytes(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Uint8Array.from(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
}

/** Reads bytes as one unsigned big-endian integer; no bytes are 0. */
export function bytesToInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** Left-pads (or cuts leading zeros) to exactly `length` bytes. */
function toLength(bytes: Uint8Array, length: number): Uint8Array {
  const trimmed = canonical(bytes);
  const padded = new Uint8Array(length);
  padded.set(trimmed.subarray(Math.max(0, trimmed.length - length)), Math.max(0, length - trimmed.length));
  return padded;
}

function allOnes(bitwidth: number): bigint {
  return (1n << BigInt(bitwidth)) - 1n;
}

function parseText(text: string, bitwidth: number, names: NamedValues | undefined): bigint {
  const named = names?.numbers.get(text);
  if (named !== undefined) {
    return named;
  }
  if (/^\d+$/.test(text) || /^0x[0-9a-f]+$/i.test(text)) {
    return BigInt(text);
  }
  if (names !== undefined) {
    const known = [...names.numbers.keys()].join(", ");
    throw new ValueError(`"${text}" is neither a number nor a value of ${names.type} (one of ${known})`);
  }
  switch (bitwidth) {
    case 32:
      return bytesToInteger(parseIpv4(text));
    case 48:
      return bytesToInteger(parseMac(text));
    case 128:
      return bytesToInteger(parseIpv6(text));
    default:
      throw new ValueError(`"${text}" is not a number (write it like 80 or 0x50)`);
  }
}

function parseInteger(
  value: Exclude<ValueInput, Uint8Array>,
  bitwidth: number,
  names: NamedValues | undefined,
): bigint {
  let integer: bigint;
  if (typeof value === "string") {
    integer = parseText(value, bitwidth, names);
  } else if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new ValueError(`${value} is not an exact integer (give it as text or as a bigint)`);
  } else {
    integer = BigInt(value);
  }
  if (integer < 0n || integer > allOnes(bitwidth)) {
    throw new ValueError(`${value} does not fit in ${bitwidth} bits (0 to ${allOnes(bitwidth)})`);
  }
  return integer;
}

/**
 * Encodes one value for a field of `bitwidth` bits (0: a field translated to a string).
 *
 * @param names - of a serializable enum; a number is taken as well
 * @returns the canonical byte string
 * @throws ValueError when the text is no such value or the number does not fit
 */
export function encodeExact(value: ValueInput, bitwidth: number, names?: NamedValues): Uint8Array {
  if (bitwidth === 0) {
    return value instanceof Uint8Array ? value : Uint8Array.from(Buffer.from(String(value), "utf8"));
  }
  if (value instanceof Uint8Array) {
    const bytes = canonical(value);
    if (bytesToInteger(bytes) > allOnes(bitwidth)) {
      throw new ValueError(`0x${Buffer.from(value).toString("hex")} does not fit in ${bitwidth} bits`);
    }
    return bytes;
  }
  return integerToBytes(parseInteger(value, bitwidth, names));
}

function nameOf(bytes: Uint8Array, { numbers }: NamedValues): string | undefined {
  const number = bytesToInteger(bytes);
  return [...numbers].find(([, value]) => value === number)?.[0];
}

/** Decodes what {@link encodeExact} encoded; padded bytes are accepted. A number that has no name stays one. */
export function decodeExact(bytes: Uint8Array, bitwidth: number, format: Format, names?: NamedValues): Value {
  const name = names && nameOf(bytes, names);
  if (name !== undefined) {
    return name;
  }
  switch (format) {
    case "ipv4":
      return formatIpv4(toLength(bytes, 4));
    case "ipv6":
      return formatIpv6(toLength(bytes, 16));
    case "mac":
      return formatMac(toLength(bytes, 6));
    case "text":
      return Buffer.from(bytes).toString("utf8");
    case "hex":
      return `0x${bytesToInteger(bytes).toString(16)}`;
    case "number":
      return bitwidth <= MAX_NUMBER_BITS
        ? Number(bytesToInteger(bytes))
        : `0x${bytesToInteger(bytes).toString(16)}`;
  }
}

export interface LpmValue {
  value: Uint8Array;
  prefixLen: number;
}

function prefixMask(prefixLen: number, bitwidth: number): bigint {
  return allOnes(bitwidth) ^ allOnes(bitwidth - prefixLen);
}

/**
 * Encodes `value/length`; without a length the whole field is meant.
 *
 * @throws ValueError, also when bits beyond the prefix length are set
 */
export function encodeLpm(input: ValueInput, bitwidth: number, names?: NamedValues): LpmValue {
  const text = typeof input === "string" ? input : undefined;
  const slash = text?.lastIndexOf("/") ?? -1;
  if (text === undefined || slash < 0) {
    return { value: encodeExact(input, bitwidth, names), prefixLen: bitwidth };
  }
  const lengthText = text.slice(slash + 1);
  const prefixLen = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : bitwidth + 1;
  if (prefixLen > bitwidth) {
    throw new ValueError(`"${text}": the prefix length is a number from 0 to ${bitwidth}`);
  }
  const value = encodeExact(text.slice(0, slash), bitwidth, names);
  const network = bytesToInteger(value) & prefixMask(prefixLen, bitwidth);
  if (network !== bytesToInteger(value)) {
    const shown = text.includes(".")
      ? formatIpv4(networkOf(toLength(value, 4), prefixLen))
      : `0x${network.toString(16)}`;
    throw new ValueError(
      `"${text}" has bits set beyond its prefix length (did you mean ${shown}/${prefixLen}?)`,
    );
  }
  return { value, prefixLen };
}

/** @returns `value/length`, also for a full-length prefix */
export function decodeLpm(lpm: LpmValue, bitwidth: number, format: Format, names?: NamedValues): string {
  return `${decodeExact(lpm.value, bitwidth, format, names)}/${lpm.prefixLen}`;
}

export interface TernaryValue {
  value: Uint8Array;
  mask: Uint8Array;
}

/**
 * Encodes `value&&&mask`, `value/length` or a bare value (all bits count).
 *
 * @returns undefined when no bit counts: such a field is left out of an entry (specification, section 9.1.1)
 * @throws ValueError, also when the value has bits outside its mask
 */
export function encodeTernary(
  input: ValueInput,
  bitwidth: number,
  names?: NamedValues,
): TernaryValue | undefined {
  const text = typeof input === "string" ? input : "";
  let value: Uint8Array;
  let mask: bigint;
  if (text.includes("&&&")) {
    const [valueText, maskText] = text.split("&&&", 2) as [string, string];
    value = encodeExact(valueText.trim(), bitwidth, names);
    mask = bytesToInteger(encodeExact(maskText.trim(), bitwidth));
  } else {
    const lpm = encodeLpm(input, bitwidth, names);
    value = lpm.value;
    mask = prefixMask(lpm.prefixLen, bitwidth);
  }
  if ((bytesToInteger(value) & ~mask) !== 0n) {
    throw new ValueError(`"${text}": the value has bits set outside its mask`);
  }
  return mask === 0n ? undefined : { value, mask: integerToBytes(mask) };
}

/** @returns a bare value when all bits count, else `value&&&mask` */
export function decodeTernary(
  ternary: TernaryValue,
  bitwidth: number,
  format: Format,
  names?: NamedValues,
): Value {
  if (bytesToInteger(ternary.mask) === allOnes(bitwidth)) {
    return decodeExact(ternary.value, bitwidth, format, names);
  }
  const bits = format === "number" ? "hex" : format;
  return `${decodeExact(ternary.value, bitwidth, bits)}&&&${decodeExact(ternary.mask, bitwidth, bits)}`;
}

export interface RangeValue {
  low: Uint8Array;
  high: Uint8Array;
}

/**
 * Encodes `low..high`, both inclusive, or a bare value.
 *
 * @returns undefined for the whole range: such a field is left out of an entry
 * @throws ValueError
 */
export function encodeRange(
  input: ValueInput,
  bitwidth: number,
  names?: NamedValues,
): RangeValue | undefined {
  const [lowText, highText] =
    typeof input === "string" && input.includes("..") ? input.split("..", 2) : [input, input];
  const low = encodeExact(typeof lowText === "string" ? lowText.trim() : lowText!, bitwidth, names);
  const high = encodeExact(typeof highText === "string" ? highText.trim() : highText!, bitwidth, names);
  if (bytesToInteger(low) > bytesToInteger(high)) {
    throw new ValueError(`"${input}": the range ends before it begins`);
  }
  return bytesToInteger(low) === 0n && bytesToInteger(high) === allOnes(bitwidth) ? undefined : { low, high };
}

/** @returns a bare value when the range holds one, else `low..high` */
export function decodeRange(range: RangeValue, bitwidth: number, format: Format, names?: NamedValues): Value {
  const low = decodeExact(range.low, bitwidth, format, names);
  const high = decodeExact(range.high, bitwidth, format, names);
  return low === high ? low : `${low}..${high}`;
}
