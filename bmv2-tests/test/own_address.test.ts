// `my_address`: the gateway answers ARP and ping for its own addresses, and gives ARP replies to the controller.
import { describe, test } from "vitest";
import { from, packet, ping, toService } from "../src/frames.js";
import { expectFrames, type Gateway, useGateway } from "../src/gateway.js";
import {
  type Arp,
  arp,
  BROADCAST,
  build,
  concat,
  countingBytes,
  ethernet,
  fragments,
  internetChecksum,
  type Layer,
  layerOf,
  padded,
  ROUTER_ALERT,
  trailer,
  udp,
  vlan,
  withFields,
} from "../src/packet/index.js";
import { CARRIER, entry, FABRIC, FABRIC_TAGGED, SIDES, type Side, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

function tagOf(side: Side): Layer[] {
  return side.vid === undefined ? [] : [vlan({ vid: side.vid })];
}

/** Who has the gateway's address on this side? */
function arpRequest(side: Side, fields: Partial<Arp> = {}, dst = BROADCAST): Layer[] {
  const { mac: senderMac, address: senderIp } = side.peer;
  return [
    ethernet({ dst, src: senderMac }),
    ...tagOf(side),
    arp({ operation: 1, senderMac, senderIp, targetIp: side.address, ...fields }),
  ];
}

function arpAnswer(side: Side): Layer[] {
  return [
    ethernet({ dst: side.peer.mac, src: side.mac }),
    ...tagOf(side),
    arp({
      operation: 2,
      senderMac: side.mac,
      senderIp: side.address,
      targetMac: side.peer.mac,
      targetIp: side.peer.address,
    }),
  ];
}

function arpReply(side: Side, fields: Partial<Arp> = {}): Layer[] {
  return [
    ethernet({ dst: side.mac, src: side.peer.mac }),
    ...tagOf(side),
    arp({
      operation: 2,
      senderMac: side.peer.mac,
      senderIp: side.peer.address,
      targetMac: side.mac,
      targetIp: side.address,
      ...fields,
    }),
  ];
}

/** The frame in which the gateway answers this ping. */
function pong(side: Side, ping: readonly Layer[], ttl = 64): Layer[] {
  const { src, dst } = layerOf(ping, "ipv4");
  const answered = withFields(ping, "ipv4", { src: dst, dst: src, ttl });
  return [
    ethernet({ dst: side.peer.mac, src: side.mac }),
    ...tagOf(side),
    ...withFields(answered, "icmp", { type: 0 }),
  ];
}

async function expectPong(gw: Gateway, side: Side, ping: readonly Layer[]): Promise<void> {
  await gw.expectOut(side.port, [...from(side), ...ping], { port: side.port, layers: pong(side, ping) });
}

describe("ARP", () => {
  for (const side of SIDES) {
    test(`a request on network ${side.networkId} is answered out of its port and VLAN`, async () => {
      await gateway().expectOut(side.port, arpRequest(side), { port: side.port, layers: arpAnswer(side) });
    });
  }

  test("a request to the gateway's MAC (a neighbour that checks on it) is answered", async () => {
    await gateway().expectOut(UPSTREAM.port, arpRequest(UPSTREAM, {}, UPSTREAM.mac), {
      port: UPSTREAM.port,
      layers: arpAnswer(UPSTREAM),
    });
  });

  test("a request without sender address (a probe, RFC 5227) is answered", async () => {
    const answer = withFields(arpAnswer(UPSTREAM), "arp", { targetIp: "0.0.0.0" });
    await gateway().expectOut(UPSTREAM.port, arpRequest(UPSTREAM, { senderIp: "0.0.0.0" }), {
      port: UPSTREAM.port,
      layers: answer,
    });
  });

  test("a padded request is answered, its padding kept", async () => {
    await gateway().expectOut(UPSTREAM.port, padded(arpRequest(UPSTREAM)), {
      port: UPSTREAM.port,
      layers: padded(arpAnswer(UPSTREAM)),
    });
  });

  test("the answer of a priority-tagged request keeps the tag", async () => {
    const [mac, ...rest] = arpRequest(UPSTREAM);
    const [answerMac, ...answerRest] = arpAnswer(UPSTREAM);
    const tag = vlan({ vid: 0, pcp: 3 });
    await gateway().expectOut(UPSTREAM.port, [mac!, tag, ...rest], {
      port: UPSTREAM.port,
      layers: [answerMac!, tag, ...answerRest],
    });
  });

  test("a request for somebody else's address is not answered", async () => {
    const other = arpRequest(UPSTREAM, { targetIp: "192.0.2.99" });
    await gateway().expectDrop("UNSUPPORTED_ARP", UPSTREAM.port, other);
  });

  test("a request for an address that the gateway has on another network is not answered", async () => {
    const other = arpRequest(UPSTREAM, { targetIp: CARRIER.address });
    await gateway().expectDrop("UNSUPPORTED_ARP", UPSTREAM.port, other);
  });

  test("an address that is given to the gateway is answered from then on, and no more after it is taken away", async () => {
    const gw = gateway();
    const address = entry.myAddress(UPSTREAM.networkId, "192.0.2.99", "02:00:00:00:00:99");
    const request = arpRequest(UPSTREAM, { targetIp: "192.0.2.99" });
    await gw.insert(address);
    const answer = withFields(arpAnswer(UPSTREAM), "ethernet", { src: "02:00:00:00:00:99" });
    await gw.expectOut(UPSTREAM.port, request, {
      port: UPSTREAM.port,
      layers: withFields(answer, "arp", { senderMac: "02:00:00:00:00:99", senderIp: "192.0.2.99" }),
    });
    await gw.undo();
    await gw.expectDrop("UNSUPPORTED_ARP", UPSTREAM.port, request);
  });

  test.each([
    ["another kind of hardware", { hardwareType: 6 }],
    ["another protocol", { protocolType: 0x86dd }],
    ["a hardware address of 8 bytes", { hardwareLen: 8 }],
    ["a protocol address of 16 bytes", { protocolLen: 16 }],
    ["the operation 0", { operation: 0 }],
    ["the operation RARP request", { operation: 3 }],
    ["the operation 0x0101", { operation: 0x0101 }],
  ])("ARP with %s is dropped", async (_name, fields: Partial<Arp>) => {
    await gateway().expectDrop("UNSUPPORTED_ARP", UPSTREAM.port, arpRequest(UPSTREAM, fields), false);
  });

  test("ARP that is cut off is dropped as a parser error", async () => {
    const whole = build(arpRequest(UPSTREAM));
    for (const length of [14, 15, whole.length - 1]) {
      await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, whole.subarray(0, length));
    }
  });
});

