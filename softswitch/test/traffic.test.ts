// What actions do to packets and to the switch's memory, and the ways packets take: frames through testdata/traffic.p4. What comes
// out begins with its trace, unless the program took it away: instance type (8 bits), egress_rid (8), port (16), packet length in
// egress (32), and 16 bits of metadata that the field list keeps.
import { Entity, Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytes, preEntity, TestProgram } from "./support/program.js";

const HEADER_BYTES = 16;
const TRACE_BYTES = 10;
const NORMAL = 0;
const INGRESS_CLONE = 1;
const EGRESS_CLONE = 2;
const REPLICATION = 5;

let program: TestProgram;
let now: number;

beforeEach(() => {
  now = 0x0102_0304_0506;
  program = new TestProgram("traffic", { clockUs: () => now });
});

interface Command {
  op: number;
  index?: number;
  a?: number;
  b?: number;
  c?: bigint;
}

function command({ op, index = 0, a = 0, b = 0, c = 0n }: Command, rest = ""): string {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = op;
  header[1] = index;
  header.writeUInt16BE(a, 2);
  header.writeUInt32BE(b, 4);
  header.writeBigUInt64BE(c, 8);
  return header.toString("hex") + rest.replaceAll(" ", "");
}

interface Trace {
  instance?: number;
  rid?: number;
  port?: number;
  length: number;
  kept?: number;
}

function traced({ instance = NORMAL, rid = 0, port = 1, length, kept = 0 }: Trace, rest: string): string {
  const trace = Buffer.alloc(TRACE_BYTES);
  trace[0] = instance;
  trace[1] = rid;
  trace.writeUInt16BE(port, 2);
  trace.writeUInt32BE(length, 4);
  trace.writeUInt16BE(kept, 8);
  return `${port}: ${trace.toString("hex")}${rest}`;
}

/** A packet of the program's own and what egress says of its length: the trace that ingress has added counts, too. */
const plain = (frame: string, trace: Partial<Trace> = {}) =>
  traced({ length: frame.length / 2 + TRACE_BYTES, ...trace }, frame);

function expectResult(input: Command, output: Command, kept = input.a ?? 0): void {
  const frame = command(output, "c0ffee");
  expect(program.send(command(input, "c0ffee"))).toEqual([plain(frame, { kept })]);
}

describe("registers", () => {
  const read = (index: number, a: number, c: bigint) =>
    expectResult({ op: 2, index, a: 0x1111, c: 1n }, { op: 2, index, a, c });

  test("keep what was written, in their width", () => {
    expectResult(
      { op: 1, index: 2, a: 0xfabc, c: 0xfedcba9876543210n },
      { op: 1, index: 2, a: 0xfabc, c: 0xfedcba9876543210n },
    );
    read(2, 0xabc, 0xfedcba9876543210n);
    read(3, 0, 0n);
  });

  test("beyond their size are neither written nor read", () => {
    program.send(command({ op: 1, index: 15, a: 0xfff, c: 7n }));
    // The second has 4 cells: a local that is not written has no value of its own, it is 0 here.
    expectResult({ op: 2, index: 15, a: 5, c: 9n }, { op: 2, index: 15, a: 0, c: 7n });
    expectResult({ op: 2, index: 16, a: 5, c: 9n }, { op: 2, index: 16, a: 0, c: 9n });
    program.send(command({ op: 1, index: 16, a: 1, c: 1n }));
    for (let index = 0; index < 15; index++) read(index, 0, 0n);
  });

  test("are read and written over P4Runtime", () => {
    const registerId = program.id("registers", "words");
    const cell = (index: number, data?: Buffer): Entity => ({
      entity: {
        $case: "registerEntry",
        value: {
          registerId,
          index: { index: BigInt(index) },
          data: data === undefined ? undefined : { data: { $case: "bitstring", value: data } },
        },
      },
    });
    program.write([{ type: Update_Type.MODIFY, entity: cell(3, bytes("aabbccddeeff0011")) }]);
    read(3, 0, 0xaabbccddeeff0011n);
    program.send(command({ op: 1, index: 4, c: 0x1234n }));
    expect(program.switch.read([cell(4)])).toEqual([cell(4, Uint8Array.from([0x12, 0x34]) as Buffer)]);
    expect(
      program.failure(() => program.write([{ type: Update_Type.MODIFY, entity: cell(16, bytes("00")) }])),
    ).toEqual({
      code: 11,
      message: "words: the index 16 is not below its size 16",
    });
    expect(
      program.failure(() => program.write([{ type: Update_Type.INSERT, entity: cell(1, bytes("00")) }]))
        .message,
    ).toBe("a register can only be modified");
  });
});

