import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesToInteger,
  canonical,
  decodeExact,
  decodeLpm,
  decodeRange,
  decodeTernary,
  encodeExact,
  encodeLpm,
  encodeRange,
  encodeTernary,
  formatIpv6,
  formatMac,
  integerToBytes,
  parseIpv4,
  parseIpv4Prefix,
  parseIpv6,
  parseMac,
} from "../src/p4runtime/index.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("canonical byte strings", () => {
  it.each([
    [0, 16, "00"],
    [1, 16, "01"],
    [255, 16, "ff"],
    [256, 16, "0100"],
    [true, 1, "01"],
    ["0x50", 16, "50"],
    ["10.0.0.1", 32, "0a000001"],
    ["0.0.0.1", 32, "01"],
    ["02:00:00:00:00:01", 48, "020000000001"],
    ["02-00-00-00-00-0A", 48, "02000000000a"],
    ["::1", 128, "01"],
    [2n ** 127n, 128, "80000000000000000000000000000000"],
    [Uint8Array.of(0, 0, 7), 8, "07"],
    ["any text", 0, "616e792074657874"],
  ])("writes %s in %i bits as %s", (value, bitwidth, expected) => {
    expect(hex(encodeExact(value, bitwidth))).toBe(expected);
  });

  it("takes padding away on reads, and takes no bytes for 0", () => {
    expect(hex(canonical(Uint8Array.of(0, 0, 1, 0)))).toBe("0100");
    expect(hex(canonical(Uint8Array.of(0, 0)))).toBe("00");
    expect(hex(canonical(new Uint8Array()))).toBe("00");
    expect(decodeExact(Uint8Array.of(0, 0, 10, 0, 0, 1), 32, "ipv4")).toBe("10.0.0.1");
  });

  it.each([
    [70000, 16, "70000 does not fit in 16 bits (0 to 65535)"],
    [-1, 16, "-1 does not fit in 16 bits (0 to 65535)"],
    [2, 1, "2 does not fit in 1 bits (0 to 1)"],
    [1.5, 16, "1.5 is not an exact integer"],
    [2 ** 60, 64, "is not an exact integer (give it as text or as a bigint)"],
    ["ten", 16, '"ten" is not a number (write it like 80 or 0x50)'],
    ["", 16, '"" is not a number (write it like 80 or 0x50)'],
    ["10.0.0.1", 16, '"10.0.0.1" is not a number (write it like 80 or 0x50)'],
    ["10.0.0", 32, '"10.0.0" is not an IPv4 address (write it like 192.0.2.1)'],
    [
      "10.0.0.256",
      32,
      '"10.0.0.256" is not an IPv4 address ("256" is not a number from 0 to 255 without leading zeros)',
    ],
    [
      "10.0.0.01",
      32,
      '"10.0.0.01" is not an IPv4 address ("01" is not a number from 0 to 255 without leading zeros)',
    ],
    ["02:00:00:00:00", 48, '"02:00:00:00:00" is not a MAC address (write it like 02:00:00:00:00:01)'],
    ["1:::2", 128, '"1:::2" is not an IPv6 address (write it like 2001:db8::1)'],
    ["fe80::1%eth0", 128, '"fe80::1%eth0" is not an IPv6 address (write it like 2001:db8::1)'],
    [Uint8Array.of(1, 0), 8, "0x0100 does not fit in 8 bits"],
  ])("refuses %s for %i bits", (value, bitwidth, message) => {
    expect(() => encodeExact(value, bitwidth)).toThrow(message);
  });
});

