// `service` and `vip`: which cluster serves a packet, and which bucket it falls into; what goes before what.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  from,
  hopped,
  packet,
  ping,
  to,
  toLd,
  toService,
  tunnelled,
} from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  fragments,
  ipv4,
  type Layer,
  padded,
  payload,
  ROUTER_ALERT,
  TCP_FLAG,
  tcp,
  withFields,
} from "../src/packet/index.js";
import {
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  GATEWAY_MAC,
  LD1,
  LD2,
  ldOf,
  PLAIN_VIP,
  SERVICE_PORT,
  SERVICE_VIP,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

/** A packet from upstream is steered to the standard cluster, by this bucket. */
async function expectSteered(
  gw: Gateway,
  packet: readonly Layer[],
  bucket = bucketOf(0, packet),
): Promise<void> {
  const ld = ldOf(bucket);
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
    port: ld.side.port,
    layers: toLd(ld, 0, bucket, packet, GATEWAY_MAC),
  });
}

/** A packet from upstream is routed to upstream: nothing serves it. */
async function expectUnserved(gw: Gateway, packet: readonly Layer[]): Promise<void> {
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...hopped(packet)],
  });
}

describe("service", () => {
  test("a SYN to VIP, protocol and port goes to the LD of its bucket", async () => {
    await expectSteered(gateway(), toService());
  });

  test("every packet of a connection falls into the same bucket", async () => {
    for (const flags of [
      TCP_FLAG.ack,
      TCP_FLAG.ack | TCP_FLAG.psh,
      TCP_FLAG.fin | TCP_FLAG.ack,
      TCP_FLAG.rst,
    ]) {
      const segment = packet(
        CLIENT,
        SERVICE_VIP,
        [tcp({ srcPort: 40_000, dstPort: 80, flags, seq: flags }), payload("data".repeat(flags))],
        { identification: flags, ttl: 3 + flags },
      );
      expect(bucketOf(0, segment)).toBe(bucketOf(0, toService()));
      await expectSteered(gateway(), segment);
    }
  });

  test("packets of many connections fall into the buckets that CRC-32 gives", async () => {
    const buckets = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const syn = toService({ src: `198.18.${i & 3}.${i}`, srcPort: 1024 + 317 * i });
      buckets.add(bucketOf(0, syn));
      await expectSteered(gateway(), syn);
    }
    expect(buckets.size).toBeGreaterThan(150);
  });

  test.each([
    ["another port", toService({ dstPort: SERVICE_PORT + 1 })],
    ["another VIP", toService({ dst: "203.0.113.11" })],
    ["another protocol", datagram(CLIENT, SERVICE_VIP, 40_000, SERVICE_PORT)],
    ["ICMP", ping(CLIENT, SERVICE_VIP)],
    ["the VIP as source", toService({ src: SERVICE_VIP, dst: CLIENT })],
  ])("%s is not the service", async (_name, packet) => {
    await expectUnserved(gateway(), packet);
  });

  test("a UDP service has a table entry of its own beside TCP's", async () => {
    const gw = gateway();
    await gw.insert(entry.service(0, SERVICE_VIP, 17, 5300, CLUSTER));
    await expectSteered(gw, datagram(CLIENT, SERVICE_VIP, 40_000, 5300));
    await expectUnserved(gw, toService({ dstPort: 5300 }));
  });

  test("the ports 0 and 65535 are ports", async () => {
    const gw = gateway();
    await gw.insert(
      entry.service(0, SERVICE_VIP, 17, 0, CLUSTER),
      entry.service(0, SERVICE_VIP, 6, 65535, CLUSTER),
    );
    await expectSteered(gw, datagram(CLIENT, SERVICE_VIP, 40_000, 0));
    await expectSteered(gw, toService({ dstPort: 65535, srcPort: 0 }));
  });

  test("packets without ports are not a service on port 0", async () => {
    const gw = gateway();
    await gw.insert(
      entry.service(0, SERVICE_VIP, 1, 0, CLUSTER),
      entry.service(0, SERVICE_VIP, 47, 0, CLUSTER),
    );
    await expectUnserved(gw, ping(CLIENT, SERVICE_VIP));
    await expectUnserved(gw, [ipv4({ src: CLIENT, dst: SERVICE_VIP, protocol: 253 }), payload("0000")]);
  });

  test("a packet with IPv4 options, and one in a padded frame, is steered", async () => {
    await expectSteered(gateway(), withFields(toService(), "ipv4", { options: ROUTER_ALERT }));
    const short = toService();
    const bucket = bucketOf(0, short);
    const [, , ...rest] = padded([...from(UPSTREAM), ...short]);
    const padding = rest.at(-1)!;
    expect(padding.kind).toBe("trailer");
    const ld = ldOf(bucket);
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...short, padding], {
      port: ld.side.port,
      layers: toLd(ld, 0, bucket, [...short, padding], GATEWAY_MAC),
    });
  });

  test("its counter counts packets and the bytes of the frames as they came; a miss is not counted", async () => {
    const gw = gateway();
    const counted = entry.service(0, SERVICE_VIP, 6, 8080, CLUSTER);
    await gw.insert(counted);
    const frame = [...from(UPSTREAM), ...toService({ dstPort: 8080 })];
    await gw.send(UPSTREAM.port, frame);
    await gw.send(UPSTREAM.port, padded(frame));
    await gw.send(UPSTREAM.port, [...from(UPSTREAM), ...toService({ dstPort: 8081 })]);
    expect(await gw.counter(counted)).toEqual({ packets: 2n, bytes: BigInt(54 + 60) });
  });

  test("a service that moves to another cluster takes its packets there", async () => {
    const gw = gateway();
    const bucket = bucketOf(0, toService());
    await gw.insert(entry.bucket(2, bucket, ldOf(bucket + 1).id));
    await gw.modify(entry.service(0, SERVICE_VIP, 6, SERVICE_PORT, 2));
    const other = ldOf(bucket + 1);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...toService()], {
      port: other.side.port,
      layers: toLd(other, 0, bucket, toService(), GATEWAY_MAC),
    });
  });

  test("a service that is taken away is served no more", async () => {
    const gw = gateway();
    await gw.remove(entry.service(0, SERVICE_VIP, 6, SERVICE_PORT, CLUSTER));
    await expectUnserved(gw, toService());
  });

  test("a SYN whose TTL ends here is not steered", async () => {
    const frame = [...from(UPSTREAM), ...withFields(toService(), "ipv4", { ttl: 1 })];
    await gateway().expectDrop("TTL_EXCEEDED", UPSTREAM.port, frame);
  });

  test("a SYN with a bad IPv4 header is not steered", async () => {
    const frame = [...from(UPSTREAM), ...withFields(toService(), "ipv4", { checksum: 0xbad })];
    await gateway().expectDrop("IPV4_CHECKSUM", UPSTREAM.port, frame, false);
  });
});

