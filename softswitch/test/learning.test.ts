// Idle timeouts of table entries and digests (P4Runtime specification, sections 9.1, 9.7, 16.3 and 16.4), by packets.
import { existsSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import {
  type DigestList,
  Entity,
  type IdleTimeoutNotification,
  Update_Type,
  WriteRequest,
} from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { serve } from "../src/serve.js";
import type { Notice } from "../src/types.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { DIGEST_ID, learningProgram } from "./support/learning.js";
import { find, frameOf, TABLE } from "./support/matching.js";
import { type EntryOptions, exact, lpm, range, type TestProgram, ternary } from "./support/program.js";

const SECOND_NS = 1_000_000_000n;
const MS_NS = 1_000_000n;

let nowUs: number;
let program: TestProgram;
let idle: IdleTimeoutNotification[];
let lists: DigestList[];

beforeEach(() => {
  nowUs = 5_000;
  program = learningProgram({ clockUs: () => nowUs });
  idle = [];
  lists = [];
  program.switch.onNotice((notice) => {
    if (notice.$case === "digest") lists.push(notice.value);
    else idle.push(notice.value);
  });
});

/** Time goes by, and what it is time for is done. */
function pass(ms: number): void {
  nowUs += 1000 * ms;
  if (program.switch.msToTimer === 0) program.switch.runTimers();
}

describe("an entry with an idle timeout", () => {
  const entry = (half: number): EntryOptions => ({
    match: { half: exact(half), word: lpm(0x0a000000, 8) },
    action: ["mark", half],
  });
  const hit = (half: number) => expect(find(program, TABLE.lpm, { half, word: 0x0a000001 })).toBe(half);
  /** The matched `half` of the entries that were told of since. */
  const told = () =>
    idle.splice(0).map(({ tableEntry }) =>
      tableEntry.map(({ match }) => {
        const type = match[0]!.fieldMatchType;
        return type?.$case === "exact" ? type.value.value[0] : undefined;
      }),
    );

  test("is told of when no packet has hit it for so long, again and again, and none that has", () => {
    program.insert("lpm_table", { ...entry(1), idleTimeoutNs: SECOND_NS });
    program.insert("lpm_table", { ...entry(2), idleTimeoutNs: SECOND_NS });
    program.insert("lpm_table", entry(3));
    expect(program.switch.msToTimer).toBe(1000);
    pass(600);
    hit(2);
    pass(399);
    expect(told()).toEqual([]);
    pass(1);
    expect(told()).toEqual([[1]]);
    pass(600);
    expect(told()).toEqual([[2]]);
    pass(400);
    expect(told()).toEqual([[1]]); // its time began anew
    pass(10_000);
    expect(told()).toEqual([[1, 2]]); // in one message, once, however long nobody has asked
  });

  test("is told of with its key, its timeout and its metadata", () => {
    const metadata = Uint8Array.of(7);
    program.insert("lpm_table", { ...entry(1), idleTimeoutNs: MS_NS, metadata });
    pass(20);
    const { tableEntry, timestamp } = idle[0]!;
    expect(tableEntry).toMatchObject([
      {
        tableId: program.id("tables", "lpm_table"),
        idleTimeoutNs: MS_NS,
        metadata,
        match: [{ fieldId: 1 }, { fieldId: 2 }],
      },
    ]);
    expect(Math.abs(Number(timestamp / MS_NS) - Date.now())).toBeLessThan(60_000);
  });

  test("keeps what was written, and says how long ago it was hit when it is asked", () => {
    program.insert("lpm_table", { ...entry(1), idleTimeoutNs: SECOND_NS });
    program.insert("lpm_table", entry(2));
    pass(30);
    hit(1);
    pass(12);
    expect(
      program
        .read("lpm_table")
        .map(({ idleTimeoutNs, timeSinceLastHit }) => [idleTimeoutNs, timeSinceLastHit]),
    ).toEqual([
      [SECOND_NS, undefined],
      [0n, undefined],
    ]);
    const asked = program.read("lpm_table", { timeSinceLastHit: { elapsedNs: 0n } });
    expect(asked.map(({ timeSinceLastHit }) => timeSinceLastHit)).toEqual([
      { elapsedNs: 12n * MS_NS },
      { elapsedNs: 42n * MS_NS }, // since it came
    ]);
  });

  test("has another one after it was modified, and none when it was modified without, or deleted", () => {
    for (const half of [1, 2, 3]) program.insert("lpm_table", { ...entry(half), idleTimeoutNs: SECOND_NS });
    program.modify("lpm_table", { ...entry(1), idleTimeoutNs: 3n * SECOND_NS });
    program.modify("lpm_table", entry(2));
    program.remove("lpm_table", entry(3));
    program.insert("lpm_table", entry(4)); // in the place of the one before
    pass(2_000);
    expect(told()).toEqual([]);
    pass(1_000);
    expect(told()).toEqual([[1]]);
  });

  test("is found whatever its table matches by", () => {
    program.insert("exact_table", {
      match: { half: exact(1), address: exact(2) },
      action: ["mark", 1],
      idleTimeoutNs: SECOND_NS,
    });
    program.insert("ternary_table", {
      match: { half: ternary(1, 1) },
      action: ["mark", 2],
      priority: 5,
      idleTimeoutNs: SECOND_NS,
    });
    pass(900);
    expect(find(program, TABLE.ternary, { half: 1 })).toBe(2);
    pass(100);
    expect(idle.map(({ tableEntry }) => tableEntry[0]!.tableId)).toEqual([
      program.id("tables", "exact_table"),
    ]);
    pass(900);
    expect(idle[1]!.tableEntry).toMatchObject([
      { tableId: program.id("tables", "ternary_table"), priority: 5 },
    ]);
  });

  test("is refused where it means nothing", () => {
    const failure = (write: () => void) => program.failure(write);
    const entryOfRange = { match: { half: range(1, 2) }, action: ["mark", 1] as const, priority: 1 };
    expect(failure(() => program.insert("range_table", { ...entryOfRange, idleTimeoutNs: 1n }))).toEqual({
      code: status.INVALID_ARGUMENT,
      message: "range_table does not support idle timeouts",
    });
    expect(failure(() => program.insert("lpm_table", { ...entry(1), idleTimeoutNs: -1n })).code).toBe(
      status.INVALID_ARGUMENT,
    );
    expect(
      failure(() => program.insert("lpm_table", { ...entry(1), timeSinceLastHit: { elapsedNs: 0n } }))
        .message,
    ).toBe("lpm_table: the time since the last hit can only be read");
    expect(() => program.read("range_table", { timeSinceLastHit: { elapsedNs: 0n } })).toThrow(
      "does not support idle timeouts",
    );
    expect(() =>
      program.read("lpm_table", { isDefaultAction: true, timeSinceLastHit: { elapsedNs: 0n } }),
    ).toThrow("default action");
    expect(program.read("lpm_table")).toEqual([]);
  });
});

describe("a digest", () => {
  interface Config {
    maxTimeoutNs?: bigint;
    maxListSize?: number;
    ackTimeoutNs?: bigint;
  }
  const entity = (config?: Config, digestId = DIGEST_ID) =>
    Entity.fromPartial({ entity: { $case: "digestEntry", value: { digestId, ...(config && { config }) } } });
  const write = (type: Update_Type, config?: Config, digestId?: number) =>
    program.write([{ type, entity: entity(config, digestId) }]);
  /** A packet that hits: `result` becomes `number`, whatever the action wrote after it had sent the digest. */
  const seen = (mac: bigint, number = 9) => {
    expect(find(program, TABLE.lpm, { half: number, word: 0x0a000001, mac })).toBe(number);
  };
  /** The values that came since: `result mac`, list by list. */
  const values = () =>
    lists
      .splice(0)
      .map(({ data }) =>
        data.map(({ data: value }) =>
          value?.$case === "struct"
            ? value.value.members
                .map((member) =>
                  member.data?.$case === "bitstring" ? Buffer.from(member.data.value).toString("hex") : "?",
                )
                .join(" ")
            : "?",
        ),
      );

  beforeEach(() => {
    for (const half of [8, 9]) {
      program.insert("lpm_table", {
        match: { half: exact(half), word: lpm(0x0a000000, 8) },
        action: ["mark", half],
      });
    }
  });

  test("has the values that ingress has left, and is sent to nobody who did not ask", () => {
    seen(1n);
    write(Update_Type.INSERT, {});
    seen(0xaabbccddeeffn);
    seen(2n, 8);
    expect(find(program, TABLE.lpm, { half: 9 })).toBe(0xd0); // the default action, which sends one as well
    expect(lists.map(({ digestId, listId }) => [digestId, listId])).toEqual([
      [DIGEST_ID, 1n],
      [DIGEST_ID, 2n],
      [DIGEST_ID, 3n],
    ]);
    expect(values()).toEqual([["09 aabbccddeeff"], ["08 02"], ["d0 00"]]);
    write(Update_Type.DELETE);
    seen(3n);
    expect(values()).toEqual([]);
  });

  test("waits for others until its list is full, or its time is over; the same value is in it once", () => {
    write(Update_Type.INSERT, { maxListSize: 3, maxTimeoutNs: SECOND_NS });
    for (const mac of [1n, 1n, 2n, 1n]) seen(mac);
    expect(values()).toEqual([]);
    seen(3n);
    expect(values()).toEqual([["09 01", "09 02", "09 03"]]);
    seen(4n);
    pass(600);
    seen(5n);
    pass(399);
    expect(values()).toEqual([]);
    pass(1);
    expect(values()).toEqual([["09 04", "09 05"]]);
    expect(program.switch.msToTimer).toBeGreaterThan(0);
  });

  test("is not sent again before it was acknowledged, or the time for that is over", () => {
    write(Update_Type.INSERT, { ackTimeoutNs: SECOND_NS });
    seen(1n);
    seen(1n);
    seen(2n);
    expect(values()).toEqual([["09 01"], ["09 02"]]);
    program.switch.acknowledge({ digestId: DIGEST_ID, listId: 1n });
    seen(1n);
    seen(2n);
    expect(values()).toEqual([["09 01"]]);
    pass(1_000);
    seen(2n);
    expect(values()).toEqual([["09 02"]]);
    program.switch.acknowledge({ digestId: DIGEST_ID, listId: 2n }); // late, or twice: no harm
    expect(() => program.switch.acknowledge({ digestId: 5, listId: 1n })).toThrow("no digest with id 5");
  });

  test("that waits goes by a configuration that has changed since", () => {
    write(Update_Type.INSERT, { maxListSize: 9, maxTimeoutNs: 3600n * SECOND_NS });
    seen(1n);
    write(Update_Type.MODIFY, { maxListSize: 9, maxTimeoutNs: SECOND_NS });
    pass(1_000);
    expect(values()).toEqual([["09 01"]]);
    write(Update_Type.MODIFY, { maxListSize: 9, maxTimeoutNs: 3600n * SECOND_NS });
    seen(2n);
    seen(3n);
    write(Update_Type.MODIFY, { maxListSize: 2, maxTimeoutNs: 3600n * SECOND_NS });
    pass(10);
    expect(values()).toEqual([["09 02", "09 03"]]);
  });

  test("whose listener gives the switch a packet does not disturb the one that sent it", () => {
    write(Update_Type.INSERT, {});
    let told = 0;
    program.switch.onNotice(() => {
      if (told++ === 0) expect(find(program, TABLE.lpm, { half: 8, word: 0x0a000001, mac: 6n })).toBe(8);
    });
    seen(5n);
    expect(told).toBe(2);
    expect(values()).toEqual([["09 05"], ["08 06"]]);
  });

  test("is written and read like any entity", () => {
    expect(program.switch.read([entity(undefined, 0)])).toEqual([]);
    const failure = (type: Update_Type, config?: Config, digestId?: number) =>
      program.failure(() => write(type, config, digestId)).code;
    expect(failure(Update_Type.MODIFY, {})).toBe(status.NOT_FOUND);
    expect(failure(Update_Type.DELETE)).toBe(status.NOT_FOUND);
    expect(failure(Update_Type.INSERT)).toBe(status.INVALID_ARGUMENT);
    expect(failure(Update_Type.INSERT, { maxTimeoutNs: -1n })).toBe(status.INVALID_ARGUMENT);
    expect(failure(Update_Type.INSERT, {}, 5)).toBe(status.NOT_FOUND);
    write(Update_Type.INSERT, { maxListSize: 3 });
    expect(failure(Update_Type.INSERT, {})).toBe(status.ALREADY_EXISTS);
    write(Update_Type.MODIFY, { maxListSize: 4, ackTimeoutNs: 5n });
    const [read] = program.switch.read([entity(undefined, 0)]);
    expect(read!.entity).toMatchObject({
      value: { digestId: DIGEST_ID, config: { maxListSize: 4, ackTimeoutNs: 5n, maxTimeoutNs: 0n } },
    });
  });
});

test("a controller gets both on its stream, and acknowledges digests on it", async () => {
  const folder = temporaryFolder();
  const server = await serve(program.switch, { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  const client = new TestClient(server.grpcAddr);
  try {
    const { stream } = await client.arbitrate(id(1));
    const match = { half: exact(9), word: lpm(0x0a000000, 8) };
    program.insert("lpm_table", { match, action: ["mark", 9], idleTimeoutNs: SECOND_NS });
    const config = { ackTimeoutNs: 3600n * SECOND_NS };
    const entity = Entity.fromPartial({
      entity: { $case: "digestEntry", value: { digestId: DIGEST_ID, config } },
    });
    program.write([{ type: Update_Type.INSERT, entity }]);
    const send = () => find(program, TABLE.lpm, { half: 9, word: 0x0a000001 });
    send();
    expect(await stream.nextOf("digest")).toMatchObject({ digestId: DIGEST_ID, listId: 1n });
    nowUs += 1_000_000;
    expect(await stream.nextOf("idleTimeoutNotification")).toMatchObject({
      tableEntry: [{ idleTimeoutNs: SECOND_NS }],
    });
    stream.send({ $case: "digestAck", value: { digestId: DIGEST_ID, listId: 1n } });
    stream.send({ $case: "digestAck", value: { digestId: 5, listId: 1n } });
    // Answered after the one before it.
    expect(await stream.nextOf("error")).toMatchObject({
      canonicalCode: status.INVALID_ARGUMENT,
      details: { $case: "digestListAck" },
    });
    send();
    expect(await stream.nextOf("digest")).toMatchObject({ listId: 2n });
  } finally {
    client.close();
    await server.close();
    folder.remove();
  }
});

const THREAD = new URL("../dist/io/worker_control.js", import.meta.url);

test.skipIf(!existsSync(THREAD))("the packet thread tells of both", async () => {
  const { WorkerControl } = (await import(THREAD.href)) as typeof import("../src/io/worker_control.js");
  const made = learningProgram();
  const control = await WorkerControl.start({ deviceId: 1n, ports: [] });
  try {
    await control.setPipeline("install", made);
    const notices: Promise<Notice>[] = [];
    const resolvers: ((notice: Notice) => void)[] = [];
    for (let i = 0; i < 2; i++) notices.push(new Promise((resolve) => resolvers.push(resolve)));
    control.onNotice((notice) => resolvers.shift()?.(notice));
    const entity = Entity.fromPartial({
      entity: { $case: "digestEntry", value: { digestId: DIGEST_ID, config: {} } },
    });
    const idleTimeoutNs = 20n * MS_NS;
    const match = { half: exact(9), word: lpm(0x0a000000, 8) };
    const updates = [
      { type: Update_Type.INSERT, entity },
      {
        type: Update_Type.INSERT,
        entity: made.entry("lpm_table", { match, action: ["mark", 9], idleTimeoutNs }),
      },
    ];
    expect(await control.write(WriteRequest.encode(WriteRequest.fromPartial({ updates })).finish())).toEqual(
      [],
    );
    expect(await control.inject(0, frameOf(TABLE.lpm, { half: 9, word: 0x0a000001 }))).toHaveLength(1);
    expect(await notices[0]).toMatchObject({ $case: "digest", value: { listId: 1n } });
    expect(await notices[1]).toMatchObject({
      $case: "idleTimeoutNotification",
      value: { tableEntry: [{ idleTimeoutNs }] },
    });
    await control.acknowledge({ digestId: DIGEST_ID, listId: 1n });
    await expect(control.acknowledge({ digestId: 5, listId: 1n })).rejects.toThrow("no digest with id 5");
  } finally {
    await control.close();
  }
});
