// Headers as wholes: validity, lengths, varbit fields, stacks.
import type { Header, Stack, Varbit } from "../ir/program.js";
import type { Writer } from "./writer.js";

export function clearHeader({ fields, varbit }: Header, out: Writer): void {
  for (const { lane, lanes } of fields) {
    for (let i = 0; i < lanes; i++) out.line(`S[${lane + i}] = 0;`);
  }
  if (varbit === undefined) return;
  // Its length stays, as in simple_switch.
  const { byteOffset, lengthLane } = varbit;
  out.line(`V.fill(0, ${byteOffset}, ${byteOffset} + (S[${lengthLane}] >>> 3));`);
}

/** Of the members of a union at most one is valid. */
export function emitSetValid({ validLane, siblings }: Header, out: Writer): void {
  out.line(`S[${validLane}] = 1;`);
  for (const sibling of siblings) out.line(`S[${sibling.validLane}] = 0;`);
}

/** An expression for a header's bytes. */
export function lengthOf({ bits, varbit }: Header): string {
  return varbit === undefined ? `${bits >> 3}` : `${bits >> 3} + (S[${varbit.lengthLane}] >>> 3)`;
}

export function copyVarbit(target: Varbit | undefined, value: Varbit | undefined, out: Writer): void {
  if (target === undefined || value === undefined) return;
  out.line(`S[${target.lengthLane}] = S[${value.lengthLane}];`);
  const end = `${value.byteOffset} + (S[${value.lengthLane}] >>> 3)`;
  out.line(`V.copyWithin(${target.byteOffset}, ${value.byteOffset}, ${end});`);
}

/** Lanes of a header: its validity, its fields, the length of its varbit field. */
function lanesOfHeader({ validLane, fields, varbit }: Header): number[] {
  return [
    validLane,
    ...fields.flatMap(({ lane, lanes }) => Array.from({ length: lanes }, (_, i) => lane + i)),
    ...(varbit === undefined ? [] : [varbit.lengthLane]),
  ];
}

/** push_front (a positive distance) and pop_front: P4_16, section 8.18. What comes in is not valid. */
export function emitStackShift({ elements, nextLane }: Stack, distance: number, out: Writer): void {
  const size = elements.length;
  const order = Array.from({ length: size }, (_, i) => (distance > 0 ? size - 1 - i : i));
  for (const to of order) {
    const [target, value] = [elements[to]![0]!, elements[to - distance]?.[0]];
    if (value === undefined) {
      out.line(`S[${target.validLane}] = 0;`);
      continue;
    }
    const from = lanesOfHeader(value);
    lanesOfHeader(target).forEach((lane, i) => {
      out.line(`S[${lane}] = S[${from[i]}];`);
    });
    copyVarbit(target.varbit, value.varbit, out);
  }
  const count = `S[${nextLane}] + ${distance}`;
  out.line(`S[${nextLane}] = ${distance > 0 ? `Math.min(${size}, ${count})` : `Math.max(0, ${count})`};`);
}
