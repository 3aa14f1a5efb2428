// The parser: a loop over numbered states.
import type { Header, ParserState, ParserStep, Program } from "../ir/program.js";
import { lanesOf } from "../ir/program.js";
import { emitPrimitive, type PrimitiveContext } from "./actions.js";
import { readBits } from "./bits.js";
import { emitCondition, emitLanes } from "./expressions.js";
import type { Writer } from "./writer.js";

/** P4_16's core errors, as p4c numbers them. */
const ERROR = { PacketTooShort: 1, HeaderTooShort: 4, ParserInvalidArgument: 6 } as const;

/**
 * Emits `parse(B, length)`: reads headers from the start of B. Leaves the number of bytes parsed in L[4].
 * Its result is the parser's error, 0 for none. An error ends the parse; what was extracted before stays.
 */
export function emitParser(program: Program, out: Writer): void {
  const code = (name: keyof typeof ERROR) => program.errors.get(name) ?? ERROR[name];
  const context: PrimitiveContext = {
    out,
    program,
    param: () => {
      throw new Error("no action data in the parser");
    },
    lookahead: (bitOffset, bits) => readBits("B", "p", bitOffset, bits),
  };
  out.block("function parse(B, length)", () => {
    out.line("let p = 0;");
    out.line(`let state = ${program.parser.start};`);
    out.line("let error = 0;");
    out.block("loop: for (;;) switch (state)", () => {
      program.parser.states.forEach((state, i) => {
        out.block(`case ${i}:`, () => emitState(state, context, code));
      });
      out.line("default: break loop;");
    });
    out.line("L[4] = p;");
    out.line("return error;");
  });
}

type Code = (name: keyof typeof ERROR) => number;

function emitState(state: ParserState, context: PrimitiveContext, code: Code): void {
  const { out } = context;
  const fail = (condition: string, error: string | number) =>
    out.line(`if (${condition}) { error = ${error}; break loop; }`);
  for (const step of state.steps) emitStep(step, context, code, fail);
  const ahead = state.keys.map((key) => (key.kind === "lookahead" ? key.bitOffset + key.bits : 0));
  if (Math.max(0, ...ahead) > 0) {
    fail(`p + ${(Math.max(...ahead) + 7) >> 3} > length`, code("PacketTooShort"));
  }
  const keys = state.keys.map((key) =>
    emitLanes(key, lanesOf(key.bits), context).map((lane) => out.keep(lane)),
  );
  const go = (next: number | undefined) =>
    next === undefined ? "break loop;" : `state = ${next}; continue;`;
  for (const { match, next } of state.transitions) {
    if (match === undefined) {
      out.line(go(next));
      return;
    }
    const tests = match.flatMap(({ value, mask }, k) =>
      keys[k]!.flatMap((lane, i) => {
        const part = (x: bigint) => Number(BigInt.asIntN(32, x >> BigInt(32 * i)));
        if (part(mask) === 0) return [];
        return [`(${lane} & ${part(mask)}) === ${part(value)}`];
      }),
    );
    out.line(tests.length === 0 ? go(next) : `if (${tests.join(" && ")}) { ${go(next)} }`);
    if (tests.length === 0) return;
  }
  out.line("break loop;");
}

function emitStep(
  step: ParserStep,
  context: PrimitiveContext,
  code: Code,
  fail: (condition: string, error: string | number) => void,
): void {
  const { out } = context;
  switch (step.op) {
    case "extract":
      fail(`p + ${step.header.bits >> 3} > length`, code("PacketTooShort"));
      emitFixed(step.header, out);
      out.line(`p += ${step.header.bits >> 3};`);
      return;
    case "extractVarbit": {
      const { header } = step;
      const varbit = header.varbit!;
      const bits = out.keep(emitLanes(step.bits, 1, context)[0]!);
      const fixed = header.bits >> 3;
      fail(`(${bits} & 7) !== 0`, code("ParserInvalidArgument"));
      fail(`p + ${fixed} + (${bits} >>> 3) > length`, code("PacketTooShort"));
      fail(`(${bits} >>> 0) > ${varbit.maxBits}`, code("HeaderTooShort"));
      emitFixed(header, out);
      out.line(`S[${varbit.lengthLane}] = ${bits};`);
      out.line(`V.set(B.subarray(p + ${fixed}, p + ${fixed} + (${bits} >>> 3)), ${varbit.byteOffset});`);
      out.line(`p += ${fixed} + (${bits} >>> 3);`);
      return;
    }
    case "verify":
      fail(`!${emitCondition(step.cond, context)}`, emitLanes(step.error, 1, context)[0]!);
      return;
    case "advance": {
      const bits = out.keep(emitLanes(step.bits, 1, context)[0]!);
      fail(`(${bits} & 7) !== 0`, code("ParserInvalidArgument"));
      fail(`p + (${bits} >>> 3) > length`, code("PacketTooShort"));
      out.line(`p += ${bits} >>> 3;`);
      return;
    }
    case "primitive": {
      const { primitive } = step;
      if (primitive.op === "assign" && primitive.value.kind === "lookahead") {
        const { bitOffset, bits } = primitive.value;
        fail(`p + ${(bitOffset + bits + 7) >> 3} > length`, code("PacketTooShort"));
      }
      emitPrimitive(primitive, context);
      return;
    }
  }
}

function emitFixed(header: Header, out: Writer): void {
  for (const { lane, lanes, bits, bitOffset } of header.fields) {
    for (let i = 0; i < lanes; i++) {
      const width = Math.min(32, bits - 32 * i);
      const from = bitOffset + bits - 32 * i - width;
      out.line(`S[${lane + i}] = ${readBits("B", "p", from, width)};`);
    }
  }
  out.line(`S[${header.validLane}] = 1;`);
}
