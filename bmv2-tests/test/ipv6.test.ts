// IPv6 through the gateway: header checks, addresses that no wire carries, routes, hop limits.
import { describe, test } from "vitest";
import { datagram, from, hopped, packetV6, pingV6, to, tunnelled } from "../src/frames.js";
import { expectFrames, useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  ethernet,
  fragmentsV6,
  type Ipv6,
  ipv6,
  type Layer,
  payload,
  tcp,
  trailer,
  vlan,
  withFields,
} from "../src/packet/index.js";
import { CLIENT_V6, PRODUCT_ENTRIES, SERVER_V6, SERVERS_V6 } from "../src/products.js";
import {
  CARRIER,
  CLIENT,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  NEXTHOP,
  SERVER,
  type Side,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const good = datagram(CLIENT_V6, SERVER_V6, 5000, 6000, "sixteen bytes...");
const routed = (packet: readonly Layer[]) => ({
  port: FABRIC.port,
  layers: [...to(FABRIC), ...hopped(packet)],
});

const WAYS: { name: string; side: Side; wrap: (packet: readonly Layer[]) => Layer[] }[] = [
  { name: "outside a tunnel", side: UPSTREAM, wrap: (packet) => [...from(UPSTREAM), ...packet] },
  {
    name: "in a tagged frame",
    side: UPSTREAM,
    wrap: (packet) => [from(UPSTREAM)[0]!, vlan({ vid: 0 }), ...packet],
  },
  { name: "inside a tunnel", side: FABRIC, wrap: (packet) => [...from(FABRIC), ...tunnelled(0, packet)] },
];

describe.each(WAYS)("$name", ({ side, wrap }) => {
  const changed = (fields: Partial<Ipv6>): Layer[] =>
    wrap(withFields(good, "ipv6", { nextHeader: 17, ...fields }));
  const dropped = (reason: string, frame: readonly Layer[], isGood = false) =>
    gateway().expectDrop(reason, side.port, frame, isGood);

  const KINDS: Record<string, Layer[]> = {
    UDP: good,
    TCP: packetV6(CLIENT_V6, SERVER_V6, [tcp({ srcPort: 1, dstPort: 2, flags: 0x18 }), payload("data")]),
    "a ping": pingV6(CLIENT_V6, SERVER_V6),
    "another protocol": [
      ipv6({ src: CLIENT_V6, dst: SERVER_V6, nextHeader: 253 }),
      payload(countingBytes(33)),
    ],
    "a packet without payload": [ipv6({ src: CLIENT_V6, dst: SERVER_V6, nextHeader: 59 }), payload("")],
    "a fragment": fragmentsV6(good, 77, 8)[1]!,
    "every field but the hop limit": withFields(good, "ipv6", {
      dscp: 46,
      ecn: 3,
      flowLabel: 0xfffff,
      hopLimit: 255,
    }),
    "a long packet": datagram(CLIENT_V6, SERVER_V6, 5000, 6000, countingBytes(8000)),
  };
  test.each(Object.entries(KINDS))("%s is routed and stays as it was", async (_name, packet) => {
    await gateway().expectOut(side.port, wrap(packet), routed(packet));
  });

  test.each([0, 4, 5, 7, 15])("version %i is dropped", async (version) => {
    await dropped("IP_HEADER", changed({ version }));
  });

  test("a payload length of one byte more than there is, and one of 65535, are dropped", async () => {
    await dropped("IP_LENGTH", changed({ payloadLen: 25 }));
    await dropped("IP_LENGTH", changed({ payloadLen: 0xffff }));
  });

  test("a payload length of less than there is, is a packet and padding", async () => {
    const whole = build(good);
    const short = [
      ipv6({ ...(good[0] as Ipv6), payloadLen: 20, nextHeader: 17 }),
      payload(whole.subarray(40)),
    ];
    expectFrames(await gateway().sendBroken(side.port, changed({ payloadLen: 20 })), [routed(short)]);
  });

  test.each([
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::ffff:c612:1", "an IPv4-mapped address"],
    ["ff02::1", "multicast"],
    ["ff0e::1234", "global multicast"],
  ])("source %s (%s) is dropped", async (src) => {
    await dropped("MARTIAN", wrap(datagram(src, SERVER_V6, 1, 2)));
  });

  test.each(["::", "::1", "::ffff:a01:5", "ff02::1", "ff0e::1"])("destination %s is dropped", async (dst) => {
    await dropped("MARTIAN", wrap(datagram(CLIENT_V6, dst, 1, 2)));
  });

  test("link-local addresses do not leave their link", async () => {
    await dropped("MARTIAN", wrap(datagram("fe80::1", SERVER_V6, 1, 2)), true);
    await dropped("MARTIAN", wrap(datagram(CLIENT_V6, "fe80::77", 1, 2)), true);
    await dropped("MARTIAN", wrap(datagram("febf:ffff::1", SERVER_V6, 1, 2)), true);
    const near = datagram("fec0::1", SERVER_V6, 1, 2); // the first address beyond fe80::/10
    await gateway().expectOut(side.port, wrap(near), routed(near));
  });

  test("both ends alike are dropped", async () => {
    await dropped("MARTIAN", wrap(datagram(SERVER_V6, SERVER_V6, 1, 2)));
  });

  test.each([2, 255])("hop limit %i leaves as one less", async (hopLimit) => {
    const packet = withFields(good, "ipv6", { hopLimit });
    await gateway().expectOut(side.port, wrap(packet), routed(packet));
  });

  test.each([0, 1])("hop limit %i ends here", async (hopLimit) => {
    await dropped("TTL_EXCEEDED", wrap(withFields(good, "ipv6", { hopLimit })), true);
  });
});

test("IPv4 addresses that are alike at both ends are dropped", async () => {
  await gateway().expectDrop(
    "MARTIAN",
    UPSTREAM.port,
    [...from(UPSTREAM), ...datagram(SERVER, SERVER, 1, 2)],
    false,
  );
});

test("a header that is cut off is a parser error", async () => {
  const frame = build([...from(UPSTREAM), ...good]);
  for (const length of [14, 53, 61]) {
    await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, frame.subarray(0, length));
  }
});

