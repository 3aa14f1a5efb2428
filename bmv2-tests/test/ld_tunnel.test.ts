// `ld_of_bucket` and `ld`: the LD that owns a bucket, and the tunnel to it.
import { describe, expect, test } from "vitest";
import { bucketOf, datagram, from, ping, toLd, toService } from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  dissect,
  type Ipv4,
  internetChecksum,
  ipv4,
  type Layer,
  layerOf,
  payload,
  readUint,
  type Udp,
  withFields,
} from "../src/packet/index.js";
import {
  BUCKETS,
  bucketsOf,
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  GATEWAY_MAC,
  LD1,
  LD2,
  ldOf,
  PLAIN_VIP,
  STEERING_ADDRESS,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

async function expectAt(gw: Gateway, ld: typeof LD1, packet: readonly Layer[]): Promise<void> {
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
    port: ld.side.port,
    layers: toLd(ld, 0, bucketOf(0, packet), packet, GATEWAY_MAC),
  });
}

/** The client's source port that makes a SYN to the standard service fall into this bucket. */
function synOfBucket(bucket: number): Layer[] {
  for (let srcPort = 1024; srcPort < 65536; srcPort++) {
    const syn = toService({ srcPort });
    if (bucketOf(0, syn) === bucket) return syn;
  }
  throw new Error(`no source port falls into bucket ${bucket}`);
}

describe("the tunnel's headers, one by one", () => {
  const client = withFields(datagram(CLIENT, PLAIN_VIP, 40_000, 5000, "client's data"), "ipv4", {
    dscp: 46,
    ecn: 2,
    ttl: 17,
    identification: 0x4711,
  });

  test("in words and numbers, apart from the test kit's own encoder", async () => {
    const { frames } = await gateway().send(UPSTREAM.port, [...from(UPSTREAM), ...client]);
    expect(frames).toHaveLength(1);
    const bucket = bucketOf(0, client);
    const ld = ldOf(bucket);
    const tag = ld.side.vid === undefined ? 0 : 4;
    expect(frames[0]!.port).toBe(ld.side.port);
    const frame = frames[0]!.frame;
    const inner = build(client);
    const ip = frame.subarray(14 + tag);
    expect({
      etherType: readUint(frame, 12 + tag, 2),
      versionAndIhl: ip[0],
      dscpAndEcn: ip[1],
      totalLen: readUint(ip, 2, 2),
      identification: readUint(ip, 4, 2),
      flagsAndOffset: readUint(ip, 6, 2),
      ttl: ip[8],
      protocol: ip[9],
      headerSum: internetChecksum(ip.subarray(0, 20)),
      source: [...ip.subarray(12, 16)].join("."),
      destination: [...ip.subarray(16, 20)].join("."),
      srcPort: readUint(ip, 20, 2),
      dstPort: readUint(ip, 22, 2),
      udpLength: readUint(ip, 24, 2),
      udpChecksum: readUint(ip, 26, 2),
      vxlanFlagsAndReserved: readUint(ip, 28, 4),
      vni: readUint(ip, 32, 3),
      reserved2: ip[35],
      innerEtherType: readUint(ip, 48, 2),
      innerTtl: ip[58],
      frameLength: frame.length,
    }).toEqual({
      etherType: 0x0800,
      versionAndIhl: 0x45,
      dscpAndEcn: (46 << 2) | 2,
      totalLen: inner.length + 50,
      identification: 0,
      flagsAndOffset: 0x4000,
      ttl: 64,
      protocol: 17,
      headerSum: 0,
      source: STEERING_ADDRESS,
      destination: ld.vtep,
      srcPort: 0xc000 | (bucket << 4),
      dstPort: 4789,
      udpLength: inner.length + 30,
      udpChecksum: 0,
      vxlanFlagsAndReserved: 0x08000000,
      vni: 0,
      reserved2: 0,
      innerEtherType: 0x0800,
      innerTtl: 16,
      frameLength: inner.length + 64 + tag,
    });
  });

  test("inside: the LD's MAC, and as source the MAC the frame came to", async () => {
    const { frames } = await gateway().send(UPSTREAM.port, [...from(UPSTREAM), ...client]);
    const ld = ldOf(bucketOf(0, client));
    expect(layerOf(dissect(frames[0]!.frame), "ethernet", 1)).toMatchObject({
      dst: ld.mac,
      src: GATEWAY_MAC,
    });
  });

  test.each([
    [0, 0],
    [0, 1],
    [0, 3],
    [8, 0],
    [63, 2],
  ])("DSCP %i and ECN %i are copied to the outside (RFC 6040)", async (dscp, ecn) => {
    await expectAt(gateway(), ldOf(bucketOf(0, client)), withFields(client, "ipv4", { dscp, ecn }));
  });

  test.each([0, 1, 2, 1399, 1400, 8000])(
    "lengths and checksums are right for %i bytes of data",
    async (length) => {
      const packet = datagram(CLIENT, PLAIN_VIP, 40_000, 5000, countingBytes(length));
      await expectAt(gateway(), ldOf(bucketOf(0, packet)), packet);
    },
  );

  test("the client's DF and identification stay inside; outside DF is always set", async () => {
    for (const dontFragment of [0, 1]) {
      const packet = withFields(client, "ipv4", { dontFragment, identification: 0xffff });
      await expectAt(gateway(), ldOf(bucketOf(0, packet)), packet);
    }
  });

  test("the largest packet that a tunnel can hold is tunnelled, one byte more is dropped", async () => {
    const packetOf = (length: number) => [
      ipv4({ src: CLIENT, dst: PLAIN_VIP, protocol: 253 }),
      payload(countingBytes(length - 20)),
    ];
    const largest = packetOf(0xffff - 50);
    await expectAt(gateway(), ldOf(bucketOf(0, largest)), largest);
    const frame = [...from(UPSTREAM), ...packetOf(0xffff - 49)];
    await gateway().expectDrop("IP_LENGTH", UPSTREAM.port, frame);
  });
});

