// What an IPv4 header must be before the gateway acts on it, outside a tunnel and inside one.
import { describe, expect, test } from "vitest";
import { datagram, from, hopped, packet, to, tunnelled } from "../src/frames.js";
import { expectFrames, useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  ethernet,
  type Ipv4,
  ipv4,
  ipv4Options,
  type Layer,
  padded,
  payload,
  ROUTER_ALERT,
  tcp,
  trailer,
  udp,
  vlan,
  withFields,
} from "../src/packet/index.js";
import { CLIENT, FABRIC, GATEWAY_MAC, SERVER, type Side, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();
const good = datagram(CLIENT, SERVER, 5000, 6000, "sixteen bytes...");

/** The same rules hold for what comes as it is and for what comes out of a tunnel. */
const WAYS: { name: string; side: Side; wrap: (packet: readonly Layer[]) => Layer[] }[] = [
  { name: "outside a tunnel", side: UPSTREAM, wrap: (packet) => [...from(UPSTREAM), ...packet] },
  {
    name: "in a tagged frame",
    side: UPSTREAM,
    wrap: (packet) => [from(UPSTREAM)[0]!, vlan({ vid: 0 }), ...packet],
  },
  { name: "inside a tunnel", side: FABRIC, wrap: (packet) => [...from(FABRIC), ...tunnelled(0, packet)] },
];

describe.each(WAYS)("$name", ({ name, side, wrap }) => {
  const occurrence = name === "inside a tunnel" ? 1 : 0;
  const changed = (fields: Partial<Ipv4>): Layer[] =>
    wrap(withFields(good, "ipv4", { protocol: 17, ...fields }));
  const expectRouted = async (frame: readonly Layer[], packet: readonly Layer[], isGood = true) => {
    const gw = gateway();
    const outcome = await (isGood ? gw.send(side.port, frame) : gw.sendBroken(side.port, frame));
    expectFrames(outcome, [{ port: FABRIC.port, layers: [...to(FABRIC), ...hopped(packet)] }]);
  };

  test("a good packet is routed", async () => {
    await expectRouted(wrap(good), good);
  });

  test.each([0, 1, 5, 6, 15])("version %i is dropped", async (version) => {
    await gateway().expectDrop("IP_HEADER", side.port, changed({ version }), false);
  });

  test.each([0, 1, 4])("a header length of %i words is dropped", async (ihl) => {
    await gateway().expectDrop("IP_HEADER", side.port, changed({ ihl }), false);
  });

  test("a header length beyond the frame is dropped as a parser error", async () => {
    const frame = build(changed({ ihl: 15 }));
    await gateway().expectDrop("PARSER_ERROR", side.port, frame.subarray(0, frame.length - 20));
  });

  test.each([0, 19])("a total length of %i, below the header, is dropped", async (totalLen) => {
    await gateway().expectDrop("IP_LENGTH", side.port, changed({ totalLen }), false);
  });

  test("a total length below a header with options is dropped", async () => {
    const frame = changed({ options: ROUTER_ALERT, totalLen: 23 });
    await gateway().expectDrop("IP_LENGTH", side.port, frame, false);
  });

  test("a total length of one byte more than there is, is dropped", async () => {
    const totalLen = build(good).length + 1;
    await gateway().expectDrop("IP_LENGTH", side.port, changed({ totalLen }), false);
  });

  test("a total length of 65535 in a short frame is dropped", async () => {
    await gateway().expectDrop("IP_LENGTH", side.port, changed({ totalLen: 0xffff }), false);
  });

  test("a total length of one byte less than there is, is a packet and a byte of padding", async () => {
    const bytes = build(wrap(good));
    const whole = build(good).length;
    const short = changed({ totalLen: whole - 1 });
    expect(build(short).length).toBe(bytes.length);
    const udpBytes = build(withFields(good, "ipv4", { totalLen: whole - 1 })).subarray(20);
    await expectRouted(
      short,
      [ipv4({ ...(good[0] as Ipv4), totalLen: whole - 1, protocol: 17 }), payload(udpBytes)],
      false,
    );
  });

  test.each([
    ["one bit of the checksum", (bytes: Uint8Array, at: number) => flip(bytes, at + 11, 1)],
    ["the highest bit of the checksum", (bytes: Uint8Array, at: number) => flip(bytes, at + 10, 0x80)],
    ["one bit of the TTL", (bytes: Uint8Array, at: number) => flip(bytes, at + 8, 2)],
    ["one bit of the source address", (bytes: Uint8Array, at: number) => flip(bytes, at + 15, 4)],
    ["one bit of DSCP", (bytes: Uint8Array, at: number) => flip(bytes, at + 1, 0x40)],
    ["the reserved flag", (bytes: Uint8Array, at: number) => flip(bytes, at + 6, 0x80)],
  ])("%s wrong: the checksum does not verify, the packet is dropped", async (_name, damage) => {
    const frame = build(wrap(good));
    damage(frame, headerAt(wrap(good), occurrence));
    await gateway().expectDrop("IPV4_CHECKSUM", side.port, frame);
  });

  test("a bit wrong in the options: the packet is dropped", async () => {
    const layers = wrap(withFields(good, "ipv4", { options: ROUTER_ALERT }));
    const frame = build(layers);
    flip(frame, headerAt(layers, occurrence) + 23, 1);
    await gateway().expectDrop("IPV4_CHECKSUM", side.port, frame);
  });

  test("a checksum of 0 is no way around the check", async () => {
    await gateway().expectDrop("IPV4_CHECKSUM", side.port, changed({ checksum: 0 }), false);
  });

  test.each([1, 2, 3, 5, 10])("%i words of options go through as they are", async (words) => {
    const recordRoute = [7, 4 * words - 1, 4, ...new Array(4 * words - 4).fill(0)];
    const options = ipv4Options(...recordRoute, 0);
    const packet = withFields(good, "ipv4", { options });
    await expectRouted(wrap(packet), packet);
  });

  test.each([
    "0.0.0.0",
    "0.255.255.255",
    "127.0.0.1",
    "127.255.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
  ])("the source %s is no source", async (src) => {
    const martian = wrap(withFields(good, "ipv4", { src }));
    await gateway().expectDrop("MARTIAN", side.port, martian, false);
  });

  test.each(["0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"])(
    "to %s nothing is sent on",
    async (dst) => {
      const martian = wrap(withFields(good, "ipv4", { dst }));
      await gateway().expectDrop("MARTIAN", side.port, martian, false);
    },
  );

  test.each(["1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255"])(
    "the source %s, next to such a range, is fine",
    async (src) => {
      const packet = withFields(good, "ipv4", { src });
      await expectRouted(wrap(packet), packet);
    },
  );

  test.each([0, 1])("a TTL of %i ends here", async (ttl) => {
    await gateway().expectDrop("TTL_EXCEEDED", side.port, wrap(withFields(good, "ipv4", { ttl })));
  });

  test("a packet without payload is routed", async () => {
    const empty = [ipv4({ src: CLIENT, dst: SERVER, protocol: 200 }), payload("")];
    await expectRouted(wrap(empty), empty);
  });
});

describe("cut short", () => {
  const layers = [
    ...from(UPSTREAM),
    ...packet(CLIENT, SERVER, [tcp({ srcPort: 1, dstPort: 2 }), payload("data")]),
  ];

  test("anywhere up to the end of the TCP header: a parser error", async () => {
    const frame = build(layers);
    for (const length of [14, 20, 33, 34, 53]) {
      await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, frame.subarray(0, length));
    }
  });

  test("inside the data: the total length tells", async () => {
    const frame = build(layers);
    for (const length of [54, 57]) {
      await gateway().expectDrop("IP_LENGTH", UPSTREAM.port, frame.subarray(0, length));
    }
  });

  test("inside the options: a parser error", async () => {
    const frame = build(withFields(layers, "ipv4", { options: ipv4Options(7, 7, 4, 0, 0, 0, 0, 0) }));
    for (const length of [34, 38, 41]) {
      await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, frame.subarray(0, length));
    }
  });

  test("inside the UDP or ICMP header: a parser error", async () => {
    for (const protocol of [1, 17]) {
      const short = [
        ethernet({ dst: GATEWAY_MAC, src: UPSTREAM.peer.mac }),
        ipv4({ src: CLIENT, dst: SERVER, protocol }),
      ];
      await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, [...short, payload("abc")], false);
    }
  });
});

