// `local_ip`: replies to a cluster's local addresses go to the LD of the bucket that their port carries.
import { expect, test } from "vitest";
import {
  bucketOf,
  bucketOfFlow,
  datagram,
  from,
  hopped,
  packet,
  ping,
  to,
  toLd,
  tunnelled,
} from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import { build, fragments, ipv4, type Layer, payload, tcp, udp, withFields } from "../src/packet/index.js";
import {
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  LD1,
  LD2,
  LOCAL_IP,
  LOCAL_PREFIX,
  ldOf,
  SERVER,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

/** The packet is routed to upstream: nothing serves it. */
async function expectUnserved(gw: Gateway, packet: readonly Layer[]): Promise<void> {
  await gw.expectOut(FABRIC.port, [...from(FABRIC), ...packet], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...hopped(packet)],
  });
}

const reply = (dstPort: number, fields: { dst?: string; protocol?: "udp" } = {}) =>
  packet(SERVER, fields.dst ?? LOCAL_IP, [
    fields.protocol === "udp" ? udp({ srcPort: 80, dstPort }) : tcp({ srcPort: 80, dstPort, flags: 0x12 }),
  ]);
const expectReply = async (gw: Gateway, packet: readonly Layer[], bucket: number) => {
  const ld = ldOf(bucket);
  await gw.expectOut(FABRIC.port, [...from(FABRIC), ...packet], {
    port: ld.side.port,
    layers: toLd(ld, 0, bucket, packet, FABRIC_MAC),
  });
};

test.each([0, 1, 1023, 1024, 1025, 0x8000, 0xfc00, 0xffff])(
  "a reply to port %i goes by the port's low 10 bits",
  async (port) => {
    await expectReply(gateway(), reply(port), port % 1024);
    await expectReply(gateway(), reply(port, { protocol: "udp" }), port % 1024);
  },
);

test("the source and its port do not count", async () => {
  const other = packet("10.1.0.99", LOCAL_IP, [tcp({ srcPort: 8443, dstPort: 2050 })]);
  await expectReply(gateway(), other, 2);
});

test.each(["10.64.0.0", "10.64.0.255"])("%s is in the prefix", async (dst) => {
  await expectReply(gateway(), reply(3000, { dst }), 3000 % 1024);
});

test.each(["10.63.255.255", "10.64.1.0"])("%s is not", async (dst) => {
  await expectUnserved(gateway(), reply(3000, { dst }));
});

test("the longest prefix decides which cluster", async () => {
  const gw = gateway();
  await gw.insert(entry.bucket(4, 7, LD1.id));
  await gw.insert(entry.localIp(0, "10.64.0.128/25", 4));
  const toLd1 = (packet: readonly Layer[], bucket: number) => ({
    port: LD1.side.port,
    layers: toLd(LD1, 0, bucket, packet, FABRIC_MAC),
  });
  const inLonger = reply(7, { dst: "10.64.0.129" });
  await gw.expectOut(FABRIC.port, [...from(FABRIC), ...inLonger], toLd1(inLonger, 7));
  await expectReply(gw, reply(7, { dst: "10.64.0.127" }), 7);
});

test("a prefix of length 0 takes all that nothing else serves, in its VNI", async () => {
  const gw = gateway();
  await gw.insert(entry.localIp(77, "0.0.0.0/0", CLUSTER));
  await gw.insert(entry.vm(77, SERVER, LD1.mac, LD1.vtep));
  const inner = reply(2049, { dst: "172.16.1.2" });
  await gw.expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(77, inner)], {
    port: LD2.side.port,
    layers: toLd(LD2, 77, 1, inner, FABRIC_MAC),
  });
});

test.each([
  ["ICMP", ping(SERVER, LOCAL_IP)],
  ["another protocol", [ipv4({ src: SERVER, dst: LOCAL_IP, protocol: 253 }), payload("x")]],
])("%s has no port that would tell the bucket, and is dropped", async (_name, packet) => {
  await gateway().expectDrop("REPLY_WITHOUT_PORT", FABRIC.port, [...from(FABRIC), ...packet]);
});

test("fragments meet at the LD of their addresses: it reads the port in the first one", async () => {
  const pieces = fragments(datagram(SERVER, LOCAL_IP, 80, 1025, "a".repeat(64)), 32, 48);
  expect(pieces).toHaveLength(3);
  const bucket = bucketOf(0, pieces[0]!);
  expect(bucket).toBe(bucketOfFlow(0, { src: SERVER, dst: LOCAL_IP, protocol: 17, srcPort: 0, dstPort: 0 }));
  for (const piece of pieces.toReversed()) await expectReply(gateway(), piece, bucket);
});

test("its counter counts, dropped replies too", async () => {
  const gw = gateway();
  const counted = entry.localIp(0, "10.65.0.0/24", CLUSTER);
  await gw.insert(counted);
  const frames = [reply(5, { dst: "10.65.0.1" }), ping(SERVER, "10.65.0.1")].map((p) => [
    ...from(FABRIC),
    ...p,
  ]);
  for (const frame of frames) await gw.send(FABRIC.port, frame);
  const bytes = frames.reduce((sum, frame) => sum + build(frame).length, 0);
  expect(await gw.counter(counted)).toEqual({ packets: 2n, bytes: BigInt(bytes) });
});

test("a reply with a wrong length is not steered", async () => {
  const frame = [...from(FABRIC), ...withFields(reply(9), "ipv4", { totalLen: 999 })];
  await gateway().expectDrop("IP_LENGTH", FABRIC.port, frame, false);
});

test("a prefix that is taken away is served no more", async () => {
  const gw = gateway();
  await gw.remove(entry.localIp(0, LOCAL_PREFIX, CLUSTER));
  await expectUnserved(gw, reply(3000));
});

tsharkDecodesAll(gateway);
