import { status } from "@grpc/grpc-js";
import { TableEntry } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Entry,
  MAX_UPDATES_PER_WRITE,
  P4RuntimeError,
  pipelineCookie,
  Switch,
  type SwitchOptions,
  WRITES_IN_FLIGHT,
} from "../src/p4runtime/index.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gatewayPipeline } from "./support/program.js";

const folder = useFolder();
let fake: FakeSwitch;
let address: string;
const opened: Switch[] = [];

beforeEach(async () => {
  address = folder.socket("gw1.sock");
  fake = await FakeSwitch.listen(address);
});
afterEach(() => {
  for (const connection of opened.splice(0)) {
    connection.close();
  }
  fake.stop();
});

async function connect(options: Partial<SwitchOptions> = {}): Promise<Switch> {
  const connection = await Switch.connect({ name: "gw1", address, deviceId: 1n, ...options });
  opened.push(connection);
  return connection;
}

async function ready(options: Partial<SwitchOptions> = {}): Promise<Switch> {
  const connection = await connect(options);
  await connection.setPipeline(gatewayPipeline);
  return connection;
}

const hop = (nexthop_id: number, port = 1): Entry => ({
  table: "nexthop",
  match: { nexthop_id },
  action: "forward",
  params: { port, vlan_id: 0, src_mac: "02:00:00:00:00:01", dst_mac: "02:00:00:00:00:02" },
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) {
    list.push(item);
  }
  return list;
}

const failureOf = (work: Promise<unknown>): Promise<P4RuntimeError> =>
  work.then(
    () => Promise.reject(new Error("it succeeded")),
    (error) => error,
  );

/** Lets time pass until work that waits for nothing but time is over. */
async function inTime<T>(begin: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let isOver = false;
    const work = begin().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      vi.advanceTimersByTime(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return await work;
  } finally {
    vi.useRealTimers();
  }
}

describe("a stream that does not last", () => {
  it("is opened anew after longer and longer pauses, also when each election was won", async () => {
    const timer = vi.spyOn(globalThis, "setTimeout");
    try {
      await connect();
      fake.endsStreams = true;
      const { arbitrations } = fake;
      fake.dropStreams();
      await vi.waitFor(() => expect(fake.arbitrations).toBeGreaterThanOrEqual(arbitrations + 4), 60_000);
      const pauses = timer.mock.calls
        .map(([, ms]) => ms)
        .filter((ms) => [100, 200, 400, 800].includes(ms ?? 0));
      expect(new Set(pauses)).toEqual(new Set([100, 200, 400, 800]));
    } finally {
      timer.mockRestore();
    }
  });
});

