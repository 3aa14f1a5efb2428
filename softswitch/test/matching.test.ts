// What entries packets find, by every kind of match: testdata/matching.p4.
import { Entity, Update_Type } from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { find as findIn, frameOf, MISS, type Probe, TABLE } from "./support/matching.js";
import { type EntryOptions, exact, lpm, optional, range, TestProgram, ternary } from "./support/program.js";

let program: TestProgram;

beforeEach(() => {
  program = new TestProgram("matching", { cpuPort: 510 });
});

const find = (table: number, probe: Probe, rest = "") => findIn(program, table, probe, rest);

describe("look-ups", () => {
  test("exact: all keys, all their bits", () => {
    const address = 0x20010db8_00000000_00000000_00000001n;
    program.insert("exact_table", {
      match: { half: exact(7), address: exact(address) },
      action: ["mark", 1],
    });
    expect(find(TABLE.exact, { half: 7, address })).toBe(1);
    for (const bit of [0n, 31n, 32n, 63n, 64n, 95n, 96n, 127n]) {
      expect(find(TABLE.exact, { half: 7, address: address ^ (1n << bit) })).toBe(MISS);
    }
    expect(find(TABLE.exact, { half: 6, address })).toBe(MISS);
  });

  test("parameters of more than a lane", () => {
    program.insert("exact_table", {
      match: { half: exact(7), address: exact(1) },
      action: ["mark_wide", 0xaabbccddeeff, 0x0102030405060708090a0b0c0d0e0f10n],
    });
    const [out] = program.switch.inject(0, frameOf(TABLE.exact, { half: 7, address: 1n }));
    expect(Buffer.from(out!.frame.subarray(8)).toString("hex")).toBe(
      "aabbccddeeff0102030405060708090a0b0c0d0e0f10",
    );
  });

  test("lpm: the longest prefix, among those with the same exact key", () => {
    const insert = (half: number, word: number, length: number, number: number) =>
      program.insert("lpm_table", {
        match: { half: exact(half), ...(length === 0 ? {} : { word: lpm(word, length) }) },
        action: ["mark", number],
      });
    insert(1, 0x0a000000, 8, 8);
    insert(1, 0x0a010000, 16, 16);
    insert(1, 0x0a010203, 32, 32);
    insert(2, 0, 0, 1);
    expect(find(TABLE.lpm, { half: 1, word: 0x0a010203 })).toBe(32);
    expect(find(TABLE.lpm, { half: 1, word: 0x0a010204 })).toBe(16);
    expect(find(TABLE.lpm, { half: 1, word: 0x0a020203 })).toBe(8);
    expect(find(TABLE.lpm, { half: 1, word: 0x0b010203 })).toBe(0xd0);
    expect(find(TABLE.lpm, { half: 2, word: 0xffffffff })).toBe(1);
    program.remove("lpm_table", { match: { half: exact(1), word: lpm(0x0a010000, 16) } });
    expect(find(TABLE.lpm, { half: 1, word: 0x0a010204 })).toBe(8);
  });

  test("ternary: the highest priority, not the longest prefix", () => {
    program.insert("ternary_table", {
      match: { mac: lpm(0xaabb_0000_0000n, 16) },
      priority: 2,
      action: ["mark", 2],
    });
    program.insert("ternary_table", {
      match: { mac: lpm(0xaabb_ccdd_eeffn, 48) },
      priority: 1,
      action: ["mark", 1],
    });
    program.insert("ternary_table", {
      match: { half: ternary(0x0100, 0xff00), address: ternary(1n << 127n, 1n << 127n) },
      priority: 3,
      action: ["mark", 3],
    });
    expect(find(TABLE.ternary, { mac: 0xaabb_ccdd_eeffn })).toBe(2);
    expect(find(TABLE.ternary, { half: 0x01ff, address: 1n << 127n, mac: 0xaabb_ccdd_eeffn })).toBe(3);
    expect(find(TABLE.ternary, { half: 0x02ff, address: 1n << 127n, mac: 0xaabb_ccdd_eeffn })).toBe(2);
    // "hit" tells the program that none was found.
    expect(find(TABLE.ternary, { mac: 0xaabc_ccdd_eeffn })).toBe(0xee);
    program.remove("ternary_table", { match: { mac: lpm(0xaabb_0000_0000n, 16) }, priority: 2 });
    expect(find(TABLE.ternary, { mac: 0xaabb_ccdd_eeffn })).toBe(1);
  });

  test("range: both ends belong to it, also beyond 32 bits", () => {
    program.insert("range_table", {
      match: { half: range(10, 20), mac: range(0xff_ffff_ffffn, 0x100_0000_0001n) },
      priority: 1,
      action: ["mark", 1],
    });
    const at = (half: number, mac: bigint) => find(TABLE.range, { half, mac });
    expect([10, 20].map((half) => at(half, 0x100_0000_0000n))).toEqual([1, 1]);
    expect([9, 21].map((half) => at(half, 0x100_0000_0000n))).toEqual([MISS, MISS]);
    expect([0xff_ffff_ffffn, 0x100_0000_0001n].map((mac) => at(15, mac))).toEqual([1, 1]);
    expect([0xff_ffff_fffen, 0x100_0000_0002n].map((mac) => at(15, mac))).toEqual([MISS, MISS]);
  });

  test("the action that ran decides the way on", () => {
    program.insert("range_table", { match: { half: range(1, 1) }, priority: 1, action: ["mark", 9] });
    const word = (half: number) =>
      Buffer.from(program.switch.inject(0, frameOf(TABLE.range, { half }))[0]!.frame).readUInt32BE(4);
    expect([word(1), word(2)]).toEqual([1, 2]);
  });

  test("optional: one value or any", () => {
    program.insert("optional_table", {
      match: { half: optional(2), word: exact(5) },
      priority: 2,
      action: ["mark", 2],
    });
    program.insert("optional_table", { match: { word: exact(5) }, priority: 1, action: ["mark", 1] });
    expect(find(TABLE.optional, { half: 2, word: 5 })).toBe(2);
    expect(find(TABLE.optional, { half: 3, word: 5 })).toBe(1);
    expect(find(TABLE.optional, { half: 2, word: 6 })).toBe(MISS);
  });

  test("entries of the program: the first that matches; bits behind a prefix say nothing", () => {
    expect(find(TABLE.const, { half: 0x1111 })).toBe(1);
    expect(find(TABLE.const, { half: 0x2220 })).toBe(3);
    expect(find(TABLE.const, { half: 0x2221 })).toBe(MISS);
    expect(find(TABLE.constLpm, { word: 0x0a010203 })).toBe(1);
    expect(find(TABLE.constLpm, { word: 0x0a010303 })).toBe(2);
  });

  test("a field of a header that is not there matches as 0", () => {
    program.insert("invalid_table", { match: { value: exact(0), valid: exact(0) }, action: ["mark", 1] });
    program.insert("invalid_table", { match: { value: exact(5), valid: exact(1) }, action: ["mark", 2] });
    expect(find(TABLE.present, {}, "05")).toBe(2);
    expect(find(TABLE.absent, {}, "05")).toBe(1);
  });

  test("a table without a key runs its default action", () => {
    expect(find(TABLE.keyless, {})).toBe(MISS);
    program.modify("keyless_table", { isDefaultAction: true, action: ["mark", 7] });
    expect(find(TABLE.keyless, {})).toBe(7);
  });
});