describe("counters", () => {
  const counts = () => {
    const entity: Entity = {
      entity: {
        $case: "counterEntry",
        value: { counterId: program.id("counters", "events"), index: undefined, data: undefined },
      },
    };
    return program.switch.read([entity]).map(({ entity: found }) => {
      if (found?.$case !== "counterEntry") throw new Error("no counter");
      return [found.value.data!.packetCount, found.value.data!.byteCount];
    });
  };

  test("packets and their bytes as they came in", () => {
    program.send(command({ op: 3, index: 5 }, "aabb"));
    program.send(command({ op: 3, index: 5 }));
    program.send(command({ op: 3, index: 0 }));
    const wanted = Array.from({ length: 8 }, () => [0n, 0n]);
    wanted[5] = [2n, 34n];
    wanted[0] = [1n, 16n];
    expect(counts()).toEqual(wanted);
  });

  test("beyond their size count nothing", () => {
    program.send(command({ op: 3, index: 8 }));
    expect(
      counts()
        .flat()
        .every((count) => count === 0n),
    ).toBe(true);
  });

  test("can be set", () => {
    const counterId = program.id("counters", "events");
    program.write([
      {
        type: Update_Type.MODIFY,
        entity: {
          entity: {
            $case: "counterEntry",
            value: { counterId, index: { index: 2n }, data: { packetCount: 10n, byteCount: 100n } },
          },
        },
      } as never,
    ]);
    program.send(command({ op: 3, index: 2 }));
    expect(counts()[2]).toEqual([11n, 116n]);
  });
});

describe("hashes", () => {
  test("each algorithm over its fields, modulo its size, plus its base", () => {
    const c = 0x3132333435363738n;
    const [output] = program.send(command({ op: 8, index: 0x30, c }));
    const header = bytes(output!.slice(3)).subarray(TRACE_BYTES);
    expect(header.readUInt16BE(2)).toBe(0x3c9d);
    expect(header.readUInt32BE(4)).toBe((crc32Of("303132333435363738") % 1000) + 10);
    expect(header.readBigUInt64BE(8)).toBe(c + 5n);
  });

  test("identity has all its 64 bits, and sums wrap around", () => {
    const [output] = program.send(command({ op: 8, c: 0xfffffffffffffffen }));
    expect(bytes(output!.slice(3)).readBigUInt64BE(TRACE_BYTES + 8)).toBe(3n);
  });

  /** Bit by bit, unlike the switch's own. */
  function crc32Of(hex: string): number {
    let crc = 0xffffffff;
    for (const byte of bytes(hex)) {
      crc ^= byte;
      for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
    return ~crc >>> 0;
  }
});

test("random: within its bounds, and none when the lower is above the upper", () => {
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const header = bytes(program.send(command({ op: 9, b: 0x5555 }))[0]!.slice(3)).subarray(TRACE_BYTES);
    seen.add(header.readUInt16BE(2));
    expect(header.readUInt32BE(4)).toBe(0x5555);
    expect(header.readBigUInt64BE(8)).toBeGreaterThanOrEqual(0xfffffffffffffff0n);
  }
  expect([...seen].sort()).toEqual([10, 11, 12]);
});