describe("ld_of_bucket", () => {
  test("every one of the 1024 buckets goes to its LD, with the bucket in the UDP source port", async () => {
    const gw = gateway();
    const seen = new Set<number>();
    const frames = Array.from({ length: 12_000 }, (_, i) => toService({ srcPort: 1024 + i })).flatMap(
      (syn) => {
        const bucket = bucketOf(0, syn);
        if (seen.has(bucket)) return [];
        seen.add(bucket);
        return [{ bucket, syn }];
      },
    );
    expect(seen.size).toBe(BUCKETS);
    const outcome = await gw.target.injectAll(
      frames.map(({ syn }) => ({ port: UPSTREAM.port, frame: build([...from(UPSTREAM), ...syn]) })),
    );
    const got = outcome.frames.map((out) => {
      const layers = dissect(out[0]!.frame);
      return {
        count: out.length,
        port: out[0]!.port,
        vtep: layers.find((layer): layer is Ipv4 => layer.kind === "ipv4")!.dst,
        srcPort: layers.find((layer): layer is Udp => layer.kind === "udp")!.srcPort,
      };
    });
    expect(got).toEqual(
      frames.map(({ bucket }) => ({
        count: 1,
        port: ldOf(bucket).side.port,
        vtep: ldOf(bucket).vtep,
        srcPort: 0xc000 | (bucket << 4),
      })),
    );
  });

  test("a bucket that nobody owns is dropped; its neighbours are not", async () => {
    const gw = gateway();
    const bucket = bucketOf(0, toService());
    await gw.remove(entry.bucket(CLUSTER, bucket, ldOf(bucket).id));
    await gw.expectDrop("BUCKET_UNASSIGNED", UPSTREAM.port, [...from(UPSTREAM), ...toService()]);
    for (const other of [(bucket + 1) % BUCKETS, (bucket + BUCKETS - 1) % BUCKETS]) {
      await expectAt(gw, ldOf(other), synOfBucket(other));
    }
  });

  test("a bucket that moves takes its packets to the other LD, and only them", async () => {
    const gw = gateway();
    const bucket = bucketOf(0, toService());
    const other = ldOf(bucket + 1);
    await gw.modify(entry.bucket(CLUSTER, bucket, other.id));
    await expectAt(gw, other, toService());
    const neighbour = (bucket + 1) % BUCKETS;
    await expectAt(gw, ldOf(neighbour), synOfBucket(neighbour));
  });

  test("each cluster has buckets of its own", async () => {
    const gw = gateway();
    await gw.modify(entry.vip(0, PLAIN_VIP, 5));
    const packet = ping(CLIENT, PLAIN_VIP);
    await gw.expectDrop("BUCKET_UNASSIGNED", UPSTREAM.port, [...from(UPSTREAM), ...packet]);
    await gw.insert(...bucketsOf(5));
    await expectAt(gw, ldOf(bucketOf(0, packet)), packet);
  });

  test("the highest cluster and LD numbers are numbers like others", async () => {
    const gw = gateway();
    const packet = ping(CLIENT, "203.0.113.50");
    await gw.insert(
      entry.vip(0, "203.0.113.50", 0xffff),
      entry.bucket(0xffff, bucketOf(0, packet), 0xffff),
      entry.ld(0xffff, LD2.vtep, LD2.mac),
    );
    await expectAt(gw, LD2, packet);
  });

  test("a bad packet does not reach a bucket", async () => {
    const frame = [...from(UPSTREAM), ...withFields(toService(), "ipv4", { ihl: 4 })];
    await gateway().expectDrop("IP_HEADER", UPSTREAM.port, frame, false);
  });
});

