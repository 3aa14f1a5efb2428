// `ecmp_group`: a route over several next hops. The flow's hash picks a slot; a next hop that is replaced takes its own slots.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EcmpGroup } from "../src/ecmp.js";
import { bucketOf, datagram, flowOf, from, hopped, packetOf, to, toLd, toService } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import { build, dissect, fragments, type Layer, layerOf, tcp } from "../src/packet/index.js";
import { CLIENT_V6, EIP_A, ecmpHash, fromVm, PRODUCT_ENTRIES, translated } from "../src/products.js";
import { CLIENT, entry, FABRIC, GATEWAY_MAC, ldOf, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const SLOTS = 16;
const GROUP = 5;
const HOPS = [201, 202, 203, 204];
const macOf = (nexthop: number) => `02:00:00:00:02:${(nexthop - 200).toString(16).padStart(2, "0")}`;

let group: EcmpGroup;
beforeEach(async () => {
  const gw = gateway();
  group = new EcmpGroup(
    gw.target.control,
    GROUP,
    Array.from({ length: SLOTS }, (_, slot) => HOPS[slot % HOPS.length]!),
  );
  await gw.insert(...[...HOPS, 205].map((id) => entry.nexthop(id, UPSTREAM, macOf(id))));
  await gw.modify(entry.routeToGroup(0, "0.0.0.0/0", GROUP), entry.routeToGroup(0, "::/0", GROUP));
  await group.insert();
});
afterEach(async () => {
  await gateway().undo(); // routes first: they name the group
  await group.delete();
});

const flows = (src: string, dst: string) =>
  Array.from({ length: 48 }, (_, i) => packetOf(src, dst, [tcp({ srcPort: 1000 + 37 * i, dstPort: 80 })]));

/** The MAC each packet leaves to. */
async function macsOf(
  packets: readonly Layer[][],
  port = FABRIC.port,
  wrap = (p: Layer[]) => [...from(FABRIC), ...p],
) {
  const outcome = await gateway().target.injectAll(
    packets.map((packet) => ({ port, frame: build(wrap(packet)) })),
  );
  return outcome.frames.map((frames) => layerOf(dissect(frames[0]!.frame), "ethernet").dst);
}
const slotOf = (packet: readonly Layer[], vni = 0) => group.slotOf(ecmpHash(vni, flowOf(packet)));

describe.each([
  { version: "IPv4", src: "10.1.0.9", dst: CLIENT },
  { version: "IPv6", src: "2001:db8:5::9", dst: CLIENT_V6 },
])("$version", ({ src, dst }) => {
  test("each flow takes the next hop of its hash's slot; all next hops are used", async () => {
    const packets = flows(src, dst);
    const macs = await macsOf(packets);
    expect(macs).toEqual(packets.map((packet) => macOf(HOPS[slotOf(packet) % HOPS.length]!)));
    expect(new Set(macs).size).toBe(HOPS.length);
    expect(await macsOf(packets)).toEqual(macs); // and again the same
  });

  test("a next hop that is replaced moves the flows of its slots and no other", async () => {
    const packets = flows(src, dst);
    const before = await macsOf(packets);
    for (let slot = 1; slot < SLOTS; slot += HOPS.length) await group.replace(slot, 205);
    const after = await macsOf(packets);
    expect(after).toEqual(before.map((mac) => (mac === macOf(202) ? macOf(205) : mac)));
    expect(after.filter((mac) => mac === macOf(205)).length).toBeGreaterThan(0);
  });
});

test("the whole frame is as it should be", async () => {
  const packet = datagram("10.1.0.9", CLIENT, 5000, 6000);
  const mac = macOf(HOPS[slotOf(packet) % HOPS.length]!);
  await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...packet], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM, mac), ...hopped(packet)],
  });
});

test("all fragments of a datagram take one way", async () => {
  const pieces = fragments(datagram("10.1.0.9", CLIENT, 5000, 6000, "a".repeat(100)), 40, 80);
  expect(new Set(await macsOf(pieces)).size).toBe(1);
});

test("a packet of a VM spreads by its flow inside its VNI", async () => {
  const packets = flows(EIP_A.address, CLIENT);
  const macs = await macsOf(packets, FABRIC.port, (packet) => fromVm(EIP_A, packet));
  expect(new Set(macs).size).toBeGreaterThan(1);
  const packet = packets[0]!;
  await gateway().expectOut(FABRIC.port, fromVm(EIP_A, packet), {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM, macs[0]), ...hopped(translated(packet, { src: EIP_A.eip }))],
  });
});

test("a tunnel to an LD spreads by the flow inside", async () => {
  const gw = gateway();
  const packet = toService();
  const bucket = bucketOf(0, packet);
  const ld = ldOf(bucket);
  await gw.modify(entry.routeToGroup(0, `${ld.vtep}/32`, GROUP));
  const [, ...rest] = toLd(ld, 0, bucket, packet, GATEWAY_MAC).slice(ld.side.vid === undefined ? 0 : 1);
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM, macOf(HOPS[slotOf(packet) % HOPS.length]!)), ...rest],
  });
});

test("a group without entry drops the packet", async () => {
  const gw = gateway();
  await gw.modify(entry.routeToGroup(0, "0.0.0.0/0", 9));
  await gw.expectDrop("UNKNOWN_NEXTHOP", FABRIC.port, [
    ...from(FABRIC),
    ...datagram("10.1.0.9", CLIENT, 1, 2),
  ]);
});

tsharkDecodesAll(gateway);