describe("oversized", () => {
  test("a frame of 60,000 bytes is routed whole", async () => {
    const big = datagram(CLIENT, SERVER, 5000, 6000, countingBytes(60_000));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...big], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(big)],
    });
  });

  test("padding of thousands of bytes is sent on with the packet", async () => {
    const long = [...good, trailer(countingBytes(9000))];
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...long], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(long)],
    });
  });

  test("padding is no part of the packet: the UDP header must be in it or be cut short", async () => {
    const empty = packet(CLIENT, SERVER, [udp({ srcPort: 5, dstPort: 6, checksum: 0 })]);
    await gateway().expectOut(UPSTREAM.port, padded([...from(UPSTREAM), ...empty]), {
      port: FABRIC.port,
      layers: padded([...to(FABRIC), ...hopped(empty)]),
    });
  });
});

function flip(bytes: Uint8Array, at: number, bits: number): void {
  bytes[at] = bytes[at]! ^ bits;
}

/** Where in the frame the n-th IPv4 header begins. */
function headerAt(layers: readonly Layer[], occurrence: number): number {
  const index = layers.flatMap((layer, i) => (layer.kind === "ipv4" ? [i] : []))[occurrence]!;
  return build(layers).length - build(layers.slice(index)).length;
}

tsharkDecodesAll(gateway);
