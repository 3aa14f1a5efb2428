// Hairpin: a VM reaches another EIP, or a public VIP, of its own region through the gateway, which the packet passes twice.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  from,
  hopped,
  packetOf,
  RECIRCULATED_BYTES,
  TUNNEL_OVERHEAD_BYTES,
  to,
  toLd,
} from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import {
  ICMP,
  ICMPV6,
  icmp,
  icmpv6,
  type Layer,
  payload,
  quote,
  tcp,
  withFields,
} from "../src/packet/index.js";
import {
  bindingOf,
  CLIENT_V6,
  type Eip,
  fromVm,
  PLAIN_VIP_V6,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import { CARRIER, CLIENT, entry, FABRIC, FABRIC_MAC, ldOf, PLAIN_VIP, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);

/** On its second pass a frame has no tunnel any more, but a header of 8 bytes in front of it. */
const UNWRAPPED = RECIRCULATED_BYTES - TUNNEL_OVERHEAD_BYTES;

/** From one VM to the other's EIP, as the other VM's host gets it: one hop in all. */
const between = (sender: Eip, receiver: Eip, packet: readonly Layer[]) => {
  const outside = translated(packet, { src: sender.eip });
  return {
    port: FABRIC.port,
    layers: toVm(receiver, outside, translated(outside, { dst: receiver.address }), FABRIC_MAC),
  };
};

describe.each(VERSIONS)("$version", ({ version, a, b }) => {
  const vip = version === "IPv4" ? PLAIN_VIP : PLAIN_VIP_V6;

  test("EIP to EIP: translated both ways, counted for both", async () => {
    const gw = gateway();
    const before = [await gw.eipCounters(a.index), await gw.eipCounters(b.index)];
    for (const packet of [
      packetOf(a.address, b.eip, [tcp({ srcPort: 1, dstPort: 2 })]),
      datagram(a.address, b.eip, 5000, 6000, "through the gateway and back"),
    ]) {
      await gw.expectOut(FABRIC.port, fromVm(a, packet), between(a, b, packet));
    }
    const after = [await gw.eipCounters(a.index), await gw.eipCounters(b.index)];
    const rise = (i: number, direction: "in" | "out") =>
      after[i]![direction].packets - before[i]![direction].packets;
    expect([rise(0, "out"), rise(0, "in"), rise(1, "in"), rise(1, "out")]).toEqual([2n, 0n, 2n, 0n]);
  });

  test("an ICMP error goes back the same way", async () => {
    const probe = (src: string, dst: string) => quote(datagram(src, dst, 33_000, 33_434), 8);
    const header =
      version === "IPv4"
        ? icmp({ type: ICMP.unreachable, code: 3 })
        : icmpv6({ type: ICMPV6.unreachable, code: 4 });
    const sent = packetOf(b.address, a.eip, [header, probe(a.eip, b.address)]);
    const got = packetOf(b.eip, a.address, [header, probe(a.address, b.eip)]);
    const wanted = toVm(a, sent, got, FABRIC_MAC);
    await gateway().expectOut(FABRIC.port, fromVm(b, sent), { port: FABRIC.port, layers: wanted });
  });

  test("a VM to a public VIP of its region: an LD gets it with the EIP as source", async () => {
    const gw = gateway();
    await gw.insert(entry.hairpin(0, `${vip}/${version === "IPv4" ? 32 : 128}`, UPSTREAM.networkId));
    const packet = datagram(a.address, vip, 5000, 6000);
    const outside = translated(packet, { src: a.eip });
    const bucket = bucketOf(0, outside);
    const ld = ldOf(bucket);
    await gw.expectOut(FABRIC.port, fromVm(a, packet), {
      port: ld.side.port,
      layers: toLd(ld, 0, bucket, outside, FABRIC_MAC),
    });
  });

  test("an LD's answer to a VM's EIP takes the same way back", async () => {
    const answer = datagram(vip, a.eip, 6000, 5000);
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...answer], {
      port: FABRIC.port,
      layers: toVm(a, answer, translated(answer, { dst: a.address }), FABRIC_MAC),
    });
  });

  test("a hairpin route to what is neither EIP nor VIP drops the packet on its second pass", async () => {
    const nobody = version === "IPv4" ? "203.0.113.63" : "2001:db8:113::63";
    const packet = datagram(a.address, nobody, 1, 2);
    await gateway().expectDrop("HAIRPIN_LOOP", FABRIC.port, fromVm(a, packet), true, UNWRAPPED);
  });

  test("a hairpin route to a tunnel's end does not go round for ever", async () => {
    const gw = gateway();
    await gw.remove(entry.route(0, `${b.host.vtep}/32`, b.host.nexthopId));
    await gw.insert(entry.hairpin(0, `${b.host.vtep}/32`, UPSTREAM.networkId));
    const packet = datagram(a.address, b.eip, 1, 2);
    await gw.expectDrop("HAIRPIN_LOOP", FABRIC.port, fromVm(a, packet), true, UNWRAPPED);
  });

  test("the gateway's own address, met on the second pass, does not answer out of the tunnel's port", async () => {
    const gw = gateway();
    const own = version === "IPv4" ? UPSTREAM.address : "2001:db8:1::1";
    await gw.insert(entry.hairpin(0, `${own}/${version === "IPv4" ? 32 : 128}`, UPSTREAM.networkId));
    const client = version === "IPv4" ? CLIENT : CLIENT_V6;
    const question = packetOf(a.address, own, [
      version === "IPv4" ? icmp({ type: ICMP.echoRequest }) : icmpv6({ type: ICMPV6.echoRequest }),
      payload(client),
    ]);
    await gw.expectDrop("OWN_ADDRESS", FABRIC.port, fromVm(a, question), true, UNWRAPPED);
  });

  test("both passes are one hop: a TTL of 2 is enough", async () => {
    const packet = datagram(a.address, b.eip, 1, 2);
    const low =
      version === "IPv4"
        ? withFields(packet, "ipv4", { ttl: 2 })
        : withFields(packet, "ipv6", { hopLimit: 2 });
    await gateway().expectOut(FABRIC.port, fromVm(a, low), between(a, b, low));
  });

  test("the limit of the receiver's EIP holds for neighbours, too", async () => {
    const gw = gateway();
    await gw.insert(entry.eipLimit(b.index, "in", 0xffffffff, 0, 0));
    const packet = datagram(a.address, b.eip, 1, 2, new Uint8Array(8000));
    await gw.expectOut(FABRIC.port, fromVm(a, packet), between(a, b, packet));
    await gw.expectDrop("RATE_LIMIT", FABRIC.port, fromVm(a, packet), true, UNWRAPPED);
  });
});

