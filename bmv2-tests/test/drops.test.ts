// One frame for every reason in p4src/drop_reasons.p4: counted there once, nowhere else, and nothing comes out.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  from,
  packet,
  ping,
  RECIRCULATED_BYTES,
  toService,
  tunnelled,
} from "../src/frames.js";
import { dropsSince, type Gateway, useGateway } from "../src/gateway.js";
import {
  arp,
  BROADCAST,
  build,
  ethernet,
  HEARTBEAT_PORT,
  heartbeat,
  icmp,
  icmpv6,
  ipv6,
  type Layer,
  nd,
  payload,
  quote,
  udp,
  withFields,
} from "../src/packet/index.js";
import { readDropReasons } from "../src/pipeline.js";
import { EIP_A, fromVm, PRODUCT_ENTRIES } from "../src/products.js";
import { CLIENT, CLUSTER, entry, FABRIC, LD1, LOCAL_IP, ldOf, SERVER, UPSTREAM } from "../src/standard.js";

const gateway = useGateway(PRODUCT_ENTRIES);

interface Scenario {
  /** Port and layers of the frame that is dropped. */
  port: number;
  frame: readonly Layer[] | Uint8Array;
  prepare?: (gw: Gateway) => Promise<void>;
  /** By how much it is longer when it is dropped. */
  growth?: number;
}

const good = [...from(UPSTREAM), ...datagram(CLIENT, SERVER, 1, 2)];
const toEip = datagram(CLIENT, EIP_A.eip, 1, 2, new Uint8Array(8000));
const bucket = bucketOf(0, toService());
const upstream = (frame: Scenario["frame"], prepare?: Scenario["prepare"]): Scenario => ({
  port: UPSTREAM.port,
  frame,
  ...(prepare && { prepare }),
});