describe("vip", () => {
  const KINDS: Record<string, Layer[]> = {
    "TCP to any port": toService({ dst: PLAIN_VIP, dstPort: 12345 }),
    "UDP to any port": datagram(CLIENT, PLAIN_VIP, 40_000, 5000),
    "a ping": ping(CLIENT, PLAIN_VIP),
    "another protocol": [ipv4({ src: CLIENT, dst: PLAIN_VIP, protocol: 253 }), payload("x")],
  };
  test.each(Object.entries(KINDS))("%s goes to the cluster", async (_name, packet) => {
    await expectSteered(gateway(), packet);
  });

  test("a neighbouring address is no VIP", async () => {
    await expectUnserved(gateway(), toService({ dst: "203.0.113.21" }));
  });

  test("all fragments of a datagram fall into one bucket, the one without ports", async () => {
    const whole = datagram(CLIENT, PLAIN_VIP, 40_000, 5000, "a".repeat(200));
    const pieces = fragments(whole, 64, 128);
    const buckets = pieces.map((piece) => bucketOf(0, piece));
    expect(new Set(buckets).size).toBe(1);
    expect(buckets[0]).not.toBe(bucketOf(0, whole));
    for (const piece of pieces) await expectSteered(gateway(), piece);
  });

  test("a fragmented datagram to a service goes by the VIP, first fragment and last alike", async () => {
    const gw = gateway();
    const [first, second] = fragments(
      packet(CLIENT, SERVICE_VIP, [tcp({ srcPort: 40_000, dstPort: 80 }), payload("b".repeat(100))]),
      64,
    );
    await expectUnserved(gw, first!);
    await expectUnserved(gw, second!);
    const bucket = bucketOf(0, first!);
    await gw.insert(entry.vip(0, SERVICE_VIP, 3), entry.bucket(3, bucket, LD2.id));
    for (const piece of [first!, second!]) {
      await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...piece], {
        port: LD2.side.port,
        layers: toLd(LD2, 0, bucket, piece, GATEWAY_MAC),
      });
    }
  });

  test("its counter counts", async () => {
    const gw = gateway();
    const counted = entry.vip(0, "203.0.113.30", CLUSTER);
    await gw.insert(counted);
    const frame = [...from(UPSTREAM), ...ping(CLIENT, "203.0.113.30", "0123456789")];
    await gw.send(UPSTREAM.port, frame);
    await gw.send(UPSTREAM.port, frame);
    expect(await gw.counter(counted)).toEqual({ packets: 2n, bytes: BigInt(2 * build(frame).length) });
  });

  test("a packet from a martian address does not reach a VIP", async () => {
    const frame = [...from(UPSTREAM), ...toService({ dst: PLAIN_VIP, src: "224.0.0.9" })];
    await gateway().expectDrop("MARTIAN", UPSTREAM.port, frame, false);
  });
});

