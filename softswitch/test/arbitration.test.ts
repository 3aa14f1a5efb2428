// Which controller is primary: P4Runtime specification, sections 5.3 and 5.4.
import { type StatusObject, status } from "@grpc/grpc-js";
import { SetForwardingPipelineConfigRequest_Action as Action } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";
import { inserts, pipelineConfig } from "./support/messages.js";

const { OK, ALREADY_EXISTS, NOT_FOUND, INVALID_ARGUMENT, PERMISSION_DENIED } = status;

let folder: ReturnType<typeof temporaryFolder>;
let fake: FakeControl;
let server: RunningServer;
let client: TestClient;
let other: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  fake = new FakeControl();
  server = await serve(fake, { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  client = new TestClient(server.grpcAddr);
  other = new TestClient(server.grpcAddr);
});

afterEach(async () => {
  client.close();
  other.close();
  await server.close();
  folder.remove();
});

describe("elections", () => {
  test("the only controller becomes primary and is told its own id", async () => {
    const answer = await client.stream().arbitrate(id(7));
    expect(answer).toEqual({ code: OK, electionId: id(7) });
  });

  test("a lower id is a backup, and only it is told", async () => {
    const first = await client.arbitrate(id(7));
    const second = other.stream();
    expect(await second.arbitrate(id(6))).toEqual({ code: ALREADY_EXISTS, electionId: id(7) });
    expect(await first.stream.arbitrate(id(8))).toEqual({ code: OK, electionId: id(8) });
    expect(first.stream.waiting).toBe(0);
  });

  test("a higher id takes over, and both are told", async () => {
    const first = await client.arbitrate(id(7));
    const second = other.stream();
    expect(await second.arbitrate(id(8))).toEqual({ code: OK, electionId: id(8) });
    expect(await first.stream.elected()).toEqual({ code: ALREADY_EXISTS, electionId: id(8) });
  });

  test("ids are compared in all 128 bits", async () => {
    await client.arbitrate(id(0xffff_ffff_ffff_ffffn, 1));
    const second = other.stream();
    expect(await second.arbitrate(id(0, 2))).toEqual({ code: OK, electionId: id(0, 2) });
    const third = client.stream();
    expect(await third.arbitrate(id(0xffff_ffff_ffff_ffffn, 1n << 63n))).toMatchObject({ code: OK });
  });

  test("an id that is in use ends the stream of the second one, and the first stays primary", async () => {
    const first = await client.arbitrate(id(7));
    const second = other.stream();
    second.ask(id(7));
    expect(await second.ended).toMatchObject({
      code: INVALID_ARGUMENT,
      details: expect.stringContaining("election id 7"),
    });
    expect(await first.stream.arbitrate(id(7))).toEqual({ code: OK, electionId: id(7) });
  });

  test("the id of a controller that has gone can be used again", async () => {
    const first = await client.arbitrate(id(7));
    const backup = await other.arbitrate(id(6));
    first.stream.close();
    await backup.stream.elected();
    expect(await client.stream().arbitrate(id(7))).toEqual({ code: OK, electionId: id(7) });
  });

  test("without an election id a controller never is primary", async () => {
    const first = client.stream();
    expect(await first.arbitrate(undefined)).toEqual({ code: NOT_FOUND, electionId: undefined });
    const second = await other.arbitrate(id(1));
    expect(second.code).toBe(OK);
    expect(await first.elected()).toEqual({ code: ALREADY_EXISTS, electionId: id(1) });
    expect(await client.stream().arbitrate(undefined)).toMatchObject({ code: ALREADY_EXISTS });
  });

  test("when the primary goes all others are told, and no backup moves up by itself", async () => {
    const primary = await client.arbitrate(id(9));
    const backups = [await other.arbitrate(id(5)), await other.arbitrate(id(6))];
    primary.stream.close();
    for (const { stream } of backups) {
      expect(await stream.elected()).toEqual({ code: NOT_FOUND, electionId: id(9) });
    }
    expect(await backups[1]!.stream.arbitrate(id(8))).toEqual({ code: NOT_FOUND, electionId: id(9) });
    expect(await backups[0]!.stream.arbitrate(id(10))).toEqual({ code: OK, electionId: id(10) });
    expect(await backups[1]!.stream.elected()).toEqual({ code: ALREADY_EXISTS, electionId: id(10) });
  });

  test("ending the stream is leaving, as cancelling is", async () => {
    const primary = await client.arbitrate(id(9));
    const backup = await other.arbitrate(id(5));
    primary.stream.end();
    expect((await primary.stream.ended).code).toBe(OK);
    expect(await backup.stream.elected()).toEqual({ code: NOT_FOUND, electionId: id(9) });
  });

  test("a primary that takes a lower id steps down", async () => {
    const primary = await client.arbitrate(id(9));
    const backup = await other.arbitrate(id(5));
    expect(await primary.stream.arbitrate(id(4))).toEqual({ code: NOT_FOUND, electionId: id(9) });
    expect(await backup.stream.elected()).toEqual({ code: NOT_FOUND, electionId: id(9) });
  });

  test.each([
    ["another device", 2n, undefined, NOT_FOUND, "device 2: this is device 1"],
    ["a named role", 1n, "sdn", status.UNIMPLEMENTED, "sdn"],
  ])("%s ends the stream", async (_, deviceId, role, code, words) => {
    const stream = client.stream();
    stream.ask(id(1), deviceId, role);
    expect(await stream.ended).toMatchObject({ code, details: expect.stringContaining(words) });
    expect((await other.arbitrate(id(1))).code).toBe(OK);
  });

  test("a live controller cannot change its device or role", async () => {
    for (const [deviceId, role] of [
      [2n, undefined],
      [1n, "sdn"],
    ] as const) {
      const { stream } = await client.arbitrate(id(1));
      stream.ask(id(1), deviceId, role);
      expect((await stream.ended).code).toBe(status.FAILED_PRECONDITION);
    }
  });
});