describe("round trips", () => {
  const sized = fc
    .integer({ min: 1, max: 128 })
    .chain((bitwidth) =>
      fc.tuple(fc.constant(bitwidth), fc.bigInt({ min: 0n, max: (1n << BigInt(bitwidth)) - 1n })),
    );
  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

  it("gives back any integer that fits, in as few bytes as it needs", () => {
    fc.assert(
      fc.property(sized, ([bitwidth, value]) => {
        const bytes = encodeExact(value, bitwidth);
        expect(bytesToInteger(bytes)).toBe(value);
        expect(bytes.length === 1 || bytes[0] !== 0).toBe(true);
        expect(BigInt(decodeExact(bytes, bitwidth, "number"))).toBe(value);
        expect(BigInt(decodeExact(bytes, bitwidth, "hex"))).toBe(value);
      }),
    );
  });

  it("refuses any integer that does not fit", () => {
    fc.assert(
      fc.property(sized, ([bitwidth, value]) => {
        expect(() => encodeExact(value + (1n << BigInt(bitwidth)), bitwidth)).toThrow("does not fit");
      }),
    );
  });

  it("gives back addresses as they were written", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(decodeExact(encodeExact(text, 32), 32, "ipv4")).toBe(text);
      }),
    );
    fc.assert(
      fc.property(octets(6), (bytes) => {
        expect(decodeExact(encodeExact(formatMac(bytes), 48), 48, "mac")).toBe(formatMac(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const bytes = parseIpv6(text);
        expect([...parseIpv6(formatIpv6(bytes))]).toEqual([...bytes]);
        expect(decodeExact(encodeExact(text, 128), 128, "ipv6")).toBe(formatIpv6(bytes));
      }),
    );
  });

  it("agrees with the platform's URL parser on the one form of an IPv6 address (RFC 5952)", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(`[${formatIpv6(parseIpv6(text))}]`).toBe(new URL(`http://[${text}]`).hostname);
      }),
    );
  });

  const masked = fc.tuple(octets(4), octets(4)).map(([value, mask]) => ({
    value: bytesToInteger(value.map((octet, i) => octet & mask[i]!)),
    mask: bytesToInteger(mask),
  }));

  it("gives back prefixes, masks and ranges", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 32 }), fc.nat(0xffffffff), (prefixLen, seed) => {
        const size = 2 ** (32 - prefixLen);
        const value = Math.floor(seed / size) * size;
        const text = `${decodeExact(encodeExact(value, 32), 32, "ipv4")}/${prefixLen}`;
        expect(decodeLpm(encodeLpm(text, 32), 32, "ipv4")).toBe(text);
      }),
    );
    fc.assert(
      fc.property(masked, ({ value, mask }) => {
        const ternary = encodeTernary(`0x${value.toString(16)}&&&0x${mask.toString(16)}`, 32);
        if (mask === 0n) {
          expect(ternary).toBeUndefined();
          return;
        }
        const again = encodeTernary(decodeTernary(ternary!, 32, "ipv4"), 32)!;
        expect([hex(again.value), hex(again.mask)]).toEqual([
          hex(integerToBytes(value)),
          hex(integerToBytes(mask)),
        ]);
      }),
    );
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffff), (a, b) => {
        const text = a === b ? `${a}` : `${Math.min(a, b)}..${Math.max(a, b)}`;
        const range = encodeRange(text, 16);
        expect(range === undefined ? "0..65535" : `${decodeRange(range, 16, "number")}`).toBe(text);
      }),
    );
  });
});

describe("patterns", () => {
  it("takes a bare value for all of the field", () => {
    expect(encodeLpm("10.0.0.1", 32).prefixLen).toBe(32);
    expect(hex(encodeTernary(5, 16)!.mask)).toBe("ffff");
    expect(encodeRange("7", 16)).toEqual({ low: Uint8Array.of(7), high: Uint8Array.of(7) });
  });

  it("takes a prefix for a mask", () => {
    const { value, mask } = encodeTernary("10.0.0.0/8", 32)!;
    expect([hex(value), hex(mask)]).toEqual(["0a000000", "ff000000"]);
    expect(decodeTernary({ value, mask }, 32, "ipv4")).toBe("10.0.0.0&&&255.0.0.0");
  });

  it.each([
    [
      () => encodeLpm("10.0.0.1/8", 32),
      '"10.0.0.1/8" has bits set beyond its prefix length (did you mean 10.0.0.0/8?)',
    ],
    [() => encodeLpm("10.0.0.0/33", 32), '"10.0.0.0/33": the prefix length is a number from 0 to 32'],
    [() => encodeLpm("10.0.0.0/", 32), '"10.0.0.0/": the prefix length is a number from 0 to 32'],
    [() => encodeTernary("0x3&&&0x1", 8), '"0x3&&&0x1": the value has bits set outside its mask'],
    [() => encodeRange("9..7", 16), '"9..7": the range ends before it begins'],
    [
      () => parseIpv4Prefix("10.0.0.9/24"),
      '"10.0.0.9/24" has bits set beyond its prefix length (did you mean 10.0.0.0/24?)',
    ],
    [() => parseIpv4Prefix("10.0.0.0/24/1"), '"10.0.0.0/24/1" is not an IPv4 prefix'],
    [() => parseIpv4("::1"), '"::1" is not an IPv4 address'],
    [() => parseMac("02:00-00:00:00:01"), '"02:00-00:00:00:01" is not a MAC address'],
  ])("refuses what contradicts itself (%#)", (encode, message) => {
    expect(encode).toThrow(message);
  });
});
