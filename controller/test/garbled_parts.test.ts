// Switches and LDs that say what no switch and no LD says: the controller goes on, and names who it was.
import { Metadata, status } from "@grpc/grpc-js";
import { LdConfig } from "@sluice/proto/ld";
import type { TableEntry } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeEntry, type Switch } from "../src/p4runtime/index.js";
import { LdClient, type LdHealth } from "../src/reconcile/index.js";
import { eventually } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { connectedSwitch, type FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, gatewayPipeline } from "./support/program.js";
import { useRegion } from "./support/region.js";

const folder = useFolder();

describe("a switch", () => {
  let fake: FakeSwitch;
  let connection: Switch;
  beforeEach(async () => {
    ({ fake, connection } = await connectedSwitch(folder.socket("gw1.sock")));
  });
  afterEach(() => {
    connection.close();
    fake.stop();
  });
  const hop = {
    table: "nexthop",
    match: { nexthop_id: 1 },
    action: "forward",
    params: { port: 1, vlan_id: 0, src_mac: "02:00:00:00:00:01", dst_mac: "02:00:00:00:00:02" },
  };

  it("whose refusal cannot be read has refused all the same", async () => {
    for (const details of [Buffer.from([0xff]), Buffer.from([0x1a, 0x7f, 0x01])]) {
      const metadata = new Metadata();
      metadata.set("grpc-status-details-bin", details);
      fake.failWrite = { code: status.RESOURCE_EXHAUSTED, details: "table full", metadata };
      await expect(connection.insert(hop)).rejects.toMatchObject({
        name: "P4RuntimeError",
        code: status.RESOURCE_EXHAUSTED,
        message: expect.stringContaining("switch gw1"),
      });
    }
    fake.failWrite = undefined;
    await connection.insert(hop);
  });

  it("that gives packets though its program has none to give is left alone with them", async () => {
    const { p4info, deviceConfig } = gatewayPipeline;
    await connection.setPipeline({ deviceConfig, p4info: { ...p4info, controllerPacketMetadata: [] } });
    fake.packetIn(Uint8Array.of(1), []);
    const idle = { tableEntry: [], timestamp: 7n };
    fake.say({ $case: "idleTimeoutNotification", value: idle });
    expect(await connection.nextIdleEntries(10_000)).toEqual({ entries: [], timestampNs: 7n });
    expect(connection.state).toBe("primary");
    expect(await connection.nextPacket(0)).toBeUndefined();
  });
});

describe("an LD", () => {
  it("that cancels what it is asked to go on telling says so in as many words each time", async () => {
    const address = folder.socket("ld1.agent.sock");
    const fake = await FakeLd.listen(address);
    fake.cancelsWatch = true;
    const heard: LdHealth[] = [];
    const client = new LdClient({ name: "ld1", address, onHealth: (health) => heard.push(health) });
    try {
      await eventually("it was asked four times", () => fake.watches >= 4);
      expect(heard).toEqual([{ state: "unreachable", reason: expect.stringContaining("LD ld1") }]);
    } finally {
      client.close();
      fake.stop();
    }
  });
});

describe("an LD of a region", () => {
  const region = useRegion(folder);

  it("that says it has buckets that there are not keeps nobody else waiting, and is named", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const [ld1] = region.lds;
    const good = ld1!.config;
    ld1!.config = LdConfig.fromPartial({ ...good, ownedBuckets: [{ first: 0, last: 0xffff_ffff }] });
    const isBinding = (entry: TableEntry) => decodeEntry(gateway, entry).table === "eip_in";
    const [key] = [...region.gw1.entries].find(([, entry]) => isBinding(entry))!;
    region.gw1.entries.delete(key);
    await eventually("the switch is mended", () => region.gw1.entries.has(key));
    expect(controller.controller.reconciler.parts.find(({ name }) => name === "ld1")).toMatchObject({
      state: "unreachable",
      reason: expect.stringContaining("LD ld1"),
    });
    ld1!.config = good;
    await eventually("it is taken back", () =>
      controller.controller.reconciler.parts.every(({ state }) => state === "in sync"),
    );
  });
});
