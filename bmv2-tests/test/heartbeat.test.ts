// `ld_source` and the liveness registers: an LD is alive until the hold time after its last heartbeat, and a packet of a
// bucket whose primary is late goes to the backup. A hold time of 0 is over when the next frame comes; the longest one (71
// minutes) is not.
import { beforeEach, describe, expect, test } from "vitest";
import { bucketOf, from, packet, ping, toLd, toService, tunnelled } from "../src/frames.js";
import { dropsSince, type Gateway, useGateway } from "../src/gateway.js";
import {
  build,
  HEARTBEAT_PORT,
  type Heartbeat,
  heartbeat,
  type Layer,
  payload,
  udp,
  withFields,
} from "../src/packet/index.js";
import {
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  GATEWAY_MAC,
  LD1,
  LD2,
  type Ld,
  SERVICE_VIP,
  STANDARD_ENTRIES,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(STANDARD_ENTRIES);
const KEY = 0xdeadbeef;
const EPOCH = 7;
const LONG_US = 0xffffffff;
const GOING_DOWN = 1;

const client = toService();
const bucket = bucketOf(0, client);
const at = (ld: Ld) => ({ port: ld.side.port, layers: toLd(ld, 0, bucket, client, GATEWAY_MAC) });

/** Every test has an LD of its own, unheard of before, at LD 1's place; LD 2 is its backup. */
let nextLdId = 100;
let nextSequence = 1_000;
let primary: Ld;

const known = (holdUs: number, fields: { key?: number; epoch?: number; port?: number } = {}) =>
  entry.ldSource(
    { port: fields.port ?? FABRIC.port, networkId: FABRIC.networkId, vtep: LD1.vtep },
    { ldId: primary.id, key: fields.key ?? KEY, epoch: fields.epoch ?? EPOCH, holdUs },
  );

/** A heartbeat of the primary to the gateway's address in the fabric. */
function beat(fields: Partial<Heartbeat> = {}, src = primary.vtep): Layer[] {
  const whole = { key: KEY, ldId: primary.id, flags: 0, epoch: EPOCH, sequence: nextSequence++, ...fields };
  return packet(src, FABRIC.address, [
    udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }),
    heartbeat(whole),
  ]);
}

async function expectServedBy(ld: Ld): Promise<void> {
  await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...client], at(ld));
}

/** A heartbeat is consumed: nothing comes out, and nothing counts as a drop. */
async function hear(gw: Gateway, frame: readonly Layer[], port = FABRIC.port): Promise<void> {
  const before = await gw.drops();
  await gw.expectOut(port, frame);
  expect(dropsSince(before, await gw.drops())).toEqual({});
}

beforeEach(async () => {
  primary = { ...LD1, id: nextLdId++ };
  const gw = gateway();
  await gw.insert(entry.ld(primary.id, LD1.vtep, LD1.mac));
  await gw.modify(entry.bucket(CLUSTER, bucket, primary.id, LD2.id));
});

describe("who gets a packet", () => {
  test("an LD never heard of: the backup", async () => {
    await expectServedBy(LD2);
  });

  test("an LD heard of within its hold time: the primary", async () => {
    await gateway().insert(known(LONG_US));
    await hear(gateway(), [...from(FABRIC), ...beat()]);
    await expectServedBy(primary);
  });

  test("an LD whose hold time is over: the backup; with its next heartbeat: the primary again", async () => {
    const gw = gateway();
    await gw.insert(known(0));
    await hear(gw, [...from(FABRIC), ...beat()]);
    await expectServedBy(LD2);
    await gw.modify(known(LONG_US));
    await hear(gw, [...from(FABRIC), ...beat()]);
    await expectServedBy(primary);
  });

  test("an LD that says it is going down: the backup at once", async () => {
    const gw = gateway();
    await gw.insert(known(LONG_US));
    await hear(gw, [...from(FABRIC), ...beat()]);
    await expectServedBy(primary);
    await hear(gw, [...from(FABRIC), ...beat({ flags: GOING_DOWN })]);
    await expectServedBy(LD2);
  });

  test("a bucket without a backup: its LD, heard of or not", async () => {
    await gateway().modify(entry.bucket(CLUSTER, bucket, primary.id, 0));
    await expectServedBy(primary);
  });

  test("a late primary and a backup that is late, too: the backup", async () => {
    await gateway().insert(known(LONG_US));
    await expectServedBy(LD2);
  });

  test("the counter of the LD that got the packet counts", async () => {
    const gw = gateway();
    const of = async (ld: Ld) => (await gw.counter(entry.ld(ld.id, ld.vtep, ld.mac))).packets;
    const before = [await of(primary), await of(LD2)];
    await expectServedBy(LD2);
    expect([await of(primary), await of(LD2)]).toEqual([before[0]!, before[1]! + 1n]);
  });

  test("heartbeats are counted by their LD", async () => {
    const gw = gateway();
    await gw.insert(known(LONG_US));
    const frame = [...from(FABRIC), ...beat()];
    await hear(gw, frame);
    expect(await gw.counter(known(LONG_US))).toEqual({ packets: 1n, bytes: BigInt(build(frame).length) });
  });
});

