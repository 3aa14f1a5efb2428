// Hash functions against published check values, and arithmetic on lanes against integers of any size.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { multiply64, multiplyWide, randomBetween, shiftLeft, shiftRight } from "../src/runtime/arithmetic.js";
import { crc16, crc32, crcCcitt, csum16, identity64, withRoom, xor16 } from "../src/runtime/hash.js";

const CHECK = Buffer.from("123456789");
const bytes = (hex: string) => Buffer.from(hex, "hex");

describe("check values", () => {
  // The "check" values of the catalogue of parametrised CRC algorithms, for the ASCII digits 1 to 9.
  test.each([
    ["CRC-32/ISO-HDLC", crc32, 0xcbf43926],
    ["CRC-16/ARC", crc16, 0xbb3d],
    ["CRC-16/CCITT-FALSE", crcCcitt, 0x29b1],
  ])("%s", (_, hash, check) => {
    expect(hash(CHECK, CHECK.length)).toBe(check);
  });

  test("the checksum of RFC 1071's example, and of an odd number of bytes", () => {
    expect(csum16(bytes("0001f203f4f5f6f7"), 8)).toBe(~0xddf2 & 0xffff);
    expect(csum16(bytes("0001f203f4f5f6"), 7)).toBe(csum16(bytes("0001f203f4f5f600"), 8));
    expect(csum16(bytes(""), 0)).toBe(0xffff);
    expect(csum16(bytes("ffffffff"), 4)).toBe(0);
  });

  test("an IPv4 header with its checksum sums up to 0", () => {
    expect(csum16(bytes("450000730000400040110000c0a80001c0a800c7"), 20)).toBe(0xb861);
    expect(csum16(bytes("450000730000400040 11b861c0a80001c0a800c7".replace(" ", "")), 20)).toBe(0);
  });

  test("xor16: 16-bit words, the last filled up with zeros", () => {
    expect(xor16(bytes("1234abcd"), 4)).toBe(0x1234 ^ 0xabcd);
    expect(xor16(bytes("1234ab"), 3)).toBe(0x1234 ^ 0xab00);
  });

  test("identity: the first eight bytes, all 64 bits of them", () => {
    expect(identity64(bytes("ffeeddccbbaa998877"), 9)).toBe(0xffeeddccbbaa9988n);
    expect(identity64(bytes("0102ff"), 2)).toBe(0x0102n);
    expect(identity64(bytes(""), 0)).toBe(0n);
  });

  test("only the bytes that are said to be there count", () => {
    for (const hash of [crc32, crc16, crcCcitt, csum16, xor16]) {
      expect(hash(Buffer.from("123456789abc"), 9)).toBe(hash(CHECK, 9));
    }
  });
});

test("room for more input keeps what was written", () => {
  const small = Uint8Array.of(1, 2, 3);
  expect(withRoom(small, 3)).toBe(small);
  expect([...withRoom(small, 4).subarray(0, 4)]).toEqual([1, 2, 3, 0]);
});

const toLanes = (value: bigint, lanes: number) =>
  Int32Array.from({ length: lanes }, (_, i) => Number(BigInt.asIntN(32, value >> BigInt(32 * i))));
const fromLanes = (lanes: Int32Array) =>
  lanes.reduce((sum, lane, i) => sum | (BigInt(lane >>> 0) << BigInt(32 * i)), 0n);
const wide = fc.integer({ min: 1, max: 6 }).chain((lanes) => {
  const max = (1n << BigInt(32 * lanes)) - 1n;
  const value = fc.oneof(fc.bigInt(0n, max), fc.constantFrom(0n, 1n, max, max - 1n, max >> 1n));
  return fc.record({ lanes: fc.constant(lanes), a: value, b: value });
});

describe("arithmetic on lanes", () => {
  test("multiply64", () => {
    const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0xffff, 0x10000, -0x80000000, 0x7fffffff));
    fc.assert(
      fc.property(word, word, word, word, (a0, a1, b0, b1) => {
        const product = new Int32Array(2);
        multiply64(a0, a1, b0, b1, product);
        const value = fromLanes(Int32Array.of(a0, a1)) * fromLanes(Int32Array.of(b0, b1));
        expect(fromLanes(product)).toBe(BigInt.asUintN(64, value));
      }),
      { numRuns: 5000 },
    );
  });

  test("multiplyWide", () => {
    fc.assert(
      fc.property(wide, ({ lanes, a, b }) => {
        const product = new Int32Array(lanes).fill(77);
        multiplyWide(toLanes(a, lanes), toLanes(b, lanes), lanes, product);
        expect(fromLanes(product)).toBe(BigInt.asUintN(32 * lanes, a * b));
      }),
      { numRuns: 1000 },
    );
  });

  test("shiftLeft and shiftRight, by any distance", () => {
    fc.assert(
      fc.property(wide, fc.integer({ min: 0, max: 250 }), ({ lanes, a }, distance) => {
        const bits = 32 * lanes;
        const left = toLanes(a, lanes);
        shiftLeft(left, lanes, distance);
        expect(fromLanes(left)).toBe(BigInt.asUintN(bits, a << BigInt(distance)));
        const right = toLanes(a, lanes);
        shiftRight(right, lanes, distance, 0);
        expect(fromLanes(right)).toBe(a >> BigInt(distance));
        const signed = BigInt.asIntN(bits, a);
        const arithmetic = toLanes(a, lanes);
        shiftRight(arithmetic, lanes, distance, signed < 0n ? -1 : 0);
        expect(fromLanes(arithmetic)).toBe(BigInt.asUintN(bits, signed >> BigInt(distance)));
      }),
      { numRuns: 2000 },
    );
  });

  test("randomBetween reaches both ends and nothing beyond them", () => {
    const seen = new Set<bigint>();
    for (let i = 0; i < 2000; i++) seen.add(randomBetween(5n, 8n));
    expect([...seen].sort()).toEqual([5n, 6n, 7n, 8n]);
    const max = (1n << 64n) - 1n;
    expect(randomBetween(max, max)).toBe(max);
    expect(randomBetween(0n, max)).toBeLessThanOrEqual(max);
  });
});
