// Several upstream networks on one switch, told apart by port and VLAN; sources that a network may not have, and answers that
// leave by the network of their source (`source_policy`).
import { describe, expect, test } from "vitest";
import { bucketOf, datagram, from, hopped, packetOf, to, toLd, tunnelled } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import { build, tcp, vlan } from "../src/packet/index.js";
import {
  CLIENT_V6,
  EIP_A,
  EIP_B,
  fromVm,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
} from "../src/products.js";
import {
  CARRIER,
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  GATEWAY_MAC,
  LD1,
  ldOf,
  SERVER,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const CASES = [
  { version: "IPv4", client: CLIENT, vip: "198.51.100.80", length: 32, own: UPSTREAM.address },
  { version: "IPv6", client: CLIENT_V6, vip: "2001:db8:2::80", length: 128, own: "2001:db8:1::1" },
] as const;

describe.each(CASES)("$version", ({ client, vip, length, own }) => {
  const syn = packetOf(client, vip, [tcp({ srcPort: 40_000, dstPort: 80 })]);
  const answer = packetOf(vip, client, [tcp({ srcPort: 80, dstPort: 40_000, flags: 0x12 })]);

  test("a VIP of the carrier's network: its LD's answers leave by that network", async () => {
    const gw = gateway();
    await gw.insert(entry.service(0, vip, 6, 80, CLUSTER));
    const bucket = bucketOf(0, syn);
    const ld = ldOf(bucket);
    await gw.expectOut(CARRIER.port, [...from(CARRIER), ...syn], {
      port: ld.side.port,
      layers: toLd(ld, 0, bucket, syn, GATEWAY_MAC),
    });
    const policy = entry.routeSourceInVrf(FABRIC.networkId, 0, `${vip}/${length}`, CARRIER.vrfId);
    const ways = [
      [...from(FABRIC), ...answer],
      [...from(FABRIC), ...tunnelled(0, answer)],
    ];
    for (const frame of ways) {
      await gw.expectOut(FABRIC.port, frame, {
        port: UPSTREAM.port,
        layers: [...to(UPSTREAM), ...hopped(answer)],
      });
    }
    await gw.insert(policy);
    for (const frame of ways) {
      await gw.expectOut(FABRIC.port, frame, {
        port: CARRIER.port,
        layers: [...to(CARRIER), ...hopped(answer)],
      });
    }
    expect((await gw.counter(policy)).packets).toBe(2n);
  });

  test("the gateway's own address as source from outside is dropped, whatever it wants", async () => {
    const gw = gateway();
    const deny = entry.denySource(UPSTREAM.networkId, 0, `${own}/${length}`);
    await gw.insert(deny);
    const forged = [...from(UPSTREAM), ...datagram(own, vip, 1, 2)];
    await gw.expectDrop("SPOOFED_SOURCE", UPSTREAM.port, forged);
    expect(await gw.counter(deny)).toEqual({ packets: 1n, bytes: BigInt(build(forged).length) });
    // On the carrier's network the entry says nothing.
    await gw.expectOut(CARRIER.port, [...from(CARRIER), ...datagram(own, client, 1, 2)], {
      port: CARRIER.port,
      layers: [...to(CARRIER), ...hopped(datagram(own, client, 1, 2))],
    });
  });

  test("the longest prefix of the source decides", async () => {
    const gw = gateway();
    const wide = length === 32 ? "198.18.0.0/16" : "2001:db8:c::/48";
    const accept = entry.acceptSource(UPSTREAM.networkId, 0, `${client}/${length}`);
    await gw.insert(entry.denySource(UPSTREAM.networkId, 0, wide), accept);
    const packet = datagram(client, length === 32 ? SERVER : "2001:db8:5::5", 1, 2);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
    expect((await gw.counter(accept)).packets).toBe(1n);
    const other = datagram(length === 32 ? "198.18.0.2" : "2001:db8:c::2", vip, 1, 2);
    await gw.expectDrop("SPOOFED_SOURCE", UPSTREAM.port, [...from(UPSTREAM), ...other]);
  });

  test("a policy inside a VNI is that VNI's", async () => {
    const gw = gateway();
    const src = length === 32 ? "192.168.0.0/24" : "fd00::/64";
    await gw.insert(entry.denySource(FABRIC.networkId, EIP_A.vni, src));
    const vm = length === 32 ? EIP_A.address : "fd00::5";
    const packet = datagram(vm, client, 1, 2);
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(EIP_A, packet));
    const outside = datagram(vm, client, 1, 2);
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...outside], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(outside)],
    });
  });
});

test("two carriers on one port, told apart by VLAN: each EIP answers by its own", async () => {
  const gw = gateway();
  const carriers = [
    { side: { ...UPSTREAM, port: 5, vid: 201, networkId: 61, vrfId: 61 }, nexthop: 61, eip: EIP_A },
    { side: { ...UPSTREAM, port: 5, vid: 202, networkId: 62, vrfId: 62 }, nexthop: 62, eip: EIP_B },
  ];
  for (const { side, nexthop, eip } of carriers) {
    const { index, vni, address, mac, host } = eip;
    await gw.insert(
      entry.network(5, side.vid, side.networkId, side.vrfId),
      entry.tunnelSource(side.networkId, "10.0.0.1"),
      entry.eipIn(side.networkId, eip.eip, { index, vni, address, mac, host: host.vtep }),
      entry.nexthop(nexthop, side, side.peer.mac),
      entry.route(side.vrfId, "0.0.0.0/0", nexthop),
    );
    await gw.modify(sourceOf(eip, side));
  }
  for (const { side, eip } of carriers) {
    const inward = datagram(CLIENT, eip.eip, 1, 2);
    await gw.expectOut(5, [from(UPSTREAM)[0]!, vlan({ vid: side.vid }), ...inward], {
      port: FABRIC.port,
      layers: toVm(eip, inward),
    });
    const outward = datagram(eip.address, CLIENT, 2, 1);
    await gw.expectOut(FABRIC.port, fromVm(eip, outward), {
      port: 5,
      layers: [...to(side), ...hopped(translated(outward, { src: eip.eip }))],
    });
  }
});

test("an LD's tunnel does not end on an upstream network", async () => {
  const gw = gateway();
  await gw.insert(entry.myAddress(UPSTREAM.networkId, "10.0.0.1", GATEWAY_MAC));
  const forged = [
    ...from(UPSTREAM),
    ...tunnelled(0, datagram(SERVER, CLIENT, 1, 2), { ip: { src: LD1.vtep } }),
  ];
  await gw.expectDrop("OWN_ADDRESS", UPSTREAM.port, forged);
});

tsharkDecodesAll(gateway);
