// The parser: a function for each state, and a loop over their numbers. One function for all would be more than V8 optimises.
import { type Header, lanesOf, type ParserState, type ParserStep, type Program } from "../ir/program.js";
import { emitPrimitive, type PrimitiveContext } from "./actions.js";
import { readBits } from "./bits.js";
import { emitCondition, emitIndex, emitLanes } from "./expressions.js";
import { emitSetValid } from "./headers.js";
import type { Writer } from "./writer.js";

/** P4_16's core errors, as p4c numbers them. */
const ERROR = {
  PacketTooShort: 1,
  StackOutOfBounds: 3,
  HeaderTooShort: 4,
  ParserInvalidArgument: 6,
} as const;

/** What a state's function returns when the parser ends. */
const END = -1;

/**
 * Emits `parse(B, length)`: reads headers from the start of B; what follows them becomes the payload. Its result
 * is the parser's error, 0 for none. An error ends the parse; what was extracted before stays.
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
  const { states, start } = program.parser;
  out.line("let parserError = 0;");
  states.forEach((state, i) => {
    out.block(`function state${i}(B, length)`, () => {
      out.line("let p = F0;");
      emitState(state, context, code);
    });
  });
  out.block("function parse(B, length)", () => {
    out.line("F = B; F0 = 0; F1 = length;");
    out.line("parserError = 0;");
    out.line(`let state = ${start};`);
    out.block("for (;;) switch (state)", () => {
      states.forEach((_, i) => {
        out.line(`case ${i}: state = state${i}(B, length); break;`);
      });
      out.line("default: return parserError;");
    });
  });
}

type Code = (name: keyof typeof ERROR) => number;

function emitState(state: ParserState, context: PrimitiveContext, code: Code): void {
  const { out } = context;
  const fail = (condition: string, error: string | number) =>
    out.line(`if (${condition}) { parserError = ${error}; F0 = p; return ${END}; }`);
  for (const step of state.steps) emitStep(step, context, code, fail);
  const ahead = state.keys.map((key) => (key.kind === "lookahead" ? key.bitOffset + key.bits : 0));
  if (Math.max(0, ...ahead) > 0) {
    fail(`p + ${(Math.max(...ahead) + 7) >> 3} > length`, code("PacketTooShort"));
  }
  const keys = state.keys.map((key) =>
    emitLanes(key, lanesOf(key.bits), context).map((lane) => out.keep(lane)),
  );
  out.line("F0 = p;");
  const go = (next: number | undefined) => `return ${next ?? END};`;
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
  out.line(`return ${END};`);
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
      const bits = emitIndex(step.bits, context);
      const fixed = header.bits >> 3;
      fail(`(${bits} & 7) !== 0`, code("ParserInvalidArgument"));
      fail(`p + ${fixed} + (${bits} >>> 3) > length`, code("PacketTooShort"));
      fail(`${bits} > ${varbit.maxBits}`, code("HeaderTooShort"));
      emitFixed(header, out);
      out.line(`S[${varbit.lengthLane}] = ${bits};`);
      out.line(`V.set(B.subarray(p + ${fixed}, p + ${fixed} + (${bits} >>> 3)), ${varbit.byteOffset});`);
      out.line(`p += ${fixed} + (${bits} >>> 3);`);
      return;
    }
    case "extractNext": {
      const { nextLane, elements } = step.stack;
      fail(`S[${nextLane}] >= ${elements.length}`, code("StackOutOfBounds"));
      const next = out.keep(`S[${nextLane}]`);
      step.steps.forEach((part, i) => {
        out.block(`${i === 0 ? "" : "else "}if (${next} === ${i})`, () =>
          emitStep(part, context, code, fail),
        );
      });
      out.line(`S[${nextLane}] = ${next} + 1;`);
      return;
    }
    case "verify":
      fail(`!${emitCondition(step.cond, context)}`, emitLanes(step.error, 1, context)[0]!);
      return;
    case "advance": {
      const bits = emitIndex(step.bits, context);
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
  emitSetValid(header, out);
}
