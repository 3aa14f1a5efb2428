// The client's digests and idle timeouts against a switch that has them, by packets: digests.test.ts has the wire alone.
import { SoftSwitch, serve } from "@sluice/softswitch";
import { expect, it } from "vitest";
import { learningProgram } from "../../softswitch/test/support/learning.js";
import { frameOf, TABLE } from "../../softswitch/test/support/matching.js";
import { Switch } from "../src/p4runtime/index.js";
import { useFolder } from "./support/folder.js";

const folder = useFolder();
const PATIENCE_MS = 20_000;

it("digests come by their names, once until they are taken; entries that are idle are told of", async () => {
  const soft = new SoftSwitch({ deviceId: 1 });
  const address = folder.socket("gw1.sock");
  const server = await serve(soft, { grpcAddr: address });
  const gw1 = await Switch.connect({ name: "gw1", address, deviceId: 1n });
  try {
    const { p4info, deviceConfig } = learningProgram();
    await gw1.setPipeline({ p4info, deviceConfig });
    const key = { table: "lpm_table", match: { half: 9, word: "10.0.0.0/8" } };
    await gw1.insert({ ...key, action: "mark", params: { number: 9 }, idleTimeoutMs: 50 });
    await gw1.writeDigest("insert", "seen_t", { maxTimeoutMs: 0, maxListSize: 1, ackTimeoutMs: 3_600_000 });
    const send = (mac: bigint) => soft.inject(0, frameOf(TABLE.lpm, { half: 9, word: 0x0a000001, mac }));
    send(0x0200_0000_0001n);
    send(0x0200_0000_0001n); // the same, before it was acknowledged
    send(0x0200_0000_0002n);
    const digests = [await gw1.nextDigest(PATIENCE_MS), await gw1.nextDigest(PATIENCE_MS)];
    expect(digests.map((digest) => digest?.items)).toEqual([
      [{ result: 9, mac: 0x0200_0000_0001 }],
      [{ result: 9, mac: 0x0200_0000_0002 }],
    ]);
    const idle = await gw1.nextIdleEntries(PATIENCE_MS);
    expect(idle?.entries).toMatchObject([{ table: "lpm_table", match: { half: 9 }, idleTimeoutMs: 50 }]);
    expect(await gw1.readEntry(key)).toMatchObject({ idleTimeoutMs: 50 });
    await gw1.writeDigest("delete", "seen_t");
  } finally {
    gw1.close();
    await server.close();
  }
});