describe("headers", () => {
  test("a header that is added starts with zeros and makes the packet longer", () => {
    const frame = command({ op: 0x22 });
    expect(program.send(frame)).toEqual([
      traced({ length: 16 + 8 + TRACE_BYTES }, `${frame}1234000000000000`),
    ]);
  });

  test("removed and added again it has lost its fields", () => {
    const frame = command({ op: 0x21 });
    expect(program.send(`${frame}abcd112233445566 ff`)).toEqual([
      traced({ length: 16 + 8 + 1 + TRACE_BYTES }, `${frame}0000000000000000ff`),
    ]);
  });

  test("a copy has fields and validity; its checksum is made when it leaves", () => {
    // The complement of 0x4142 + 0x1122 + 0x3344 + 0x5566; copying does not count as making the packet longer.
    const sum = (~(0x4142 + 0x1122 + 0x3344 + 0x5566) & 0xffff).toString(16).padStart(4, "0");
    const frame = command({ op: 0x20, a: 0x4142 });
    expect(program.send(`${frame}abcd112233445566`)).toEqual([
      traced({ length: 16 + TRACE_BYTES, kept: 0x4142 }, `${frame}${sum}112233445566`),
    ]);
  });
});

describe("actions", () => {
  test.each([
    [1, 0, 1, 0n],
    [2, 7, 2, 7n],
    [2, 8, 2, 0n],
    [3, 7, 3, 0n],
  ])("jumps: index %i, a %i", (index, a, b, c) => {
    expectResult({ op: 6, index, a }, { op: 6, index, a: 0x9999, b, c });
  });

  test("exit ends ingress, and not egress", () => {
    const frame = command({ op: 7 });
    // Ingress has not added the trace, and egress writes into a header that is not there.
    expect(program.send(frame)).toEqual([`1: ${frame}`]);
  });

  test("truncate cuts what leaves", () => {
    const frame = command({ op: 4, b: 20 }, "00112233445566778899");
    expect(program.send(frame)).toEqual([plain(frame).slice(0, "1: ".length + 40)]);
    const long = command({ op: 4, b: 1000 }, "0011");
    expect(program.send(long)).toEqual([plain(long)]);
  });

  test("mark_to_drop", () => {
    expect(program.send(command({ op: 5 }))).toEqual([]);
  });

  test("a priority that simple_switch has no queue for drops the packet", () => {
    const frame = command({ op: 0x15 });
    expect(program.send(frame)).toEqual([plain(frame)]);
    expect(program.send(command({ op: 0x15, index: 1 }))).toEqual([]);
  });

  test("timestamps are of the switch's clock, all 48 bits", () => {
    now = 0xffee_0304_0506;
    const frame = command({ op: 0x0a });
    expect(program.send(frame)[0]).toContain(`${frame}0000ffee03040506`);
  });
});