describe("one address in several tables", () => {
  const ADDRESS = "203.0.113.40";
  const [byService, byVip, byLocalIp] = [20, 21, 22];
  const syn = toService({ dst: ADDRESS, dstPort: 4040 });
  const bucket = bucketOf(0, syn);
  const replyBucket = 4040 % 1024;

  /** Each cluster has its own LD, so the tunnel tells which table decided. */
  async function prepare(gw: Gateway): Promise<void> {
    await gw.insert(
      ...[byService, byVip, byLocalIp].map((id) => entry.ld(id, LD1.vtep, `02:00:00:02:00:${id}`)),
      entry.bucket(byService, bucket, byService),
      entry.bucket(byVip, bucket, byVip),
      entry.bucket(byLocalIp, replyBucket, byLocalIp),
      entry.service(0, ADDRESS, 6, 4040, byService),
      entry.vip(0, ADDRESS, byVip),
      entry.localIp(0, "203.0.113.40/32", byLocalIp),
    );
  }

  async function expectLd(gw: Gateway, id: number, wantedBucket: number): Promise<void> {
    const ld = { ...LD1, mac: `02:00:00:02:00:${id}` };
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...syn], {
      port: LD1.side.port,
      layers: toLd(ld, 0, wantedBucket, syn, GATEWAY_MAC),
    });
  }

  test("service goes before vip, vip before local_ip, local_ip before routes", async () => {
    const gw = gateway();
    await prepare(gw);
    await expectLd(gw, byService, bucket);
    await gw.remove(entry.service(0, ADDRESS, 6, 4040, byService));
    await expectLd(gw, byVip, bucket);
    await gw.remove(entry.vip(0, ADDRESS, byVip));
    await expectLd(gw, byLocalIp, replyBucket);
    await gw.remove(entry.localIp(0, "203.0.113.40/32", byLocalIp));
    await expectUnserved(gw, syn);
  });

  test("only the table that decides counts", async () => {
    const gw = gateway();
    await prepare(gw);
    await gw.send(UPSTREAM.port, [...from(UPSTREAM), ...syn]);
    expect(await gw.counter(entry.service(0, ADDRESS, 6, 4040, byService))).toMatchObject({ packets: 1n });
    expect(await gw.counter(entry.vip(0, ADDRESS, byVip))).toMatchObject({ packets: 0n });
    expect(await gw.counter(entry.localIp(0, "203.0.113.40/32", byLocalIp))).toMatchObject({ packets: 0n });
  });
});

describe("VNIs", () => {
  const VIP = "10.9.0.1";
  const client = toService({ src: "10.9.0.77", dst: VIP });
  /** The sender of what `tunnelled` puts into a tunnel. */
  const known = (vni: number, address: string) =>
    vni === 0 ? [] : [entry.vm(vni, address, LD1.mac, LD1.vtep)];

  test("equal VIPs in two VNIs and outside are three services, each with buckets of its own", async () => {
    const gw = gateway();
    const vnis = [0, 1, 0xffffff];
    const buckets = vnis.map((vni) => bucketOf(vni, client));
    expect(new Set(buckets).size).toBe(3);
    for (const [i, vni] of vnis.entries()) {
      await gw.insert(
        entry.service(vni, VIP, 6, SERVICE_PORT, 30 + i),
        entry.bucket(30 + i, buckets[i]!, 30 + i),
      );
      await gw.insert(entry.ld(30 + i, LD1.vtep, `02:00:00:03:00:0${i}`), ...known(vni, "10.9.0.77"));
    }
    for (const [i, vni] of vnis.entries()) {
      const ld = { ...LD1, mac: `02:00:00:03:00:0${i}` };
      await gw.expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(vni, client)], {
        port: LD1.side.port,
        layers: toLd(ld, vni, buckets[i]!, client, FABRIC_MAC),
      });
    }
  });

  test("a VIP of a VNI is not served outside, nor in another VNI", async () => {
    const gw = gateway();
    await gw.insert(entry.vip(5, VIP, CLUSTER), ...known(6, "10.9.0.77"));
    await expectUnserved(gw, client);
    await gw.expectDrop("VNI_UNREACHABLE", FABRIC.port, [...from(FABRIC), ...tunnelled(6, client)]);
  });

  test("a reply to a local IP in a VNI stays in the VNI", async () => {
    const gw = gateway();
    await gw.insert(entry.localIp(9, "10.9.1.0/24", CLUSTER), ...known(9, "10.9.0.5"));
    const reply = packet("10.9.0.5", "10.9.1.4", [tcp({ srcPort: 80, dstPort: 0x1402 })]);
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(9, reply)], {
      port: LD1.side.port,
      layers: toLd(LD1, 9, 2, reply, FABRIC_MAC),
    });
  });
});

tsharkDecodesAll(gateway);
