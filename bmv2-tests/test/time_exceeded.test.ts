// A packet whose TTL ends at the gateway: it answers with ICMP time exceeded from `icmp_source`, so that traceroute shows it.
import { describe, expect, test } from "vitest";
import { bucketOf, datagram, from, packetOf, ping, pingV6, to, toLd, tunnelled } from "../src/frames.js";
import { dropsSince, type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  ethernet,
  fragments,
  fragmentsV6,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  padded,
  payload,
  quote,
  ROUTER_ALERT,
  tcp,
  udp,
  vxlan,
  withFields,
} from "../src/packet/index.js";
import {
  CLIENT_V6,
  EIP_A,
  EIP_A_V6,
  fromVm,
  HOST_A,
  LOCAL_IP_V6,
  PRODUCT_ENTRIES,
  SERVER_V6,
  SERVICE_VIP_V6,
} from "../src/products.js";
import {
  CARRIER,
  CLIENT,
  entry,
  FABRIC,
  FABRIC_MAC,
  GATEWAY_VTEP,
  LD1,
  LOCAL_IP,
  ldOf,
  SERVER,
  SERVICE_PORT,
  SERVICE_VIP,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const SOURCE = { 4: "192.0.2.1", 6: "2001:db8:1::1" };
const SOURCE_INSIDE = { 4: "192.168.0.1", 6: "fd00::1" };
const SOURCE_CARRIER = { 4: "198.51.100.1", 6: "2001:db8:2::1" };
const gateway = useGateway([
  ...PRODUCT_ENTRIES,
  ...([4, 6] as const).flatMap((version) => [
    entry.icmpSource(UPSTREAM.networkId, 0, SOURCE[version]),
    entry.icmpSource(CARRIER.networkId, 0, SOURCE_CARRIER[version]),
    entry.icmpSource(FABRIC.networkId, undefined, SOURCE_INSIDE[version]),
  ]),
]);

const CASES = [
  { version: 4, client: CLIENT, server: SERVER, eip: EIP_A },
  { version: 6, client: CLIENT_V6, server: SERVER_V6, eip: EIP_A_V6 },
] as const;

/** The packet with the TTL that ends here. */
const dying = (packet: Layer[], ttl = 1): Layer[] =>
  packet[0]!.kind === "ipv4"
    ? withFields(packet, "ipv4", { ttl })
    : withFields(packet, "ipv6", { hopLimit: ttl });

/** The answer to a packet, from this address. */
function exceeded(packet: readonly Layer[], src: string): Layer[] {
  const [ip] = packet;
  const quoted = quote(packet, 8);
  if (ip?.kind === "ipv4") {
    return [ipv4({ src, dst: ip.src, dscp: 48 }), icmp({ type: 11 }), quoted];
  }
  if (ip?.kind === "ipv6") {
    return [ipv6({ src, dst: ip.src, dscp: 48 }), icmpv6({ type: 3 }), quoted];
  }
  throw new Error("no IP packet");
}

describe.each(CASES)("IPv$version", ({ version, client, server, eip }) => {
  const kinds: Record<string, Layer[]> = {
    UDP: datagram(client, server, 33_000, 33_434, "probe"),
    "UDP with much data": datagram(client, server, 33_000, 33_434, countingBytes(1300)),
    TCP: packetOf(client, server, [tcp({ srcPort: 40_000, dstPort: 80 })]),
    "TCP with options and data": packetOf(client, server, [
      tcp({ srcPort: 40_000, dstPort: 80, options: Uint8Array.of(2, 4, 5, 180) }),
      payload("some data"),
    ]),
    "an echo request": version === 4 ? ping(client, server, "odd") : pingV6(client, server, "odd"),
  };
  const dropped = (frame: readonly Layer[], port = UPSTREAM.port) =>
    gateway().expectDrop("TTL_EXCEEDED", port, frame);

  test.each(Object.entries(kinds))(
    "%s: the answer quotes its IP header and 8 bytes",
    async (_name, packet) => {
      for (const ttl of [0, 1]) {
        const frame = dying(packet, ttl);
        await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...frame], {
          port: UPSTREAM.port,
          layers: [...to(UPSTREAM), ...exceeded(frame, SOURCE[version])],
        });
      }
    },
  );

  test("the answer goes by the route to the sender, from the address of the network it came from", async () => {
    const frame = dying(datagram(client, server, 33_000, 33_434));
    await gateway().expectOut(CARRIER.port, [...from(CARRIER), ...frame], {
      port: CARRIER.port,
      layers: [...to(CARRIER), ...exceeded(frame, SOURCE_CARRIER[version])],
    });
  });

  test("padding is not quoted", async () => {
    const frame = dying(datagram(client, server, 1, 2, "x"));
    await gateway().expectOut(UPSTREAM.port, padded([...from(UPSTREAM), ...frame]), {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...exceeded(frame, SOURCE[version])],
    });
  });

  test("inside a VNI the answer goes into the tunnel that the packet came by", async () => {
    const frame = dying(datagram(eip.address, client, 33_000, 33_434, countingBytes(500)));
    await gateway().expectOut(FABRIC.port, fromVm(eip, frame), {
      port: FABRIC.port,
      layers: [
        ...to(FABRIC, HOST_A.wireMac),
        ipv4({ src: GATEWAY_VTEP, dst: HOST_A.vtep, dontFragment: 1, dscp: 48 }),
        udp({ srcPort: 0xc000, dstPort: 4789, checksum: 0 }),
        vxlan({ vni: eip.vni }),
        ethernet({ dst: eip.mac, src: FABRIC_MAC }),
        ...exceeded(frame, SOURCE_INSIDE[version]),
      ],
    });
  });

  test("the entry of one VNI goes before that of all", async () => {
    const gw = gateway();
    const own = version === 4 ? "192.168.0.254" : "fd00::254";
    await gw.insert(entry.icmpSource(FABRIC.networkId, eip.vni, own, 2));
    const frame = dying(datagram(eip.address, client, 33_000, 33_434));
    const { frames } = await gw.send(FABRIC.port, fromVm(eip, frame));
    const inner = Buffer.from(frames[0]!.frame.subarray(64));
    const src = version === 4 ? inner.subarray(12, 16) : inner.subarray(8, 24);
    expect([...src]).toEqual([
      ...build(exceeded(frame, own)).subarray(version === 4 ? 12 : 8, version === 4 ? 16 : 24),
    ]);
  });

  test("to an LD whose answer has run out of TTL, too", async () => {
    const frame = dying(datagram(server, client, 80, 40_000));
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, frame)], {
      port: LD1.side.port,
      layers: [
        ...to(FABRIC, LD1.wireMac),
        ipv4({ src: GATEWAY_VTEP, dst: LD1.vtep, dontFragment: 1, dscp: 48 }),
        udp({ srcPort: 0xc000, dstPort: 4789, checksum: 0 }),
        vxlan({ vni: 0 }),
        ethernet({ dst: LD1.mac, src: FABRIC_MAC }),
        ...exceeded(frame, SOURCE_INSIDE[version]),
      ],
    });
  });

  // What an LD sends for a client, from a local IP to a real server or from a VIP to the client, may end here.
  describe("is steered, when what it is about came from", () => {
    const local = version === 4 ? LOCAL_IP : LOCAL_IP_V6;
    const vip = version === 4 ? SERVICE_VIP : SERVICE_VIP_V6;
    const expectAt = async (gw: Gateway, about: readonly Layer[], bucket: number) => {
      const ld = ldOf(bucket);
      const error = exceeded(about, SOURCE_INSIDE[version]);
      await gw.expectOut(FABRIC.port, [...from(FABRIC), ...about], {
        port: ld.side.port,
        layers: toLd(ld, 0, bucket, dying(error, 65), FABRIC_MAC), // it is made here: its first hop is still to come
      });
    };

    test("a local IP: to the LD of the local port", async () => {
      for (const port of [0x8403, 0x8404]) {
        await expectAt(
          gateway(),
          dying(packetOf(local, server, [tcp({ srcPort: port, dstPort: 80 })])),
          port & 1023,
        );
        await expectAt(gateway(), dying(datagram(local, server, port, 7000)), port & 1023);
      }
    });

    test("a VIP: to the LD of the client's own packets", async () => {
      const answer = packetOf(vip, client, [tcp({ srcPort: SERVICE_PORT, dstPort: 40_000, flags: 0x12 })]);
      const question = packetOf(client, vip, [tcp({ srcPort: 40_000, dstPort: SERVICE_PORT })]);
      await expectAt(gateway(), dying(answer), bucketOf(0, question));
    });
  });

  test("no answer about an ICMP error (RFC 1122, RFC 4443)", async () => {
    const header = version === 4 ? icmp({ type: 3, code: 1 }) : icmpv6({ type: 1 });
    const error = packetOf(client, server, [header, quote(datagram(server, client, 1, 2), 8)]);
    await dropped([...from(UPSTREAM), ...dying(error)]);
  });

  test("no answer about a later fragment", async () => {
    const whole = dying(datagram(client, server, 1, 2, "a".repeat(64)));
    const later = version === 4 ? fragments(whole, 32)[1]! : fragmentsV6(whole, 7, 32)[1]!;
    await dropped([...from(UPSTREAM), ...later]);
  });

  test("no answer about a protocol whose first bytes are not known", async () => {
    const other =
      version === 4
        ? [ipv4({ src: client, dst: server, protocol: 253, ttl: 1 }), payload(countingBytes(20))]
        : [ipv6({ src: client, dst: server, nextHeader: 253, hopLimit: 1 }), payload(countingBytes(20))];
    await dropped([...from(UPSTREAM), ...other]);
  });

  test("no answer on a network that has no address for it", async () => {
    const gw = gateway();
    await gw.remove(entry.icmpSource(UPSTREAM.networkId, 0, SOURCE[version]));
    await dropped([...from(UPSTREAM), ...dying(datagram(client, server, 1, 2))]);
  });

  test("a packet that is for the gateway itself needs no TTL", async () => {
    const own = version === 4 ? UPSTREAM.address : "2001:db8:1::1";
    const question = dying(version === 4 ? ping(client, own) : pingV6(client, own));
    const { frames } = await gateway().send(UPSTREAM.port, [...from(UPSTREAM), ...question]);
    expect(frames).toHaveLength(1);
    expect(frames[0]!.frame[version === 4 ? 34 : 54]).toBe(version === 4 ? 0 : 129); // an echo reply
  });
});

