// What a table entry's write may leave out or must not say, and how reads are narrowed (specification, section 9.1).
import { status } from "@grpc/grpc-js";
import { Entity, Update_Type, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { WriteError } from "../src/types.js";
import { find, TABLE } from "./support/matching.js";
import { type EntryOptions, exact, range, TestProgram } from "./support/program.js";

const { INVALID_ARGUMENT, PERMISSION_DENIED } = status;
const { MODIFY, INSERT } = Update_Type;

let program: TestProgram;

beforeEach(() => {
  // The table that the program itself fills counts, too.
  program = new TestProgram("matching", {}, ({ json }) => {
    const arrays = json.counter_arrays as { is_direct: boolean; binding: string }[];
    const { binding, ...other } = arrays.find(({ is_direct }) => is_direct)!;
    arrays.push({ ...other, binding: binding.replace("exact_table", "const_table") });
  });
});

const failure = (write: () => void) => program.failure(write);
const counterData = { packetCount: 5n, byteCount: 6n };

describe("modify without an action", () => {
  const key: EntryOptions = { match: { half: exact(1), address: exact(1) } };
  const held = () => program.read("exact_table", { counterData: { packetCount: 0n, byteCount: 0n } })[0]!;

  beforeEach(() => program.insert("exact_table", { ...key, action: ["mark", 7], counterData }));

  test("leaves the action and sets the rest", () => {
    const before = held();
    program.modify("exact_table", {
      ...key,
      metadata: Buffer.from("m"),
      counterData: { packetCount: 1n, byteCount: 2n },
    });
    expect(held()).toEqual({
      ...before,
      metadata: Uint8Array.from(Buffer.from("m")),
      counterData: { packetCount: 1n, byteCount: 2n },
    });
    expect(find(program, TABLE.exact, { half: 1, address: 1n })).toBe(7);
  });

  test("insert needs one", () => {
    expect(
      failure(() => program.insert("exact_table", { match: { half: exact(2), address: exact(1) } })),
    ).toEqual({ code: INVALID_ARGUMENT, message: "exact_table: the entry has no action" });
  });
});

describe("the program's own entries", () => {
  const own = () => program.read("const_table", { counterData: { packetCount: 0n, byteCount: 0n } });
  /** A write of the first of them. */
  const write = (type: Update_Type, change: object) => {
    const { action: _, isConst: __, ...key } = own()[0]!;
    const entity = Entity.fromPartial({ entity: { $case: "tableEntry", value: { ...key, ...change } } });
    return { type, entity };
  };

  test("have counts that can be set", () => {
    const before = own();
    program.write([write(MODIFY, { counterData })]);
    expect(own()).toEqual([{ ...before[0]!, counterData }, ...before.slice(1)]);
  });

  test("and taken back", () => {
    const before = own();
    const batch = [write(MODIFY, { counterData }), write(MODIFY, { priority: 77 })];
    expect(() => program.switch.write(batch, WriteRequest_Atomicity.ROLLBACK_ON_ERROR)).toThrow(WriteError);
    expect(own()).toEqual(before);
  });

  test.each<[string, Update_Type, () => object]>([
    ["action", MODIFY, () => ({ action: own()[0]!.action })],
    ["metadata", MODIFY, () => ({ metadata: Buffer.from("m") })],
    ["idle timeout", MODIFY, () => ({ idleTimeoutNs: 1n })],
    ["deletion", Update_Type.DELETE, () => ({})],
  ])("take no %s", (_, type, change) => {
    const before = own();
    expect(failure(() => program.write([write(type, change())]))).toMatchObject({ code: PERMISSION_DENIED });
    expect(own()).toEqual(before);
  });

  test("is_const is the switch's word, not the controller's", () => {
    const entity = program.entry("lpm_table", { match: { half: exact(1) }, action: ["mark", 1] });
    if (entity.entity?.$case === "tableEntry") entity.entity.value.isConst = true;
    expect(failure(() => program.write([{ type: INSERT, entity }])).code).toBe(INVALID_ARGUMENT);
    expect(program.read("lpm_table")).toEqual([]);
  });
});

test("an action out of its scope is PERMISSION_DENIED", () => {
  const entry: EntryOptions = { match: { half: exact(2), address: exact(1) }, action: ["miss"] };
  expect(failure(() => program.insert("exact_table", entry))).toEqual({
    code: PERMISSION_DENIED,
    message: "exact_table: miss can only be the default action",
  });
});

test("a range of everything is left out", () => {
  const entry = (half: ReturnType<typeof range>): EntryOptions => ({
    match: { half },
    action: ["mark", 1],
    priority: 1,
  });
  expect(failure(() => program.insert("range_table", entry(range(0, 0xffff))))).toEqual({
    code: INVALID_ARGUMENT,
    message: "range_table.half: a range of all values matches everything: leave the field out",
  });
  program.insert("range_table", entry(range(0, 0xfffe)));
  program.insert("range_table", entry(range(1, 0xffff)));
});

describe("a default entry", () => {
  const held = () => program.read("lpm_table", { isDefaultAction: true })[0]!;

  test("keeps its metadata until it is reset", () => {
    const metadata = Buffer.from("m");
    program.modify("lpm_table", { isDefaultAction: true, action: ["mark", 5], metadata });
    expect(held().metadata).toEqual(Uint8Array.from(metadata));
    program.modify("lpm_table", { isDefaultAction: true });
    expect(held().metadata).toHaveLength(0);
  });

  test.each<[string, EntryOptions]>([
    ["idle timeout", { idleTimeoutNs: 1n }],
    ["time since its last hit", { timeSinceLastHit: { elapsedNs: 0n } }],
  ])("has no %s", (_, more) => {
    const before = held();
    expect(
      failure(() => program.modify("lpm_table", { isDefaultAction: true, action: ["mark", 5], ...more }))
        .code,
    ).toBe(INVALID_ARGUMENT);
    expect(held()).toEqual(before);
  });
});

describe("reads are narrowed", () => {
  const entry = (half: number, of: string, metadata: string): EntryOptions => ({
    match: { half: exact(half), address: exact(1) },
    action: [of, half],
    metadata: Buffer.from(metadata),
  });
  const keys = (options: EntryOptions) =>
    program.read("exact_table", options).map(({ match }) => {
      const [first] = match;
      return first?.fieldMatchType?.$case === "exact" ? first.fieldMatchType.value.value[0] : undefined;
    });

  beforeEach(() => {
    program.insert("exact_table", entry(1, "mark", "a"));
    program.insert("exact_table", entry(2, "mark", "b"));
    program.insert("exact_table", entry(3, "to_controller", "b"));
  });

  test("by metadata", () => {
    expect(keys({ metadata: Buffer.from("b") })).toEqual([2, 3]);
    expect(keys({ metadata: Buffer.from("bb") })).toEqual([]);
  });

  test("by the action, whatever its parameters", () => {
    expect(keys({ action: ["mark", 0] })).toEqual([1, 2]);
    expect(keys({ action: ["to_controller", 0], metadata: Buffer.from("a") })).toEqual([]);
  });

  test("by a key and more", () => {
    const { match } = entry(2, "mark", "b");
    expect(keys({ match: match!, metadata: Buffer.from("a") })).toEqual([]);
    expect(keys({ match: match!, metadata: Buffer.from("b") })).toEqual([2]);
  });

  test("by a priority where entries have none: there is no such entry", () => {
    for (let priority = 1; priority < 9; priority++) expect(keys({ priority })).toEqual([]);
  });
});
