// A controller that is gone without a word, as when its machine loses power.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";

let folder: ReturnType<typeof temporaryFolder>;
let server: RunningServer;

beforeEach(async () => {
  folder = temporaryFolder();
  server = await serve(new FakeControl(), {
    grpcAddr: `unix:${folder.path}/p4rt.sock`,
    keepalive: { afterMs: 100, withinMs: 1000 },
  });
});

afterEach(async () => {
  await server.close();
  folder.remove();
});

/** A wire to the switch that can go silent: it stays open, and nothing comes through any more. */
async function makeWire() {
  const path = `${folder.path}/wire.sock`;
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect(server.grpcAddr.slice("unix:".length));
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
    sockets.push(near, far);
  }).listen(path);
  await once(proxy, "listening");
  return {
    address: `unix:${path}`,
    cut: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}

test("it leaves: others are told, and its election id is free", async () => {
  const wire = await makeWire();
  const gone = new TestClient(wire.address);
  await gone.arbitrate(id(9));
  const client = new TestClient(server.grpcAddr);
  const backup = await client.arbitrate(id(5));
  expect(backup.code).toBe(status.ALREADY_EXISTS);
  wire.cut();
  expect(await backup.stream.elected()).toEqual({ code: status.NOT_FOUND, electionId: id(9) });
  expect((await client.arbitrate(id(9))).code).toBe(status.OK);
  // Who answers stays.
  expect(await backup.stream.elected()).toMatchObject({ code: status.ALREADY_EXISTS });
  gone.close();
  client.close();
  wire.close();
});
