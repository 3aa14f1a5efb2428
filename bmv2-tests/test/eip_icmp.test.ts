// ICMP errors through an EIP, both ways: the packet they quote is translated, too, and every checksum is right. Without it
// neither traceroute nor path-MTU discovery works through the gateway.
import { describe, test } from "vitest";
import { datagram, from, hopped, packet, packetOf, ping, pingV6, to } from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  countingBytes,
  ICMP,
  ICMPV6,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  payload,
  quote,
  ROUTER_ALERT,
  tcp,
  trailer,
  udp,
  withFields,
} from "../src/packet/index.js";
import { packetWithChecksum } from "../src/packet/wanted_checksum.js";
import { EIP_A, fromVm, PRODUCT_ENTRIES, toVm, translated, VERSIONS } from "../src/products.js";
import { CLIENT, FABRIC, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const ROUTER = { IPv4: "198.18.9.9", IPv6: "2001:db8:9::9" };

/** An error about a packet: unreachable port, MTU exceeded, hop limit exceeded. */
type ErrorKind = "unreachable" | "packet too big" | "time exceeded";

function errorHeader(version: "IPv4" | "IPv6", kind: ErrorKind): Layer {
  if (version === "IPv4") {
    switch (kind) {
      case "unreachable":
        return icmp({ type: ICMP.unreachable, code: 3 });
      case "packet too big":
        return icmp({ type: ICMP.unreachable, code: 4, sequence: 1400 });
      case "time exceeded":
        return icmp({ type: ICMP.timeExceeded });
    }
  }
  switch (kind) {
    case "unreachable":
      return icmpv6({ type: ICMPV6.unreachable, code: 4 });
    case "packet too big":
      return icmpv6({ type: ICMPV6.packetTooBig, rest: 1400 });
    case "time exceeded":
      return icmpv6({ type: ICMPV6.timeExceeded });
  }
}

/** What may be quoted, and how much of it. `isCutSum`: tshark takes a sum over a part of the segment for wrong. */
const QUOTED: Record<
  string,
  { l4Bytes: number; isCutSum?: boolean; make: (src: string, dst: string) => Layer[] }
> = {
  "8 bytes of TCP": {
    l4Bytes: 8,
    make: (src, dst) => packetOf(src, dst, [tcp({ srcPort: 40_000, dstPort: 443 }), payload("data")]),
  },
  "TCP up to its checksum": {
    l4Bytes: 16,
    make: (src, dst) => packetOf(src, dst, [tcp({ srcPort: 40_000, dstPort: 443 }), payload("data")]),
  },
  "TCP with its checksum": {
    l4Bytes: 18,
    isCutSum: true,
    make: (src, dst) => packetOf(src, dst, [tcp({ srcPort: 40_000, dstPort: 443 }), payload("data")]),
  },
  "a whole TCP segment with options": {
    l4Bytes: 9999,
    make: (src, dst) =>
      packetOf(src, dst, [
        tcp({ srcPort: 40_000, dstPort: 443, options: Uint8Array.of(2, 4, 5, 180) }),
        payload("data"),
      ]),
  },
  "8 bytes of UDP": { l4Bytes: 8, make: (src, dst) => datagram(src, dst, 33_000, 33_434, "probe") },
  "a whole UDP datagram": { l4Bytes: 9999, make: (src, dst) => datagram(src, dst, 33_000, 33_434, "probe") },
  "UDP without checksum": {
    l4Bytes: 8,
    make: (src, dst) =>
      packetOf(src, dst, [udp({ srcPort: 33_000, dstPort: 33_434, checksum: 0 }), payload("p")]),
  },
  "an echo request": {
    l4Bytes: 9999,
    make: (src, dst) => (dst.includes(":") ? pingV6(src, dst, "probe") : ping(src, dst, "probe")),
  },
  "another protocol": {
    l4Bytes: 8,
    make: (src, dst) =>
      dst.includes(":")
        ? [ipv6({ src, dst, nextHeader: 253 }), payload(countingBytes(20))]
        : [ipv4({ src, dst, protocol: 253 }), payload(countingBytes(20))],
  },
};

describe.each(VERSIONS)("$version", ({ version, client, a }) => {
  const router = ROUTER[version];
  const error = (kind: ErrorKind, src: string, dst: string, quoted: Layer) =>
    packetOf(src, dst, [errorHeader(version, kind), quoted]);
  const KINDS: ErrorKind[] = ["unreachable", "packet too big", "time exceeded"];

  describe.each(Object.entries(QUOTED))("about %s", (_name, { l4Bytes, isCutSum, make }) => {
    const expectOut: Gateway["expectOut"] = (...args) =>
      isCutSum ? gateway().expectOutOfBroken(...args) : gateway().expectOut(...args);

    test.each(KINDS)("in: %s of the VM's packet", async (kind) => {
      const asSeenOutside = error(kind, router, a.eip, quote(make(a.eip, client), l4Bytes));
      const asSeenInside = error(kind, router, a.address, quote(make(a.address, client), l4Bytes));
      await expectOut(UPSTREAM.port, [...from(UPSTREAM), ...asSeenOutside], {
        port: FABRIC.port,
        layers: toVm(a, asSeenOutside, asSeenInside),
      });
    });

    test.each(KINDS)("out: %s of a packet to the VM", async (kind) => {
      const asSeenInside = error(kind, a.address, client, quote(make(client, a.address), l4Bytes));
      const asSeenOutside = error(kind, a.eip, client, quote(make(client, a.eip), l4Bytes));
      await expectOut(FABRIC.port, fromVm(a, asSeenInside), {
        port: UPSTREAM.port,
        layers: [...to(UPSTREAM), ...hopped(asSeenOutside)],
      });
    });
  });

  // The quoted UDP checksum is updated, and its change again in the error's own checksum.
  test.each([0x0001, 0x7fff, 0xfffe, 0xffff])("a quoted UDP checksum that becomes %i", async (checksum) => {
    const inside = packetWithChecksum(
      datagram(a.address, client, 7001, 7002, new Uint8Array(2)),
      "udp",
      checksum,
    );
    const outside = translated(inside, { src: a.eip });
    const asSeenOutside = error("unreachable", router, a.eip, quote(outside, 8));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...asSeenOutside], {
      port: FABRIC.port,
      layers: toVm(a, asSeenOutside, error("unreachable", router, a.address, quote(inside, 8))),
    });
  });

  test.each([0x0000, 0x0001, 0xfffe])("a quoted TCP checksum that becomes %i", async (checksum) => {
    const segment = packetOf(a.address, client, [
      tcp({ srcPort: 443, dstPort: 40_000 }),
      payload(new Uint8Array(2)),
    ]);
    const inside = packetWithChecksum(segment, "tcp", checksum);
    const asSeenOutside = error("unreachable", router, a.eip, quote(translated(inside, { src: a.eip })));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...asSeenOutside], {
      port: FABRIC.port,
      layers: toVm(a, asSeenOutside, error("unreachable", router, a.address, quote(inside))),
    });
  });

  test("what lies behind the error in its frame is no TCP header", async () => {
    const segment = (src: string) => packetOf(src, client, [tcp({ srcPort: 443, dstPort: 40_000 })]);
    const asSeenOutside = error("unreachable", router, a.eip, quote(segment(a.eip), 8));
    const asSeenInside = error("unreachable", router, a.address, quote(segment(a.address), 8));
    const behind = trailer(countingBytes(40));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...asSeenOutside, behind], {
      port: FABRIC.port,
      layers: toVm(a, [...asSeenOutside, behind], [...asSeenInside, behind]),
    });
  });

  test("an error about a packet that the EIP did not send is dropped, both ways", async () => {
    const gw = gateway();
    const foreign = error("unreachable", router, a.eip, quote(datagram(router, client, 1, 2), 8));
    await gw.expectDrop("ICMP_EMBEDDED", UPSTREAM.port, [...from(UPSTREAM), ...foreign]);
    const outward = error("unreachable", a.address, client, quote(datagram(router, a.address, 1, 2), 8));
    await gw.expectDrop("ICMP_EMBEDDED", FABRIC.port, fromVm(a, outward));
  });

  test("an error that quotes less than 8 bytes behind the header is cut short", async () => {
    const short = error("unreachable", router, a.eip, quote(datagram(a.eip, client, 1, 2), 4));
    await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, [...from(UPSTREAM), ...short], false);
  });
});

