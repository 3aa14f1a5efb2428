// `route` and `nexthop`: what is not steered leaves by the longest prefix of its VRF.
import { describe, expect, test } from "vitest";
import { datagram, from, hopped, packet, ping, to, toService, tunnelled } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  type Ipv4,
  ipv4,
  layerOf,
  onesSum,
  PROTOCOL,
  padded,
  payload,
  tcp,
  trailer,
  vlan,
  withFields,
} from "../src/packet/index.js";
import {
  CARRIER,
  CLIENT,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  NEXTHOP,
  SERVER,
  SERVICE_VIP,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

describe("route", () => {
  test("a packet leaves by its prefix's next hop, with that next hop's MACs and one TTL less", async () => {
    const packet = datagram(CLIENT, SERVER, 5000, 6000);
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });

  test("the longest prefix that matches decides, whatever the order of insertion", async () => {
    const gw = gateway();
    const hops = [
      { id: 40, mac: "02:00:00:00:40:00", prefix: "10.1.0.0/24" },
      { id: 41, mac: "02:00:00:00:41:00", prefix: "10.1.0.5/32" },
      { id: 42, mac: "02:00:00:00:42:00", prefix: "10.0.0.0/8" },
      { id: 43, mac: "02:00:00:00:43:00", prefix: "10.1.0.4/31" },
    ];
    await gw.insert(...hops.map((hop) => entry.nexthop(hop.id, FABRIC, hop.mac)));
    await gw.insert(...hops.map((hop) => entry.route(0, hop.prefix, hop.id)));
    const expected = [
      ["10.1.0.5", "02:00:00:00:41:00"],
      ["10.1.0.4", "02:00:00:00:43:00"],
      ["10.1.0.6", "02:00:00:00:40:00"],
      ["10.1.1.6", FABRIC.peer.mac],
      ["10.2.0.6", "02:00:00:00:42:00"],
    ];
    for (const [dst, mac] of expected) {
      const packet = datagram(CLIENT, dst!, 5000, 6000);
      await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
        port: FABRIC.port,
        layers: [...to(FABRIC, mac), ...hopped(packet)],
      });
    }
  });

  test("without a prefix that matches a packet is dropped", async () => {
    const gw = gateway();
    await gw.remove(entry.route(0, "0.0.0.0/0", NEXTHOP.upstream));
    await gw.expectDrop("NO_ROUTE", FABRIC.port, [...from(FABRIC), ...datagram(SERVER, CLIENT, 1, 2)]);
  });

  test("each VRF has its own prefixes", async () => {
    const packet = datagram("100.64.0.1", CLIENT, 5000, 6000);
    await gateway().expectOut(CARRIER.port, [...from(CARRIER), ...packet], {
      port: CARRIER.port,
      layers: [...to(CARRIER), ...hopped(packet)],
    });
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...packet], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(packet)],
    });
  });

  test("a prefix of one VRF is not used for another", async () => {
    const gw = gateway();
    await gw.remove(entry.route(7, "0.0.0.0/0", NEXTHOP.carrier));
    await gw.expectDrop("NO_ROUTE", CARRIER.port, [
      ...from(CARRIER),
      ...datagram("100.64.0.1", SERVER, 1, 2),
    ]);
  });

  test("a prefix that discards drops the packet", async () => {
    const gw = gateway();
    const discard = entry.discard(0, "10.1.7.0/24");
    await gw.insert(discard);
    const frame = [...from(UPSTREAM), ...datagram(CLIENT, "10.1.7.1", 1, 2)];
    await gw.expectDrop("ROUTE_DISCARD", UPSTREAM.port, frame);
  });

  test("a route that is changed or taken away counts from the next packet on", async () => {
    const gw = gateway();
    await gw.insert(entry.route(0, "10.1.9.0/24", NEXTHOP.upstream));
    const packet = datagram(CLIENT, "10.1.9.1", 1, 2);
    const toSide = (side: typeof UPSTREAM) => ({ port: side.port, layers: [...to(side), ...hopped(packet)] });
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], toSide(UPSTREAM));
    await gw.modify(entry.route(0, "10.1.9.0/24", NEXTHOP.carrier));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], toSide(CARRIER));
    await gw.remove(entry.route(0, "10.1.9.0/24", NEXTHOP.carrier));
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], toSide(FABRIC));
  });

  test("a packet with a bad checksum is not routed", async () => {
    const frame = [...from(UPSTREAM), ...datagram(CLIENT, SERVER, 1, 2)];
    const bad = withFields(frame, "ipv4", { checksum: 0xdead });
    await gateway().expectDrop("IPV4_CHECKSUM", UPSTREAM.port, bad, false);
  });
});

