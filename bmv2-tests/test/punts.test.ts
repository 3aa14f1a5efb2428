// What goes to the controller, and how much of it: packets to neighbours that are not resolved, and neighbours' answers.
import { describe, expect, test } from "vitest";
import { bucketOf, datagram, from, hopped, to, toLd, toService } from "../src/frames.js";
import { dropsSince, useGateway } from "../src/gateway.js";
import {
  arp,
  BROADCAST,
  build,
  ethernet,
  icmpv6,
  ipv6,
  type Layer,
  nd,
  ndOption,
  vlan,
} from "../src/packet/index.js";
import { CLIENT_V6, PRODUCT_ENTRIES, SERVER_V6 } from "../src/products.js";
import { CLIENT, entry, FABRIC, GATEWAY_MAC, ldOf, UPSTREAM } from "../src/standard.js";
import type { PortFrame } from "../src/target/target.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);

describe("an unresolved neighbour", () => {
  test.each([
    ["IPv4", "10.55.0.0/24", datagram(CLIENT, "10.55.0.9", 1, 2)],
    ["IPv6", "2001:db8:55::/64", datagram(CLIENT_V6, "2001:db8:55::9", 1, 2)],
  ])(
    "%s: the packet goes to the controller, one hop on, as it would leave",
    async (_version, prefix, packet) => {
      const gw = gateway();
      await gw.insert(entry.unresolved(0, prefix));
      const [mac] = from(UPSTREAM);
      await gw.expectPunt(UPSTREAM.port, [mac!, vlan({ vid: 0, pcp: 3 }), ...packet], {
        ingressPort: UPSTREAM.port,
        networkId: UPSTREAM.networkId,
        layers: [mac!, ...hopped(packet)],
      });
    },
  );

  test("an LD's or a host's: the tunnel goes to the controller", async () => {
    const gw = gateway();
    const packet = toService();
    const bucket = bucketOf(0, packet);
    const ld = ldOf(bucket);
    await gw.modify(entry.unresolved(0, `${ld.vtep}/32`));
    const tunnel = toLd(ld, 0, bucket, packet, GATEWAY_MAC).filter((layer) => layer.kind !== "vlan");
    await gw.expectPunt(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      ingressPort: UPSTREAM.port,
      networkId: UPSTREAM.networkId,
      layers: [from(UPSTREAM)[0]!, ...tunnel.slice(1)],
    });
  });

  test("resolved again, packets leave", async () => {
    const gw = gateway();
    await gw.insert(entry.unresolved(0, "10.55.0.0/24"));
    await gw.modify(entry.route(0, "10.55.0.0/24", 21));
    const packet = datagram(CLIENT, "10.55.0.9", 1, 2);
    await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
    const other = datagram(SERVER_V6, CLIENT_V6, 1, 2);
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...other], {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(other)],
    });
  });
});

describe("the controller gets, a network,", () => {
  const OWN = { address: "192.0.2.1", addressV6: "2001:db8:6::1" };
  /** A network of the test's own: what has gone to the controller from others does not count there. */
  const onPort = (port: number, networkId: number) => [
    entry.network(port, 0, networkId, 0),
    entry.myAddress(networkId, OWN.address, UPSTREAM.mac),
    entry.myAddress(networkId, OWN.addressV6, UPSTREAM.mac),
  ];
  const [mac] = from(UPSTREAM) as [Layer];
  const KINDS = {
    "packets to unresolved neighbours": [mac, ...datagram(CLIENT, "10.55.0.9", 1, 2)],
    "ARP replies": [
      ethernet({ dst: BROADCAST, src: UPSTREAM.peer.mac }),
      arp({
        operation: 2,
        senderMac: UPSTREAM.peer.mac,
        senderIp: "192.0.2.2",
        targetMac: UPSTREAM.mac,
        targetIp: OWN.address,
      }),
    ],
    "neighbour advertisements": [
      mac,
      ipv6({ src: "2001:db8:6::2", dst: OWN.addressV6, hopLimit: 255 }),
      icmpv6({ type: 136, rest: 0x60000000 }),
      nd("2001:db8:6::2"),
      ndOption(2, UPSTREAM.peer.mac),
    ],
  } satisfies Record<string, Layer[]>;
  const times = (count: number, port: number, kind: keyof typeof KINDS): PortFrame[] =>
    Array.from({ length: count }, () => ({ port, frame: build(KINDS[kind]) }));

  test.each([
    ["packets to unresolved neighbours", 100, 11, 601],
    ["ARP replies", 1000, 101, 602],
    ["neighbour advertisements", 1000, 101, 603],
  ] as const)("%s, %i a second in bursts of %i", async (kind, perSecond, burst, networkId) => {
    const gw = gateway();
    await gw.insert(...onPort(6, networkId), entry.unresolved(0, "10.55.0.0/24"));
    const before = await gw.drops();
    const start = performance.now();
    const { frames, packetIns } = await gw.target.injectAll(times(2000, 6, kind));
    const elapsedMs = performance.now() - start;
    expect(frames.every((out) => out.length === 0)).toBe(true);
    expect(packetIns.length).toBeGreaterThanOrEqual(burst);
    // Time here cannot be shorter than the switch's.
    expect(packetIns.length).toBeLessThanOrEqual(Math.min(2000, burst + 1 + (elapsedMs * perSecond) / 1000));
    const limited = dropsSince(before, await gw.drops()).PUNT_LIMIT?.packets ?? 0n;
    expect(packetIns.length + Number(limited)).toBe(2000);
  });

  test("neighbours' answers, however many packets wait for other neighbours", async () => {
    const gw = gateway();
    await gw.insert(...onPort(6, 604), entry.unresolved(0, "10.55.0.0/24"));
    const { packetIns } = await gw.target.injectAll([
      ...times(500, 6, "packets to unresolved neighbours"),
      ...times(50, 6, "ARP replies"),
    ]);
    const answer = build(KINDS["ARP replies"]);
    expect(packetIns.filter(({ frame }) => Buffer.compare(frame, answer) === 0)).toHaveLength(50);
  });

  test("its own share: one network's flood leaves the others theirs", async () => {
    const gw = gateway();
    await gw.insert(...onPort(6, 605), entry.network(7, 0, 606, 0), entry.unresolved(0, "10.55.0.0/24"));
    const { packetIns } = await gw.target.injectAll([
      ...times(500, 6, "packets to unresolved neighbours"),
      ...times(5, 7, "packets to unresolved neighbours"),
    ]);
    expect(packetIns.filter(({ networkId }) => networkId === 606)).toHaveLength(5);
  });
});

tsharkDecodesAll(gateway);
