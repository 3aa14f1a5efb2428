// A datagram in fragments, on every way through the gateway: each piece arrives, translated so that the whole is right again, and
// all of them at one place. To a VM's EIP and from it: eip.test.ts.
import { describe, expect, test } from "vitest";
import { bucketOf, bucketOfFlow, datagram, from, hopped, to, toLd, tunnelled } from "../src/frames.js";
import { type Gateway, type PortLayers, useGateway } from "../src/gateway.js";
import { countingBytes, fragments, fragmentsV6, type Layer } from "../src/packet/index.js";
import {
  fromVm,
  LOCAL_IP_V6,
  PLAIN_VIP_V6,
  PRODUCT_ENTRIES,
  SERVER_V6,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import {
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  GATEWAY_MAC,
  LD1,
  LOCAL_IP,
  ldOf,
  PLAIN_VIP,
  SERVER,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const VNI = 0x4004;

describe.each(VERSIONS)("$version", ({ version, client, a, b }) => {
  const isV4 = version === "IPv4";
  const cut = (packet: readonly Layer[]) =>
    isV4 ? fragments(packet, 40, 80) : fragmentsV6(packet, 0x1234abcd, 40, 80);
  const whole = (src: string, dst: string) => datagram(src, dst, 5000, 6000, countingBytes(120));
  const fromLd = (vni: number, packet: readonly Layer[]) => [
    ...from(FABRIC),
    ...tunnelled(vni, packet, { ip: { src: LD1.vtep } }),
  ];
  /** Sends the pieces, the last one first, and expects each to become what it should. */
  async function expectEach(
    gw: Gateway,
    port: number,
    pieces: readonly Layer[][],
    wrap: (piece: readonly Layer[]) => readonly Layer[],
    wanted: (i: number) => PortLayers,
  ): Promise<void> {
    expect(pieces).toHaveLength(3);
    for (const i of [2, 1, 0]) await gw.expectOut(port, wrap(pieces[i]!), wanted(i));
  }
  const toLdOf = (vni: number, inside: readonly Layer[][], arrivedFor: string) => {
    const buckets = new Set(inside.map((piece) => bucketOf(vni, piece)));
    expect(buckets.size).toBe(1);
    const [bucket] = [...buckets] as [number];
    const ld = ldOf(bucket);
    return (i: number) => ({ port: ld.side.port, layers: toLd(ld, vni, bucket, inside[i]!, arrivedFor) });
  };
  const upstream = (piece: readonly Layer[]) => [...from(UPSTREAM), ...piece];

  test("a client to a VIP", async () => {
    const pieces = cut(whole(client, isV4 ? PLAIN_VIP : PLAIN_VIP_V6));
    await expectEach(gateway(), UPSTREAM.port, pieces, upstream, toLdOf(0, pieces, GATEWAY_MAC));
  });

  test.each([0, VNI])("a real server to a local IP, in VNI %i", async (vni) => {
    const gw = gateway();
    const [server, local] = isV4 ? [SERVER, LOCAL_IP] : [SERVER_V6, LOCAL_IP_V6];
    if (vni !== 0) {
      await gw.insert(
        entry.localIp(vni, `${local}/${isV4 ? 32 : 128}`, CLUSTER),
        entry.vm(vni, server, a.mac, a.host.vtep),
      );
    }
    const pieces = cut(whole(server, local));
    const bucket = bucketOfFlow(vni, { src: server, dst: local, protocol: 17, srcPort: 0, dstPort: 0 });
    expect(bucketOf(vni, pieces[0]!)).toBe(bucket);
    const wrap = (piece: readonly Layer[]) =>
      vni === 0 ? [...from(FABRIC), ...piece] : fromVm({ ...a, vni }, piece);
    await expectEach(gw, FABRIC.port, pieces, wrap, toLdOf(vni, pieces, FABRIC_MAC));
  });

  test("an LD to a client outside", async () => {
    const pieces = cut(whole(isV4 ? PLAIN_VIP : PLAIN_VIP_V6, client));
    await expectEach(
      gateway(),
      FABRIC.port,
      pieces,
      (piece) => fromLd(0, piece),
      (i) => ({ port: UPSTREAM.port, layers: [...to(UPSTREAM), ...hopped(pieces[i]!)] }),
    );
  });

  test("an LD to a client inside a VPC", async () => {
    const gw = gateway();
    await gw.insert(entry.vm(a.vni, a.address, a.mac, a.host.vtep));
    const pieces = cut(whole(isV4 ? "172.16.0.10" : "fd00:3::10", a.address));
    await expectEach(
      gw,
      FABRIC.port,
      pieces,
      (piece) => fromLd(a.vni, piece),
      (i) => ({ port: FABRIC.port, layers: toVm(a, pieces[i]!, pieces[i]!, FABRIC_MAC) }),
    );
  });

  test("a client to an EIP on an internal VIP, and the answer", async () => {
    const gw = gateway();
    const vip = isV4 ? "172.16.0.10" : "fd00:3::10";
    const eip = {
      ...a,
      eip: isV4 ? "203.0.113.56" : "2001:db8:113::56",
      index: isV4 ? 70 : 71,
      vni: VNI,
      address: vip,
    };
    await gw.insert(
      entry.eipIn(UPSTREAM.networkId, eip.eip, { index: eip.index, vni: VNI, vip }),
      sourceOf(eip),
      entry.vip(VNI, vip, CLUSTER),
    );
    const question = whole(client, eip.eip);
    const inside = cut(translated(question, { dst: vip }));
    await expectEach(gw, UPSTREAM.port, cut(question), upstream, toLdOf(VNI, inside, GATEWAY_MAC));
    const answer = whole(vip, client);
    const outside = cut(translated(answer, { src: eip.eip }));
    await expectEach(
      gw,
      FABRIC.port,
      cut(answer),
      (piece) => fromLd(VNI, piece),
      (i) => ({ port: UPSTREAM.port, layers: [...to(UPSTREAM), ...hopped(outside[i]!)] }),
    );
  });

  test("a VM with an EIP to another EIP, out and in again", async () => {
    const packet = whole(a.address, b.eip);
    const outside = translated(packet, { src: a.eip });
    const inside = cut(translated(outside, { dst: b.address }));
    await expectEach(
      gateway(),
      FABRIC.port,
      cut(packet),
      (piece) => fromVm(a, piece),
      (i) => ({ port: FABRIC.port, layers: toVm(b, cut(outside)[i]!, inside[i]!, FABRIC_MAC) }),
    );
  });
});

tsharkDecodesAll(gateway);
