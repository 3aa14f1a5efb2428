// A fabric of IPv6: tunnels to LDs and to VMs' hosts over IPv6, both ways, whatever the packet inside is; and beside them those
// over IPv4.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  flowOf,
  from,
  hopped,
  packetOf,
  packetV6,
  TUNNEL_SRC_PORT_BASE,
  to,
  tunnelled,
  tunnelledV6,
  wrapped,
} from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  HEARTBEAT_PORT,
  heartbeat,
  type Ipv6,
  type Layer,
  padded,
  payload,
  tcp,
  udp,
  withFields,
} from "../src/packet/index.js";
import {
  bindingOf,
  CLIENT_V6,
  type Eip,
  ecmpHash,
  fromVm,
  PLAIN_VIP_V6,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import {
  bucketsOf,
  CLIENT,
  entry,
  FABRIC,
  FABRIC_MAC,
  GATEWAY_MAC,
  LD1,
  PLAIN_VIP,
  SERVER,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const VTEP = "fd00:10::1"; // the gateway's
const STEERING = "fd00:10::100";
const LD = {
  id: 60,
  vtep: "fd00:10::11",
  mac: "02:00:00:01:00:60",
  wireMac: "02:00:00:00:00:60",
  nexthopId: 60,
};
const HOST = { id: 7, vtep: "fd00:10::21", wireMac: "02:00:00:00:00:61", nexthopId: 61 };
const OTHER_HOST = { id: 8, vtep: "fd00:10::22" };
const CLUSTER_V6 = 60;
const HEARTBEAT = { key: 0xfeed0060, epoch: 1 };

const gateway = useGateway([
  ...PRODUCT_ENTRIES,
  entry.myTunnel(VTEP, FABRIC.networkId),
  entry.myAddress(FABRIC.networkId, VTEP, FABRIC_MAC),
  ...[UPSTREAM, FABRIC].map((side) => entry.tunnelSource(side.networkId, VTEP)),
  ...bucketsOf(CLUSTER_V6).map((e) => ({ ...e, params: { ld_id: LD.id, backup_ld_id: 0 } })),
  entry.ld(LD.id, LD.vtep, LD.mac, STEERING),
  entry.ldSource(
    { port: FABRIC.port, networkId: FABRIC.networkId, vtep: LD.vtep },
    { ldId: LD.id, ...HEARTBEAT, holdUs: 0xffffffff },
  ),
  ...[LD, HOST].flatMap(({ vtep, wireMac, nexthopId }) => [
    entry.route(0, `${vtep}/128`, nexthopId),
    entry.nexthop(nexthopId, FABRIC, wireMac),
  ]),
  entry.hostV6(HOST.id, HOST.vtep),
  entry.hostSourceV6(FABRIC.networkId, HOST.vtep, HOST.id),
  entry.hostSourceV6(FABRIC.networkId, OTHER_HOST.vtep, OTHER_HOST.id),
]);

const overV6 = (vni: number, packet: readonly Layer[], src: string, mac?: string) => [
  ...from(FABRIC),
  ...tunnelledV6(vni, packet, { src, dst: VTEP, ...(mac && { mac }) }),
];

/** As the LD gets it. */
function atLd(vni: number, packet: readonly Layer[], arrivedFor = GATEWAY_MAC) {
  const srcPort = TUNNEL_SRC_PORT_BASE | (bucketOf(vni, packet) << 4);
  const tunnel = { src: STEERING, dst: LD.vtep, srcPort, vni, mac: LD.mac, arrivedFor };
  return { port: FABRIC.port, layers: [...to(FABRIC, LD.wireMac), ...wrapped(tunnel, packet)] };
}

describe.each(VERSIONS)("$version inside", ({ version, client, a }) => {
  const isV4 = version === "IPv4";
  const vip = isV4 ? "203.0.113.40" : "2001:db8:113::40";
  const eip: Eip = {
    ...a,
    eip: isV4 ? "203.0.113.45" : "2001:db8:113::45",
    index: isV4 ? 60 : 61,
    vni: 0x6006,
  };
  const bind = entry.eipIn(UPSTREAM.networkId, eip.eip, {
    index: eip.index,
    vni: eip.vni,
    address: eip.address,
    mac: eip.mac,
    host: HOST.id,
  });
  const setUp = (gw: Gateway) => gw.insert(bind, sourceOf(eip));
  /** As the VM's host gets it. */
  const atHost = (_packet: readonly Layer[], inside: readonly Layer[], arrivedFor = GATEWAY_MAC) => {
    const srcPort = 0xc000 | (ecmpHash(eip.vni, flowOf(inside)) >> 2);
    const tunnel = { src: VTEP, dst: HOST.vtep, srcPort, vni: eip.vni, mac: eip.mac, arrivedFor };
    return { port: FABRIC.port, layers: [...to(FABRIC, HOST.wireMac), ...wrapped(tunnel, inside)] };
  };
  const outOf = (host: { vtep: string }, packet: readonly Layer[]) =>
    overV6(eip.vni, packet, host.vtep, eip.mac);
  const syn = packetOf(client, vip, [tcp({ srcPort: 40_000, dstPort: 80 })]);

  test("a VIP's packet reaches the LD; its tunnel has UDP checksum 0 and shows DSCP and ECN", async () => {
    const gw = gateway();
    await gw.insert(entry.vip(0, vip, CLUSTER_V6));
    const packet = isV4
      ? withFields(syn, "ipv4", { dscp: 46, ecn: 1 })
      : withFields(syn, "ipv6", { dscp: 46, ecn: 1 });
    const wanted = atLd(0, packet);
    const outer = wanted.layers[1] as Ipv6;
    expect([outer.kind, outer.dscp, outer.ecn, outer.hopLimit]).toEqual(["ipv6", 46, 1, 64]);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], wanted);
    expect((await gw.counter(entry.ld(LD.id, LD.vtep, LD.mac, STEERING))).packets).toBeGreaterThan(0n);
  });

  test("an LD's answer leaves its tunnel and is routed", async () => {
    const answer = packetOf(vip, client, [tcp({ srcPort: 80, dstPort: 40_000, flags: 0x12 })]);
    await gateway().expectOut(FABRIC.port, overV6(0, answer, LD.vtep), {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(answer)],
    });
  });

  test("an EIP's packet reaches the VM, and the VM's leaves with the EIP", async () => {
    const gw = gateway();
    await setUp(gw);
    const inward = datagram(client, eip.eip, 1000, 2000);
    const wanted = atHost(inward, translated(inward, { dst: eip.address }));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...inward], wanted);
    const outward = datagram(eip.address, client, 2000, 1000);
    await gw.expectOut(FABRIC.port, outOf(HOST, outward), {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(translated(outward, { src: eip.eip }))],
    });
  });

  test("a VM sends from its own host only, and not over IPv4 either", async () => {
    const gw = gateway();
    await setUp(gw);
    const outward = datagram(eip.address, client, 2000, 1000);
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, outOf(OTHER_HOST, outward));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, outOf({ vtep: "fd00:10::99" }, outward));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(eip, outward));
    await gw.expectDrop(
      "SPOOFED_SOURCE",
      FABRIC.port,
      overV6(a.vni, datagram(a.address, client, 1, 2), HOST.vtep),
    );
  });

  test("one write moves an EIP from a host over IPv4 to one over IPv6, and back", async () => {
    const gw = gateway();
    const moved = { ...eip, address: a.address, vni: a.vni };
    await gw.insert(bindingOf(moved));
    await gw.modify(bind);
    const inward = datagram(client, eip.eip, 1000, 2000);
    await gw.expectOut(
      UPSTREAM.port,
      [...from(UPSTREAM), ...inward],
      atHost(inward, translated(inward, { dst: eip.address })),
    );
    await gw.modify(bindingOf(moved));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...inward], {
      port: FABRIC.port,
      layers: toVm(moved, inward),
    });
  });

  test("a host whose number is not known, or a network without an address for tunnels: dropped", async () => {
    const gw = gateway();
    await setUp(gw);
    const inward = [...from(UPSTREAM), ...datagram(client, eip.eip, 1000, 2000)];
    await gw.remove(entry.hostV6(HOST.id, HOST.vtep));
    await gw.expectDrop("NO_TUNNEL_SOURCE", UPSTREAM.port, inward);
    await gw.undo();
    await setUp(gw);
    await gw.remove(entry.tunnelSource(UPSTREAM.networkId, VTEP));
    await gw.expectDrop("NO_TUNNEL_SOURCE", UPSTREAM.port, inward);
  });

  test("time exceeded goes back into the tunnel", async () => {
    const gw = gateway();
    const source = isV4 ? "10.0.0.1" : "2001:db8:10::1";
    await gw.insert(entry.icmpSource(FABRIC.networkId, undefined, source));
    const probe = datagram(eip.address, client, 33_000, 33_434, "12345678");
    const low = isV4 ? withFields(probe, "ipv4", { ttl: 1 }) : withFields(probe, "ipv6", { hopLimit: 1 });
    const { frames } = await gw.send(FABRIC.port, outOf(HOST, low));
    expect(frames).toHaveLength(1);
    // Ethernet, then IPv6 from the gateway's tunnel address to the host.
    const text = Buffer.from(frames[0]!.frame);
    expect(text.subarray(14 + 8, 14 + 40)).toEqual(
      Buffer.from(
        build(
          wrapped(
            { src: VTEP, dst: HOST.vtep, srcPort: 0, vni: 0, mac: eip.mac, arrivedFor: FABRIC_MAC },
            low,
          ),
        ),
      ).subarray(8, 40),
    );
    expect(frames[0]!.frame.length).toBe(14 + 40 + 30 + (isV4 ? 20 + 8 + 20 + 8 : 40 + 8 + 40 + 8));
  });

  test.each([
    ["LD and host over IPv6", true, true],
    ["LD over IPv6, host over IPv4", true, false],
    ["LD over IPv4, host over IPv6", false, true],
  ])("an internal VIP's answer to a client in the VPC: %s", async (_name, ldOverV6, hostOverV6) => {
    const gw = gateway();
    const inner = isV4 ? "172.16.0.10" : "fd00:3::10";
    await gw.insert(entry.vm(eip.vni, eip.address, eip.mac, hostOverV6 ? HOST.id : eip.host.vtep));
    const answer = datagram(inner, eip.address, 6000, 1000);
    const frame = ldOverV6
      ? overV6(eip.vni, answer, LD.vtep)
      : [...from(FABRIC), ...tunnelled(eip.vni, answer, { ip: { src: LD1.vtep } })];
    const wanted = hostOverV6
      ? atHost(answer, answer, FABRIC_MAC)
      : { port: FABRIC.port, layers: toVm(eip, answer, answer, FABRIC_MAC) };
    await gw.expectOut(FABRIC.port, frame, wanted);
  });

  test("a VM without an EIP is heard from its own host over IPv6 only", async () => {
    const gw = gateway();
    const inner = isV4 ? "172.16.0.10" : "fd00:3::10";
    await gw.insert(entry.vip(eip.vni, inner, CLUSTER_V6), entry.vm(eip.vni, eip.address, eip.mac, HOST.id));
    const question = datagram(eip.address, inner, 1000, 6000);
    await gw.expectOut(FABRIC.port, outOf(HOST, question), atLd(eip.vni, question, FABRIC_MAC));
    for (const frame of [
      outOf(OTHER_HOST, question),
      outOf({ vtep: "fd00:10::99" }, question),
      fromVm(eip, question),
    ]) {
      await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, frame);
    }
    await gw.modify(entry.vm(eip.vni, eip.address, eip.mac, eip.host.vtep));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, outOf(HOST, question));
    await gw.expectOut(FABRIC.port, fromVm(eip, question), atLd(eip.vni, question, FABRIC_MAC));
  });

  test("an EIP on an internal VIP: an LD over IPv6 answers for it", async () => {
    const gw = gateway();
    const inner = isV4 ? "172.16.0.10" : "fd00:3::10";
    const bound = { index: eip.index, vni: eip.vni, vip: inner };
    await gw.insert(
      entry.eipIn(UPSTREAM.networkId, eip.eip, bound),
      sourceOf({ ...eip, address: inner }),
      entry.vip(eip.vni, inner, CLUSTER_V6),
    );
    const inward = datagram(client, eip.eip, 1000, 6000);
    await gw.expectOut(
      UPSTREAM.port,
      [...from(UPSTREAM), ...inward],
      atLd(eip.vni, translated(inward, { dst: inner })),
    );
    const answer = datagram(inner, client, 6000, 1000);
    await gw.expectOut(FABRIC.port, overV6(eip.vni, answer, LD.vtep), {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(translated(answer, { src: eip.eip }))],
    });
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, outOf(HOST, answer));
  });

  test("every fragment, and a packet as large as a tunnel holds", async () => {
    const gw = gateway();
    await setUp(gw);
    const overhead = isV4 ? 28 : 48;
    const large = datagram(client, eip.eip, 1000, 2000, new Uint8Array(65_485 - overhead));
    await gw.expectOut(
      UPSTREAM.port,
      [...from(UPSTREAM), ...large],
      atHost(large, translated(large, { dst: eip.address })),
    );
    const larger = datagram(client, eip.eip, 1000, 2000, new Uint8Array(65_486 - overhead));
    await gw.expectDrop("IP_LENGTH", UPSTREAM.port, [...from(UPSTREAM), ...larger]);
  });
});