describe("ARP replies", () => {
  for (const side of SIDES) {
    test(`a reply on network ${side.networkId} goes to the controller as it came, with port and network`, async () => {
      const reply = arpReply(side);
      await gateway().expectPunt(side.port, reply, {
        ingressPort: side.port,
        networkId: side.networkId,
        layers: reply,
      });
    });
  }

  test("a padded reply goes to the controller with its padding", async () => {
    const reply = [...arpReply(FABRIC), trailer(countingBytes(18))];
    await gateway().expectPunt(FABRIC.port, reply, {
      ingressPort: FABRIC.port,
      networkId: FABRIC.networkId,
      layers: reply,
    });
  });

  test("a reply to somebody else does not reach the controller", async () => {
    const reply = arpReply(UPSTREAM, { targetIp: "192.0.2.99" });
    await gateway().expectDrop("UNSUPPORTED_ARP", UPSTREAM.port, reply);
  });
});

describe("ping", () => {
  for (const side of SIDES) {
    test(`on network ${side.networkId} is answered`, async () => {
      await expectPong(gateway(), side, ping(side.peer.address, side.address));
    });
  }

  test.each([0, 1, 2, 55, 56, 57, 1400])(
    "with %i bytes of data is answered with the same data",
    async (length) => {
      await expectPong(
        gateway(),
        UPSTREAM,
        ping(UPSTREAM.peer.address, UPSTREAM.address, countingBytes(length, 3)),
      );
    },
  );

  // The checksum is updated, not computed anew; its edges are where ones' complement sums wrap.
  test.each([0x0000, 0x0001, 0x07ff, 0x0800, 0xf7fe, 0xf7ff, 0xf800, 0xfffe])(
    "whose checksum is %i is answered with a checksum that verifies",
    async (checksum) => {
      const question = withDataFor(ping(UPSTREAM.peer.address, UPSTREAM.address, "??"), checksum);
      const answer = pong(UPSTREAM, question);
      // Where the sum of the rest is 0 in ones' complement, 0x0000 and 0xffff both say so. A receiver adds the sum up to
      // 0xffff with either, and the gateway cannot tell from the old checksum which of them a fresh sum would give.
      const zeroSum = checksum === 0xf7ff;
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...question], {
        port: UPSTREAM.port,
        layers: zeroSum ? withFields(answer, "icmp", { checksum: 0xffff }) : answer,
      });
    },
  );

  test("of nothing but zeros is answered with the one checksum that verifies", async () => {
    const question = ping(UPSTREAM.peer.address, UPSTREAM.address, "", { identifier: 0, sequence: 0 });
    await expectPong(gateway(), UPSTREAM, question);
  });

  test("is answered with a TTL of its own, so the answer gets home from however far the question came", async () => {
    for (const ttl of [1, 2, 255]) {
      const question = withFields(ping(UPSTREAM.peer.address, UPSTREAM.address), "ipv4", { ttl });
      await expectPong(gateway(), UPSTREAM, question);
    }
  });

  test("with IPv4 options is answered", async () => {
    const question = withFields(ping(UPSTREAM.peer.address, UPSTREAM.address), "ipv4", {
      options: ROUTER_ALERT,
    });
    await expectPong(gateway(), UPSTREAM, question);
  });

  test("in a padded frame is answered, its padding kept", async () => {
    const question = ping(UPSTREAM.peer.address, UPSTREAM.address, "x");
    await gateway().expectOut(UPSTREAM.port, padded([...from(UPSTREAM), ...question]), {
      port: UPSTREAM.port,
      layers: padded(pong(UPSTREAM, question)),
    });
  });

  test("from beyond the next router is answered to that router", async () => {
    await expectPong(gateway(), UPSTREAM, ping("198.18.7.7", UPSTREAM.address));
  });

  test("to an address that the gateway has on another network is not answered by it", async () => {
    const gw = gateway();
    await gw.insert(entry.discard(0, `${CARRIER.address}/32`));
    await gw.expectDrop("ROUTE_DISCARD", UPSTREAM.port, [
      ...from(UPSTREAM),
      ...ping(UPSTREAM.peer.address, CARRIER.address),
    ]);
  });

  test("with another code, or as a reply, is not answered", async () => {
    for (const fields of [{ code: 1 }, { type: 0 }, { type: 13 }]) {
      const question = ping(UPSTREAM.peer.address, UPSTREAM.address, "ping-data-of-20-byte", fields);
      await gateway().expectDrop("OWN_ADDRESS", UPSTREAM.port, [...from(UPSTREAM), ...question], false);
    }
  });

  test("in fragments is not answered: no piece of it alone is a question", async () => {
    const looksLikePing = Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0);
    const question = ping(UPSTREAM.peer.address, UPSTREAM.address, concat(countingBytes(24), looksLikePing));
    for (const piece of fragments(question, 32)) {
      await gateway().expectDrop("OWN_ADDRESS", UPSTREAM.port, [...from(UPSTREAM), ...piece]);
    }
  });

  test("with a bad IPv4 checksum is not answered", async () => {
    const question = withFields(ping(UPSTREAM.peer.address, UPSTREAM.address), "ipv4", { checksum: 1 });
    await gateway().expectDrop("IPV4_CHECKSUM", UPSTREAM.port, [...from(UPSTREAM), ...question], false);
  });

  test("with a bad ICMP checksum is answered with a bad one: the asker sees the damage", async () => {
    const question = ping(UPSTREAM.peer.address, UPSTREAM.address);
    const right = Buffer.from(build([...from(UPSTREAM), ...question])).readUInt16BE(36);
    const rightAnswer = internetChecksum(
      build(pong(UPSTREAM, withFields(question, "icmp", { checksum: 0 }))).subarray(34),
    );
    const damaged = withFields(question, "icmp", { checksum: right + 1 });
    const answer = withFields(pong(UPSTREAM, question), "icmp", { checksum: rightAnswer + 1 });
    const outcome = await gateway().sendBroken(UPSTREAM.port, [...from(UPSTREAM), ...damaged]);
    expectFrames(outcome, [{ port: UPSTREAM.port, layers: answer }]);
  });
});

