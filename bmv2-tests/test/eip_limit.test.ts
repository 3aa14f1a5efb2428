// `eip_limit`, `priority_port`: the bandwidth of an EIP by GCRA. With a rate so low that what leaks away during a test is
// less than half a packet, the number of packets that pass is exact.
import { describe, expect, test } from "vitest";
import { datagram, from, packetOf } from "../src/frames.js";
import { dropsSince, useGateway } from "../src/gateway.js";
import { build, ICMP, icmp, type Layer, payload, quote, tcp } from "../src/packet/index.js";
import { EIP_A, EIP_B, type Eip, fromVm, PRODUCT_ENTRIES, VERSIONS } from "../src/products.js";
import { CLIENT, entry, FABRIC, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);

/** The lowest rate there is: 2^32 - 1 times 2^-20 us, 4.1 ms a byte. */
const BYTE_TIME = 0xffffffff;
const PACKET_BYTES = 8000;
/** 32.8 s for one packet: a test that takes half of that has other troubles. */
const PACKET_US = (PACKET_BYTES * BYTE_TIME) / 2 ** 20;
/** After `n` packets without pause one more passes, but not two. */
const toleranceOf = (packets: number): number => Math.floor((packets + 0.5) * PACKET_US);

function sized(layers: Layer[], bytes = PACKET_BYTES): Layer[] {
  const missing = bytes - build(layers).length;
  return [...layers, payload(new Uint8Array(missing))];
}

const segment = (src: string, dst: string, srcPort: number, dstPort: number) =>
  sized(packetOf(src, dst, [tcp({ srcPort, dstPort })]));

/** Every test takes an EIP of its own: what passed before is in the register of its index. */
let nextIndex = 100;
async function freshEip(base: Eip, low: number, high: number, direction: "in" | "out" = "in"): Promise<Eip> {
  const eip = { ...base, index: nextIndex++ };
  await gateway().modify(
    entry.eipIn(UPSTREAM.networkId, eip.eip, {
      index: eip.index,
      vni: eip.vni,
      address: eip.address,
      mac: eip.mac,
      host: eip.host.vtep,
    }),
  );
  await gateway().insert(entry.eipLimit(eip.index, direction, BYTE_TIME, low, high));
  return eip;
}

/** Sends frames at one go. @returns for each whether it passed */
async function passes(port: number, frames: readonly (readonly Layer[])[]): Promise<boolean[]> {
  const gw = gateway();
  const before = await gw.drops();
  const { frames: out } = await gw.target.injectAll(frames.map((layers) => ({ port, frame: build(layers) })));
  const passed = out.map((frames) => frames.length === 1);
  const dropped = dropsSince(before, await gw.drops());
  const missing = BigInt(passed.filter((one) => !one).length);
  expect(dropped.RATE_LIMIT?.packets ?? 0n).toBe(missing);
  expect(Object.keys(dropped)).toEqual(missing > 0n ? ["RATE_LIMIT"] : []);
  return passed;
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe.each(VERSIONS)("$version", ({ client, a, b }) => {
  test("in: on its second pass a packet is measured by the same clock as on its first", async () => {
    const gw = gateway();
    // A rate that nothing here reaches, and a tolerance far below the time that the switch is up.
    await gw.insert(entry.eipLimit(a.index, "in", 1, 10_000, 10_000));
    const frames = [
      { port: UPSTREAM.port, layers: [...from(UPSTREAM), ...datagram(client, a.eip, 1, 2)] },
      { port: FABRIC.port, layers: fromVm(b, datagram(b.address, a.eip, 1, 2)) },
    ];
    for (const { port, layers } of [...frames, ...frames]) {
      expect((await gw.send(port, layers)).frames).toHaveLength(1);
    }
  });

  test("in: up to the tolerance packets pass, then none", async () => {
    const eip = await freshEip(a, toleranceOf(3), toleranceOf(3));
    const frame = [...from(UPSTREAM), ...segment(client, eip.eip, 40_000, 443)];
    const before = await gateway().eipCounters(eip.index);
    expect(await passes(UPSTREAM.port, times(8, frame))).toEqual([...times(4, true), ...times(4, false)]);
    const after = await gateway().eipCounters(eip.index);
    expect(after.in.packets - before.in.packets).toBe(4n); // what is dropped is not the EIP's traffic
  });

  test("out: the same, and each direction has its own limit", async () => {
    const eip = await freshEip(a, toleranceOf(1), toleranceOf(1), "out");
    const outward = fromVm(eip, segment(eip.address, client, 443, 40_000));
    expect(await passes(FABRIC.port, times(4, outward))).toEqual([true, true, false, false]);
    const inward = [...from(UPSTREAM), ...segment(client, eip.eip, 40_000, 443)];
    expect(await passes(UPSTREAM.port, times(4, inward))).toEqual(times(4, true));
  });
});

test("a dropped packet costs nothing: a small one still passes where large ones do not", async () => {
  const eip = await freshEip(EIP_A, toleranceOf(0), toleranceOf(0));
  const large = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 40_000, 443)];
  const small = [...from(UPSTREAM), ...datagram(CLIENT, eip.eip, 1, 2, "small")];
  const half = [
    ...from(UPSTREAM),
    ...sized(packetOf(CLIENT, eip.eip, [tcp({ srcPort: 1, dstPort: 2 })]), PACKET_BYTES / 4),
  ];
  // A quarter of a packet first; then ahead of time by 0.25: a large one passes (up to 0.5), after it nothing does.
  expect(await passes(UPSTREAM.port, [half, large, large, small, large])).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("however much low priority is dropped, high priority has what lies between the tolerances", async () => {
  const eip = await freshEip(EIP_A, toleranceOf(1), toleranceOf(3));
  await gateway().insert(entry.priorityPort(6, 22));
  const low = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 40_000, 443)];
  const high = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 40_000, 22)];
  expect(await passes(UPSTREAM.port, [...times(10, low), ...times(4, high), ...times(3, low)])).toEqual([
    ...[true, true, ...times(8, false)],
    ...[true, true, false, false],
    ...times(3, false),
  ]);
});

