// Actions -> functions of (data, offset), and the primitives they share with the parser.
import { type Action, type Expr, type Field, lanesOf, type Primitive, type Program } from "../ir/program.js";
import { bigintLanes, emitHashPrimitive } from "./calculations.js";
import { type EmitContext, emitCondition, emitIndex, emitLanes, emitReduced } from "./expressions.js";
import { clearHeader, copyVarbit, emitSetValid, emitStackShift, lengthOf } from "./headers.js";
import type { Writer } from "./writer.js";

/** What primitives need to know of the program beyond their own operands. */
export interface PrimitiveContext extends EmitContext {
  program: Program;
}

export function actionName(action: Action): string {
  return `action${action.id}`;
}

export function emitAction(action: Action, program: Program, out: Writer): void {
  const context: PrimitiveContext = {
    out,
    program,
    param: (lane) => `D[o + ${lane}]`,
    lookahead: () => {
      throw new Error("no lookahead outside the parser");
    },
  };
  out.block(`function ${actionName(action)}(D, o)`, () => {
    const jumps = action.primitives.some(({ op }) => op === "jump" || op === "jumpIfZero");
    if (!jumps) {
      for (const primitive of action.primitives) emitPrimitive(primitive, context);
      return;
    }
    out.line("let pc = 0;");
    out.block("for (;;) switch (pc)", () => {
      action.primitives.forEach((primitive, i) => {
        out.block(`case ${i}:`, () => emitPrimitive(primitive, context));
      });
      out.line(`default: return;`);
    });
  });
}

/** Writes lanes to a field, all read before the first is written. */
export function store(target: Field, lanes: string[], out: Writer): void {
  const values =
    lanes.length === 1 ? lanes : lanes.map((lane) => (/^-?\d+$/.test(lane) ? lane : out.keep(lane)));
  values.forEach((value, i) => {
    out.line(`S[${target.lane + i}] = ${value};`);
  });
}

export function emitPrimitive(primitive: Primitive, context: PrimitiveContext): void {
  const { out, program } = context;
  const index = (expr: Expr) => emitIndex(expr, context);
  switch (primitive.op) {
    case "assign":
      store(primitive.target, emitReduced(primitive.value, primitive.target.bits, context), out);
      return;
    case "assignVarbit":
      copyVarbit(primitive.target, primitive.value, out);
      return;
    case "addHeader": {
      // A header that was not valid starts with zeros (simple_switch; P4 leaves it open).
      const { header } = primitive;
      out.block(`if (S[${header.validLane}] === 0)`, () => {
        clearHeader(header, out);
        emitSetValid(header, out);
        out.line(`L[5] += ${lengthOf(header)};`);
      });
      return;
    }
    case "removeHeader": {
      const { header } = primitive;
      out.block(`if (S[${header.validLane}] !== 0)`, () => {
        out.line(`S[${header.validLane}] = 0;`);
        out.line(`L[5] -= ${lengthOf(header)};`);
      });
      return;
    }
    case "copyHeader": {
      const { target, value } = primitive;
      if (target === value) return;
      out.block(`if ((S[${target.validLane}] = S[${value.validLane}]) !== 0)`, () => {
        emitSetValid(target, out);
        target.fields.forEach((field, i) => {
          for (let lane = 0; lane < field.lanes; lane++) {
            out.line(`S[${field.lane + lane}] = S[${value.fields[i]!.lane + lane}];`);
          }
        });
        copyVarbit(target.varbit, value.varbit, out);
      });
      return;
    }
    case "hash":
      store(primitive.target, emitHashPrimitive(primitive, context), out);
      return;
    case "random": {
      const wide = (expr: Expr) => {
        const [low, high] = emitLanes(expr, 2, context);
        return out.keep(`BigInt.asUintN(64, BigInt(${high}) << 32n | BigInt(${low} >>> 0))`);
      };
      const [low, high] = [wide(primitive.low), wide(primitive.high)];
      // With nothing to choose from, simple_switch leaves the field as it is.
      out.block(`if (${low} <= ${high})`, () => {
        const value = out.keep(`randomBetween(${low}, ${high})`);
        store(primitive.target, bigintLanes(value, primitive.target.bits), out);
      });
      return;
    }
    case "count": {
      const { size } = program.counters[primitive.counter]!;
      const cell = index(primitive.index);
      out.block(`if (${cell} < ${size})`, () => {
        out.line(`C[${primitive.counter}][2 * ${cell}] += 1;`);
        out.line(`C[${primitive.counter}][2 * ${cell} + 1] += L[0];`);
      });
      return;
    }
    case "registerRead": {
      const { size, bits } = program.registers[primitive.register]!;
      const cell = index(primitive.index);
      const stride = lanesOf(bits);
      // Beyond its size a register is left unread, as in simple_switch.
      out.block(`if (${cell} < ${size})`, () => {
        const lanes = Array.from({ length: primitive.target.lanes }, (_, lane) =>
          lane < stride ? `R[${primitive.register}][${cell} * ${stride} + ${lane}]` : "0",
        );
        const top = primitive.target.bits % 32;
        if (top !== 0) lanes[lanes.length - 1] += ` & ${2 ** top - 1}`;
        store(primitive.target, lanes, out);
      });
      return;
    }
    case "registerWrite": {
      const { size, bits } = program.registers[primitive.register]!;
      const cell = index(primitive.index);
      const lanes = emitReduced(primitive.value, bits, context);
      out.block(`if (${cell} < ${size})`, () => {
        lanes.forEach((lane, i) => {
          out.line(`R[${primitive.register}][${cell} * ${lanes.length} + ${i}] = ${lane};`);
        });
      });
      return;
    }
    case "markToDrop":
      out.line(`S[${program.standard.get("egress_spec")!.lane}] = DROP_PORT;`);
      out.line(`S[${program.standard.get("mcast_grp")!.lane}] = 0;`);
      return;
    case "truncate":
      out.line(`L[1] = Math.min(L[1], ${index(primitive.bytes)});`);
      return;
    case "recirculate":
      out.line(`L[2] = ${primitive.fieldList + 1};`);
      return;
    case "resubmit":
      out.line(`L[6] = ${primitive.fieldList + 1};`);
      return;
    case "clone":
      out.line(`L[7] = (${emitLanes(primitive.session, 1, context)[0]} & 0x7fff) + 1;`);
      out.line(`L[8] = ${primitive.fieldList + 1};`);
      return;
    case "digest":
      out.line(`L[4] = ${primitive.digest + 1};`);
      return;
    case "exit":
      out.line("L[3] = 1;");
      return;
    case "jump":
      out.line(`pc = ${primitive.to}; continue;`);
      return;
    case "jumpIfZero":
      out.line(`if (!${emitCondition(primitive.cond, context)}) { pc = ${primitive.to}; continue; }`);
      return;
    case "shiftStack":
      emitStackShift(primitive.stack, primitive.distance, out);
      return;
    case "copyCount":
      out.line(`S[${primitive.target.nextLane}] = S[${primitive.value.nextLane}];`);
      return;
    case "all":
      for (const part of primitive.primitives) emitPrimitive(part, context);
      return;
    case "oneOf": {
      const number = index(primitive.index);
      primitive.cases.forEach((part, i) => {
        out.block(`${i === 0 ? "" : "else "}if (${number} === ${i})`, () => emitPrimitive(part, context));
      });
      return;
    }
    case "nothing":
      return;
  }
}