describe("all else to the gateway's own addresses", () => {
  test("TCP and UDP are dropped", async () => {
    const segment = toService({ dst: FABRIC_TAGGED.address, dstPort: 22 });
    await gateway().expectDrop("OWN_ADDRESS", FABRIC_TAGGED.port, [...from(FABRIC_TAGGED), ...segment]);
    const datagram = packet("192.0.2.9", UPSTREAM.address, [udp({ srcPort: 1000, dstPort: 4790 })]);
    await gateway().expectDrop("OWN_ADDRESS", UPSTREAM.port, [...from(UPSTREAM), ...datagram]);
  });
});

/** The ping with two bytes of data that make its ICMP checksum the wanted one. */
function withDataFor(question: Layer[], checksum: number): Layer[] {
  const zeroed = withFields(withFields(question, "payload", { bytes: new Uint8Array(2) }), "icmp", {
    checksum: 0,
  });
  const rest = ~internetChecksum(build(zeroed).subarray(20)) & 0xffff;
  const data = ((~checksum & 0xffff) - rest + 2 * 0xffff) % 0xffff;
  const found = withFields(question, "payload", { bytes: Uint8Array.of(data >> 8, data & 0xff) });
  const actual = Buffer.from(build(found)).readUInt16BE(22);
  if (actual !== checksum) throw new Error(`the checksum is ${actual}, not ${checksum}`);
  return found;
}

tsharkDecodesAll(gateway);
