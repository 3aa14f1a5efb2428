// The switch of one test file: the standard gateway on it, what tests do to it, and what they expect of it.
import type { CounterValue, Entry } from "@sluice/controller/p4runtime";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { build, describeFrame, diffFrames, type Layer } from "./packet/index.js";
import { readDropReasons } from "./pipeline.js";
import { noteDrops, saveReached } from "./reached.js";
import { STANDARD_ENTRIES } from "./standard.js";
import { startTarget } from "./target/index.js";
import type { Outcome, PortFrame, Target } from "./target/target.js";

/** A frame by its layers, and the port it takes. */
export interface PortLayers {
  port: number;
  layers: readonly Layer[];
}

export interface PacketInLayers {
  ingressPort: number;
  networkId: number;
  layers: readonly Layer[];
}

const dropReasons = readDropReasons();

export class Gateway {
  readonly target: Target;
  /** Every frame that is as a correct sender would send it, and all that came out: what tshark is shown. */
  readonly goodFrames: Uint8Array[] = [];
  readonly #undo: (() => Promise<void>)[] = [];

  constructor(target: Target) {
    this.target = target;
  }

  // ---- Entries: changed for one test, put back after it ------------------------------------------------------------

  async insert(...entries: Entry[]): Promise<void> {
    await this.target.control.insert(...entries);
    this.#undo.push(() => this.target.control.delete(...entries));
  }

