// A switch that says more than anybody takes, or takes nothing: what is kept for it, or of it, stays small.
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Switch } from "../src/p4runtime/index.js";
import { eventually } from "./support/controller.js";
import { connectedSwitch, type FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";

const MEGABYTE = 1_000_000;
const folder = useFolder();
let fake: FakeSwitch;
let connection: Switch;

beforeEach(async () => {
  ({ fake, connection } = await connectedSwitch(folder.socket("gw1.sock")));
});
afterEach(() => {
  connection.close();
  fake.stop();
});

/** Resolves when all that the switch has said is here. */
async function heardAll(): Promise<void> {
  fake.say({ $case: "idleTimeoutNotification", value: { tableEntry: [], timestamp: 1n } });
  expect(await connection.nextIdleEntries(100_000)).toMatchObject({ timestampNs: 1n });
}

it("packets that nobody takes are kept up to some megabytes, the newest", async () => {
  for (let i = 0; i < 20; i++) {
    fake.packetIn(new Uint8Array(MEGABYTE).fill(i), []);
  }
  await heardAll();
  const kept: number[] = [];
  for (
    let packet = await connection.nextPacket(0);
    packet !== undefined;
    packet = await connection.nextPacket(0)
  ) {
    kept.push(packet.payload[0]!);
  }
  expect(kept).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
});

it("so are digests", async () => {
  const data = [{ data: { $case: "bitstring" as const, value: new Uint8Array(MEGABYTE).fill(1) } }];
  for (let i = 0; i < 20; i++) {
    fake.say({ $case: "digest", value: { digestId: 1, listId: BigInt(i), data, timestamp: 0n } });
  }
  await heardAll();
  // The gateway's program has none, and says so of each.
  let kept = 0;
  while ((await connection.nextDigest(0).catch(() => "one")) === "one") kept++;
  expect(kept).toBe(8);
});

it("a switch that takes nothing is given up before what it is sent piles up, and found again", async () => {
  fake.deaf = true;
  const send = () => connection.sendPacket(new Uint8Array(1_400), { egress_port: 1 });
  const results = await Promise.allSettled(Array.from({ length: 3_000 }, send));
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused[0]?.reason).toMatchObject({
    code: status.UNAVAILABLE,
    message: expect.stringContaining("switch gw1"),
  });
  expect(refused[0]?.reason.message).toContain("takes no messages any more: 1024 wait on its stream");
  expect(refused.length).toBeGreaterThan(1_000);
  fake.deaf = false;
  await connection.primary(100_000);
  const before = fake.packetsOut.length;
  await send();
  await eventually("it takes packets", () => fake.packetsOut.length > before);
});
