// Action profiles and selectors (specification, section 9.2), and packets from and to the controller (section 16.1).
import { status } from "@grpc/grpc-js";
import {
  ActionProfileGroup,
  ActionProfileMember,
  Entity,
  PacketOut,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { find as findIn, frameOf, type Probe, TABLE } from "./support/matching.js";
import { exact, TestProgram } from "./support/program.js";

let program: TestProgram;

beforeEach(() => {
  program = new TestProgram("matching", { cpuPort: 510 });
});

const find = (table: number, probe: Probe, rest = "") => findIn(program, table, probe, rest);

describe("action profiles", () => {
  const { INSERT, MODIFY, DELETE } = Update_Type;
  const member = (type: Update_Type, memberId: number, number?: number, profile = "members") => {
    const action = number === undefined ? undefined : program.action(["mark", number]);
    const value = ActionProfileMember.fromPartial({
      actionProfileId: program.id("actionProfiles", profile),
      memberId,
      ...(action && { action }),
    });
    program.write([{ type, entity: { entity: { $case: "actionProfileMember", value } } }]);
  };
  const group = (
    type: Update_Type,
    groupId: number,
    members: readonly (readonly [id: number, weight: number])[],
    maxSize = 4,
    watchPort?: Uint8Array,
  ) => {
    const watchKind = watchPort && ({ $case: "watchPort", value: watchPort } as const);
    const value = ActionProfileGroup.fromPartial({
      actionProfileId: program.id("actionProfiles", "members"),
      groupId,
      maxSize,
      members: members.map(([memberId, weight]) => ({ memberId, weight, ...(watchKind && { watchKind }) })),
    });
    program.write([{ type, entity: { entity: { $case: "actionProfileGroup", value } } }]);
  };
  /** How often each member is chosen, over many flows. */
  const shares = (half: number) => {
    const counts = new Map<number, number>();
    for (let word = 0; word < 3000; word++) {
      const found = find(TABLE.group, { half, word: Math.imul(word, 0x9e3779b1) >>> 0 });
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
    return counts;
  };

  test("an entry names a member; what the member does can change", () => {
    member(INSERT, 3, 33, "profile");
    program.insert("member_table", { match: { half: exact(1) }, member: 3 });
    expect(find(TABLE.member, { half: 1 })).toBe(33);
    member(MODIFY, 3, 34, "profile");
    expect(find(TABLE.member, { half: 1 })).toBe(34);
    expect(program.read("member_table")[0]!.action!.type).toEqual({
      $case: "actionProfileMemberId",
      value: 3,
    });
    expect(find(TABLE.member, { half: 2 })).toBe(0);
  });

  test("a group spreads flows over its members, each always the same way", () => {
    for (const id of [1, 2, 3]) member(INSERT, id, id);
    group(INSERT, 5, [
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    program.insert("group_table", { match: { half: exact(1) }, group: 5 });
    const before = shares(1);
    expect([...before.keys()].sort()).toEqual([1, 2, 3]);
    for (const count of before.values()) expect(count).toBeGreaterThan(800);
    expect(shares(1)).toEqual(before);
    group(MODIFY, 5, [
      [1, 1],
      [3, 1],
    ]);
    expect([...shares(1).keys()].sort()).toEqual([1, 3]);
  });

  test("weights count", () => {
    for (const id of [1, 2]) member(INSERT, id, id);
    group(INSERT, 5, [
      [1, 3],
      [2, 1],
    ]);
    program.insert("group_table", { match: { half: exact(1) }, group: 5 });
    const counts = shares(1);
    expect(counts.get(1)! / counts.get(2)!).toBeGreaterThan(2.5);
    expect(counts.get(1)! / counts.get(2)!).toBeLessThan(3.5);
  });

  test("a group without members does nothing", () => {
    group(INSERT, 5, []);
    program.insert("group_table", { match: { half: exact(1) }, group: 5 });
    expect(find(TABLE.group, { half: 1 })).toBe(0);
  });

  test("members and groups are read back", () => {
    for (const id of [1, 2]) member(INSERT, id, id);
    group(INSERT, 5, [
      [1, 3],
      [2, 1],
    ]);
    const read = (kind: "actionProfileMember" | "actionProfileGroup") =>
      program.switch.read([Entity.fromPartial({ entity: { $case: kind, value: {} } as never })]);
    expect(read("actionProfileMember")).toHaveLength(2);
    expect(read("actionProfileGroup")).toMatchObject([
      {
        entity: {
          value: {
            groupId: 5,
            maxSize: 4,
            members: [
              { memberId: 1, weight: 3 },
              { memberId: 2, weight: 1 },
            ],
          },
        },
      },
    ]);
  });

  test("weights are bounded, also where the program has no bound", () => {
    program = new TestProgram("matching", {}, ({ p4info }) => {
      for (const profile of p4info.actionProfiles) profile.maxGroupSize = 0;
    });
    member(INSERT, 1, 1);
    for (const [weight, maxSize] of [
      [0x7fff_ffff, 0],
      [0x7fff_ffff, 0x7fff_ffff],
      [1, 0x7fff_ffff],
    ] as const) {
      expect(program.failure(() => group(INSERT, 5, [[1, weight]], maxSize)).code).toBe(RESOURCE_EXHAUSTED);
    }
    group(INSERT, 5, [[1, 65_536]], 0);
  });

  test("an empty watch port is none", () => {
    member(INSERT, 1, 1);
    group(INSERT, 5, [[1, 1]], 4, new Uint8Array());
  });

  const { ALREADY_EXISTS, NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION, RESOURCE_EXHAUSTED } = status;
  test.each<[string, () => void, number]>([
    ["a member twice", () => member(INSERT, 1, 1), ALREADY_EXISTS],
    ["a member without action", () => member(INSERT, 9), INVALID_ARGUMENT],
    ["modify a member that is not there", () => member(MODIFY, 9, 1), NOT_FOUND],
    ["delete a member that is not there", () => member(DELETE, 9), NOT_FOUND],
    ["delete a member of a group", () => member(DELETE, 2), FAILED_PRECONDITION],
    ["delete a member that an entry names", () => member(DELETE, 1), FAILED_PRECONDITION],
    ["a group twice", () => group(INSERT, 5, []), ALREADY_EXISTS],
    ["modify a group that is not there", () => group(MODIFY, 6, []), NOT_FOUND],
    ["delete a group that is not there", () => group(DELETE, 6, []), NOT_FOUND],
    ["delete a group that an entry names", () => group(DELETE, 5, []), FAILED_PRECONDITION],
    ["a group of members that are not there", () => group(INSERT, 6, [[9, 1]]), NOT_FOUND],
    [
      "a member twice in a group",
      () =>
        group(INSERT, 6, [
          [1, 1],
          [1, 1],
        ]),
      INVALID_ARGUMENT,
    ],
    ["a weight of 0", () => group(INSERT, 6, [[1, 0]]), INVALID_ARGUMENT],
    [
      "a group above its size",
      () =>
        group(INSERT, 6, [
          [1, 3],
          [2, 2],
        ]),
      RESOURCE_EXHAUSTED,
    ],
    [
      "a group that may have more members than the program says",
      () => group(INSERT, 6, [], 5),
      INVALID_ARGUMENT,
    ],
    ["the member 0, which means all", () => member(INSERT, 0, 1), INVALID_ARGUMENT],
    ["the group 0, which means all", () => group(INSERT, 0, []), INVALID_ARGUMENT],
    ["another size of a group that is there", () => group(MODIFY, 5, [[2, 1]], 3), INVALID_ARGUMENT],
    [
      "a member that depends on a port",
      () => group(INSERT, 6, [[1, 1]], 4, Uint8Array.of(1)),
      status.UNIMPLEMENTED,
    ],
    ["a group of less than no members", () => group(INSERT, 6, [], -1), INVALID_ARGUMENT],
    [
      "an entry of a group that is not there",
      () => program.insert("group_table", { match: { half: exact(3) }, group: 6 }),
      NOT_FOUND,
    ],
    [
      "an entry of a member that is not there",
      () => program.insert("group_table", { match: { half: exact(3) }, member: 9 }),
      NOT_FOUND,
    ],
    [
      "an entry with an action",
      () => program.insert("group_table", { match: { half: exact(3) }, action: ["mark", 1] }),
      INVALID_ARGUMENT,
    ],
    [
      "more members than the profile holds",
      () => {
        for (let id = 10; id < 30; id++) member(INSERT, id, id);
      },
      RESOURCE_EXHAUSTED,
    ],
  ])("refused: %s", (_, write, code) => {
    for (const id of [1, 2]) member(INSERT, id, id);
    group(INSERT, 5, [[2, 1]]);
    program.insert("group_table", { match: { half: exact(1) }, group: 5 });
    program.insert("group_table", { match: { half: exact(2) }, member: 1 });
    expect(program.failure(write).code).toBe(code);
    expect([1, 2, 3].map((half) => find(TABLE.group, { half }))).toEqual([2, 1, 0]);
  });
});

describe("packet-in and packet-out", () => {
  const packetOut = (payload: Buffer, metadata: readonly (readonly [number, number])[]) =>
    program.switch.packetOut(
      PacketOut.fromPartial({
        payload,
        metadata: metadata.map(([metadataId, v]) => ({ metadataId, value: Buffer.from([v >> 8, v & 255]) })),
      }),
    );

  test("a frame to the CPU port becomes a packet-in with its metadata", () => {
    const seen: unknown[] = [];
    const stop = program.switch.onPacketIn((packet) => seen.push(packet));
    program.insert("exact_table", {
      match: { half: exact(1), address: exact(1) },
      action: ["to_controller", 5],
    });
    const frame = frameOf(TABLE.exact, { half: 1, address: 1n }, "c0ffee");
    expect(program.switch.inject(300, frame)).toEqual([]);
    expect(seen).toEqual([
      {
        payload: Uint8Array.from(frame),
        metadata: [
          { metadataId: 1, value: Uint8Array.of(0x01, 0x2c) },
          { metadataId: 2, value: Uint8Array.of(5) },
        ],
      },
    ]);
    stop();
    program.switch.inject(300, frame);
    expect(seen).toHaveLength(1);
  });

  test("a listener may send packets itself", () => {
    const answers: number[] = [];
    program.switch.onPacketIn(() =>
      answers.push(
        ...packetOut(frameOf(0, {}), [
          [1, 17],
          [2, 0],
          [3, 0],
        ]).map(({ port }) => port),
      ),
    );
    program.insert("exact_table", {
      match: { half: exact(1), address: exact(1) },
      action: ["to_controller", 5],
    });
    program.switch.inject(3, frameOf(TABLE.exact, { half: 1, address: 1n }));
    expect(answers).toEqual([17]);
  });

  test("a packet-out goes where its metadata says", () => {
    const frame = frameOf(0, { half: 0x1234 });
    expect(
      packetOut(frame, [
        [1, 300],
        [2, 1],
        [3, 0],
      ]),
    ).toEqual([{ port: 300, frame: Uint8Array.from(frame) }]);
  });

  test("packet-outs that are refused", () => {
    const frame = frameOf(0, {});
    expect(() =>
      packetOut(frame, [
        [1, 300],
        [2, 1],
      ]),
    ).toThrow('packet_out: the metadata "pad" is missing');
    expect(() =>
      packetOut(frame, [
        [1, 600],
        [2, 1],
        [3, 0],
      ]),
    ).toThrow("packet_out.egress_port: the value 0x0258 does not fit into 9 bits");
    expect(() =>
      packetOut(frame, [
        [1, 1],
        [2, 1],
        [3, 0],
        [4, 0],
      ]),
    ).toThrow("packet_out has no metadata with id 4");
    const without = new TestProgram("matching");
    expect(() => without.switch.packetOut(PacketOut.fromPartial({}))).toThrow("the switch has no CPU port");
  });
});
