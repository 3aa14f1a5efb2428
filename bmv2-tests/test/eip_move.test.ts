// An EIP moves from one VM to another by one write, while packets go both ways: each is the old VM's or the new one's, whole, and
// once one is the new VM's none is the old one's any more.
import { describe, expect, test } from "vitest";
import { datagram, from, hopped, to } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import { build, diffFrames, type Layer } from "../src/packet/index.js";
import {
  bindingOf,
  type Eip,
  fromVm,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import { FABRIC, UPSTREAM } from "../src/standard.js";
import type { PortFrame } from "../src/target/target.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const FRAMES = 200;
const ROUNDS = 4;

describe.each(VERSIONS)("$version", ({ version, client, a, b }) => {
  /** Everything about it differs from the first VM: a mixture of both would show. */
  const moved: Eip = {
    ...b,
    eip: a.eip,
    index: a.index,
    address: version === "IPv4" ? "172.31.0.9" : "fd00:9::9",
  };
  const inward = datagram(client, a.eip, 1000, 2000);
  const outward = (vm: Eip) => datagram(vm.address, client, 2000, 1000);
  const many = (port: number, layers: readonly Layer[]): PortFrame[] =>
    Array.from({ length: FRAMES }, () => ({ port, frame: build(layers) }));
  const isFrame = (frame: PortFrame | undefined, port: number, layers: readonly Layer[]) =>
    frame?.port === port && diffFrames(build(layers), frame.frame).length === 0;

  /** What became of each frame: the name of the outcome it is equal to. */
  async function outcomes(
    frames: PortFrame[],
    named: Record<string, { port: number; layers: readonly Layer[] }>,
  ): Promise<string[]> {
    const sent = await gateway().target.injectAll(frames);
    expect(sent.packetIns).toEqual([]);
    return sent.frames.map((out) => {
      if (out.length === 0) return "dropped";
      const name = Object.keys(named).find((key) => isFrame(out[0], named[key]!.port, named[key]!.layers));
      return out.length === 1 && name !== undefined ? name : "something else";
    });
  }
  /** The names in the order in which they came, each once for as long as it lasted. */
  const runs = (names: readonly string[]) => names.filter((name, i) => name !== names[i - 1]);

  async function whileMoving(send: () => Promise<string[]>): Promise<string[]> {
    const gw = gateway();
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const before = await send();
      const [during] = await Promise.all([send(), gw.target.control.modify(bindingOf(moved))]);
      const after = await send();
      const names = runs([...before, ...during, ...after]);
      seen.add(names.join(", "));
      await gw.target.control.modify(bindingOf(a));
    }
    return [...seen];
  }

  test("in: first the old VM's, then the new one's", async () => {
    const gw = gateway();
    await gw.insert(sourceOf(moved));
    const named = {
      old: { port: FABRIC.port, layers: toVm(a, inward) },
      new: { port: FABRIC.port, layers: toVm(moved, inward) },
    };
    const frames = many(UPSTREAM.port, [...from(UPSTREAM), ...inward]);
    expect(await whileMoving(() => outcomes(frames, named))).toEqual(["old, new"]);
  });

  test.each([
    ["old", a, "as the EIP, dropped"],
    ["new", moved, "dropped, as the EIP"],
  ] as const)("out: the %s VM's", async (_name, vm, wanted) => {
    const gw = gateway();
    await gw.insert(sourceOf(moved));
    const packet = outward(vm);
    const named = {
      "as the EIP": {
        port: UPSTREAM.port,
        layers: [...to(UPSTREAM), ...hopped(translated(packet, { src: a.eip }))],
      },
    };
    const frames = many(FABRIC.port, fromVm(vm, packet));
    expect(await whileMoving(() => outcomes(frames, named))).toEqual([wanted]);
  });

  test("one frame for tshark", async () => {
    const { frames } = await gateway().send(UPSTREAM.port, [...from(UPSTREAM), ...inward]);
    expect(frames).toHaveLength(1);
  });
});

tsharkDecodesAll(gateway);
