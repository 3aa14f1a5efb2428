// Frames for testdata/matching.p4: the first byte names the table; the entry found writes its number into the second.
import { expect } from "vitest";
import type { TestProgram } from "./program.js";

export const TABLE = {
  exact: 1,
  lpm: 2,
  ternary: 3,
  range: 4,
  optional: 5,
  const: 6,
  present: 7,
  absent: 8,
  group: 9,
  member: 10,
  keyless: 11,
  constLpm: 12,
};
export const MISS = 0xff;

export interface Probe {
  half?: number;
  word?: number;
  mac?: bigint;
  address?: bigint;
}

export function frameOf(
  table: number,
  { half = 0, word = 0, mac = 0n, address = 0n }: Probe,
  rest = "",
): Buffer {
  const hex = (value: number | bigint, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
  return Buffer.from(
    `${hex(table, 1)}00${hex(half, 2)}${hex(word, 4)}${hex(mac, 6)}${hex(address, 16)}${rest}`,
    "hex",
  );
}

/** The number that an entry wrote. */
export function find(program: TestProgram, table: number, probe: Probe, rest = ""): number {
  const out = program.switch.inject(0, frameOf(table, probe, rest));
  expect(out).toHaveLength(1);
  return out[0]!.frame[1]!;
}