describe("ld", () => {
  test("a bucket of an LD that does not exist is dropped", async () => {
    const gw = gateway();
    const bucket = bucketOf(0, toService());
    await gw.modify(entry.bucket(CLUSTER, bucket, 404));
    await gw.expectDrop("UNKNOWN_LD", UPSTREAM.port, [...from(UPSTREAM), ...toService()]);
  });

  test("an LD with a new tunnel endpoint, MAC and steering address is reached by them", async () => {
    const gw = gateway();
    const packet = synOfBucket(0);
    await gw.modify(entry.ld(LD1.id, LD2.vtep, "02:00:00:09:09:09", "10.0.0.222"));
    const wanted = toLd({ ...LD2, mac: "02:00:00:09:09:09" }, 0, 0, packet, GATEWAY_MAC);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: LD2.side.port,
      layers: withFields(wanted, "ipv4", { src: "10.0.0.222" }),
    });
  });

  test("its counter counts the packets to this LD, whatever table steered them", async () => {
    const gw = gateway();
    const counted = entry.ld(60, LD1.vtep, LD1.mac);
    const viaVip = ping(CLIENT, "203.0.113.60");
    const reply = withFields(datagram("10.1.0.5", "10.66.0.1", 80, 1033), "ipv4", { ttl: 9 });
    await gw.insert(
      counted,
      entry.vip(0, "203.0.113.60", 60),
      entry.localIp(0, "10.66.0.0/24", 60),
      entry.bucket(60, bucketOf(0, viaVip), 60),
      entry.bucket(60, 1033 % BUCKETS, 60),
    );
    const frames = [viaVip, reply].map((packet) => [...from(UPSTREAM), ...packet]);
    for (const frame of frames) await gw.send(UPSTREAM.port, frame);
    const bytes = frames.reduce((sum, frame) => sum + build(frame).length, 0);
    expect(await gw.counter(counted)).toEqual({ packets: 2n, bytes: BigInt(bytes) });
  });

  test("the tunnel is routed in the fabric's VRF, from whatever VRF the client came", async () => {
    const gw = gateway();
    await gw.insert(entry.network(6, 0, 60, 9));
    await gw.expectOut(6, [...from(UPSTREAM), ...toService()], {
      port: ldOf(bucketOf(0, toService())).side.port,
      layers: toLd(ldOf(bucketOf(0, toService())), 0, bucketOf(0, toService()), toService(), GATEWAY_MAC),
    });
  });

  test("an LD behind a tagged next hop gets tagged frames, one behind an untagged next hop untagged ones", async () => {
    const gw = gateway();
    await gw.modify(
      entry.nexthop(LD1.nexthopId, FABRIC_TAGGED, LD1.wireMac),
      entry.nexthop(LD2.nexthopId, FABRIC, LD2.wireMac),
    );
    await expectAt(gw, { ...LD1, side: FABRIC_TAGGED }, synOfBucket(2));
    await expectAt(gw, { ...LD2, side: FABRIC }, synOfBucket(3));
  });

  test("an LD without a route to it is not reached", async () => {
    const gw = gateway();
    await gw.remove(entry.route(0, "0.0.0.0/0", 1), entry.route(0, `${LD1.vtep}/32`, LD1.nexthopId));
    await gw.expectDrop("NO_ROUTE", UPSTREAM.port, [...from(UPSTREAM), ...synOfBucket(4)]);
  });

  test("an LD whose next hop does not exist is not reached", async () => {
    const gw = gateway();
    await gw.remove(entry.nexthop(LD1.nexthopId, LD1.side, LD1.wireMac));
    await gw.expectDrop("UNKNOWN_NEXTHOP", UPSTREAM.port, [...from(UPSTREAM), ...synOfBucket(6)]);
  });

  test("a packet that ends in its TTL does not reach an LD", async () => {
    const frame = [...from(UPSTREAM), ...withFields(synOfBucket(8), "ipv4", { ttl: 0 })];
    await gateway().expectDrop("TTL_EXCEEDED", UPSTREAM.port, frame);
  });
});

tsharkDecodesAll(gateway);