describe("the owner's port tells the class", () => {
  const classOf = async (direction: "in" | "out", frames: (eip: Eip) => Layer[][]) => {
    const eip = await freshEip(EIP_A, 0, toleranceOf(20), direction);
    await gateway().insert(entry.priorityPort(6, 22), entry.priorityPort(17, 3389));
    const port = direction === "in" ? UPSTREAM.port : FABRIC.port;
    const wrap = (packet: Layer[]) =>
      direction === "in" ? [...from(UPSTREAM), ...packet] : fromVm(eip, packet);
    const first = direction === "in" ? segment(CLIENT, eip.eip, 1, 1) : segment(eip.address, CLIENT, 1, 1);
    const [, ...rest] = await passes(port, [first, ...frames(eip)].map(wrap));
    return rest.map((passed) => (passed ? "high" : "low"));
  };

  test("in: the destination's", async () => {
    expect(
      await classOf("in", ({ eip }) => [
        segment(CLIENT, eip, 40_000, 22),
        segment(CLIENT, eip, 22, 40_000),
        datagram(CLIENT, eip, 40_000, 22, "another protocol"),
        datagram(CLIENT, eip, 40_000, 3389),
        packetOf(CLIENT, eip, [icmp({ type: ICMP.echoRequest }), payload("no port")]),
        packetOf(CLIENT, eip, [
          icmp({ type: ICMP.unreachable, code: 3 }),
          quote(packetOf(eip, CLIENT, [tcp({ srcPort: 22, dstPort: 40_000 })]), 8),
        ]),
      ]),
    ).toEqual(["high", "low", "low", "high", "low", "high"]);
  });

  test("out: the source's", async () => {
    expect(
      await classOf("out", ({ address }) => [
        segment(address, CLIENT, 22, 40_000),
        segment(address, CLIENT, 40_000, 22),
        datagram(address, CLIENT, 3389, 40_000),
      ]),
    ).toEqual(["high", "low", "high"]);
  });
});

test("an EIP without a limit, or of another index, is not limited", async () => {
  const eip = await freshEip(EIP_A, 0, 0);
  const limited = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 1, 2)];
  const other = [...from(UPSTREAM), ...segment(CLIENT, EIP_B.eip, 1, 2)];
  expect(await passes(UPSTREAM.port, [limited, limited, other, other, other])).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
});

test("at a rate that no test outruns everything passes", async () => {
  const eip = { ...EIP_B, index: nextIndex++ };
  const gw = gateway();
  await gw.modify(
    entry.eipIn(UPSTREAM.networkId, eip.eip, {
      index: eip.index,
      vni: eip.vni,
      address: eip.address,
      mac: eip.mac,
      host: eip.host.vtep,
    }),
  );
  await gw.insert(entry.eipLimit(eip.index, "in", 1, 1000, 1000));
  const frame = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 1, 2)];
  expect(await passes(UPSTREAM.port, times(40, frame))).toEqual(times(40, true));
});

test("a limit that is lifted limits no more, and one that is lowered counts what has passed", async () => {
  const gw = gateway();
  const eip = await freshEip(EIP_A, toleranceOf(10), toleranceOf(10));
  const frame = [...from(UPSTREAM), ...segment(CLIENT, eip.eip, 1, 2)];
  expect(await passes(UPSTREAM.port, times(3, frame))).toEqual(times(3, true));
  await gw.modify(entry.eipLimit(eip.index, "in", BYTE_TIME, toleranceOf(1), toleranceOf(1)));
  expect(await passes(UPSTREAM.port, [frame])).toEqual([false]);
  await gw.remove(entry.eipLimit(eip.index, "in", 0, 0, 0));
  expect(await passes(UPSTREAM.port, times(3, frame))).toEqual(times(3, true));
});

test("one frame for tshark", async () => {
  const frame = [...from(UPSTREAM), ...datagram(CLIENT, EIP_B.eip, 1, 2)];
  expect((await gateway().send(UPSTREAM.port, frame)).frames).toHaveLength(1);
});

tsharkDecodesAll(gateway);
