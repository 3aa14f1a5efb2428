// Counters and registers over P4Runtime: what a write leaves out, and what cannot be kept (specification, sections 9.4 and 9.6).
import { status } from "@grpc/grpc-js";
import {
  type CounterData,
  type Entity,
  ReadResponse,
  Update_Type,
  WriteRequest_Atomicity,
} from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { WriteError } from "../src/types.js";
import { bytes, exact, TestProgram, ternary } from "./support/program.js";

const MODIFY = Update_Type.MODIFY;
const { INVALID_ARGUMENT } = status;

const data = (packetCount: bigint, byteCount: bigint): CounterData => ({ packetCount, byteCount });

describe("registers", () => {
  let program: TestProgram;
  const cell = (index?: number, value?: string): Entity => ({
    entity: {
      $case: "registerEntry",
      value: {
        registerId: program.id("registers", "small"),
        index: index === undefined ? undefined : { index: BigInt(index) },
        data: value === undefined ? undefined : { data: { $case: "bitstring", value: bytes(value) } },
      },
    },
  });
  const write = (...entities: Entity[]) =>
    program.write(entities.map((entity) => ({ type: MODIFY, entity })));
  const values = () =>
    program.switch.read([cell()]).map(({ entity }) => {
      const held = entity?.$case === "registerEntry" ? entity.value.data?.data : undefined;
      return held?.$case === "bitstring" ? Buffer.from(held.value).toString("hex") : "?";
    });

  beforeEach(() => {
    program = new TestProgram("traffic");
    write(cell(0, "05"), cell(1, "0234"));
  });

  test.each(["1000", "ff".repeat(9), ""])("a value that does not fit (%s) changes nothing", (value) => {
    expect(program.failure(() => write(cell(1, value))).code).toBe(INVALID_ARGUMENT);
    expect(values()).toEqual(["05", "0234", "00", "00"]);
  });

  test("without an index all cells are written, and in a batch of all or none taken back", () => {
    write(cell(undefined, "07"));
    expect(values()).toEqual(["07", "07", "07", "07"]);
    write(cell(0, "05"), cell(1, "0234"));
    const batch = [cell(undefined, "09"), cell(9, "01")].map((entity) => ({ type: MODIFY, entity }));
    expect(() => program.switch.write(batch, WriteRequest_Atomicity.ROLLBACK_ON_ERROR)).toThrow(WriteError);
    expect(values()).toEqual(["05", "0234", "07", "07"]);
  });
});

describe("counters", () => {
  let program: TestProgram;
  const cell = (index?: number, of?: CounterData): Entity => ({
    entity: {
      $case: "counterEntry",
      value: {
        counterId: program.id("counters", "events"),
        index: index === undefined ? undefined : { index: BigInt(index) },
        data: of,
      },
    },
  });
  const write = (entity: Entity) => program.write([{ type: MODIFY, entity }]);
  const counts = () =>
    program.switch
      .read([cell()])
      .map(({ entity }) => (entity?.$case === "counterEntry" ? entity.value.data : undefined));

  beforeEach(() => {
    program = new TestProgram("traffic");
    write(cell(1, data(5n, 6n)));
  });

  test("without data nothing is written", () => {
    write(cell(1));
    expect(counts()[1]).toEqual(data(5n, 6n));
  });

  test("without an index all cells are written", () => {
    write(cell(undefined, data(7n, 8n)));
    expect(new Set(counts().map((count) => `${count?.packetCount} ${count?.byteCount}`))).toEqual(
      new Set(["7 8"]),
    );
  });

  test.each([(1n << 63n) - 1n, 1n << 53n, -1n])("%i packets cannot be kept, and are refused", (count) => {
    expect(program.failure(() => write(cell(1, data(count, 0n)))).code).toBe(INVALID_ARGUMENT);
    expect(program.failure(() => write(cell(1, data(0n, count)))).code).toBe(INVALID_ARGUMENT);
    expect(counts()[1]).toEqual(data(5n, 6n));
    expect(ReadResponse.encode({ entities: program.switch.read([cell()]) }).finish()).not.toHaveLength(0);
  });
});

describe("direct counters", () => {
  let program: TestProgram;
  const key = { half: exact(1), address: exact(1) };
  const direct = (tableEntry: Entity, of?: CounterData): Entity => {
    if (tableEntry.entity?.$case !== "tableEntry") throw new Error("no table entry");
    return {
      entity: { $case: "directCounterEntry", value: { tableEntry: tableEntry.entity.value, data: of } },
    };
  };

  beforeEach(() => {
    // ternary_table has one, too.
    program = new TestProgram("matching", {}, ({ json }) => {
      const arrays = json.counter_arrays as { is_direct: boolean; binding: string }[];
      const { binding, ...other } = arrays.find(({ is_direct }) => is_direct)!;
      arrays.push({ ...other, binding: binding.replace("exact_table", "ternary_table") });
    });
    program.insert("exact_table", { match: key, action: ["mark", 1], counterData: data(5n, 6n) });
  });

  const counts = (table: string) =>
    program.read(table, { counterData: data(0n, 0n) }).map(({ counterData }) => counterData);

  test("without data nothing is written", () => {
    program.write([{ type: MODIFY, entity: direct(program.entry("exact_table", { match: key })) }]);
    expect(counts("exact_table")).toEqual([data(5n, 6n)]);
  });

  test("counts that cannot be kept are refused, and the entry is as it was", () => {
    const counterData = data(1n << 60n, 0n);
    const refused = [
      () =>
        program.insert("exact_table", {
          match: { ...key, half: exact(2) },
          action: ["mark", 2],
          counterData,
        }),
      () => program.modify("exact_table", { match: key, action: ["mark", 2], counterData }),
      () =>
        program.write([
          { type: MODIFY, entity: direct(program.entry("exact_table", { match: key }), counterData) },
        ]),
    ];
    for (const write of refused) expect(program.failure(write).code).toBe(INVALID_ARGUMENT);
    expect(counts("exact_table")).toEqual([data(5n, 6n)]);
  });

  test("that of an entry that matches everything is taken back as well", () => {
    const narrow = { match: { half: ternary(1, 0xffff) }, priority: 3, action: ["mark", 1] as const };
    const wide = { priority: 3, action: ["mark", 2] as const };
    program.insert("ternary_table", { ...narrow, counterData: data(1n, 1n) });
    program.insert("ternary_table", { ...wide, counterData: data(2n, 2n) });
    const batch = [
      { type: MODIFY, entity: direct(program.entry("ternary_table", { priority: 3 }), data(9n, 9n)) },
      { type: Update_Type.INSERT, entity: program.entry("ternary_table", narrow) },
    ];
    expect(() => program.switch.write(batch, WriteRequest_Atomicity.ROLLBACK_ON_ERROR)).toThrow(WriteError);
    expect(counts("ternary_table")).toEqual([data(1n, 1n), data(2n, 2n)]);
  });
});
