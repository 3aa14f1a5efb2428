// Actions -> functions of (data, offset), and the primitives they share with the parser.
import type { Action, Field, Header, Primitive, Program } from "../ir/program.js";
import { lanesOf } from "../ir/program.js";
import { emitHash } from "./calculations.js";
import { type EmitContext, emitCondition, emitLanes, emitReduced } from "./expressions.js";
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

function zero(header: Header, out: Writer): void {
  for (const { lane, lanes } of header.fields) {
    for (let i = 0; i < lanes; i++) out.line(`S[${lane + i}] = 0;`);
  }
  if (header.varbit !== undefined) out.line(`S[${header.varbit.lengthLane}] = 0;`);
}

function copyVarbit(target: Header["varbit"], value: Header["varbit"], out: Writer): void {
  if (target === undefined || value === undefined) return;
  out.line(`S[${target.lengthLane}] = S[${value.lengthLane}];`);
  const end = `${value.byteOffset} + (S[${value.lengthLane}] >>> 3)`;
  out.line(`V.copyWithin(${target.byteOffset}, ${value.byteOffset}, ${end});`);
}

export function emitPrimitive(primitive: Primitive, context: PrimitiveContext): void {
  const { out, program } = context;
  const one = (expr: Parameters<typeof emitLanes>[0]) => emitLanes(expr, 1, context)[0]!;
  switch (primitive.op) {
    case "assign":
      store(primitive.target, emitReduced(primitive.value, primitive.target.bits, context), out);
      return;
    case "assignVarbit":
      copyVarbit(primitive.target, primitive.value, out);
      return;
    case "addHeader": {
      // A header that was not valid starts with zeros (simple_switch; P4 leaves it open).
      const { validLane } = primitive.header;
      out.block(`if (S[${validLane}] === 0)`, () => {
        zero(primitive.header, out);
        out.line(`S[${validLane}] = 1;`);
      });
      return;
    }
    case "removeHeader":
      out.line(`S[${primitive.header.validLane}] = 0;`);
      return;
    case "copyHeader": {
      const { target, value } = primitive;
      if (target === value) return;
      out.block(`if ((S[${target.validLane}] = S[${value.validLane}]) !== 0)`, () => {
        target.fields.forEach((field, i) => {
          for (let lane = 0; lane < field.lanes; lane++) {
            out.line(`S[${field.lane + lane}] = S[${value.fields[i]!.lane + lane}];`);
          }
        });
        copyVarbit(target.varbit, value.varbit, out);
      });
      return;
    }
    case "hash": {
      const hash = emitHash(primitive.calculation, context);
      const size =
        primitive.size.kind === "const"
          ? `${primitive.size.value || 1n}`
          : `((${one(primitive.size)} >>> 0) || 1)`;
      const value = out.keep(`(${hash} % ${size}) + (${one(primitive.base)} >>> 0)`);
      const { target } = primitive;
      const lanes = [`${value} | 0`, `${value} / 4294967296 | 0`].slice(0, target.lanes);
      const top = target.bits % 32;
      if (top !== 0 && target.lanes <= 2) lanes[lanes.length - 1] = `(${lanes.at(-1)}) & ${2 ** top - 1}`;
      store(target, [...lanes, ...Array<string>(target.lanes - lanes.length).fill("0")], out);
      return;
    }
    case "count": {
      const { size } = program.counters[primitive.counter]!;
      const index = out.keep(`${one(primitive.index)} >>> 0`);
      out.block(`if (${index} < ${size})`, () => {
        out.line(`C[${primitive.counter}][2 * ${index}] += 1;`);
        out.line(`C[${primitive.counter}][2 * ${index} + 1] += L[0];`);
      });
      return;
    }
    case "registerRead": {
      const { size, bits } = program.registers[primitive.register]!;
      const index = out.keep(`${one(primitive.index)} >>> 0`);
      const stride = lanesOf(bits);
      // Beyond its size a register is left unread, as in simple_switch.
      out.block(`if (${index} < ${size})`, () => {
        const lanes = Array.from({ length: primitive.target.lanes }, (_, lane) =>
          lane < stride ? `R[${primitive.register}][${index} * ${stride} + ${lane}]` : "0",
        );
        const top = primitive.target.bits % 32;
        if (top !== 0) lanes[lanes.length - 1] += ` & ${2 ** top - 1}`;
        store(primitive.target, lanes, out);
      });
      return;
    }
    case "registerWrite": {
      const { size, bits } = program.registers[primitive.register]!;
      const index = out.keep(`${one(primitive.index)} >>> 0`);
      const lanes = emitReduced(primitive.value, bits, context);
      out.block(`if (${index} < ${size})`, () => {
        lanes.forEach((lane, i) => {
          out.line(`R[${primitive.register}][${index} * ${lanes.length} + ${i}] = ${lane};`);
        });
      });
      return;
    }
    case "markToDrop":
      out.line(`S[${program.standard.get("egress_spec")!.lane}] = DROP_PORT;`);
      out.line(`S[${program.standard.get("mcast_grp")!.lane}] = 0;`);
      return;
    case "truncate":
      out.line(`L[1] = Math.min(L[1], ${one(primitive.bytes)} >>> 0);`);
      return;
    case "recirculate":
      out.line(`L[2] = ${primitive.fieldList + 1};`);
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
    case "nothing":
      return;
  }
}
