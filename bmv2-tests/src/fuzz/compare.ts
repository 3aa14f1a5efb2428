// What two switches hold and did, as text that can be compared and shown.

import type { EntryUpdate } from "@sluice/controller/p4runtime";
import { type CounterValue, describeAction, describeKey, P4RuntimeError } from "@sluice/controller/p4runtime";
import { describeFrame, diffFrames, hex } from "../packet/index.js";
import type { BatchOutcome, PacketIn, PortFrame, Target } from "../target/target.js";
import { EIP_INDEXES } from "./world.js";

/** The results of writes, one for each update: 0 or the gRPC status code. */
export async function writeResults(target: Target, updates: readonly EntryUpdate[]): Promise<number[]> {
  const codes = updates.map(() => 0);
  try {
    await target.control.write(updates);
  } catch (error) {
    if (!(error instanceof P4RuntimeError) || error.updates.length === 0) throw error;
    for (const { index, code } of error.updates) codes[index] = code;
  }
  return codes;
}

/** Every entry with its action and direct counter, every cell of `drops`, those of the EIPs: one line each. */
export async function stateOf(target: Target): Promise<Map<string, string>> {
  const state = new Map<string, string>();
  for await (const entry of target.control.read(undefined, { counters: true })) {
    state.set(describeKey(entry), `${describeAction(entry)}${counterText(entry.counter)}`);
  }
  for (const [index, value] of await target.control.readCounter("drops")) {
    state.set(`drops[${index}]`, counterText(value));
  }
  const cells = EIP_INDEXES.flatMap((eip) => [2 * eip, 2 * eip + 1]);
  for (const [index, value] of await target.control.readCounter("eip_packets", cells)) {
    state.set(`eip_packets[${index}]`, counterText(value));
  }
  return state;
}

function counterText(counter: CounterValue | undefined): string {
  return counter === undefined ? "" : ` ${counter.packets} packets ${counter.bytes} bytes`;
}

/** The lines in which two states differ. */
export function diffStates(
  names: readonly [string, string],
  a: Map<string, string>,
  b: Map<string, string>,
): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((key) =>
    a.get(key) === b.get(key)
      ? []
      : [`${key}: ${names[0]} ${a.get(key) ?? "has none"}, ${names[1]} ${b.get(key) ?? "has none"}`],
  );
}

export interface FrameDifference {
  /** Position in the batch, or undefined when only the packet-ins of the whole batch differ. */
  index: number | undefined;
  lines: string[];
}

/** The first difference of two outcomes of the same frames. */
export function firstDifference(
  names: readonly [string, string],
  a: BatchOutcome,
  b: BatchOutcome,
): FrameDifference | undefined {
  for (const [index, ofA] of a.frames.entries()) {
    const ofB = b.frames[index] ?? [];
    if (framesKey(ofA) !== framesKey(ofB)) return { index, lines: explain(names, ofA, ofB) };
  }
  const at = a.packetIns.findIndex((packetIn, i) => packetInKey(packetIn) !== packetInKey(b.packetIns[i]));
  if (at < 0 && a.packetIns.length === b.packetIns.length) return undefined;
  const which = at < 0 ? a.packetIns.length : at;
  return {
    index: undefined,
    lines: [
      `packet-in ${which}: ${names[0]} ${packetInText(a.packetIns[which])}`,
      `packet-in ${which}: ${names[1]} ${packetInText(b.packetIns[which])}`,
    ],
  };
}

function framesKey(frames: readonly PortFrame[]): string {
  return frames.map(({ port, frame }) => `${port}:${hex(frame)}`).join(" ");
}

function packetInKey(packetIn: PacketIn | undefined): string {
  return packetIn === undefined ? "" : `${packetIn.ingressPort}:${packetIn.networkId}:${hex(packetIn.frame)}`;
}

function packetInText(packetIn: PacketIn | undefined): string {
  if (packetIn === undefined) return "none";
  return `port ${packetIn.ingressPort}, network ${packetIn.networkId}, ${describeFrame(packetIn.frame)}`;
}

function explain(
  names: readonly [string, string],
  a: readonly PortFrame[],
  b: readonly PortFrame[],
): string[] {
  const [first, second] = [a[0], b[0]];
  if (a.length !== 1 || b.length !== 1 || first === undefined || second === undefined) {
    return [names[0], ...a.map(outText), names[1], ...b.map(outText)];
  }
  const ports =
    first.port === second.port ? [] : [`port: ${names[0]} ${first.port}, ${names[1]} ${second.port}`];
  return [`expected is ${names[1]}, got is ${names[0]}`, ...ports, ...diffFrames(second.frame, first.frame)];
}

function outText({ port, frame }: PortFrame): string {
  return `  out of port ${port}: ${describeFrame(frame)}`;
}