describe("pipeline", () => {
  it("is pushed once, and not again when it runs already", async () => {
    const first = await connect();
    expect(await first.runningCookie()).toBeUndefined();
    expect(await first.setPipeline(gatewayPipeline)).toBe(true);
    expect(await first.setPipeline(gatewayPipeline)).toBe(false);
    expect(await (await connect()).setPipeline(gatewayPipeline)).toBe(false);
    expect(fake.pipelinesPushed).toBe(1);
  });

  it("is pushed when any byte of the program differs", async () => {
    const connection = await ready();
    const other = {
      ...gatewayPipeline,
      deviceConfig: Uint8Array.of(...gatewayPipeline.deviceConfig.subarray(0, 9)),
    };
    expect(await connection.setPipeline(other)).toBe(true);
  });

  it("can be asked about, and nothing changes", async () => {
    const connection = await ready();
    const held = fake.pipeline;
    await connection.verifyPipeline({ ...gatewayPipeline, deviceConfig: Buffer.from("{}") });
    expect(fake.pipeline).toBe(held);
    expect(fake.pipelinesPushed).toBe(1);
  });

  it("is replaced with its entries kept, where the switch can", async () => {
    const connection = await ready();
    const key = { vrf_id: 7, prefix: "10.99.0.0/16" };
    await connection.insert({ table: "route", match: key, action: "discard" });
    const other = { ...gatewayPipeline, deviceConfig: Buffer.from("{}") };
    expect(await failureOf(connection.replacePipeline(other))).toMatchObject({ code: status.UNIMPLEMENTED });
    expect(await connection.runningCookie()).toBe(pipelineCookie(gatewayPipeline));
    fake.reconciles = true;
    await connection.replacePipeline(other);
    expect(await connection.runningCookie()).toBe(pipelineCookie(other));
    expect(fake.entries.size).toBe(1);
  });

  it("is asked of the switch by a reader", async () => {
    await ready();
    const reader = await connect({ write: false });
    expect([...(await reader.schema()).tables].map(({ alias }) => alias)).toContain("service");
  });

  it("is missing in words", async () => {
    const reader = await connect({ write: false });
    expect(await failureOf(all(reader.read()))).toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});

describe("writes and reads", () => {
  it("inserts, modifies, reads and deletes by name", async () => {
    const connection = await ready();
    await connection.insert(hop(1), hop(2));
    await connection.modify(hop(2, 9));
    await connection.delete({ table: "nexthop", match: { nexthop_id: 1 } });
    expect(await all(connection.read("nexthop"))).toEqual([hop(2, 9)]);
    expect(await connection.readEntry(hop(2))).toEqual(hop(2, 9));
    expect(await connection.readEntry(hop(1))).toBeUndefined();
  });

  it("reads direct counters where a table has them, and only when asked", async () => {
    const connection = await ready();
    const vip: Entry = {
      table: "vip",
      match: { vni: 0, vip: "203.0.113.10" },
      action: "steer_vip",
      params: { cluster_id: 7 },
    };
    await connection.insert(vip, hop(1));
    const counter = { packets: 3n, bytes: 300n };
    expect(await all(connection.read(undefined, { counters: true }))).toEqual(
      expect.arrayContaining([{ ...vip, counter }, hop(1)]),
    );
    expect(await all(connection.read("vip"))).toEqual([vip]);
    expect(await connection.readEntry(vip)).toEqual({ ...vip, counter });
  });

  it("reads a counter's cells", async () => {
    const connection = await ready();
    expect([...(await connection.readCounter("drops"))]).toEqual([
      [0, { packets: 0n, bytes: 0n }],
      [1, { packets: 1n, bytes: 64n }],
      [2, { packets: 2n, bytes: 128n }],
    ]);
  });

  it("takes padded values for the same as canonical ones", async () => {
    const connection = await ready();
    await connection.insert(hop(7));
    fake.show = (entry) => {
      const copy = TableEntry.decode(TableEntry.encode(entry).finish());
      for (const field of copy.match) {
        if (field.fieldMatchType?.$case === "exact") {
          const { value } = field.fieldMatchType.value;
          field.fieldMatchType.value.value = Buffer.concat([Buffer.alloc(4 - value.length), value]);
        }
      }
      return copy;
    };
    expect(await all(connection.read("nexthop"))).toEqual([hop(7)]);
  });

  it("splits a long list into batches, which may overtake each other", async () => {
    const connection = await ready();
    const entries = Array.from({ length: 2 * MAX_UPDATES_PER_WRITE + 1 }, (_, i) => hop(i + 1));
    await connection.insert(...entries);
    const sizes = fake.writes.map(({ updates }) => updates.length);
    expect(sizes.sort((a, b) => b - a)).toEqual([MAX_UPDATES_PER_WRITE, MAX_UPDATES_PER_WRITE, 1]);
    const held = await all(connection.read("nexthop"));
    const number = ({ match }: Entry) => match.nexthop_id as number;
    expect(held.sort((a, b) => number(a) - number(b))).toEqual(entries);
  });

  it("writes nothing when one entry of a list does not fit the program", async () => {
    const connection = await ready();
    await expect(connection.insert(hop(1), hop(70000))).rejects.toThrow(
      "nexthop.nexthop_id: 70000 does not fit",
    );
    expect(fake.writes).toEqual([]);
  });
});

describe("refused updates", () => {
  it("are named by entry, with their place in the list", async () => {
    const connection = await ready();
    await connection.insert(hop(2));
    const error = await failureOf(connection.insert(hop(1), hop(2), hop(3)));
    expect(error).toBeInstanceOf(P4RuntimeError);
    expect(error.updates).toEqual([
      {
        index: 1,
        code: status.ALREADY_EXISTS,
        message: "entry exists",
        subject: "INSERT nexthop[nexthop_id=2]",
      },
    ]);
    expect(error.message).toBe(
      `switch gw1 (${address}) refused 1 of 3 updates:\n  INSERT nexthop[nexthop_id=2]: ALREADY_EXISTS: entry exists`,
    );
  });

  it("end the write: later batches are not sent, and that is said", async () => {
    const connection = await ready();
    fake.refuse = ({ type }) =>
      type === 1 ? { code: status.RESOURCE_EXHAUSTED, message: "table is full" } : undefined;
    const begun = WRITES_IN_FLIGHT * MAX_UPDATES_PER_WRITE;
    const entries = Array.from({ length: begun + 5 }, (_, i) => hop(i + 1));
    const error = await failureOf(connection.insert(...entries));
    expect(error.updates).toHaveLength(MAX_UPDATES_PER_WRITE);
    expect(error.message).toContain(
      `refused ${MAX_UPDATES_PER_WRITE} of ${MAX_UPDATES_PER_WRITE} updates (5 more were not sent):`,
    );
    expect(error.message).toContain(`… and ${MAX_UPDATES_PER_WRITE - 10} more`);
    expect(fake.writes).toHaveLength(WRITES_IN_FLIGHT);
  });

  it("arrive whole when all of a batch fail, with messages of 100 bytes each", async () => {
    const connection = await ready();
    fake.refuse = () => ({ code: status.INVALID_ARGUMENT, message: "x".repeat(100) });
    const entries = Array.from({ length: MAX_UPDATES_PER_WRITE }, (_, i) => hop(i + 1));
    const error = await failureOf(connection.insert(...entries));
    expect(error.updates.map(({ message }) => message.length)).toEqual(entries.map(() => 100));
  });
});

describe("elections", () => {
  it("makes the newest controller primary and tells the older one", async () => {
    const old = await ready();
    const young = await connect();
    expect(young.state).toBe("primary");
    const error = await failureOf(old.insert(hop(1)));
    expect(error.code).toBe(status.PERMISSION_DENIED);
    expect(error.message).toContain("another controller is primary");
    await young.setPipeline(gatewayPipeline);
    await young.insert(hop(1));
    expect(fake.entries.size).toBe(1);
  });

  it("fails to connect as a writer below another controller, and still reads", async () => {
    await ready({ electionId: 1_000n });
    const error = await failureOf(connect({ electionId: 999n }));
    expect(error.message).toBe(
      `switch gw1 (${address}): another controller is primary (its election id is 1000, this one's 999; ALREADY_EXISTS): ` +
        "stop the other one, or let it do the change",
    );
    expect(await all((await connect({ write: false })).read())).toEqual([]);
  });

  it("takes over when the primary leaves", async () => {
    const primary = await ready({ electionId: 1_000n });
    const follower = connect({ electionId: 999n, waitMs: 20_000 });
    await expect.poll(() => fake.arbitrations, { timeout: 20_000 }).toBe(2);
    primary.close();
    await (await follower).setPipeline(gatewayPipeline);
    await (await follower).insert(hop(1));
    expect(fake.primaryElectionId).toBe(1_001n);
  });

  it("gives up on a switch that never makes anybody primary", async () => {
    fake.denyPrimary = true;
    expect((await failureOf(connect())).message).toContain("NOT_FOUND");
    expect(fake.arbitrations).toBe(4);
  });

  it("cannot write through a reader", async () => {
    await ready();
    const reader = await connect({ write: false });
    expect((await failureOf(reader.insert(hop(1)))).message).toContain("was opened for reading only");
  });
});

describe("a switch that fails", () => {
  it("is down in words", async () => {
    fake.stop();
    const missing = folder.socket("nobody.sock");
    const error = await failureOf(connect({ address: missing }));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.message).toBe(
      `switch gw1 (${missing}) is down: connect ENOENT ${missing.slice("unix:".length)} ` +
        "(is the switch running, and is its address right?)",
    );
  });

  it.each(["arbitration", "getPipeline", "write"] as const)("does not hang a caller: %s", async (call) => {
    if (call === "arbitration") {
      fake.mute.add(call);
      const error = await inTime(() => failureOf(connect()));
      expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
      return;
    }
    const connection = await ready();
    fake.mute.add(call);
    const work = () => (call === "write" ? connection.insert(hop(1)) : connection.runningCookie());
    const error = await inTime(() => failureOf(work()));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(error.message).toContain(`switch gw1 (${address}) did not answer`);
  });

  it("does not hang a reader", async () => {
    const connection = await ready();
    fake.mute.add("read");
    const error = await inTime(() => failureOf(all(connection.read())));
    expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it("is written to again after it came back", async () => {
    const connection = await ready();
    await connection.insert(hop(1));
    fake.stop();
    expect(await failureOf(connection.insert(hop(2)))).toMatchObject({ code: status.UNAVAILABLE });
    fake = await FakeSwitch.listen(address);
    await connection.primary(20_000);
    expect(await connection.setPipeline(gatewayPipeline)).toBe(true);
    await connection.insert(hop(2));
    expect(await all(connection.read("nexthop"))).toEqual([hop(2)]);
  });

  it("is written to again after only the stream broke", async () => {
    const connection = await ready();
    fake.dropStreams();
    await expect.poll(() => fake.primaryElectionId, { timeout: 20_000 }).toBeDefined();
    await connection.primary(20_000);
    await connection.insert(hop(1));
    expect(fake.entries.size).toBe(1);
  });

  it("says after close that it was closed here", async () => {
    const connection = await ready();
    connection.close();
    expect((await failureOf(connection.primary())).message).toContain("the connection was closed here");
  });
});

describe("packets", () => {
  it("go out with their metadata by name", async () => {
    const connection = await ready();
    await connection.sendPacket(Uint8Array.of(1, 2), { egress_port: 300 });
    await expect.poll(() => fake.packetsOut.length, { timeout: 20_000 }).toBe(1);
    expect(fake.packetsOut[0]!.metadata.map(({ metadataId, value }) => [metadataId, [...value]])).toEqual([
      [1, [1, 44]],
    ]);
    expect([...fake.packetsOut[0]!.payload]).toEqual([1, 2]);
  });

  it("refuse metadata that the program does not have, or that is missing", async () => {
    const connection = await ready();
    await expect(connection.sendPacket(new Uint8Array(), { port: 1 })).rejects.toThrow(
      'packet_out has no field "port" (it has egress_port)',
    );
    await expect(connection.sendPacket(new Uint8Array(), {})).rejects.toThrow(
      'metadata field "egress_port" is missing',
    );
    await expect(connection.sendPacket(new Uint8Array(), { egress_port: 70000 })).rejects.toThrow(
      "packet_out.egress_port: 70000 does not fit in 16 bits",
    );
  });

  it("come in, in order, to whoever waits", async () => {
    const connection = await ready();
    const waiting = connection.nextPacket(20_000);
    for (const payload of [1, 2]) {
      fake.packetIn(Uint8Array.of(payload), [
        { metadataId: 1, value: Uint8Array.of(0, 5) },
        { metadataId: 2, value: Uint8Array.of(9) },
      ]);
    }
    expect(await waiting).toEqual({
      payload: expect.anything(),
      metadata: { ingress_port: 5, network_id: 9 },
    });
    expect([...(await connection.nextPacket(20_000))!.payload]).toEqual([2]);
    expect(await connection.nextPacket(1)).toBeUndefined();
  });
});