test("bytes behind the packet stay behind it", async () => {
  const padding = trailer(countingBytes(9, 0xa0));
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...good, padding], routed([...good, padding]));
});

describe("route_v6", () => {
  test("the longest prefix decides; each VRF has its own", async () => {
    const gw = gateway();
    const hop = (id: number) => `02:00:00:00:06:${id}`;
    await gw.insert(...[41, 42].map((id) => entry.nexthop(id, FABRIC, hop(id))));
    await gw.insert(entry.route(0, "2001:db8:5:0:0:0:0:5/128", 41), entry.route(0, "2001:db8:5::4/127", 42));
    for (const [dst, mac] of [
      ["2001:db8:5::5", hop(41)],
      ["2001:db8:5::4", hop(42)],
      ["2001:db8:5::6", FABRIC.peer.mac],
    ]) {
      const packet = datagram(CLIENT_V6, dst!, 1, 2);
      await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
        port: FABRIC.port,
        layers: [...to(FABRIC, mac), ...hopped(packet)],
      });
    }
    const packet = datagram(CLIENT_V6, "2001:db8:5::5", 1, 2);
    await gw.expectOut(CARRIER.port, [...from(CARRIER), ...packet], {
      port: CARRIER.port,
      layers: [...to(CARRIER), ...hopped(packet)],
    });
  });

  test("without a prefix, with one that discards, with a next hop that is none", async () => {
    const gw = gateway();
    const frame = [...from(UPSTREAM), ...good];
    await gw.modify(entry.discard(0, SERVERS_V6));
    await gw.expectDrop("ROUTE_DISCARD", UPSTREAM.port, frame);
    await gw.modify(entry.route(0, SERVERS_V6, 999));
    await gw.expectDrop("UNKNOWN_NEXTHOP", UPSTREAM.port, frame);
    await gw.remove(entry.route(0, SERVERS_V6, 0), entry.route(0, "::/0", 0));
    await gw.expectDrop("NO_ROUTE", UPSTREAM.port, frame);
  });

  test("IPv4's routes are not used", async () => {
    const gw = gateway();
    await gw.remove(entry.route(0, "::/0", NEXTHOP.upstream));
    await gw.expectDrop("NO_ROUTE", FABRIC.port, [...from(FABRIC), ...datagram(SERVER_V6, CLIENT_V6, 1, 2)]);
    const v4 = datagram(SERVER, CLIENT, 1, 2);
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...v4], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(v4)],
    });
  });

  test("in untagged, out tagged, and the reverse", async () => {
    const gw = gateway();
    await gw.modify(entry.nexthop(NEXTHOP.servers, FABRIC_TAGGED, FABRIC_TAGGED.peer.mac));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...good], {
      port: FABRIC_TAGGED.port,
      layers: [...to(FABRIC_TAGGED), ...hopped(good)],
    });
    const back = datagram(SERVER_V6, CLIENT_V6, 6000, 5000);
    await gw.expectOut(FABRIC_TAGGED.port, [...from(FABRIC_TAGGED), ...back], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(back)],
    });
  });
});

test("a frame to an IPv6 multicast MAC that is no neighbour discovery is not for the gateway", async () => {
  const frame = [ethernet({ dst: "33:33:00:00:00:01", src: UPSTREAM.peer.mac }), ...good];
  await gateway().expectDrop("NOT_FOR_GATEWAY", UPSTREAM.port, frame);
});

tsharkDecodesAll(gateway);
