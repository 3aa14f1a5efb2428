// Frames that the controller sends leave as they are, by the port it names.
import { expect, test } from "vitest";
import { datagram, from, to, toService } from "../src/frames.js";
import { dropsSince, useGateway } from "../src/gateway.js";
import {
  arp,
  BROADCAST,
  build,
  countingBytes,
  ethernet,
  hex,
  type Layer,
  payload,
  withFields,
} from "../src/packet/index.js";
import { CLIENT, FABRIC, FABRIC_TAGGED, SERVER, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

async function expectLeaves(port: number, frame: Uint8Array): Promise<void> {
  const out = await gateway().target.packetOut(port, frame);
  expect(out.map((leaving) => ({ port: leaving.port, frame: hex(leaving.frame) }))).toEqual([
    { port, frame: hex(frame) },
  ]);
}

const GOOD: Record<string, Layer[]> = {
  "an ARP request": [
    ethernet({ dst: BROADCAST, src: FABRIC.mac }),
    arp({ operation: 1, senderMac: FABRIC.mac, senderIp: FABRIC.address, targetIp: FABRIC.peer.address }),
  ],
  "a tagged ARP request": [
    ethernet({ dst: BROADCAST, src: FABRIC_TAGGED.mac }),
    ...to(FABRIC_TAGGED).slice(1),
    arp({
      operation: 1,
      senderMac: FABRIC_TAGGED.mac,
      senderIp: FABRIC_TAGGED.address,
      targetIp: "10.0.1.3",
    }),
  ],
  "a packet for a VIP": [...from(UPSTREAM), ...toService()],
  "a packet with a TTL of 1": [
    ...to(FABRIC),
    ...withFields(datagram(CLIENT, SERVER, 1, 2), "ipv4", { ttl: 1 }),
  ],
};

test.each(Object.entries(GOOD))("%s is neither answered nor steered nor changed", async (_name, layers) => {
  gateway().goodFrames.push(build(layers));
  await expectLeaves(FABRIC.port, build(layers));
});

test.each([0, 1, 5, 254, 256, 510])("a frame leaves by port %i", async (port) => {
  await expectLeaves(port, build(GOOD["an ARP request"]!));
});

test.each([1, 13, 14, 33, 1500, 9000])(
  "a frame of %i bytes that are no packet at all leaves as it is",
  async (length) => {
    await expectLeaves(UPSTREAM.port, countingBytes(length, 0xa5));
  },
);

test("what looks like a header of the controller's own is left alone", async () => {
  await expectLeaves(
    UPSTREAM.port,
    build([ethernet({ dst: BROADCAST, src: FABRIC.mac, etherType: 0 }), payload("")]),
  );
});

test("nothing is counted as dropped", async () => {
  const before = await gateway().drops();
  await expectLeaves(UPSTREAM.port, countingBytes(64));
  expect(dropsSince(before, await gateway().drops())).toEqual({});
});

test("frames of the network and of the controller do not get in each other's way", async () => {
  const gw = gateway();
  for (let i = 0; i < 20; i++) {
    await expectLeaves(FABRIC.port, countingBytes(60, i));
    const { frames } = await gw.send(UPSTREAM.port, [...from(UPSTREAM), ...datagram(CLIENT, SERVER, 1, i)]);
    expect(frames.map(({ port }) => port)).toEqual([FABRIC.port]);
  }
});

tsharkDecodesAll(gateway);