  async modify(...entries: Entry[]): Promise<void> {
    const before = await Promise.all(entries.map((entry) => this.#read(entry)));
    await this.target.control.modify(...entries);
    this.#undo.push(() => this.target.control.modify(...before));
  }

  /** Deletes entries of the standard set-up. */
  async remove(...entries: Entry[]): Promise<void> {
    const before = await Promise.all(entries.map((entry) => this.#read(entry)));
    await this.target.control.delete(...entries);
    this.#undo.push(() => this.target.control.insert(...before));
  }

  async #read(key: Entry): Promise<Entry> {
    const found = await this.target.control.readEntry(key);
    if (found === undefined) throw new Error(`no such entry: ${JSON.stringify(key)}`);
    const { counter: _, ...entry } = found;
    return entry;
  }

  async undo(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) await undo();
  }

  // ---- Counters ----------------------------------------------------------------------------------------------------

  drops(): Promise<Map<number, CounterValue>> {
    return this.target.control.readCounter("drops");
  }

  /** Both cells of an EIP's counter. */
  async eipCounters(index: number): Promise<{ in: CounterValue; out: CounterValue }> {
    const cells = await this.target.control.readCounter("eip_packets", [2 * index, 2 * index + 1]);
    return { in: cells.get(2 * index)!, out: cells.get(2 * index + 1)! };
  }

  /** The direct counter of one entry. */
  async counter(key: Entry): Promise<CounterValue> {
    const found = await this.target.control.readEntry(key);
    if (found?.counter === undefined) throw new Error(`no counter at ${JSON.stringify(key)}`);
    return found.counter;
  }

  // ---- Frames ------------------------------------------------------------------------------------------------------

  /** Sends a frame that is as a correct sender would send it. */
  async send(port: number, layers: readonly Layer[]): Promise<Outcome> {
    this.goodFrames.push(build(layers));
    return this.#inject(port, build(layers), true);
  }

  /** Sends a frame that is wrong on purpose. */
  sendBroken(port: number, frame: readonly Layer[] | Uint8Array): Promise<Outcome> {
    return this.#inject(port, frame instanceof Uint8Array ? frame : build(frame as Layer[]), false);
  }

  async #inject(port: number, frame: Uint8Array, good: boolean): Promise<Outcome> {
    const outcome = await this.target.inject(port, frame);
    if (good) {
      this.goodFrames.push(...outcome.frames.map((out) => out.frame));
      this.goodFrames.push(...outcome.packetIns.map((packetIn) => packetIn.frame));
    }
    return outcome;
  }

  /** Sends a frame and expects exactly these frames, and nothing for the controller. */
  async expectOut(port: number, layers: readonly Layer[], ...wanted: PortLayers[]): Promise<void> {
    expectFrames(await this.send(port, layers), wanted);
  }

  /** {@link expectOut} for a frame that is wrong on purpose and passes all the same. */
  async expectOutOfBroken(port: number, layers: readonly Layer[], ...wanted: PortLayers[]): Promise<void> {
    expectFrames(await this.sendBroken(port, layers), wanted);
  }

  /** Sends a frame and expects nothing but one packet-in. */
  async expectPunt(port: number, layers: readonly Layer[], wanted: PacketInLayers): Promise<void> {
    const { frames, packetIns } = await this.send(port, layers);
    expectFrames({ frames, packetIns: [] }, []);
    expect(packetIns.map(({ ingressPort, networkId }) => ({ ingressPort, networkId }))).toEqual([
      { ingressPort: wanted.ingressPort, networkId: wanted.networkId },
    ]);
    expectFrame(packetIns[0]!.frame, wanted.layers);
  }

  /**
   * Sends a frame and expects it to be dropped for exactly this reason: counted there by one packet and its bytes, by no other
   * reason, and nothing comes out.
   *
   * @param reason - as in p4src/drop_reasons.p4, without `DROP_`
   * @param frame - layers of a good frame, or the bytes of one that is wrong on purpose
   * @param growth - by how many bytes the frame has become longer when it is dropped on its second pass (hairpin)
   */
  async expectDrop(
    reason: string,
    port: number,
    frame: readonly Layer[] | Uint8Array,
    good = true,
    growth = 0,
  ): Promise<void> {
    const index = dropReasons.get(reason);
    if (index === undefined) throw new Error(`${reason} is no drop reason`);
    const bytes = frame instanceof Uint8Array ? frame : build(frame as Layer[]);
    if (good && !(frame instanceof Uint8Array)) this.goodFrames.push(bytes);
    const before = await this.drops();
    expectFrames(await this.target.inject(port, bytes), []);
    expect(dropsSince(before, await this.drops())).toEqual({
      [reason]: { packets: 1n, bytes: BigInt(bytes.length + growth) },
    });
  }
}

/** What the counter `drops` rose by, by reason; reasons that did not rise are left out. */
export function dropsSince(
  before: Map<number, CounterValue>,
  after: Map<number, CounterValue>,
): Record<string, CounterValue> {
  const names = new Map([...dropReasons].map(([name, index]) => [index, name]));
  return Object.fromEntries(
    [...after].flatMap(([index, now]) => {
      const then = before.get(index) ?? { packets: 0n, bytes: 0n };
      const rise = { packets: now.packets - then.packets, bytes: now.bytes - then.bytes };
      return rise.packets === 0n && rise.bytes === 0n ? [] : [[names.get(index) ?? `reason ${index}`, rise]];
    }),
  );
}

/** Compares what came out with what should have, field by field. */
export function expectFrames(outcome: Outcome, wanted: readonly PortLayers[]): void {
  const complaints: string[] = [];
  for (const packetIn of outcome.packetIns) {
    complaints.push(
      `unexpected packet-in from port ${packetIn.ingressPort}: ${describeFrame(packetIn.frame)}`,
    );
  }
  for (const [i, want] of wanted.entries()) {
    const got: PortFrame | undefined = outcome.frames[i];
    if (got === undefined) {
      complaints.push(
        `nothing came out; expected at port ${want.port}: ${describeFrame(build(want.layers))}`,
      );
      continue;
    }
    if (got.port !== want.port) complaints.push(`port: expected ${want.port}, got ${got.port}`);
    complaints.push(...diffFrames(build(want.layers), got.frame));
  }
  for (const extra of outcome.frames.slice(wanted.length)) {
    complaints.push(`unexpected frame at port ${extra.port}: ${describeFrame(extra.frame)}`);
  }
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
}

export function expectFrame(actual: Uint8Array, wanted: readonly Layer[]): void {
  const complaints = diffFrames(build(wanted), actual);
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
}

/**
 * Gives the tests of a file a switch with the standard entries (or others). Starts it before the first test, puts its entries
 * back after each, ends it after the last.
 */
export function useGateway(entries: readonly Entry[] = STANDARD_ENTRIES): () => Gateway {
  let gateway: Gateway | undefined;
  beforeAll(async () => {
    const target = await startTarget();
    gateway = new Gateway(target);
    await target.control.insert(...entries);
  });
  afterEach(() => gateway?.undo());
  afterAll(async () => {
    if (gateway?.target.name === "softswitch") {
      noteDrops(Object.keys(dropsSince(new Map(), await gateway.drops())));
      saveReached(expect.getState().testPath!);
    }
    await gateway?.target.stop();
  });
  return () => {
    if (gateway === undefined) throw new Error("the switch did not start");
    return gateway;
  };
}