describe("what is not believed changes nothing", () => {
  const expectIgnored = async (frame: Layer[], port = FABRIC.port) => {
    await gateway().expectDrop("HEARTBEAT", port, frame);
    await expectServedBy(LD2);
  };

  beforeEach(() => gateway().insert(known(LONG_US)));

  test("a wrong key", async () => {
    await expectIgnored([...from(FABRIC), ...beat({ key: KEY ^ 1 })]);
  });

  test("an older epoch, and a later one", async () => {
    await expectIgnored([...from(FABRIC), ...beat({ epoch: EPOCH - 1 })]);
    await expectIgnored([...from(FABRIC), ...beat({ epoch: EPOCH + 1 })]);
  });

  test("another LD's number", async () => {
    await expectIgnored([...from(FABRIC), ...beat({ ldId: LD2.id })]);
  });

  test("an address that is no LD's", async () => {
    await expectIgnored([...from(FABRIC), ...beat({}, "10.0.0.99")]);
  });

  test("another port than the LD's", async () => {
    await gateway().insert(entry.myAddress(FABRIC_TAGGED.networkId, FABRIC.address, FABRIC.mac));
    await expectIgnored([...from(FABRIC_TAGGED), ...beat()], FABRIC_TAGGED.port);
  });

  test("an upstream port", async () => {
    await gateway().insert(entry.myAddress(UPSTREAM.networkId, FABRIC.address, FABRIC.mac));
    await expectIgnored([...from(UPSTREAM), ...beat()], UPSTREAM.port);
  });

  test("a bad IPv4 checksum", async () => {
    const frame = [...from(FABRIC), ...withFields(beat(), "ipv4", { checksum: 0x1111 })];
    await gateway().expectDrop("IPV4_CHECKSUM", FABRIC.port, frame, false);
    await expectServedBy(LD2);
  });

  test("one that came inside a tunnel", async () => {
    const frame = [...from(FABRIC), ...tunnelled(0, withFields(beat(), "ipv4", { dst: "10.0.0.1" }))];
    const gw = gateway();
    await gw.insert(entry.discard(0, "10.0.0.1/32"));
    await gw.expectDrop("ROUTE_DISCARD", FABRIC.port, frame);
    await expectServedBy(LD2);
  });

  test("one of another length", async () => {
    for (const bytes of [19, 21]) {
      const short = packet(primary.vtep, FABRIC.address, [
        udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }),
        payload(new Uint8Array(bytes)),
      ]);
      await gateway().expectDrop("OWN_ADDRESS", FABRIC.port, [...from(FABRIC), ...short]);
    }
    await expectServedBy(LD2);
  });
});

describe("replays", () => {
  test("the same heartbeat again, or an older one, does not revive an LD that went down", async () => {
    const gw = gateway();
    await gw.insert(known(LONG_US));
    const [older, last] = [beat(), beat()];
    await hear(gw, [...from(FABRIC), ...last]);
    await hear(gw, [...from(FABRIC), ...beat({ flags: GOING_DOWN })]);
    await expectServedBy(LD2);
    for (const frame of [last, older]) {
      await gw.expectDrop("HEARTBEAT", FABRIC.port, [...from(FABRIC), ...frame]);
      await expectServedBy(LD2);
    }
  });

  test("the sequence is that of the LD: a new epoch does not start it again", async () => {
    const gw = gateway();
    await gw.insert(known(LONG_US));
    const sequence = nextSequence++;
    await hear(gw, [...from(FABRIC), ...beat({ sequence })]);
    await gw.modify(known(LONG_US, { epoch: EPOCH + 1 }));
    await gw.expectDrop("HEARTBEAT", FABRIC.port, [...from(FABRIC), ...beat({ sequence, epoch: EPOCH + 1 })]);
    await hear(gw, [...from(FABRIC), ...beat({ epoch: EPOCH + 1 })]);
  });

  test("a sequence of 0 is none", async () => {
    await gateway().insert(known(LONG_US));
    await gateway().expectDrop("HEARTBEAT", FABRIC.port, [...from(FABRIC), ...beat({ sequence: 0 })]);
  });
});

describe("the port is anybody's", () => {
  test("a datagram to a VIP, or through the gateway, with the heartbeats' port is not one", async () => {
    const gw = gateway();
    await gw.insert(entry.vip(0, "203.0.113.99", CLUSTER));
    for (const bytes of [0, 5, 20, 100]) {
      const datagram = packet(CLIENT, "203.0.113.99", [
        udp({ srcPort: 5000, dstPort: HEARTBEAT_PORT }),
        payload("x".repeat(bytes)),
      ]);
      const own = bucketOf(0, datagram);
      const ld = own % 2 === 0 ? LD1 : LD2;
      await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...datagram], {
        port: ld.side.port,
        layers: toLd(ld, 0, own, datagram, GATEWAY_MAC),
      });
    }
  });

  test("a known LD still pings the gateway and sends through it", async () => {
    const gw = gateway();
    await gw.insert(known(LONG_US));
    const { frames } = await gw.send(FABRIC.port, [...from(FABRIC), ...ping(LD1.vtep, FABRIC.address)]);
    expect(frames.map(({ port }) => port)).toEqual([FABRIC.port]);
    const answer = packet(SERVICE_VIP, CLIENT, [udp({ srcPort: 1, dstPort: 2 }), payload("direct")]);
    const out = await gw.send(FABRIC.port, [...from(FABRIC), ...tunnelled(0, answer)]);
    expect(out.frames.map(({ port }) => port)).toEqual([UPSTREAM.port]);
  });
});

tsharkDecodesAll(gateway);
