// Frames that are lost before or behind the P4 program are counted by a name, and the log tells of them.

import { P4Info } from "@sluice/proto/p4info";
import { PacketIn } from "@sluice/proto/p4runtime";
import { expect, test } from "vitest";
import type { PortCounters } from "../src/io/packet_port.js";
import { Losses } from "../src/losses.js";
import { serve } from "../src/serve.js";
import { SoftSwitch } from "../src/switch.js";
import { temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";
import { TestProgram } from "./support/program.js";

test("frames that come before there is a pipeline", () => {
  const bare = new SoftSwitch();
  bare.inject(1, new Uint8Array(60));
  bare.inject(1, new Uint8Array(60));
  expect(bare.noPipeline).toBe(2);
});

test("frames for the controller that are too short for the header of a packet-in", () => {
  const program = new TestProgram("traffic", { cpuPort: 1 }, ({ p4info }) => {
    const metadata = [{ id: 1, name: "x", annotations: [], bitwidth: 8 * 2000 }];
    const preamble = { id: 1, name: "packet_in", alias: "packet_in" };
    p4info.controllerPacketMetadata = P4Info.fromPartial({
      controllerPacketMetadata: [{ preamble, metadata }],
    }).controllerPacketMetadata;
  });
  expect(program.send(new Uint8Array(60))).toEqual([]);
  expect(program.switch.noHeader).toBe(1);
});

test("packets for the controller when there is none, and frames for a packet stream that nobody has opened", async () => {
  const folder = temporaryFolder();
  const fake = new FakeControl();
  const server = await serve(fake, {
    grpcAddr: `unix:${folder.path}/p4rt.sock`,
    dpGrpcAddr: `unix:${folder.path}/packets.sock`,
  });
  fake.punt(PacketIn.fromPartial({}));
  await fake.packetOut({
    payload: new Uint8Array(1),
    metadata: [{ metadataId: 1, value: Uint8Array.of(3) }],
  });
  await fake.packetOut({
    payload: new Uint8Array(1),
    metadata: [{ metadataId: 1, value: Uint8Array.of(3) }],
  });
  expect(server.dropped()).toEqual({ noController: 1, noStream: 2 });
  await server.close();
  folder.remove();
});

test("the log tells what was lost since it told last, and nothing when nothing was", () => {
  const port = { interface: "eth1", rxFrames: 9, rxOverrun: 0, rxTooLong: 0, rxMerged: 0, txDropped: 0 };
  const counters = (change: Partial<PortCounters>, failed = 0) => ({
    ports: [{ ...port, ...change } as PortCounters],
    failed,
  });
  const losses = new Losses();
  expect(losses.since(counters({}))).toBeUndefined();
  expect(losses.since(counters({ rxOverrun: 5, txDropped: 2 }))).toEqual({
    "eth1 rxOverrun": 5,
    "eth1 txDropped": 2,
  });
  expect(losses.since(counters({ rxFrames: 20, rxOverrun: 5, txDropped: 2 }))).toBeUndefined();
  expect(losses.since(counters({ rxOverrun: 6, txDropped: 2 }, 1))).toEqual({
    "eth1 rxOverrun": 1,
    failed: 1,
  });
});