describe("ways", () => {
  const frame = (op: number, more: Omit<Command, "op"> = {}) => command({ op, ...more }, "c0ffee");

  beforeEach(() => {
    program.write([
      {
        type: Update_Type.INSERT,
        entity: preEntity("multicastGroupEntry", 7, [
          [3, 1],
          [4, 2],
          [3, 5],
        ]),
      },
      {
        type: Update_Type.INSERT,
        entity: preEntity("cloneSessionEntry", 9, [
          [5, 0],
          [6, 77],
        ]),
      },
    ]);
  });

  test("recirculate: as it left, with the metadata of the field list alone", () => {
    // Three rounds; each time the counts are of the frame as it then is.
    const kept = 0x4142;
    expect(program.send(frame(0x14, { index: 3, a: kept }))).toEqual([
      plain(frame(0x14, { index: 0, a: kept }), { kept }),
    ]);
  });

  test("a packet that would go round for ever is given up, and the next one is not held up", () => {
    expect(program.send(frame(0x16))).toEqual([]);
    expect(program.send(frame(0))).toEqual([plain(frame(0))]);
    expect(program.switch.circled).toBe(1);
    program.switch.setPipeline(program.p4info, program.deviceConfig);
    expect(program.switch.circled).toBe(1);
  });

  test("resubmit: as it came, with instance type 6 in the second pass of ingress", () => {
    const input = frame(0x10, { a: 5 });
    // What ingress has written is gone; in egress it is a usual packet.
    expect(program.send(input)).toEqual([plain(input, { kept: 5 })]);
  });

  test("clone from ingress: as it came, beside the packet as ingress made it", () => {
    const input = frame(0x11, { a: 5, b: 9 });
    const original = frame(0x11, { a: 5, b: 9, index: 0xdd });
    const length = input.length / 2;
    expect(program.send(input)).toEqual([
      plain(original, { kept: 5 }),
      // Egress adds the trace itself: its length is told before.
      traced({ instance: INGRESS_CLONE, port: 5, length, kept: 5 }, input),
      traced({ instance: INGRESS_CLONE, port: 6, rid: 77, length, kept: 5 }, input),
    ]);
  });

  test("clone from egress: as it is then, even when the packet itself is dropped", () => {
    const cloned = frame(0x13, { a: 5, b: 9, index: 0xcc });
    const trace = { length: cloned.length / 2 + TRACE_BYTES, kept: 5 };
    const clones = [
      traced({ ...trace, instance: EGRESS_CLONE, port: 5 }, cloned),
      traced({ ...trace, instance: EGRESS_CLONE, port: 6, rid: 77 }, cloned),
    ];
    expect(program.send(frame(0x13, { a: 5, b: 9 }))).toEqual([traced(trace, cloned), ...clones]);
    const dropped = program.send(frame(0x13, { a: 0xdead, b: 9 }));
    expect(dropped.map((out) => out.slice(0, 3))).toEqual(["5: ", "6: "]);
  });

  test("a clone session that does not exist: only the packet", () => {
    const input = frame(0x11, { b: 10 });
    expect(program.send(input)).toEqual([plain(frame(0x11, { b: 10, index: 0xdd }))]);
  });

  test("multicast: a copy for each replica, instead of the packet", () => {
    const input = frame(0x12, { a: 7 });
    const copy = (port: number, rid: number) => plain(input, { instance: REPLICATION, port, rid, kept: 7 });
    expect(program.send(input)).toEqual([copy(3, 1), copy(4, 2), copy(3, 5)]);
  });

  test("multicast goes before a drop port, and mark_to_drop before multicast", () => {
    expect(program.send(frame(0x12, { a: 7, index: 1 }))).toHaveLength(3);
    expect(program.send(frame(0x12, { a: 7, index: 2 }))).toEqual([]);
  });

  test("copies are whole when the packet is truncated", () => {
    const input = frame(0x12, { a: 7, index: 3 });
    expect(program.send(input)[0]).toBe(plain(input, { instance: REPLICATION, port: 3, rid: 1, kept: 7 }));
  });

  test("a group may have more replicas than a frame that circles may make passes", () => {
    const replicas = Array.from({ length: 3000 }, (_, instance) => [3, instance] as const);
    program.write([{ type: Update_Type.INSERT, entity: preEntity("multicastGroupEntry", 70, replicas) }]);
    expect(program.send(frame(0x12, { a: 70 }))).toHaveLength(3000);
  });

  test("copies that nobody took, because a receiver failed, are not sent with the next frame", () => {
    const input = Buffer.from(frame(0x12, { a: 7 }), "hex");
    const fail = () => {
      throw new Error("no room");
    };
    expect(() => program.switch.process(0, input, input.length, fail)).toThrow("no room");
    expect(program.send(frame(0))).toEqual([plain(frame(0))]);
  });

  test("a group that does not exist has no copies", () => {
    expect(program.send(frame(0x12, { a: 8 }))).toEqual([]);
  });

  test("a frame of any way leaves nothing behind for the next", () => {
    for (const op of [0x10, 0x11, 0x12, 0x13, 0x14]) program.send(frame(op, { index: 2, a: 7, b: 9 }));
    expect(program.send(frame(0))).toEqual([plain(frame(0))]);
  });
});

