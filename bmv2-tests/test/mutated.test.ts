// Thousands of damaged, truncated, oversized and senseless frames: the switch stays up and accounts for every one.
import { expect, test } from "vitest";
import { bucketOf, datagram, from, packet, ping, toLd, toService, tunnelled } from "../src/frames.js";
import { mutate } from "../src/fuzz/frames.js";
import { Random } from "../src/fuzz/random.js";
import { dropsSince, useGateway } from "../src/gateway.js";
import {
  arp,
  BROADCAST,
  build,
  countingBytes,
  describeFrame,
  dissect,
  ethernet,
  fragments,
  internetChecksum,
  type Layer,
  payload,
  ROUTER_ALERT,
  tcp,
  VXLAN_PORT,
  vlan,
  withFields,
} from "../src/packet/index.js";
import {
  CARRIER,
  CLIENT,
  FABRIC,
  FABRIC_TAGGED,
  GATEWAY_MAC,
  LOCAL_IP,
  ldOf,
  PLAIN_VIP,
  SERVER,
  type Side,
  STEERING_ADDRESS,
  UPSTREAM,
} from "../src/standard.js";
import type { PortFrame } from "../src/target/target.js";

const gateway = useGateway();
const FRAMES = 12_000;

/** One frame of every kind that the gateway knows: damage to them reaches every part of the program. */
const SEEDS: { side: Side; layers: Layer[] }[] = [
  { side: UPSTREAM, layers: [...from(UPSTREAM), ...toService()] },
  {
    side: UPSTREAM,
    layers: [...from(UPSTREAM), ...withFields(toService(), "ipv4", { options: ROUTER_ALERT })],
  },
  { side: UPSTREAM, layers: [...from(UPSTREAM), ...ping(CLIENT, PLAIN_VIP)] },
  { side: UPSTREAM, layers: [...from(UPSTREAM), ...ping(UPSTREAM.peer.address, UPSTREAM.address)] },
  { side: UPSTREAM, layers: [...from(UPSTREAM), ...datagram(CLIENT, SERVER, 5, 6, countingBytes(300))] },
  { side: UPSTREAM, layers: fragments([...from(UPSTREAM), ...datagram(CLIENT, PLAIN_VIP, 5, 6)], 8)[0]! },
  { side: CARRIER, layers: [...from(CARRIER), ...toService()] },
  {
    side: FABRIC,
    layers: [...from(FABRIC), ...packet(SERVER, LOCAL_IP, [tcp({ srcPort: 80, dstPort: 9000 })])],
  },
  { side: FABRIC, layers: [...from(FABRIC), ...tunnelled(0, datagram(SERVER, CLIENT, 80, 9))] },
  { side: FABRIC, layers: [...from(FABRIC), ...tunnelled(0, toService())] },
  { side: FABRIC_TAGGED, layers: [...from(FABRIC_TAGGED), ...tunnelled(9, toService())] },
  {
    side: UPSTREAM,
    layers: [
      ethernet({ dst: BROADCAST, src: UPSTREAM.peer.mac }),
      arp({
        operation: 1,
        senderMac: UPSTREAM.peer.mac,
        senderIp: UPSTREAM.peer.address,
        targetIp: UPSTREAM.address,
      }),
    ],
  },
  {
    side: FABRIC,
    layers: [
      ethernet({ dst: FABRIC.mac, src: FABRIC.peer.mac }),
      vlan({ vid: 0 }),
      arp({
        operation: 2,
        senderMac: FABRIC.peer.mac,
        senderIp: FABRIC.peer.address,
        targetIp: FABRIC.address,
      }),
    ],
  },
];

/** Sends frames and checks that each was forwarded, answered, punted or counted as dropped, exactly once. */
async function expectAllAccountedFor(frames: readonly PortFrame[]): Promise<PortFrame[]> {
  const gw = gateway();
  const before = await gw.drops();
  const outcome = await gw.target.injectAll(frames);
  const drops = Object.values(dropsSince(before, await gw.drops()));
  const several = outcome.frames.flatMap((out, i) =>
    out.length > 1 ? [describeFrame(frames[i]!.frame)] : [],
  );
  expect(several).toEqual([]);
  const out = outcome.frames.flat();
  const dropped = drops.reduce((sum, { packets }) => sum + Number(packets), 0);
  expect(out.length + outcome.packetIns.length + dropped).toBe(frames.length);
  return out;
}

