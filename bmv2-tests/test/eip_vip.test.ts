// An EIP bound to an internal VIP: one address grows from a VM to a cluster. In: translated, then steered inside the VNI. Out:
// the LD answers for the VIP, through its tunnel.
import { describe, expect, test } from "vitest";
import { bucketOf, datagram, from, hopped, packetOf, to, toLd, tunnelled } from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import { ICMP, ICMPV6, icmp, icmpv6, type Layer, payload, quote, tcp } from "../src/packet/index.js";
import {
  bindingOf,
  fromVm,
  HOST_A,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import {
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  GATEWAY_MAC,
  LD1,
  type Ld,
  ldOf,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const VNI = 0x3003;

describe.each(VERSIONS)("$version", ({ version, client, a }) => {
  const vip = version === "IPv4" ? "172.16.0.10" : "fd00:3::10";
  const eip = {
    ...a,
    eip: version === "IPv4" ? "203.0.113.59" : "2001:db8:113::59",
    index: version === "IPv4" ? 30 : 31,
    vni: VNI,
    address: vip,
  };
  const bind = entry.eipIn(UPSTREAM.networkId, eip.eip, { index: eip.index, vni: VNI, vip });
  const setUp = (gw: Gateway) => gw.insert(bind, sourceOf(eip), entry.service(VNI, vip, 6, 443, CLUSTER));
  const syn = packetOf(client, eip.eip, [tcp({ srcPort: 40_000, dstPort: 443 })]);
  const answer = packetOf(vip, client, [tcp({ srcPort: 443, dstPort: 40_000, flags: 0x12 })]);
  const toLdOf = (inside: readonly Layer[]) => {
    const bucket = bucketOf(VNI, inside);
    const ld = ldOf(bucket);
    return { port: ld.side.port, layers: toLd(ld, VNI, bucket, inside, GATEWAY_MAC) };
  };
  const fromLd = (ld: Ld, packet: readonly Layer[]) => [
    ...from(ld.side),
    ...tunnelled(VNI, packet, { ip: { src: ld.vtep } }),
  ];

  test("in: steered to an LD inside the VNI, with the VIP as destination", async () => {
    const gw = gateway();
    await setUp(gw);
    const inside = translated(syn, { dst: vip });
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...syn], toLdOf(inside));
  });

  test("in: an ICMP error about the VIP's packet reaches the LD of the session", async () => {
    const gw = gateway();
    await setUp(gw);
    const header =
      version === "IPv4"
        ? icmp({ type: ICMP.unreachable, code: 4, sequence: 1400 })
        : icmpv6({ type: ICMPV6.packetTooBig, rest: 1400 });
    const router = version === "IPv4" ? "198.18.9.9" : "2001:db8:9::9";
    const inside = packetOf(router, vip, [header, quote(answer, 8)]);
    const outside = packetOf(router, eip.eip, [header, quote(translated(answer, { src: eip.eip }), 8)]);
    const bucket = bucketOf(VNI, translated(syn, { dst: vip }));
    const ld = ldOf(bucket);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...outside], {
      port: ld.side.port,
      layers: toLd(ld, VNI, bucket, inside, GATEWAY_MAC),
    });
  });

  test("out: any known LD answers with the EIP as source", async () => {
    const gw = gateway();
    await setUp(gw);
    for (const ld of [LD1, ldOf(1)]) {
      await gw.expectOut(ld.side.port, fromLd(ld, answer), {
        port: UPSTREAM.port,
        layers: [...to(UPSTREAM), ...hopped(translated(answer, { src: eip.eip }))],
      });
    }
  });

  test("out: nobody else answers for it", async () => {
    const gw = gateway();
    await setUp(gw);
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...eip, host: HOST_A }, answer));
    // A known LD's address, but on another port and network than that LD's.
    const elsewhere = [...from(FABRIC_TAGGED), ...tunnelled(VNI, answer, { ip: { src: LD1.vtep } })];
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC_TAGGED.port, elsewhere);
    const otherVni = [...from(FABRIC), ...tunnelled(VNI + 1, answer, { ip: { src: LD1.vtep } })];
    await gw.expectDrop("VNI_UNREACHABLE", FABRIC.port, otherVni);
  });

  test("in: what the VIP does not serve is dropped, not routed into the network outside", async () => {
    const gw = gateway();
    await setUp(gw);
    const other = datagram(client, eip.eip, 1, 2);
    await gw.expectDrop("VNI_UNREACHABLE", UPSTREAM.port, [...from(UPSTREAM), ...other]);
  });

  test("the EIP's limit holds and both directions are counted", async () => {
    const gw = gateway();
    await setUp(gw);
    await gw.insert(entry.eipLimit(eip.index, "in", 0xffffffff, 0, 0)); // 4 ms a byte: 33 s for this packet
    const large = packetOf(client, eip.eip, [
      tcp({ srcPort: 40_000, dstPort: 443, flags: 0x18 }),
      payload(new Uint8Array(8000)),
    ]);
    const before = await gw.eipCounters(eip.index);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...large], toLdOf(translated(large, { dst: vip })));
    await gw.expectDrop("RATE_LIMIT", UPSTREAM.port, [...from(UPSTREAM), ...large]);
    await gw.send(LD1.side.port, fromLd(LD1, answer));
    const after = await gw.eipCounters(eip.index);
    expect([after.in.packets - before.in.packets, after.out.packets - before.out.packets]).toEqual([1n, 1n]);
  });

  test("one write makes the VM's EIP the cluster's, and back", async () => {
    const gw = gateway();
    await gw.insert(entry.service(VNI, vip, 6, 443, CLUSTER));
    const toA = packetOf(client, a.eip, [tcp({ srcPort: 40_000, dstPort: 443 })]);
    const atVm = { port: FABRIC.port, layers: toVm(a, toA) };
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...toA], atVm);
    await gw.modify(entry.eipIn(UPSTREAM.networkId, a.eip, { index: a.index, vni: VNI, vip }));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...toA], toLdOf(translated(toA, { dst: vip })));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(a, datagram(a.address, client, 1, 2)));
    await gw.modify(bindingOf(a));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...toA], atVm);
  });
});

tsharkDecodesAll(gateway);
