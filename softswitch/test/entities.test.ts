// Table entries over P4Runtime: reads, every error, default actions, batches (specification, sections 9.1, 12 and 13).
import { status } from "@grpc/grpc-js";
import { Entity, Update_Type, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { WriteError } from "../src/types.js";
import { find as findIn, MISS, type Probe, TABLE } from "./support/matching.js";
import { type EntryOptions, exact, lpm, range, TestProgram, ternary } from "./support/program.js";

let program: TestProgram;

beforeEach(() => {
  program = new TestProgram("matching", { cpuPort: 510 });
});

const find = (table: number, probe: Probe, rest = "") => findIn(program, table, probe, rest);

describe("reads", () => {
  const fill = () => {
    for (const half of [1, 2, 3])
      program.insert("lpm_table", {
        match: { half: exact(half), word: lpm(0x0a000000, 8) },
        action: ["mark", half],
      });
  };

  test("give back what was written, in the shortest byte strings", () => {
    const options: EntryOptions = {
      match: { half: ternary(0x0100, 0xff00), mac: lpm(0xaabb_0000_0000n, 16) },
      action: ["mark", 0],
      priority: 9,
      metadata: Buffer.from("cookie"),
    };
    program.insert("ternary_table", options);
    const wire = program.entry("ternary_table", options).entity!;
    expect(
      Entity.toJSON({ entity: { $case: "tableEntry", value: program.read("ternary_table")[0]! } }),
    ).toEqual(Entity.toJSON({ entity: wire }));
  });

  test("one entry, a table, all tables, one priority", () => {
    fill();
    program.insert("optional_table", { match: { word: exact(5) }, priority: 1, action: ["mark", 1] });
    program.insert("optional_table", { match: { word: exact(6) }, priority: 2, action: ["mark", 1] });
    expect(program.read("lpm_table")).toHaveLength(3);
    expect(program.read("lpm_table", { match: { half: exact(2), word: lpm(0x0a000000, 8) } })).toHaveLength(
      1,
    );
    expect(program.read("lpm_table", { match: { half: exact(4), word: lpm(0x0a000000, 8) } })).toHaveLength(
      0,
    );
    expect(program.read("optional_table", { priority: 2 })).toHaveLength(1);
    // The five of the program's own, too.
    const all = program.switch.read([Entity.fromPartial({ entity: { $case: "tableEntry", value: {} } })]);
    expect(all).toHaveLength(3 + 2 + 5);
    expect(all.filter(({ entity }) => entity?.$case === "tableEntry" && entity.value.isConst)).toHaveLength(
      5,
    );
  });

  test("of what does not exist", () => {
    const read = (value: object) => () =>
      program.switch.read([Entity.fromPartial({ entity: { $case: "tableEntry", value } })]);
    expect(read({ tableId: 1 })).toThrow("there is no table with id 1");
    expect(() => program.switch.read([{ entity: undefined }])).toThrow("a read needs an entity");
    expect(() =>
      program.switch.read([Entity.fromPartial({ entity: { $case: "externEntry", value: {} } })]),
    ).toThrow("the soft switch does not support a externEntry");
  });
});

describe("writes that are refused change nothing", () => {
  const there: EntryOptions = { match: { half: exact(1), word: lpm(0x0a000000, 8) }, action: ["mark", 1] };
  const { INVALID_ARGUMENT, ALREADY_EXISTS, NOT_FOUND, PERMISSION_DENIED } = status;

  beforeEach(() => program.insert("lpm_table", there));

  const cases: [string, string, EntryOptions, number, string][] = [
    ["twice", "lpm_table", there, ALREADY_EXISTS, "lpm_table: the entry is there already"],
    [
      "no action",
      "lpm_table",
      { match: { half: exact(2) } },
      INVALID_ARGUMENT,
      "lpm_table: the entry has no action",
    ],
    [
      "an exact key left out",
      "lpm_table",
      { match: { word: lpm(0, 8) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table.half is missing: an exact field always has a value",
    ],
    [
      "a key of another kind",
      "lpm_table",
      { match: { half: lpm(1, 16) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table.half is matched exact, not lpm",
    ],
    [
      "a key that the table has not",
      "lpm_table",
      { match: { half: exact(2), other: exact(1) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table has no key field with id 99",
    ],
    [
      "a value that is too large",
      "lpm_table",
      { match: { half: exact(0x10000) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table.half: the value 0x010000 does not fit into 16 bits",
    ],
    [
      "bits behind the prefix",
      "lpm_table",
      { match: { half: exact(2), word: lpm(0x0a000001, 8) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table.word: the value has bits beyond its prefix of 8",
    ],
    [
      "a prefix that is too long",
      "lpm_table",
      { match: { half: exact(2), word: lpm(0, 33) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table.word: the prefix length 33 is not from 1 to 32 (leave the field out for 0)",
    ],
    [
      "a priority without need",
      "lpm_table",
      { match: { half: exact(2) }, priority: 1, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "lpm_table: a priority has no meaning here (no ternary, range or optional field in its key)",
    ],
    [
      "no priority where one is needed",
      "ternary_table",
      { match: { half: ternary(1, 1) }, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "ternary_table: a priority above 0 is needed (its key has ternary, range or optional fields)",
    ],
    [
      "bits outside the mask",
      "ternary_table",
      { match: { half: ternary(3, 1) }, priority: 1, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "ternary_table.half: the value has bits outside its mask",
    ],
    [
      "an empty mask",
      "ternary_table",
      { match: { half: ternary(0, 0) }, priority: 1, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "ternary_table.half: a mask of 0 matches everything: leave the field out",
    ],
    [
      "a range from its end",
      "range_table",
      { match: { half: range(5, 4) }, priority: 1, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "range_table.half: the range's low end is above its high end",
    ],
    [
      "a wide range from its end",
      "range_table",
      { match: { mac: range(0x1_0000_0000n, 0xffff_ffffn) }, priority: 1, action: ["mark", 1] },
      INVALID_ARGUMENT,
      "range_table.mac: the range's low end is above its high end",
    ],
    [
      "an action of another table",
      "lpm_table",
      { match: { half: exact(2) }, action: ["mark_wide", 1, 1] },
      INVALID_ARGUMENT,
      "lpm_table has no action",
    ],
    [
      "too few parameters",
      "lpm_table",
      { match: { half: exact(2) }, action: ["mark"] },
      INVALID_ARGUMENT,
      "lpm_table: mark takes 1 parameters, not 0",
    ],
    [
      "a parameter that is too large",
      "lpm_table",
      { match: { half: exact(2) }, action: ["mark", 256] },
      INVALID_ARGUMENT,
      "lpm_table: mark.number: the value 0x0100 does not fit into 8 bits",
    ],
    [
      "an action for misses only",
      "exact_table",
      { match: { half: exact(2), address: exact(1) }, action: ["miss"] },
      PERMISSION_DENIED,
      "exact_table: miss can only be the default action",
    ],
    [
      "a table of the program's own",
      "const_table",
      { match: { half: ternary(1, 1) }, priority: 1, action: ["mark", 1] },
      PERMISSION_DENIED,
      "const_table: the program fixes its entries",
    ],
    [
      "a counter that is not there",
      "lpm_table",
      { match: { half: exact(2) }, action: ["mark", 1], counterData: { packetCount: 1n, byteCount: 1n } },
      INVALID_ARGUMENT,
      "lpm_table has no direct counter",
    ],
    [
      "a member where there is no profile",
      "lpm_table",
      { match: { half: exact(2) }, member: 1 },
      INVALID_ARGUMENT,
      "lpm_table has no action profile: the entry needs an action",
    ],
  ];

  test.each(cases)("insert: %s", (_, table, options, code, message) => {
    const failure = program.failure(() => program.insert(table, options));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message);
    expect(program.read("lpm_table")).toHaveLength(1);
    expect(find(TABLE.lpm, { half: 1, word: 0x0a000001 })).toBe(1);
    expect(find(TABLE.lpm, { half: 2, word: 0x0a000001 })).toBe(0xd0);
  });

  test("modify and delete: not there", () => {
    const missing: EntryOptions = { match: { half: exact(9) } };
    const wanted = { code: NOT_FOUND, message: "lpm_table: there is no such entry" };
    expect(program.failure(() => program.modify("lpm_table", { ...missing, action: ["mark", 1] }))).toEqual(
      wanted,
    );
    expect(program.failure(() => program.remove("lpm_table", missing))).toEqual(wanted);
  });

  test("more than the table's size, until one is gone", () => {
    const at = (half: number): EntryOptions => ({
      match: { half: exact(half), address: exact(1) },
      action: ["mark", half],
    });
    for (const half of [1, 2, 3, 4]) program.insert("exact_table", at(half));
    expect(program.failure(() => program.insert("exact_table", at(5)))).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      message: "exact_table is full: it holds 4 entries",
    });
    program.remove("exact_table", { match: at(2).match! });
    program.insert("exact_table", at(5));
    expect([1, 2, 3, 4, 5].map((half) => find(TABLE.exact, { half, address: 1n }))).toEqual([
      1,
      MISS,
      3,
      4,
      5,
    ]);
  });

  test("updates without entity, without type, of what is not supported", () => {
    const failure = (update: object) => program.failure(() => program.write([update as never]));
    expect(failure({ type: Update_Type.INSERT, entity: undefined }).code).toBe(INVALID_ARGUMENT);
    expect(failure({ type: Update_Type.UNSPECIFIED, entity: program.entry("lpm_table", there) }).code).toBe(
      INVALID_ARGUMENT,
    );
    expect(
      failure({
        type: Update_Type.INSERT,
        entity: Entity.fromPartial({ entity: { $case: "meterEntry", value: {} } }),
      }),
    ).toEqual({
      code: status.UNIMPLEMENTED,
      message: "the soft switch does not support a meterEntry",
    });
  });
});

describe("default actions", () => {
  test("are modified, read, and reset to the program's", () => {
    program.modify("lpm_table", { isDefaultAction: true, action: ["mark", 5] });
    expect(find(TABLE.lpm, {})).toBe(5);
    const [entry] = program.read("lpm_table", { isDefaultAction: true });
    expect(entry!.action!.type).toEqual({
      $case: "action",
      value: { actionId: program.id("actions", "mark"), params: [{ paramId: 1, value: Uint8Array.of(5) }] },
    });
    program.modify("lpm_table", { isDefaultAction: true });
    expect(find(TABLE.lpm, {})).toBe(0xd0);
  });

  test.each<[string, () => void, number, string]>([
    [
      "insert",
      () => program.insert("lpm_table", { isDefaultAction: true, action: ["mark", 5] }),
      status.INVALID_ARGUMENT,
      "lpm_table: a default action can only be modified",
    ],
    [
      "delete",
      () => program.remove("lpm_table", { isDefaultAction: true }),
      status.INVALID_ARGUMENT,
      "lpm_table: a default action can only be modified",
    ],
    [
      "with a key",
      () =>
        program.modify("lpm_table", {
          isDefaultAction: true,
          match: { half: exact(1) },
          action: ["mark", 5],
        }),
      status.INVALID_ARGUMENT,
      "lpm_table: a default action has neither key nor priority",
    ],
    [
      "fixed by the program",
      () => program.modify("exact_table", { isDefaultAction: true, action: ["miss"] }),
      status.PERMISSION_DENIED,
      "exact_table: the program fixes the default action",
    ],
  ])("%s", (_, write, code, message) => {
    expect(program.failure(write)).toEqual({ code, message });
    expect(find(TABLE.lpm, {})).toBe(0xd0);
  });
});

describe("batches", () => {
  const insert = (half: number, number = half) => ({
    type: Update_Type.INSERT,
    entity: program.entry("lpm_table", { match: { half: exact(half) }, action: ["mark", number] }),
  });
  const results = (write: () => void) => {
    try {
      write();
    } catch (error) {
      if (error instanceof WriteError) return error.results.map(({ code }) => code);
      throw error;
    }
    return [];
  };
  const held = () => program.read("lpm_table").length;

  test("go on after an error by default", () => {
    expect(results(() => program.switch.write([insert(1), insert(1), insert(2)]))).toEqual([
      0,
      status.ALREADY_EXISTS,
      0,
    ]);
    expect(held()).toBe(2);
  });

  test.each([WriteRequest_Atomicity.ROLLBACK_ON_ERROR, WriteRequest_Atomicity.DATAPLANE_ATOMIC])(
    "all or none: every kind of update is taken back (%i)",
    (atomicity) => {
      program.write([insert(1), insert(2)]);
      program.insert("exact_table", {
        match: { half: exact(1), address: exact(1) },
        action: ["mark", 1],
        counterData: { packetCount: 5n, byteCount: 6n },
      });
      const before = program.switch.read([
        Entity.fromPartial({ entity: { $case: "tableEntry", value: { counterData: {} } } }),
      ]);
      const updates = [
        { type: Update_Type.DELETE, entity: program.entry("lpm_table", { match: { half: exact(1) } }) },
        {
          type: Update_Type.DELETE,
          entity: program.entry("exact_table", { match: { half: exact(1), address: exact(1) } }),
        },
        {
          type: Update_Type.MODIFY,
          entity: program.entry("lpm_table", { match: { half: exact(2) }, action: ["mark", 99] }),
        },
        {
          type: Update_Type.MODIFY,
          entity: program.entry("lpm_table", { isDefaultAction: true, action: ["mark", 98] }),
        },
        insert(3),
        insert(3),
        insert(4),
      ];
      expect(results(() => program.switch.write(updates, atomicity))).toEqual([
        10,
        10,
        10,
        10,
        10,
        status.ALREADY_EXISTS,
        10,
      ]);
      const sorted = (entities: readonly Entity[]) =>
        entities.map((entity) => JSON.stringify(Entity.toJSON(entity))).sort();
      expect(
        sorted(
          program.switch.read([
            Entity.fromPartial({ entity: { $case: "tableEntry", value: { counterData: {} } } }),
          ]),
        ),
      ).toEqual(sorted(before));
      expect([1, 2, 3].map((half) => find(TABLE.lpm, { half }))).toEqual([1, 2, 0xd0]);
    },
  );
});