describe("IPv4 only", () => {
  test.each([
    ["UDP", (src: string) => datagram(src, CLIENT, 1, 2)],
    ["TCP", (src: string) => packet(src, CLIENT, [tcp({ srcPort: 1, dstPort: 2 }), payload("data")])],
  ])("options in the quoted header, and outside: %s", async (_name, make) => {
    const probe = (src: string) => withFields(make(src), "ipv4", { options: ROUTER_ALERT });
    const about = (dst: string, quoted: Layer) =>
      packet(ROUTER.IPv4, dst, [icmp({ type: ICMP.timeExceeded }), quoted], { options: ROUTER_ALERT });
    const outside = about(EIP_A.eip, quote(probe(EIP_A.eip)));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...outside], {
      port: FABRIC.port,
      layers: toVm(EIP_A, outside, about(EIP_A.address, quote(probe(EIP_A.address)))),
    });
  });

  test("an error about a later fragment has no ports to look at, but its addresses are translated", async () => {
    const later = (src: string) => [
      ipv4({ src, dst: CLIENT, protocol: 17, fragmentOffset: 10, identification: 5 }),
      payload(countingBytes(30)),
    ];
    const outside = packet(ROUTER.IPv4, EIP_A.eip, [
      icmp({ type: ICMP.timeExceeded, code: 1 }),
      quote(later(EIP_A.eip), 8),
    ]);
    const inside = packet(ROUTER.IPv4, EIP_A.address, [
      icmp({ type: ICMP.timeExceeded, code: 1 }),
      quote(later(EIP_A.address), 8),
    ]);
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...outside], {
      port: FABRIC.port,
      layers: toVm(EIP_A, outside, inside),
    });
  });

  test("the quoted header's own checksum, wherever it wraps", async () => {
    for (const checksum of [0x0000, 0x0001, 0xfeff, 0xfffe]) {
      const inside = packetWithChecksum(datagram(EIP_A.address, CLIENT, 1, 2), "ipv4", checksum);
      const outside = translated(inside, { src: EIP_A.eip });
      const error = (dst: string, quoted: Layer) =>
        packet(ROUTER.IPv4, dst, [icmp({ type: ICMP.unreachable, code: 3 }), quoted]);
      const seenOutside = error(EIP_A.eip, quote(outside, 8));
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...seenOutside], {
        port: FABRIC.port,
        layers: toVm(EIP_A, seenOutside, error(EIP_A.address, quote(inside, 8))),
      });
    }
  });
});

tsharkDecodesAll(gateway);