describe("the packet replication engine over P4Runtime", () => {
  const write = (type: Update_Type, entity: Entity) => () => program.write([{ type, entity }]);
  const group = (id: number, replicas: readonly [number, number][] = [[1, 1]]) =>
    preEntity("multicastGroupEntry", id, replicas);
  const session = (id: number) => preEntity("cloneSessionEntry", id, [[1, 1]]);

  afterEach(() => {
    // Whatever a test did, packets still go through.
    expect(program.send(command({ op: 0 }))).toHaveLength(1);
  });

  test("insert, modify, delete, read", () => {
    write(Update_Type.INSERT, group(7))();
    write(Update_Type.INSERT, group(8, [[2, 1]]))();
    write(Update_Type.INSERT, session(3))();
    write(Update_Type.MODIFY, group(7, [[5, 9]]))();
    expect(program.send(command({ op: 0x12, a: 7 })).map((out) => out.slice(0, 3))).toEqual(["5: "]);
    expect(program.switch.read([group(0, [])])).toEqual([group(7, [[5, 9]]), group(8, [[2, 1]])]);
    expect(program.switch.read([group(8, [])])).toEqual([group(8, [[2, 1]])]);
    expect(program.switch.read([session(0)])).toEqual([session(3)]);
    write(Update_Type.DELETE, group(7))();
    expect(program.switch.read([group(0, [])])).toEqual([group(8, [[2, 1]])]);
    expect(program.send(command({ op: 0x12, a: 7 }))).toEqual([]);
  });

  test.each([
    ["inserted twice", Update_Type.INSERT, () => group(7), 6, "multicast group 7 is there already"],
    ["modified, not there", Update_Type.MODIFY, () => group(8), 5, "multicast group 8 does not exist"],
    ["deleted, not there", Update_Type.DELETE, () => session(8), 5, "clone session 8 does not exist"],
    ["the id 0", Update_Type.INSERT, () => session(0), 3, "clone session 0: the id is not from 1 to 32767"],
    [
      "a replica twice",
      Update_Type.INSERT,
      () =>
        group(8, [
          [1, 2],
          [1, 2],
        ]),
      3,
      "multicast group 8: the replica of port 1, instance 2 is given twice",
    ],
    [
      "a port beyond the last",
      Update_Type.INSERT,
      () => group(8, [[512, 2]]),
      3,
      "multicast group 8: the port 512 is not from 0 to 511",
    ],
    [
      "an instance beyond the last",
      Update_Type.INSERT,
      () => group(8, [[1, 0x10000]]),
      3,
      "multicast group 8: the instance 65536 is not from 0 to 65535",
    ],
    [
      "an empty port",
      Update_Type.INSERT,
      () => {
        const portKind = { $case: "port", value: new Uint8Array() } as const;
        const multicastGroupEntry = { multicastGroupId: 8, replicas: [{ portKind, instance: 1 }] };
        const type = { $case: "multicastGroupEntry", value: multicastGroupEntry } as const;
        return Entity.fromPartial({ entity: { $case: "packetReplicationEngineEntry", value: { type } } });
      },
      3,
      "multicast group 8: a replica has no port",
    ],
    [
      "a type of update that does not exist",
      9 as Update_Type,
      () => group(7, [[2, 2]]),
      3,
      "an update needs a type: INSERT, MODIFY or DELETE",
    ],
  ])("%s", (_, type, entity, code, message) => {
    write(Update_Type.INSERT, group(7))();
    expect(program.failure(write(type, entity()))).toEqual({ code, message });
    expect(program.switch.read([group(0, [])])).toEqual([group(7)]);
  });
});