describe("nexthop", () => {
  test("a route to a next hop that does not exist drops the packet", async () => {
    const gw = gateway();
    await gw.insert(entry.route(0, "10.1.10.0/24", 999));
    await gw.expectDrop("UNKNOWN_NEXTHOP", UPSTREAM.port, [
      ...from(UPSTREAM),
      ...datagram(CLIENT, "10.1.10.1", 1, 2),
    ]);
  });

  test("a neighbour with a new MAC gets the next packet there", async () => {
    const gw = gateway();
    await gw.modify(entry.nexthop(NEXTHOP.servers, FABRIC, "02:00:00:00:00:99"));
    const packet = datagram(CLIENT, SERVER, 1, 2);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC, "02:00:00:00:00:99"), ...hopped(packet)],
    });
  });

  test("a packet with a martian source does not reach a next hop", async () => {
    const frame = [...from(UPSTREAM), ...datagram("127.0.0.1", SERVER, 1, 2)];
    await gateway().expectDrop("MARTIAN", UPSTREAM.port, frame);
  });

  const packet = datagram("100.64.0.1", "10.1.0.9", 5000, 6000);
  const IN = [
    { name: "untagged", side: UPSTREAM, tag: [] },
    { name: "tagged", side: FABRIC_TAGGED, tag: [vlan({ vid: 30 })] },
    { name: "tagged with a priority", side: FABRIC_TAGGED, tag: [vlan({ vid: 30, pcp: 5, dei: 1 })] },
    { name: "priority-tagged", side: UPSTREAM, tag: [vlan({ vid: 0, pcp: 7 })] },
  ];
  const OUT = [
    { name: "untagged", side: UPSTREAM },
    { name: "tagged", side: CARRIER },
    { name: "tagged with the highest VLAN", side: { ...CARRIER, vid: 4094 } },
  ];
  for (const incoming of IN) {
    for (const outgoing of OUT) {
      test(`in ${incoming.name}, out ${outgoing.name}: tagged as the way out wants it`, async () => {
        const gw = gateway();
        await gw.modify(entry.nexthop(NEXTHOP.servers, outgoing.side, outgoing.side.peer.mac));
        const [mac] = from(incoming.side);
        await gw.expectOut(incoming.side.port, [mac!, ...incoming.tag, ...packet], {
          port: outgoing.side.port,
          layers: [...to(outgoing.side), ...hopped(packet)],
        });
      });
    }
  }
});