test("what the second pass finds no tunnel for does not leave by the routes of another VRF", async () => {
  const gw = gateway();
  const vm = { ...VERSIONS[0].a, eip: "203.0.113.61", index: 40, address: "192.168.0.59" };
  const nobody = "198.19.9.9"; // VRF 0 has a default route for it
  await gw.insert(
    bindingOf(vm, vm, CARRIER.networkId),
    sourceOf(vm, CARRIER),
    entry.hairpin(CARRIER.vrfId, `${nobody}/32`, UPSTREAM.networkId),
  );
  const packet = fromVm(vm, datagram(vm.address, nobody, 1, 2));
  await gw.expectDrop("HAIRPIN_LOOP", FABRIC.port, packet, true, UNWRAPPED);
});

test("EIPs that must not come from upstream as sources still reach each other", async () => {
  const gw = gateway();
  const { a, b, client } = VERSIONS[0];
  await gw.insert(entry.denySource(UPSTREAM.networkId, 0, "203.0.113.0/24"));
  const packet = datagram(a.address, b.eip, 1, 2);
  await gw.expectOut(FABRIC.port, fromVm(a, packet), between(a, b, packet));
  const forged = datagram(a.eip, b.eip, 1, 2);
  await gw.expectDrop("SPOOFED_SOURCE", UPSTREAM.port, [...from(UPSTREAM), ...forged]);
  const honest = datagram(client, b.eip, 1, 2);
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...honest], {
    port: FABRIC.port,
    layers: toVm(b, honest),
  });
});

test("a tagged fabric: the frame goes round untagged and leaves as its way out wants it", async () => {
  const gw = gateway();
  const { a, b } = VERSIONS[0];
  const side = { ...FABRIC, vid: 77 };
  await gw.modify(entry.nexthop(b.host.nexthopId, side, b.host.wireMac));
  const packet = datagram(a.address, b.eip, 1, 2);
  const wanted = between(a, b, packet);
  await gw.expectOut(FABRIC.port, fromVm(a, packet), {
    port: FABRIC.port,
    layers: [...to(side, b.host.wireMac), ...wanted.layers.slice(1)],
  });
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...datagram(CLIENT, "198.18.5.5", 1, 2)], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...hopped(datagram(CLIENT, "198.18.5.5", 1, 2))],
  });
});

tsharkDecodesAll(gateway);
