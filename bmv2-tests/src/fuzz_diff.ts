#!/usr/bin/env node
// npm run fuzz:diff: random entries and frames for this program into the soft switch and into the real simple_switch_grpc, by
// the same P4Runtime calls and the same packet I/O service. Ends at the first difference, with how to see it again.
import { parseArgs } from "node:util";
import { EcmpGroup } from "./ecmp.js";
import { diffStates, firstDifference, stateOf, writeResults } from "./fuzz/compare.js";
import { EntryPlan } from "./fuzz/entries.js";
import { randomFrame } from "./fuzz/frames.js";
import { Random } from "./fuzz/random.js";
import { ECMP_GROUPS } from "./fuzz/world.js";
import { describeFrame } from "./packet/index.js";
import { readDropReasons } from "./pipeline.js";
import { isBmv2OnPath, type PortFrame, startTarget, type Target } from "./target/index.js";

const EPOCH_FRAMES = 2_000;
const CHANGES_PER_EPOCH = 60;

interface Options {
  frames: number;
  seed: number;
  /** Ends the run early, without a difference, when it takes longer. */
  seconds: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      frames: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      seconds: { type: "string", default: "900" },
    },
  });
  const options = {
    frames: Number(values.frames),
    seed: Number(values.seed),
    seconds: Number(values.seconds),
  };
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Error(`--${name} ${values[name as keyof typeof values]}: give a whole number`);
    }
  }
  return options;
}

type Pair = readonly [Target, Target];

/** The run ends by it. */
class Difference extends Error {
  /** Frames of the round that are needed to see it. */
  readonly frames: number;

  constructor(message: string, frames = EPOCH_FRAMES) {
    super(message);
    this.frames = frames;
  }
}

async function both<T>(pair: Pair, call: (target: Target) => Promise<T>): Promise<[T, T]> {
  return Promise.all([call(pair[0]), call(pair[1])]);
}

async function change(pair: Pair, plan: EntryPlan): Promise<void> {
  const updates = plan.changes(CHANGES_PER_EPOCH);
  const [a, b] = await both(pair, (target) => writeResults(target, updates));
  const at = a.findIndex((code, i) => code !== b[i]);
  if (at >= 0) {
    throw new Difference(
      `${updates[at]!.type} ${JSON.stringify(updates[at]!.entry)}\n` +
        `gives gRPC status ${a[at]} on ${pair[0].name}, ${b[at]} on ${pair[1].name}`,
    );
  }
}

async function compareFrames(pair: Pair, frames: readonly PortFrame[]): Promise<number> {
  const names = [pair[0].name, pair[1].name] as const;
  const [a, b] = await both(pair, (target) => target.injectAll(frames));
  const difference = firstDifference(names, a, b);
  if (difference !== undefined) {
    const frame = difference.index === undefined ? undefined : frames[difference.index];
    const input = frame === undefined ? "" : `frame into port ${frame.port}: ${describeFrame(frame.frame)}\n`;
    throw new Difference(
      `${input}${difference.lines.join("\n")}`,
      (difference.index ?? frames.length - 1) + 1,
    );
  }
  return a.frames.filter((out) => out.length > 0).length + a.packetIns.length;
}

async function compareStates(pair: Pair, frames: readonly PortFrame[]): Promise<void> {
  const names = [pair[0].name, pair[1].name] as const;
  const lines = diffStates(names, ...(await both(pair, stateOf)));
  if (lines.length === 0) return;
  throw new Difference(`${lines.slice(0, 20).join("\n")}\n${await culprit(pair, frames)}`);
}

/** Sends the frames once more, one by one, until the counters move apart again: that frame is the smallest way to see it. */
async function culprit(pair: Pair, frames: readonly PortFrame[]): Promise<string> {
  const drops = (target: Target) => target.control.readCounter("drops");
  const rise = async (target: Target, frame: PortFrame): Promise<string> => {
    const before = await drops(target);
    await target.inject(frame.port, frame.frame);
    return [...(await drops(target))]
      .filter(([index, { packets }]) => packets !== before.get(index)?.packets)
      .map(([index]) => `drops[${index}]`)
      .join();
  };
  for (const frame of frames) {
    const [a, b] = await both(pair, (target) => rise(target, frame));
    if (a !== b) {
      return (
        `frame into port ${frame.port}: ${describeFrame(frame.frame)}\n` +
        `${pair[0].name} counts ${a || "nothing"}, ${pair[1].name} ${b || "nothing"}`
      );
    }
  }
  return "no single frame of this round makes the drop counters differ";
}

async function run(pair: Pair, options: Options): Promise<void> {
  const random = new Random(options.seed);
  const plan = new EntryPlan(random);
  const entries = plan.first();
  const began = Date.now();
  await both(pair, async (target) => {
    await target.control.insert(...entries);
    for (const [id, nexthops] of ECMP_GROUPS) await new EcmpGroup(target.control, id, nexthops).insert();
  });
  console.log(`seed ${options.seed}: ${entries.length} entries`);
  let sent = 0;
  let came = 0;
  const seconds = () => (Date.now() - began) / 1000;
  try {
    while (sent < options.frames && seconds() < options.seconds) {
      if (sent > 0) await change(pair, plan);
      const count = Math.min(EPOCH_FRAMES, options.frames - sent);
      const frames = Array.from({ length: count }, () => randomFrame(random));
      came += await compareFrames(pair, frames);
      sent += count;
      await compareStates(pair, frames);
      if (sent % 20_000 === 0) console.log(`${sent} frames, ${came} came out, no difference`);
    }
  } catch (error) {
    if (error instanceof Difference) {
      const again = `npm run fuzz:diff -- --seed ${options.seed} --frames ${sent + error.frames}`;
      throw new Difference(
        `difference after ${sent + error.frames} frames:\n${error.message}\nagain: ${again}`,
      );
    }
    throw error;
  }
  const rate = Math.round(sent / seconds());
  console.log(
    `${sent} frames in ${seconds().toFixed(1)} s (${rate} frames/s through both): ${came} came out of each, equal; ` +
      "entries and counters equal",
  );
  await printDrops(pair[1]);
  if (sent < options.frames) {
    console.log(`ended after ${options.seconds} s (--seconds) before all ${options.frames} frames were sent`);
  }
}

/** How far the frames got: what was dropped for which reason. */
async function printDrops(target: Target): Promise<void> {
  const drops = await target.control.readCounter("drops");
  for (const [name, index] of readDropReasons()) {
    console.log(`  ${name.padEnd(22)} ${drops.get(index)?.packets ?? 0n}`);
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (!isBmv2OnPath()) {
    console.log("skipped: simple_switch_grpc is not on PATH");
    return 0;
  }
  const targets: Target[] = [];
  try {
    for (const name of ["softswitch", "bmv2"] as const) targets.push(await startTarget(name));
    await run([targets[0]!, targets[1]!], options);
    return 0;
  } catch (error) {
    console.error(error instanceof Difference ? error.message : error);
    return 1;
  } finally {
    for (const target of targets) await target.stop();
  }
}

process.exitCode = await main();
