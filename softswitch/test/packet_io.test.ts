// Packets between controllers and switch (P4Runtime specification, section 16), and BMv2's packet stream.
import { once } from "node:events";
import { credentials, type StatusObject, status } from "@grpc/grpc-js";
import { DataplaneInterfaceClient, type PacketStreamResponse, PortOperStatus } from "@sluice/proto/bm";
import { PacketOut } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";

let folder: ReturnType<typeof temporaryFolder>;
let fake: FakeControl;
let server: RunningServer;
let client: TestClient;
let other: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  fake = new FakeControl();
  server = await serve(fake, {
    grpcAddr: `unix:${folder.path}/p4rt.sock`,
    dpGrpcAddr: `unix:${folder.path}/packets.sock`,
  });
  client = new TestClient(server.grpcAddr);
  other = new TestClient(server.grpcAddr);
});

afterEach(async () => {
  client.close();
  other.close();
  await server.close();
  folder.remove();
});

function packet(text: string, port = 3): PacketOut {
  return PacketOut.fromPartial({
    payload: Buffer.from(text),
    metadata: [{ metadataId: 1, value: Uint8Array.of(port) }],
  });
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("packet-in", () => {
  test("goes to the primary alone, in order", async () => {
    const primary = await client.arbitrate(id(2));
    const backup = await other.arbitrate(id(1));
    for (const name of ["a", "b", "c"]) fake.punt(packet(name));
    for (const name of ["a", "b", "c"]) {
      const { payload, metadata } = await primary.stream.nextOf("packet");
      expect(text(payload)).toBe(name);
      expect(metadata).toEqual([{ metadataId: 1, value: Buffer.from([3]) }]);
    }
    expect(await backup.stream.arbitrate(id(1))).toMatchObject({ code: status.ALREADY_EXISTS }); // and no packet before it
  });

  test("follows a change of the primary", async () => {
    const first = await client.arbitrate(id(2));
    fake.punt(packet("early"));
    const second = await other.arbitrate(id(3));
    fake.punt(packet("late"));
    expect(text((await second.stream.nextOf("packet")).payload)).toBe("late");
    expect(text((await first.stream.nextOf("packet")).payload)).toBe("early");
    expect(await first.stream.elected()).toMatchObject({ code: status.ALREADY_EXISTS });
    expect(first.stream.waiting).toBe(0);
  });

  test("without a primary is dropped", async () => {
    fake.punt(packet("lost"));
    const primary = await client.arbitrate(id(1));
    fake.punt(packet("kept"));
    expect(text((await primary.stream.nextOf("packet")).payload)).toBe("kept");
  });
});

/** A promise, and what resolves it. */
function makeGate(): { gate: Promise<void>; open: () => void } {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { gate, open };
}

describe("packet-out", () => {
  /** They are done when the function that it returns is called. */
  function gatePacketOuts(): () => void {
    const { gate, open } = makeGate();
    const packetOut = fake.packetOut.bind(fake);
    fake.packetOut = (one) => gate.then(() => packetOut(one));
    return open;
  }

  test("from the primary reaches the switch", async () => {
    const { stream } = await client.arbitrate(id(1));
    stream.send({ $case: "packet", value: packet("out") });
    await stream.arbitrate(id(1)); // its answer comes after the packet was taken
    expect(fake.packetsOut.map(({ payload }) => text(payload))).toEqual(["out"]);
  });

  test("from a backup, or before the election, is refused", async () => {
    await client.arbitrate(id(2));
    const backup = await other.arbitrate(id(1));
    const stranger = other.stream();
    for (const stream of [backup.stream, stranger]) {
      stream.send({ $case: "packet", value: packet("no") });
      const error = await stream.nextOf("error");
      expect(error).toMatchObject({
        canonicalCode: status.PERMISSION_DENIED,
        details: { $case: "packetOut" },
      });
    }
    expect(fake.packetsOut).toEqual([]);
  });

  test("that does not fit is refused with the packet, and the stream lives on", async () => {
    const { stream } = await client.arbitrate(id(1));
    const bad = PacketOut.fromPartial({ payload: Buffer.from("bad") });
    stream.send({ $case: "packet", value: bad });
    const error = await stream.nextOf("error");
    expect(error).toMatchObject({
      canonicalCode: status.INVALID_ARGUMENT,
      message: expect.stringContaining("metadata"),
    });
    expect(error.details).toEqual({ $case: "packetOut", value: { packetOut: bad } });
    expect(await stream.arbitrate(id(1))).toMatchObject({ code: status.OK });
  });

  test("that is refused when its controller has said all is still told", async () => {
    const { stream } = await client.arbitrate(id(2));
    const backup = await other.arbitrate(id(1));
    const open = gatePacketOuts();
    stream.send({ $case: "packet", value: PacketOut.fromPartial({ payload: Buffer.from("bad") }) });
    stream.end();
    expect(await backup.stream.elected()).toMatchObject({ code: status.NOT_FOUND });
    open();
    expect(await stream.nextOf("error")).toMatchObject({ canonicalCode: status.INVALID_ARGUMENT });
    expect((await stream.ended).code).toBe(status.OK);
  });

  test("is not taken faster than the switch works", async () => {
    const { stream } = await client.arbitrate(id(1));
    const { gate, open } = makeGate();
    let underWay = 0;
    let most = 0;
    let done = 0;
    fake.packetOut = async () => {
      most = Math.max(most, ++underWay);
      await gate;
      underWay--;
      done++;
    };
    for (let sent = 0; sent < 3000; sent++) stream.send({ $case: "packet", value: packet("out") });
    await expect.poll(() => most, { timeout: 60_000 }).toBe(1024);
    open();
    await expect.poll(() => done, { timeout: 60_000 }).toBe(3000);
    expect(most).toBe(1024);
  });

  test("messages of other kinds are refused by name", async () => {
    const { stream } = await client.arbitrate(id(1));
    stream.send({ $case: "digestAck", value: { digestId: 5, listId: 1n } });
    expect(await stream.nextOf("error")).toMatchObject({
      canonicalCode: status.INVALID_ARGUMENT,
      details: { $case: "digestListAck" },
    });
    stream.send(undefined);
    expect(await stream.nextOf("error")).toMatchObject({ details: { $case: "other" } });
  });
});

describe("BMv2's packet stream", () => {
  let stub: DataplaneInterfaceClient;

  beforeEach(() => {
    stub = new DataplaneInterfaceClient(server.dpGrpcAddr!, credentials.createInsecure());
  });

  afterEach(() => stub.close());

  function open() {
    const stream = stub.packetStream();
    const received: PacketStreamResponse[] = [];
    const ended = new Promise<StatusObject>((resolve) => stream.on("status", resolve));
    stream.on("error", () => {});
    stream.on("data", (response: PacketStreamResponse) => received.push(response));
    return {
      ended,
      received,
      send: (frameId: bigint, port: number, frame: string, deviceId = 1n) =>
        stream.write({ id: frameId, deviceId, port, packet: Buffer.from(frame) }),
      /** until so many frames have come */
      async frames(count: number) {
        while (received.length < count) await once(stream, "data", { signal: AbortSignal.timeout(60_000) });
        return received.map((one) => `${one.id} ${one.deviceId} ${one.port} ${text(one.packet)}`);
      },
      end: () => stream.end(),
      close: () => stream.cancel(),
    };
  }

  test("frames carry the id of their cause, in order", async () => {
    const stream = open();
    stream.send(7n, 1, "x");
    stream.send(8n, 9, "dropped");
    stream.send(9n, 4, "y");
    expect(await stream.frames(4)).toEqual(["7 1 2 x", "7 1 1 x", "9 1 5 y", "9 1 4 y"]);
    stream.close();
  });

  test("frames of the controller carry the id 0", async () => {
    const stream = open();
    stream.send(1n, 1, "x");
    await stream.frames(2);
    const controller = await client.arbitrate(id(1));
    controller.stream.send({ $case: "packet", value: packet("out", 6) });
    expect((await stream.frames(3)).at(-1)).toBe("0 1 6 out");
    stream.close();
  });

  test("frames that nobody reads are dropped, not kept for ever", async () => {
    const stream = open();
    stream.send(1n, 1, "x");
    await stream.frames(2);
    const count = 20_000;
    fake.inject = async (port) =>
      Array.from({ length: port === 4 ? 1 : count }, () => ({ port, frame: Uint8Array.of(port) }));
    stream.send(2n, 1, "many");
    stream.send(3n, 4, "last");
    stream.end();
    expect((await stream.ended).code).toBe(status.OK);
    expect(stream.received.length).toBeLessThan(count);
  });

  test("frames that a stream caused before it said all go to it, and not to the next", async () => {
    const stream = open();
    const { gate, open: letIn } = makeGate();
    const inject = fake.inject.bind(fake);
    fake.inject = (port, frame) => (port === 1 ? gate : Promise.resolve()).then(() => inject(port, frame));
    stream.send(1n, 1, "x");
    stream.end();
    const next = await retryUntilFree(4);
    letIn();
    expect((await stream.ended).code).toBe(status.OK);
    expect(await stream.frames(2)).toEqual(["1 1 2 x", "1 1 1 x"]);
    expect(await next.frames(2)).toEqual(["3 1 5 z", "3 1 4 z"]);
    next.close();
  });

  test("there is one at a time", async () => {
    const first = open();
    first.send(1n, 1, "x");
    await first.frames(2);
    expect(await open().ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    first.send(2n, 1, "y");
    expect((await first.frames(4)).slice(2)).toEqual(["2 1 2 y", "2 1 1 y"]);
    first.close();
    await first.ended;
    const third = await retryUntilFree();
    expect(await third.frames(2)).toEqual(["3 1 2 z", "3 1 1 z"]);
    third.close();
  });

  /** The server learns of the first stream's end at a time of its own. */
  async function retryUntilFree(port = 1) {
    for (;;) {
      const stream = open();
      stream.send(3n, port, "z");
      const refused = await Promise.race([stream.ended, stream.frames(2)]);
      if (Array.isArray(refused)) return stream;
    }
  }

  test("a frame for another device ends it", async () => {
    const stream = open();
    stream.send(1n, 1, "x", 2n);
    expect(await stream.ended).toMatchObject({ code: status.NOT_FOUND });
    expect(stream.received).toEqual([]);
  });

  test("nothing enters or leaves a port that is down", async () => {
    const setStatus = (port: number, operStatus: PortOperStatus, deviceId = 1n) =>
      new Promise((resolve, reject) =>
        stub.setPortOperStatus({ deviceId, port, operStatus }, (error, response) =>
          error === null ? resolve(response) : reject(error),
        ),
      );
    const stream = open();
    await setStatus(1, PortOperStatus.OPER_STATUS_DOWN);
    stream.send(1n, 1, "in");
    stream.send(2n, 0, "out of 1 and 0");
    expect(await stream.frames(1)).toEqual(["2 1 0 out of 1 and 0"]);
    await setStatus(1, PortOperStatus.OPER_STATUS_UP);
    stream.send(3n, 1, "up");
    expect((await stream.frames(3)).slice(1)).toEqual(["3 1 2 up", "3 1 1 up"]);
    await expect(setStatus(1, PortOperStatus.OPER_STATUS_UP, 2n)).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    stream.close();
  });
});