describe("direct counters", () => {
  const key: EntryOptions = { match: { half: exact(7), address: exact(1) } };
  const counted = () =>
    program.read("exact_table", { ...key, counterData: { packetCount: 0n, byteCount: 0n } })[0]!.counterData;

  test("count hits, and no misses", () => {
    program.insert("exact_table", { ...key, action: ["mark", 1] });
    const bytes = frameOf(1, {}).length;
    find(TABLE.exact, { half: 7, address: 1n });
    find(TABLE.exact, { half: 7, address: 1n });
    find(TABLE.exact, { half: 8, address: 1n });
    expect(counted()).toEqual({ packetCount: 2n, byteCount: BigInt(2 * bytes) });
  });

  test("are only read when asked for, can be set, stay when an entry is modified, start anew with a new one", () => {
    program.insert("exact_table", {
      ...key,
      action: ["mark", 1],
      counterData: { packetCount: 5n, byteCount: 50n },
    });
    expect(program.read("exact_table", key)[0]!.counterData).toBeUndefined();
    expect(counted()).toEqual({ packetCount: 5n, byteCount: 50n });
    program.modify("exact_table", { ...key, action: ["mark", 2] });
    expect(counted()).toEqual({ packetCount: 5n, byteCount: 50n });
    program.remove("exact_table", key);
    program.insert("exact_table", { ...key, action: ["mark", 1] });
    expect(counted()).toEqual({ packetCount: 0n, byteCount: 0n });
  });

  test("by themselves: named by the entry's key", () => {
    program.insert("exact_table", { ...key, action: ["mark", 1] });
    find(TABLE.exact, { half: 7, address: 1n });
    const entry = program.entry("exact_table", key).entity;
    if (entry?.$case !== "tableEntry") throw new Error("no entry");
    const counter = (packetCount: bigint): Entity =>
      Entity.fromPartial({
        entity: {
          $case: "directCounterEntry",
          value: { tableEntry: entry.value, data: { packetCount, byteCount: 9n } },
        },
      });
    const [found] = program.switch.read([counter(0n)]);
    expect(found).toMatchObject({
      entity: { value: { data: { packetCount: 1n }, tableEntry: { action: undefined } } },
    });
    program.write([{ type: Update_Type.MODIFY, entity: counter(77n) }]);
    expect(counted()).toEqual({ packetCount: 77n, byteCount: 9n });
  });
});