test("IPv4 options are quoted", async () => {
  const frame = dying(withFields(datagram(CLIENT, SERVER, 1, 2, "data"), "ipv4", { options: ROUTER_ALERT }));
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...frame], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...exceeded(frame, SOURCE[4])],
  });
});

test("a first fragment is answered", async () => {
  const first = fragments(dying(datagram(CLIENT, SERVER, 1, 2, "a".repeat(64))), 32)[0]!;
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...first], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...exceeded(first, SOURCE[4])],
  });
});

test("one about a first fragment from a local IP is steered by the port that it quotes", async () => {
  const [first] = fragments(dying(datagram(LOCAL_IP, SERVER, 0x8405, 7000, "a".repeat(64))), 32);
  await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...first!], {
    port: ldOf(5).side.port,
    layers: toLd(ldOf(5), 0, 5, dying(exceeded(first!, SOURCE_INSIDE[4]), 65), FABRIC_MAC),
  });
});

test("answers are limited: 1000 a second and network, in bursts of 101", async () => {
  const gw = gateway();
  const FRAMES = 1000;
  // A network of its own, of which nothing has been answered yet.
  await gw.insert(entry.network(6, 0, 600, 0), entry.icmpSource(600, 0, SOURCE[4]));
  const frame = build([...from(UPSTREAM), ...dying(datagram(CLIENT, SERVER, 1, 2))]);
  const before = await gw.drops();
  const start = performance.now();
  const { frames } = await gw.target.injectAll(Array.from({ length: FRAMES }, () => ({ port: 6, frame })));
  const elapsedMs = performance.now() - start;
  const answered = frames.filter((out) => out.length === 1).length;
  // The first and 100 more at once, then one each ms; time here cannot be shorter than the switch's.
  expect(answered).toBeGreaterThanOrEqual(101);
  expect(answered).toBeLessThanOrEqual(Math.min(FRAMES, 102 + elapsedMs));
  const unanswered = dropsSince(before, await gw.drops()).TTL_EXCEEDED?.packets ?? 0n;
  expect(answered + Number(unanswered)).toBe(FRAMES);
});

tsharkDecodesAll(gateway);