describe("a controller that does not read what it is told", () => {
  /** More than what is kept for one, and what gRPC and the kernel have room for. */
  const MANY = 12_000;

  /** A stream whose client reads nothing after the first message, until `read` is called. */
  function deafStream() {
    const stream = client.stub.streamChannel();
    const ended = new Promise<StatusObject>((resolve) => stream.on("status", resolve));
    stream.on("error", () => {}); // its status tells
    let received = 0;
    stream.on("data", () => received++);
    stream.once("data", () => stream.pause()); // gRPC's library reads on as long as nobody has begun to read
    const arbitration = { deviceId: 1n, role: undefined, electionId: id(7), status: undefined };
    return {
      ended,
      ask: (count: number) => {
        for (let asked = 0; asked < count; asked++) {
          stream.write({ update: { $case: "arbitration", value: arbitration } });
        }
      },
      /** @returns how much was kept for it */
      read: async () => {
        stream.resume();
        await ended;
        return received;
      },
    };
  }

  test("and asks on and on: its stream is ended, and others are told", async () => {
    const backup = await other.arbitrate(id(5));
    const deaf = deafStream();
    deaf.ask(1);
    expect(await backup.stream.elected()).toEqual({ code: ALREADY_EXISTS, electionId: id(7) });
    deaf.ask(MANY);
    let told = ALREADY_EXISTS;
    while (told === ALREADY_EXISTS) told = (await backup.stream.elected()).code;
    expect(told).toBe(NOT_FOUND);
    expect(await deaf.read()).toBeLessThan(MANY);
    expect(await deaf.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining("read"),
    });
    expect(await backup.stream.arbitrate(id(9))).toMatchObject({ code: OK });
  });

  test("of others: its stream is ended, and theirs are not", async () => {
    const deaf = deafStream();
    deaf.ask(1);
    const { stream } = await other.arbitrate(id(8));
    for (let asked = 0; asked < MANY; asked++) stream.ask(id(8));
    for (let answered = 0; answered < MANY; answered++) {
      expect((await stream.elected()).code).toBe(OK);
    }
    expect(await deaf.read()).toBeLessThan(MANY);
    expect((await deaf.ended).code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe("who may write", () => {
  beforeEach(async () => {
    const { stream } = await client.arbitrate(id(1));
    await client.setPipeline({
      action: Action.VERIFY_AND_COMMIT,
      electionId: id(1),
      config: pipelineConfig(),
    });
    fake.calls.length = 0;
    stream.close();
    await client.stream().arbitrate(id(5));
  });

  test.each([
    ["another id", id(4)],
    ["a higher id that nobody has", id(6)],
    ["no id", undefined],
    ["the id's low half alone", id(5, 1)],
  ])("%s: PERMISSION_DENIED", async (_, electionId) => {
    await expect(client.write(inserts(1), electionId)).rejects.toMatchObject({ code: PERMISSION_DENIED });
    await expect(
      client.setPipeline({ action: Action.VERIFY_AND_COMMIT, electionId, config: pipelineConfig() }),
    ).rejects.toMatchObject({ code: PERMISSION_DENIED });
    expect(fake.calls).toEqual([]);
  });

  test("the primary", async () => {
    await client.write(inserts(2), id(5));
    expect(fake.calls).toEqual(["write 2"]);
  });

  test("nobody, once the primary has gone", async () => {
    const watcher = await other.arbitrate(id(1));
    client.close();
    expect(await watcher.stream.elected()).toMatchObject({ code: NOT_FOUND });
    await expect(other.write(inserts(1), id(5))).rejects.toMatchObject({ code: PERMISSION_DENIED });
  });

  test("another device or role: NOT_FOUND, before anything else", async () => {
    await expect(client.write(inserts(1), id(4), { deviceId: 2n })).rejects.toMatchObject({
      code: NOT_FOUND,
    });
    await expect(client.write(inserts(1), id(4), { role: "sdn" })).rejects.toMatchObject({ code: NOT_FOUND });
  });

  test("a new primary waits until the writes of the one before are done", async () => {
    let open: () => void = () => {};
    fake.gate = new Promise((resolve) => {
      open = resolve;
    });
    const slow = client.write(inserts(1), id(5));
    const watcher = await other.arbitrate(id(1)); // its answer comes after the write has begun
    expect(watcher.code).toBe(ALREADY_EXISTS);
    await expect.poll(() => fake.calls, { timeout: 20_000 }).toEqual(["write 1"]);

    const next = other.stream();
    next.ask(id(9));
    expect(await watcher.stream.elected()).toEqual({ code: ALREADY_EXISTS, electionId: id(9) });
    await expect(client.write(inserts(1, 1), id(5))).rejects.toMatchObject({ code: PERMISSION_DENIED });
    await expect(client.write(inserts(1, 1), id(9))).rejects.toMatchObject({ code: PERMISSION_DENIED });
    expect(next.waiting).toBe(0);

    open();
    await slow;
    expect(await next.elected()).toEqual({ code: OK, electionId: id(9) });
    await other.write(inserts(1, 2), id(9));
    expect(fake.calls).toEqual(["write 1", "write 1"]);
  });
});
