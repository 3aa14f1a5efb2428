// `my_address_v6`: neighbour discovery and pings of the gateway's own IPv6 addresses.
import { describe, test } from "vitest";
import { datagram, from, packetV6, pingV6, to } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  ethernet,
  fragmentsV6,
  type Icmpv6,
  type Ipv6,
  icmpv6,
  ipv6,
  type Layer,
  nd,
  ndOption,
  padded,
  payload,
  tcp,
  vlan,
  withFields,
} from "../src/packet/index.js";
import { packetWithChecksum } from "../src/packet/wanted_checksum.js";
import { CLIENT_V6, OWN_V6, PRODUCT_ENTRIES } from "../src/products.js";
import { CARRIER, entry, SIDES, type Side, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const own = (side: Side) => OWN_V6.get(side)!.address;
const peer = (side: Side) => OWN_V6.get(side)!.peer;
const tagOf = (side: Side): Layer[] => (side.vid === undefined ? [] : [vlan({ vid: side.vid })]);

/** The solicited-node address and MAC (RFC 4291, section 2.7.1; RFC 2464, section 7) of an address that ends in `::1`. */
const SOLICITED_NODE = { address: "ff02::1:ff00:1", mac: "33:33:ff:00:00:01" };

interface Question {
  target?: string;
  src?: string;
  dst?: string;
  mac?: string;
  ip?: Partial<Ipv6>;
  icmp?: Partial<Icmpv6>;
  options?: Layer[];
}

/** Who has the gateway's address? */
function solicitation(side: Side, question: Question = {}): Layer[] {
  return [
    ethernet({ dst: question.mac ?? SOLICITED_NODE.mac, src: side.peer.mac }),
    ...tagOf(side),
    ipv6({
      src: question.src ?? peer(side),
      dst: question.dst ?? SOLICITED_NODE.address,
      hopLimit: 255,
      ...question.ip,
    }),
    icmpv6({ type: 135, ...question.icmp }),
    nd(question.target ?? own(side)),
    ...(question.options ?? [ndOption(1, side.peer.mac)]),
  ];
}

/** The gateway's answer: router, solicited, override. */
function advertisement(side: Side, dst = peer(side), address = own(side), mac = side.mac): Layer[] {
  return [
    ethernet({ dst: side.peer.mac, src: mac }),
    ...tagOf(side),
    ipv6({ src: address, dst, hopLimit: 255 }),
    icmpv6({ type: 136, rest: 0xe0000000 }),
    nd(address),
    ndOption(2, mac),
  ];
}

describe("neighbour solicitations", () => {
  test.each(SIDES.map((side) => [side.networkId, side] as const))(
    "on network %i are answered out of their port and VLAN",
    async (_id, side) => {
      await gateway().expectOut(side.port, solicitation(side), {
        port: side.port,
        layers: advertisement(side),
      });
    },
  );

  test("to the gateway's own address and MAC (a neighbour that checks on it) are answered", async () => {
    const check = solicitation(UPSTREAM, { mac: UPSTREAM.mac, dst: own(UPSTREAM) });
    await gateway().expectOut(UPSTREAM.port, check, { port: UPSTREAM.port, layers: advertisement(UPSTREAM) });
  });

  test("from a link-local address are answered to it", async () => {
    const asked = solicitation(UPSTREAM, { src: "fe80::2" });
    await gateway().expectOut(UPSTREAM.port, asked, {
      port: UPSTREAM.port,
      layers: advertisement(UPSTREAM, "fe80::2"),
    });
  });

  test("for a link-local address of the gateway's are answered", async () => {
    const gw = gateway();
    await gw.insert(entry.myAddress(UPSTREAM.networkId, "fe80::1", UPSTREAM.mac));
    await gw.expectOut(UPSTREAM.port, solicitation(UPSTREAM, { src: "fe80::2", target: "fe80::1" }), {
      port: UPSTREAM.port,
      layers: advertisement(UPSTREAM, "fe80::2", "fe80::1"),
    });
  });

  test("without options, with others and in padded frames are answered without them", async () => {
    const nonce: Layer = payload(Uint8Array.of(14, 1, 1, 2, 3, 4, 5, 6)); // RFC 3971, section 5.3.2
    for (const options of [[], [ndOption(1, UPSTREAM.peer.mac), nonce]]) {
      await gateway().expectOut(UPSTREAM.port, solicitation(UPSTREAM, { options }), {
        port: UPSTREAM.port,
        layers: advertisement(UPSTREAM),
      });
    }
    await gateway().expectOut(UPSTREAM.port, padded(solicitation(UPSTREAM, { options: [] })), {
      port: UPSTREAM.port,
      layers: advertisement(UPSTREAM),
    });
  });

  test.each<[string, Question, boolean]>([
    ["for another address", { target: "2001:db8:1::99" }, true],
    ["for an address that the gateway has on another network", { target: own(CARRIER) }, true],
    ["that were routed", { ip: { hopLimit: 254 } }, false],
    ["with another code", { icmp: { code: 1 } }, false],
  ])("%s are not answered", async (_name, question, good) => {
    await gateway().expectDrop("UNSUPPORTED_ND", UPSTREAM.port, solicitation(UPSTREAM, question), good);
  });

  test("from nobody (a host that looks whether the address is free) are not answered", async () => {
    const probe = solicitation(UPSTREAM, { src: "::", options: [] });
    await gateway().expectDrop("MARTIAN", UPSTREAM.port, probe);
  });

  test("that are cut off are a parser error", async () => {
    const whole = build(solicitation(UPSTREAM));
    await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, whole.subarray(0, 14 + 40 + 8 + 15));
  });
});