const SCENARIOS: Record<string, Scenario> = {
  PARSER_ERROR: upstream(build(good).subarray(0, 30)),
  UNKNOWN_NETWORK: { port: 8, frame: good },
  NOT_FOR_GATEWAY: upstream(withFields(good, "ethernet", { dst: "02:00:00:00:00:ff" })),
  UNSUPPORTED_ETHERTYPE: upstream([
    { ...(good[0] as Layer & { kind: "ethernet" }), etherType: 0x88e5 },
    payload(new Uint8Array(50)),
  ]),
  UNSUPPORTED_ARP: upstream([
    ethernet({ dst: BROADCAST, src: UPSTREAM.peer.mac }),
    arp({ operation: 1, senderMac: UPSTREAM.peer.mac, senderIp: "192.0.2.2", targetIp: "192.0.2.3" }),
  ]),
  IP_HEADER: upstream(withFields(good, "ipv4", { version: 7 })),
  IP_LENGTH: upstream(withFields(good, "ipv4", { totalLen: 1500 })),
  IPV4_CHECKSUM: upstream(withFields(good, "ipv4", { checksum: 0x5555 })),
  MARTIAN: upstream(withFields(good, "ipv4", { src: "127.0.0.1" })),
  TTL_EXCEEDED: upstream(withFields(good, "ipv4", { ttl: 1 })),
  OWN_ADDRESS: upstream([...from(UPSTREAM), ...datagram(CLIENT, UPSTREAM.address, 1, 2)]),
  VXLAN_HEADER: {
    port: FABRIC.port,
    frame: [...from(FABRIC), ...tunnelled(0, datagram(SERVER, CLIENT, 1, 2), { flags: 0 })],
  },
  REPLY_WITHOUT_PORT: { port: FABRIC.port, frame: [...from(FABRIC), ...ping(SERVER, LOCAL_IP)] },
  BUCKET_UNASSIGNED: upstream([...from(UPSTREAM), ...toService()], (gw) =>
    gw.remove(entry.bucket(CLUSTER, bucket, ldOf(bucket).id)),
  ),
  UNKNOWN_LD: upstream([...from(UPSTREAM), ...toService()], (gw) =>
    gw.modify(entry.bucket(CLUSTER, bucket, 4000)),
  ),
  // From an LD: who else may send into a VPC is asked first.
  VNI_UNREACHABLE: {
    port: FABRIC.port,
    frame: [...from(FABRIC), ...tunnelled(3, datagram(SERVER, CLIENT, 1, 2))],
  },
  UNKNOWN_VM: {
    port: FABRIC.port,
    frame: fromVm({ ...EIP_A, vni: 3 }, datagram(EIP_A.address, CLIENT, 1, 2)),
  },
  NO_ROUTE: upstream(good, (gw) => gw.modify(entry.network(UPSTREAM.port, 0, UPSTREAM.networkId, 99))),
  ROUTE_DISCARD: upstream(good, (gw) => gw.insert(entry.discard(0, `${SERVER}/32`))),
  ACL: upstream(good, (gw) => gw.insert(entry.acl(4, 1, "deny", { protocol: 17 }))),
  SPOOFED_SOURCE: upstream(good, (gw) => gw.insert(entry.denySource(UPSTREAM.networkId, 0, `${CLIENT}/32`))),
  RATE_LIMIT: upstream([...from(UPSTREAM), ...toEip], async (gw) => {
    await gw.insert(entry.eipLimit(EIP_A.index, "in", 0xffffffff, 0, 0)); // 4 ms a byte
    await gw.send(UPSTREAM.port, [...from(UPSTREAM), ...toEip]);
  }),
  ICMP_EMBEDDED: upstream([
    ...from(UPSTREAM),
    ...packet(CLIENT, SERVER, [icmp({ type: 3 }), quote(datagram("10.1.0.6", CLIENT, 1, 2), 8)]),
  ]),
  HEARTBEAT: {
    port: FABRIC.port,
    frame: [
      ...from(FABRIC),
      ...packet(LD1.vtep, FABRIC.address, [
        udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }),
        heartbeat({ key: 0, ldId: LD1.id, flags: 0, epoch: 1, sequence: 1 }),
      ]),
    ],
  },
  HAIRPIN_LOOP: {
    ...upstream([...from(UPSTREAM), ...datagram(CLIENT, "203.0.113.63", 1, 2)]),
    growth: RECIRCULATED_BYTES,
  },
  UNSUPPORTED_ND: upstream([
    ethernet({ dst: "33:33:ff:00:00:99", src: UPSTREAM.peer.mac }),
    ipv6({ src: "2001:db8:1::2", dst: "ff02::1:ff00:99", hopLimit: 255 }),
    icmpv6({ type: 135 }),
    nd("2001:db8:1::99"),
  ]),
  NO_TUNNEL_SOURCE: upstream([...from(UPSTREAM), ...toEip], (gw) =>
    gw.remove(entry.tunnelSource(UPSTREAM.networkId, "10.0.0.1")),
  ),
  UNKNOWN_NEXTHOP: upstream(good, (gw) => gw.insert(entry.route(0, `${SERVER}/32`, 777))),
};

test("there is a frame here for every reason that the program has", () => {
  // That of a rate needs many frames: neighbours.test.ts.
  const elsewhere = ["PUNT_LIMIT"];
  expect([...Object.keys(SCENARIOS), ...elsewhere].sort()).toEqual([...readDropReasons().keys()].sort());
});

describe("a frame is dropped and counted once, under", () => {
  test.each(Object.entries(SCENARIOS))("%s", async (reason, { port, frame, prepare, growth }) => {
    await prepare?.(gateway());
    await gateway().expectDrop(reason, port, frame, false, growth);
  });
});

test("frames that are forwarded, answered or punted are under no reason", async () => {
  const gw = gateway();
  const before = await gw.drops();
  const { peer, port, address, mac } = UPSTREAM;
  const [senderMac, senderIp] = [peer.mac, peer.address];
  const frames = [
    good,
    [...from(UPSTREAM), ...toService()],
    [...from(UPSTREAM), ...ping(senderIp, address)],
    [
      ethernet({ dst: BROADCAST, src: senderMac }),
      arp({ operation: 1, senderMac, senderIp, targetIp: address }),
    ],
    [ethernet({ dst: mac, src: senderMac }), arp({ operation: 2, senderMac, senderIp, targetIp: address })],
  ];
  for (const frame of frames) {
    const outcome = await gw.send(port, frame);
    expect(outcome.frames.length + outcome.packetIns.length).toBe(1);
  }
  expect(dropsSince(before, await gw.drops())).toEqual({});
});
