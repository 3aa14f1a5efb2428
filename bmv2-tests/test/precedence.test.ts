// Which LD gets a packet: flow_pin before service before vip before local_ip, outside and in a VNI, for IPv4 and IPv6; ICMP
// errors where their session is; the hint at the LD that had the bucket before.
import { beforeEach, describe, expect, test } from "vitest";
import {
  bucketOf,
  bucketOfFlow,
  datagram,
  flowOf,
  from,
  hopped,
  packetOf,
  ping,
  pingV6,
  to,
  toLd,
  tunnelled,
} from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  fragments,
  fragmentsV6,
  ICMP,
  ICMPV6,
  icmp,
  icmpv6,
  type Layer,
  quote,
  tcp,
} from "../src/packet/index.js";
import { CLIENT_V6, LOCAL_IP_V6, LOCAL_PREFIX_V6, PRODUCT_ENTRIES, SERVER_V6 } from "../src/products.js";
import {
  bucketsOf,
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  GATEWAY_MAC,
  LD1,
  LD2,
  type Ld,
  LOCAL_IP,
  LOCAL_PREFIX,
  ldOf,
  SERVER,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

/** A cluster whose every bucket is LD 1's, and one whose every bucket is LD 2's. */
const ONLY_LD1 = 21;
const ONLY_LD2 = 22;
const gateway = useGateway([
  ...PRODUCT_ENTRIES,
  ...bucketsOf(ONLY_LD1).map((e) => ({ ...e, params: { ld_id: LD1.id, backup_ld_id: 0 } })),
  ...bucketsOf(ONLY_LD2).map((e) => ({ ...e, params: { ld_id: LD2.id, backup_ld_id: 0 } })),
]);

const CASES = [
  {
    version: "IPv4",
    client: CLIENT,
    vip: "203.0.113.30",
    local: LOCAL_IP,
    prefix: LOCAL_PREFIX,
    server: SERVER,
  },
  {
    version: "IPv6",
    client: CLIENT_V6,
    vip: "2001:db8:113::30",
    local: LOCAL_IP_V6,
    prefix: LOCAL_PREFIX_V6,
    server: SERVER_V6,
  },
] as const;
/** The same outside and inside a VPC. */
const PLACES = [
  { place: "outside", vni: 0 },
  { place: "in a VNI", vni: 0x5005 },
] as const;

for (const { version, client, vip, local, prefix, server } of CASES) {
  for (const { place, vni } of PLACES) {
    const side = vni === 0 ? UPSTREAM : FABRIC;
    const mac = vni === 0 ? GATEWAY_MAC : FABRIC_MAC;
    const send = (packet: readonly Layer[]) =>
      vni === 0
        ? [...from(UPSTREAM), ...packet]
        : [...from(FABRIC), ...tunnelled(vni, packet, { ip: { src: "10.0.0.77" } })];
    const expectAt = (
      gw: Gateway,
      ld: Ld,
      packet: readonly Layer[],
      bucket = bucketOf(vni, packet),
      hint = 0,
    ) =>
      gw.expectOut(side.port, send(packet), {
        port: ld.side.port,
        layers: toLd(ld, vni, bucket, packet, mac, hint),
      });
    const segment = (srcPort = 40_000, dstPort = 443) => packetOf(client, vip, [tcp({ srcPort, dstPort })]);

    describe(`${version}, ${place}`, () => {
      beforeEach(async () => {
        if (vni === 0) return;
        const senders = [client, server];
        await gateway().insert(...senders.map((address) => entry.vm(vni, address, LD1.mac, "10.0.0.77")));
      });

      test("flow_pin before service before vip before local_ip", async () => {
        const gw = gateway();
        const packet = segment();
        const slash = version === "IPv4" ? 32 : 128;
        await gw.insert(entry.localIp(vni, `${vip}/${slash}`, ONLY_LD2));
        await expectAt(gw, LD2, packet, 443 & 1023); // as a reply: the bucket is in the port
        await gw.insert(entry.vip(vni, vip, ONLY_LD1));
        await expectAt(gw, LD1, packet);
        await gw.insert(entry.service(vni, vip, 6, 443, ONLY_LD2));
        await expectAt(gw, LD2, packet);
        await gw.insert(entry.flowPin(vni, flowOf(packet), LD1.id));
        const pinned = entry.flowPin(vni, flowOf(packet), LD1.id);
        await expectAt(gw, LD1, packet);
        await expectAt(gw, LD2, segment(40_001)); // another flow of the service
        await expectAt(gw, LD1, segment(40_000, 444)); // another port of the VIP
        expect((await gw.counter(pinned)).packets).toBe(1n);
        expect((await gw.counter(entry.service(vni, vip, 6, 443, ONLY_LD2))).packets).toBe(2n);
        expect((await gw.counter(entry.vip(vni, vip, ONLY_LD1))).packets).toBe(2n);
      });

      test("an entry of another VNI is not used", async () => {
        const gw = gateway();
        const packet = segment();
        await gw.insert(
          entry.vip(vni, vip, ONLY_LD1),
          entry.service(vni + 1, vip, 6, 443, ONLY_LD2),
          entry.flowPin(vni + 1, flowOf(packet), LD2.id),
        );
        await expectAt(gw, LD1, packet);
      });

      test("a service of another protocol is not used", async () => {
        const gw = gateway();
        await gw.insert(entry.vip(vni, vip, ONLY_LD1), entry.service(vni, vip, 17, 443, ONLY_LD2));
        await expectAt(gw, LD1, segment());
        await expectAt(gw, LD2, datagram(client, vip, 40_000, 443));
      });

      test("buckets follow crc32 of VNI, addresses, protocol and ports", async () => {
        const gw = gateway();
        await gw.insert(entry.vip(vni, vip, CLUSTER));
        const served = new Set<number>();
        for (let port = 0; port < 12; port++) {
          for (const packet of [segment(1024 + port, 80), datagram(client, vip, 50_000 + port, 53_000)]) {
            const ld = ldOf(bucketOf(vni, packet));
            served.add(ld.id);
            await expectAt(gw, ld, packet);
          }
        }
        expect([...served].sort()).toEqual([1, 2]);
      });

      test("an echo request goes to the VIP's cluster by its addresses", async () => {
        const gw = gateway();
        await gw.insert(entry.vip(vni, vip, CLUSTER));
        const echo = version === "IPv4" ? ping(client, vip) : pingV6(client, vip);
        const bucket = bucketOfFlow(vni, {
          src: client,
          dst: vip,
          protocol: version === "IPv4" ? 1 : 58,
          srcPort: 0,
          dstPort: 0,
        });
        await expectAt(gw, ldOf(bucket), echo, bucket);
      });

      test("all fragments of a datagram go to one LD, whichever comes first", async () => {
        const gw = gateway();
        await gw.insert(entry.vip(vni, vip, CLUSTER), entry.service(vni, vip, 17, 6000, ONLY_LD2));
        const whole = datagram(client, vip, 5000, 6000, "a".repeat(100));
        const pieces = version === "IPv4" ? fragments(whole, 40, 80) : fragmentsV6(whole, 0x1234abcd, 40, 80);
        const bucket = bucketOfFlow(vni, { src: client, dst: vip, protocol: 17, srcPort: 0, dstPort: 0 });
        for (const piece of pieces.reverse()) await expectAt(gw, ldOf(bucket), piece, bucket);
      });

      const error = (src: string, dst: string, quoted: Layer) =>
        packetOf(src, dst, [
          version === "IPv4"
            ? icmp({ type: ICMP.unreachable, code: 4, sequence: 1400 })
            : icmpv6({ type: ICMPV6.packetTooBig, rest: 1400 }),
          quoted,
        ]);
      const router = version === "IPv4" ? "198.18.77.7" : "2001:db8:77::7";

      test("an ICMP error about an answer of the VIP reaches the LD of the session", async () => {
        const gw = gateway();
        await gw.insert(entry.service(vni, vip, 6, 443, CLUSTER), entry.service(vni, vip, 17, 53, CLUSTER));
        for (let port = 1; port <= 6; port++) {
          const [syn, query] = [segment(port), datagram(client, vip, port, 53)];
          const answers = [
            packetOf(vip, client, [tcp({ srcPort: 443, dstPort: port })]),
            datagram(vip, client, 53, port),
          ];
          for (const [i, session] of [syn, query].entries()) {
            const bucket = bucketOf(vni, session);
            await expectAt(gw, ldOf(bucket), error(router, vip, quote(answers[i]!, 8)), bucket);
          }
        }
      });

      test("an ICMP error about an answer to a ping reaches the LD of the ping", async () => {
        const gw = gateway();
        await gw.insert(entry.vip(vni, vip, CLUSTER));
        const [echo, reply] =
          version === "IPv4"
            ? [ping(client, vip), ping(vip, client, "ping", { type: 0 })]
            : [pingV6(client, vip), pingV6(vip, client, "ping", { type: 129 })];
        const bucket = bucketOf(vni, echo);
        await expectAt(gw, ldOf(bucket), error(router, vip, quote(reply, 8)), bucket);
      });

      test("a reply to a local IP, and an ICMP error about a packet from it, go by the local port", async () => {
        const gw = gateway();
        if (vni !== 0) await gw.insert(entry.localIp(vni, prefix, CLUSTER));
        for (const localPort of [0, 1, 1023, 1024, 40_961, 65_535]) {
          const bucket = localPort % 1024;
          const reply = packetOf(server, local, [tcp({ srcPort: 80, dstPort: localPort })]);
          await expectAt(gw, ldOf(bucket), reply, bucket);
          const sent = packetOf(local, server, [tcp({ srcPort: localPort, dstPort: 80 })]);
          await expectAt(gw, ldOf(bucket), error(router, local, quote(sent, 8)), bucket);
        }
      });

      test("what comes to a local IP without a port is dropped", async () => {
        const gw = gateway();
        if (vni !== 0) await gw.insert(entry.localIp(vni, prefix, CLUSTER));
        const echo = version === "IPv4" ? ping(server, local) : pingV6(server, local);
        await gw.expectDrop("REPLY_WITHOUT_PORT", side.port, send(echo));
      });

      test("while a service migrates, the tunnel names the LD that had the bucket before", async () => {
        const gw = gateway();
        const packet = segment();
        const bucket = bucketOf(vni, packet);
        const OLD = 23;
        await gw.insert(
          entry.service(vni, vip, 6, 443, ONLY_LD1, OLD),
          entry.vip(vni, vip, ONLY_LD1),
          entry.previousBucket(OLD, bucket, 0x1234),
        );
        await expectAt(gw, LD1, packet, bucket, 0x1234);
        await expectAt(gw, LD1, segment(40_000, 80)); // the VIP does not migrate
        const unknown = segment(40_017);
        expect(bucketOf(vni, unknown)).not.toBe(bucket);
        await expectAt(gw, LD1, unknown); // the old cluster had no such bucket
        await gw.modify(entry.service(vni, vip, 6, 443, ONLY_LD1));
        await expectAt(gw, LD1, packet);
      });

      test("a flow that is pinned keeps its bucket's mark in the tunnel", async () => {
        const gw = gateway();
        const packet = segment(40_003);
        await gw.insert(entry.vip(vni, vip, ONLY_LD1), entry.flowPin(vni, flowOf(packet), LD2.id));
        await expectAt(gw, LD2, packet, bucketOf(vni, packet));
      });
    });
  }
}

test("an address without entry is no VIP: it is routed", async () => {
  const packet = datagram(CLIENT, "198.19.3.3", 1, 2);
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
    port: UPSTREAM.port,
    layers: [...to(UPSTREAM), ...hopped(packet)],
  });
});

test("the counter of a local prefix counts frames as they came", async () => {
  const gw = gateway();
  const counted = entry.localIp(0, "10.64.1.0/24", CLUSTER);
  await gw.insert(counted);
  const frame = [...from(FABRIC), ...packetOf(SERVER, "10.64.1.9", [tcp({ srcPort: 80, dstPort: 9000 })])];
  await gw.send(FABRIC.port, frame);
  expect(await gw.counter(counted)).toEqual({ packets: 1n, bytes: BigInt(build(frame).length) });
});

tsharkDecodesAll(gateway);