describe("what is no tunnel of the gateway, or a bad one", () => {
  const inner = datagram(SERVER, CLIENT, 1, 2);

  test("VXLAN to an own address at which no tunnel ends is dropped", async () => {
    const gw = gateway();
    await gw.remove(entry.myTunnel(VTEP, FABRIC.networkId));
    await gw.expectDrop("OWN_ADDRESS", FABRIC.port, overV6(0, inner, LD.vtep));
  });

  test("a tunnel from an upstream network does not end here", async () => {
    const frame = [...from(UPSTREAM), ...tunnelledV6(0, inner, { src: LD.vtep, dst: VTEP })];
    const { frames } = await gateway().send(UPSTREAM.port, frame);
    expect(frames.map(({ frame: out }) => out.length)).toEqual([build(frame).length]); // routed unopened
  });

  test("VXLAN that passes through is routed unopened", async () => {
    const packet = tunnelledV6(5, inner, { src: LD.vtep, dst: "2001:db8:5::9" });
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });

  test("no VNI, no room for a frame, a frame longer than the tunnel around it", async () => {
    const gw = gateway();
    const ends = { src: LD.vtep, dst: VTEP };
    const tunnel = (outer: Parameters<typeof tunnelledV6>[3]) => [
      ...from(FABRIC),
      ...tunnelledV6(0, inner, ends, outer),
    ];
    await gw.expectDrop("VXLAN_HEADER", FABRIC.port, tunnel({ flags: 0 }), false);
    for (const payloadLen of [8, 16, 29]) {
      await gw.expectDrop("VXLAN_HEADER", FABRIC.port, tunnel({ ip: { payloadLen } }), false);
    }
    await gw.expectDrop("IP_LENGTH", FABRIC.port, tunnel({ ip: { payloadLen: 30 + 35 } }), false);
    await gw.expectDrop("IP_LENGTH", FABRIC.port, tunnel({ ip: { payloadLen: 30 + 37 } }), false);
  });

  test("padding behind the outer packet is no part of the packet inside", async () => {
    const small = packetOf(SERVER, CLIENT, [udp({ srcPort: 1, dstPort: 2 })]);
    const frame = padded([
      ...from(FABRIC),
      ...tunnelledV6(0, small, { src: LD.vtep, dst: VTEP }),
      payload(""),
    ]);
    const { frames } = await gateway().send(FABRIC.port, frame);
    expect(frames).toHaveLength(1);
  });
});

