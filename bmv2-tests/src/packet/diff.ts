// Two frames, field by field: what a failed assertion shows.

import { build } from "./build.js";
import { equalBytes, hex } from "./bytes.js";
import { dissect } from "./dissect.js";
import type { Layer } from "./layers.js";

const HEX_FIELDS = new Set(["checksum", "etherType", "flags", "protocolType"]);

/** A frame's fields by name (`ipv4.ttl`, `inner ipv4.ttl`, …), in wire order, values as text. */
export function fieldsOf(frame: Uint8Array): Map<string, string> {
  const layers = dissect(frame);
  const correct = dissect(build(layers.map(withoutChecksum)));
  const seen = new Map<string, number>();
  const fields = new Map<string, string>();
  for (const [i, layer] of layers.entries()) {
    const before = seen.get(layer.kind) ?? 0;
    seen.set(layer.kind, before + 1);
    const name = "inner ".repeat(before) + layer.kind;
    for (const [field, value] of Object.entries(layer)) {
      if (field === "kind" || field === "inTunnel") continue;
      fields.set(`${name}.${field}`, valueText(field, value, layer, correct[i]));
    }
  }
  return fields;
}

function withoutChecksum(layer: Layer): Layer {
  if (!("checksum" in layer) || (layer.kind === "udp" && layer.checksum === 0)) return layer;
  const { checksum: _, ...rest } = layer;
  return rest as Layer;
}

function valueText(field: string, value: unknown, layer: Layer, correct: Layer | undefined): string {
  if (value instanceof Uint8Array) return `${hex(value)} (${value.length} bytes)`;
  if (typeof value !== "number") return String(value);
  const text = HEX_FIELDS.has(field) ? `0x${value.toString(16)}` : `${value}`;
  if (field !== "checksum" || correct === undefined || correct.kind !== layer.kind) return text;
  const wanted = (correct as { checksum: number }).checksum;
  return wanted === value ? text : `${text} (over these bytes it would be 0x${wanted.toString(16)})`;
}

/** One line a field that differs; empty when the frames are equal. */
export function diffFrames(expected: Uint8Array, actual: Uint8Array): string[] {
  if (equalBytes(expected, actual)) return [];
  const [want, got] = [fieldsOf(expected), fieldsOf(actual)];
  const lines: string[] = [];
  for (const name of new Set([...want.keys(), ...got.keys()])) {
    const [a, b] = [want.get(name), got.get(name)];
    if (a !== b) lines.push(`${name}: expected ${a ?? "no such field"}, got ${b ?? "no such field"}`);
  }
  return lines.length > 0 ? lines : [`expected ${hex(expected)}`, `got      ${hex(actual)}`];
}

/** The whole frame, one line a field: for frames that nobody expected. */
export function describeFrame(frame: Uint8Array): string {
  const fields = [...fieldsOf(frame)].map(([name, value]) => `    ${name}: ${value}`);
  return [`${frame.length} bytes ${hex(frame)}`, ...fields].join("\n");
}