describe("what stays as it was", () => {
  test.each([0, 1, 2, 1471, 8000])("a payload of %i bytes", async (length) => {
    const packet = datagram(CLIENT, SERVER, 5000, 6000, countingBytes(length));
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });

  test("the bytes that pad a short frame", async () => {
    const packet = [...datagram(CLIENT, SERVER, 5000, 6000, "x"), trailer(countingBytes(17, 0xa0))];
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });

  test("every field of the IPv4 header but TTL and checksum", async () => {
    const fields: Partial<Ipv4> = { dscp: 46, ecn: 3, identification: 0xffff, dontFragment: 1, ttl: 200 };
    const packet = withFields(datagram(CLIENT, SERVER, 5000, 6000), "ipv4", fields);
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });

  test("a protocol that the gateway does not know", async () => {
    const unknown = [
      ipv4({ src: CLIENT, dst: SERVER, protocol: 253, identification: 1 }),
      payload(countingBytes(33)),
    ];
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...unknown], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(unknown)],
    });
  });

  test("an IPv4 packet without payload, in a padded frame", async () => {
    const empty = [ipv4({ src: CLIENT, dst: SERVER, protocol: 253 }), payload("")];
    await gateway().expectOut(UPSTREAM.port, padded([...from(UPSTREAM), ...empty]), {
      port: FABRIC.port,
      layers: padded([...to(FABRIC), ...hopped(empty)]),
    });
  });

  test("a TCP segment with options and data, and a ping that passes through", async () => {
    const segment = packet(CLIENT, SERVER, [
      tcp({ srcPort: 9, dstPort: 10, ack: 77, flags: 0x18, options: Uint8Array.of(1, 1, 1, 0) }),
      payload("some data"),
    ]);
    for (const whole of [segment, ping(CLIENT, SERVER)]) {
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...whole], {
        port: FABRIC.port,
        layers: [...to(FABRIC), ...hopped(whole)],
      });
    }
  });

  // What is left of a datagram in its last fragment may be shorter than a header, and may look like one.
  test.each([
    ["TCP", PROTOCOL.tcp],
    ["UDP", PROTOCOL.udp],
    ["ICMP", PROTOCOL.icmp],
  ])("the last byte of a fragmented %s packet, in a tunnel and outside", async (_name, protocol) => {
    const last = [ipv4({ src: CLIENT, dst: SERVER, protocol, fragmentOffset: 3 }), payload(Uint8Array.of(8))];
    const out = { port: FABRIC.port, layers: [...to(FABRIC), ...hopped(last)] };
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...last], out);
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, last)], out);
  });

  test("a VIP's port that is no service is routed like any other packet", async () => {
    const other = toService({ dst: SERVICE_VIP, dstPort: 81 });
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...other], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(other)],
    });
  });
});

describe("TTL", () => {
  test("2 leaves as 1, 255 as 254", async () => {
    for (const ttl of [2, 255]) {
      const packet = withFields(datagram(CLIENT, SERVER, 1, 2), "ipv4", { ttl });
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
        port: FABRIC.port,
        layers: [...to(FABRIC), ...hopped(packet)],
      });
    }
  });

  test.each([0, 1])("%i ends here", async (ttl) => {
    const packet = withFields(datagram(CLIENT, SERVER, 1, 2), "ipv4", { ttl });
    await gateway().expectDrop("TTL_EXCEEDED", UPSTREAM.port, [...from(UPSTREAM), ...packet]);
  });

  // The update is incremental; where its sums wrap it must still give what a sum over the new header gives.
  test.each([0x0000, 0x0001, 0x00ff, 0x0100, 0xfeff, 0xff00, 0xfefe, 0xff01, 0xfffe])(
    "the checksum is right when it was %i",
    async (checksum) => {
      const packet = withIdentificationFor(datagram(CLIENT, SERVER, 1, 2), checksum);
      await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
        port: FABRIC.port,
        layers: [...to(FABRIC), ...hopped(packet)],
      });
    },
  );
});

/** The packet with that identification which makes its header's checksum the wanted one. */
function withIdentificationFor(packet: ReturnType<typeof datagram>, checksum: number) {
  const without = withFields(packet, "ipv4", { identification: 0, checksum: 0 });
  const rest = onesSum(build(without).subarray(0, 20));
  const identification = ((~checksum & 0xffff) - rest + 0xffff) % 0xffff;
  const found = withFields(packet, "ipv4", { identification });
  expect(Buffer.from(build(found)).readUInt16BE(10)).toBe(checksum);
  expect(layerOf(found, "ipv4").checksum).toBeUndefined();
  return found;
}

tsharkDecodesAll(gateway);