/** What is wrong with a frame that left the gateway. Only what the gateway answers for: not what a packet carries inside. */
function faultsOf({ frame }: PortFrame): string[] {
  const layers = dissect(frame);
  const index = layers[1]?.kind === "vlan" ? 2 : 1;
  const ip = layers[index];
  if (ip?.kind === "arp") return ip.operation === 2 ? [] : ["ARP that is no answer"];
  if (ip?.kind !== "ipv4") return ["neither IPv4 nor ARP"];
  const at = index === 2 ? 18 : 14;
  const faults: string[] = [];
  if (ip.version !== 4 || ip.ihl! < 5) faults.push("no IPv4 header");
  if (ip.ttl === 0) faults.push("TTL 0");
  if (ip.totalLen! < ip.ihl! * 4 || ip.totalLen! > frame.length - at) faults.push("total length");
  if (internetChecksum(frame.subarray(at, at + ip.ihl! * 4)) !== 0) faults.push("header checksum");
  const [udp, inside] = [layers[index + 1], layers[index + 4]];
  if (ip.src === STEERING_ADDRESS && udp?.kind === "udp" && udp.dstPort === VXLAN_PORT) {
    if (udp.length !== ip.totalLen! - 20) faults.push("tunnel's UDP length");
    if (inside?.kind !== "ipv4") faults.push("no IPv4 inside the tunnel");
    else if (inside.totalLen !== ip.totalLen! - 50) faults.push("length inside the tunnel");
  }
  return faults;
}

test(`${FRAMES} damaged frames: each is accounted for, and what leaves is well formed`, async () => {
  const random = new Random(20_261_122);
  const frames = Array.from({ length: FRAMES }, () => {
    const { side, layers } = random.pick(SEEDS);
    let frame = mutate(random, build(layers));
    if (random.oneIn(3)) frame = mutate(random, frame);
    return { port: side.port, frame };
  });
  const out = await expectAllAccountedFor(frames);
  const faulty = out.flatMap((frame) => {
    const faults = faultsOf(frame);
    return faults.length > 0 ? [`${faults.join(", ")}: ${describeFrame(frame.frame)}`] : [];
  });
  expect(faulty).toEqual([]);
  // Neither all dropped nor all passed: the damage went through the whole program.
  expect(out.length).toBeGreaterThan(FRAMES / 20);
  expect(out.length).toBeLessThan((FRAMES * 19) / 20);
});

test("every frame cut at every byte is accounted for", async () => {
  const frames = SEEDS.flatMap(({ side, layers }) => {
    const frame = build(layers);
    return Array.from({ length: frame.length }, (_, i) => ({
      port: side.port,
      frame: frame.subarray(0, i + 1),
    }));
  });
  expect(frames.length).toBeGreaterThan(1000);
  await expectAllAccountedFor(frames);
});

test("every single wrong bit in a tunnel packet to a service is accounted for", async () => {
  const frame = build([...from(FABRIC), ...tunnelled(0, toService())]);
  const frames = Array.from({ length: frame.length * 8 }, (_, bit) => {
    const damaged = Uint8Array.from(frame);
    damaged[bit >> 3]! ^= 0x80 >> (bit & 7);
    return { port: FABRIC.port, frame: damaged };
  });
  const out = await expectAllAccountedFor(frames);
  expect(out.flatMap(faultsOf)).toEqual([]);
});

test("oversized frames, up to the longest that IPv4 can name and beyond, are accounted for", async () => {
  const sizes = [
    9000, 9001, 16_384, 65_000, 65_535, 65_536, 65_549, 65_550, 65_553, 65_554, 70_000, 131_090, 200_000,
  ];
  const heads = [
    [...from(UPSTREAM), ...toService()],
    [...from(UPSTREAM), ...datagram(CLIENT, SERVER, 1, 2)],
    [...from(UPSTREAM), ...withFields(toService(), "ipv4", { totalLen: 65_535 })],
    [ethernet({ dst: GATEWAY_MAC, src: UPSTREAM.peer.mac, etherType: 0x86dd }), payload("")],
  ].map((layers) => build(layers));
  const frames = heads.flatMap((head) =>
    sizes.map((size) => {
      const frame = new Uint8Array(size);
      frame.set(head);
      return { port: UPSTREAM.port, frame };
    }),
  );
  const out = await expectAllAccountedFor(frames);
  expect(out.flatMap(faultsOf)).toEqual([]);
});

test("after all that the gateway still does what it should", async () => {
  const syn = toService();
  const bucket = bucketOf(0, syn);
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...syn], {
    port: ldOf(bucket).side.port,
    layers: toLd(ldOf(bucket), 0, bucket, syn, GATEWAY_MAC),
  });
});