describe("neighbour advertisements", () => {
  const advertised = (side: Side, ip: Partial<Ipv6> = {}): Layer[] => [
    ethernet({ dst: side.mac, src: side.peer.mac }),
    ...tagOf(side),
    ipv6({ src: peer(side), dst: own(side), hopLimit: 255, ...ip }),
    icmpv6({ type: 136, rest: 0x60000000 }),
    nd(peer(side)),
    ndOption(2, side.peer.mac),
  ];

  test.each(SIDES.map((side) => [side.networkId, side] as const))(
    "on network %i go to the controller as they came",
    async (networkId, side) => {
      const frame = advertised(side);
      await gateway().expectPunt(side.port, frame, { ingressPort: side.port, networkId, layers: frame });
    },
  );

  test("to somebody else, and routed ones, do not reach the controller", async () => {
    for (const ip of [{ dst: "2001:db8:1::99" }, { dst: "ff02::1" }, { hopLimit: 64 }]) {
      await gateway().expectDrop("UNSUPPORTED_ND", UPSTREAM.port, advertised(UPSTREAM, ip), false);
    }
  });
});

describe("pings", () => {
  const pong = (side: Side, question: readonly Layer[]): Layer[] => {
    const { src, dst } = question[0] as Ipv6;
    const turned = withFields(question, "ipv6", { src: dst, dst: src, hopLimit: 64 });
    return [...to(side), ...withFields(turned, "icmpv6", { type: 129 })];
  };

  test.each(SIDES.map((side) => [side.networkId, side] as const))(
    "on network %i are answered",
    async (_id, side) => {
      for (const question of [
        pingV6(peer(side), own(side)),
        pingV6(CLIENT_V6, own(side), countingBytes(1201)),
        withFields(pingV6(CLIENT_V6, own(side)), "ipv6", { hopLimit: 1 }),
      ]) {
        await gateway().expectOut(side.port, [...from(side), ...question], {
          port: side.port,
          layers: pong(side, question),
        });
      }
    },
  );

  test.each([0x0000, 0x0001, 0x00ff, 0x0100, 0xfeff, 0xff00, 0xfffe])(
    "whose checksum is %i",
    async (checksum) => {
      const plain = pingV6(CLIENT_V6, own(UPSTREAM), new Uint8Array(2));
      const question = packetWithChecksum(plain, "icmpv6", checksum);
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...question], {
        port: UPSTREAM.port,
        layers: pong(UPSTREAM, question),
      });
    },
  );

  test("with another code, as replies, in fragments, and all else to an own address are dropped", async () => {
    const wrong = [
      pingV6(CLIENT_V6, own(UPSTREAM), "x", { code: 1 }),
      pingV6(CLIENT_V6, own(UPSTREAM), "x", { type: 129 }),
      packetV6(CLIENT_V6, own(UPSTREAM), [tcp({ srcPort: 1, dstPort: 22 })]),
      datagram(CLIENT_V6, own(UPSTREAM), 1, 4789, countingBytes(80)),
      ...fragmentsV6(pingV6(CLIENT_V6, own(UPSTREAM), "a".repeat(64)), 5, 32),
    ];
    for (const packet of wrong) {
      await gateway().expectDrop("OWN_ADDRESS", UPSTREAM.port, [...from(UPSTREAM), ...packet], false);
    }
  });
});

tsharkDecodesAll(gateway);