describe("heartbeats", () => {
  let sequence = 1;
  const beat = (fields: { key?: number; src?: string } = {}) => [
    ...from(FABRIC),
    ...packetV6(fields.src ?? LD.vtep, VTEP, [
      udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }),
      heartbeat({
        ...HEARTBEAT,
        ldId: LD.id,
        flags: 0,
        sequence: sequence++,
        key: fields.key ?? HEARTBEAT.key,
      }),
    ]),
  ];

  test.each([
    ["IPv4", PLAIN_VIP, CLIENT],
    ["IPv6", PLAIN_VIP_V6, CLIENT_V6],
  ])("over IPv6 keep their LD alive: a packet of %s", async (_version, vip, client) => {
    const gw = gateway();
    const packet = datagram(client, vip, 1, 2);
    const bucket = bucketOf(0, packet);
    await gw.modify(entry.vip(0, vip, CLUSTER_V6), entry.bucket(CLUSTER_V6, bucket, LD.id, LD1.id));
    await gw.expectDrop("HEARTBEAT", FABRIC.port, beat({ key: 1 }));
    await gw.expectDrop("HEARTBEAT", FABRIC.port, beat({ src: HOST.vtep }));
    expect((await gw.send(FABRIC.port, beat())).frames).toEqual([]);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], atLd(0, packet));
  });
});

tsharkDecodesAll(gateway);
