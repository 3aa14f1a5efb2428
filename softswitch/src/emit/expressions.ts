// Expressions -> JavaScript. A value is a list of lanes, each an expression that yields an int32; `lanesOf(bits)` of them hold
// an exact value, fewer hold it modulo 2^(32 * lanes).

import { type Expr, lanesOf } from "../ir/program.js";
import { UnsupportedConstruct } from "../json/bmv2.js";
import type { Writer } from "./writer.js";

export interface EmitContext {
  out: Writer;
  /** A lane of the running action's data. */
  param: (lane: number) => string;
  /** Bits of the packet behind the parser's cursor. */
  lookahead: (bitOffset: number, bits: number) => string;
}

function int32(value: bigint, lane: number): string {
  return `${Number(BigInt.asIntN(32, value >> BigInt(32 * lane)))}`;
}

const isAtom = (text: string) => /^(-?\d+|\w+|S\[\d+\])$/.test(text);

/** Keeps each lane under a name, unless it is one already. */
function keep(lanes: string[], context: EmitContext): string[] {
  return lanes.map((lane) => (isAtom(lane) && !lane.startsWith("S[") ? lane : context.out.keep(lane)));
}

/**
 * Emits an expression.
 *
 * @param lanes - how many lanes of the value are wanted
 */
export function emitLanes(expr: Expr, lanes: number, context: EmitContext): string[] {
  const each = (make: (lane: number) => string) => Array.from({ length: lanes }, (_, lane) => make(lane));
  switch (expr.kind) {
    case "field":
      return each((lane) => (lane < expr.field.lanes ? `S[${expr.field.lane + lane}]` : "0"));
    case "valid":
      return each((lane) => (lane === 0 ? `S[${expr.header.validLane}]` : "0"));
    case "const":
      return each((lane) => int32(expr.value, lane));
    case "param":
      return each((lane) => (lane < lanesOf(expr.bits) ? context.param(expr.lane + lane) : "0"));
    case "lookahead":
      return each((lane) => {
        const low = expr.bits - 32 * (lane + 1);
        return lane < lanesOf(expr.bits)
          ? context.lookahead(expr.bitOffset + Math.max(0, low), Math.min(32, 32 + low))
          : "0";
      });
    case "compare":
    case "logic":
    case "not":
      return each((lane) => (lane === 0 ? `(${emitCondition(expr, context)} ? 1 : 0)` : "0"));
    case "complement":
      return emitLanes(expr.right, lanes, context).map((lane) => `(~${lane})`);
    case "choose": {
      const condition = emitCondition(expr.cond, context);
      const cond = lanes > 1 ? context.out.keep(condition) : condition;
      const left = emitLanes(expr.left, lanes, context);
      const right = emitLanes(expr.right, lanes, context);
      return each((lane) => `(${cond} ? ${left[lane]} : ${right[lane]})`);
    }
    case "shift":
      return emitShift(expr, lanes, context);
    case "ring":
      return emitRing(expr, lanes, context);
  }
}

function emitRing(expr: Expr & { kind: "ring" }, lanes: number, context: EmitContext): string[] {
  const { op } = expr;
  if (op === "&" || op === "|" || op === "^") {
    // Lanes that a non-negative side of an "and" does not have are 0: the other side need not be computed there.
    const bounds = op === "&" ? [expr.left, expr.right].filter((side) => !side.mayBeNegative) : [];
    const known = Math.min(lanes, ...bounds.map((side) => lanesOf(side.bits)));
    const left = emitLanes(expr.left, known, context);
    const right = emitLanes(expr.right, known, context);
    return Array.from({ length: lanes }, (_, lane) =>
      lane < known ? `(${left[lane]} ${op} ${right[lane]})` : "0",
    );
  }
  const left = emitLanes(expr.left, lanes, context);
  const right = emitLanes(expr.right, lanes, context);
  if (lanes === 1) {
    return [op === "*" ? `Math.imul(${left[0]}, ${right[0]})` : `(${left[0]} ${op} ${right[0]} | 0)`];
  }
  if (op === "*") {
    if (lanes > 2) throw new UnsupportedConstruct("a product of more than 64 bits");
    context.out.line(`multiply64(${left[0]}, ${left[1]}, ${right[0]}, ${right[1]}, P);`);
    return [context.out.keep("P[0]"), context.out.keep("P[1]")];
  }
  let carry = "";
  return left.map((lane, i) => {
    const sum = context.out.keep(
      `(${lane} >>> 0) ${op} (${right[i]} >>> 0)${carry === "" ? "" : ` ${op} ${carry}`}`,
    );
    if (i + 1 < lanes)
      carry = context.out.keep(op === "+" ? `(${sum} > 4294967295 ? 1 : 0)` : `(${sum} < 0 ? 1 : 0)`);
    return context.out.keep(`${sum} | 0`);
  });
}

function emitShift(expr: Expr & { kind: "shift" }, lanes: number, context: EmitContext): string[] {
  const { op, left, right } = expr;
  if (right.kind !== "const") {
    const [distance] = keep(emitLanes(right, 1, context), context);
    const [value] = emitLanes(left, 1, context);
    const shifted = op === "<<" ? `${value} << ${distance}` : `(${value} >>> ${distance}) | 0`;
    return Array.from({ length: lanes }, (_, lane) =>
      lane === 0 ? `((${distance} >>> 0) > 31 ? 0 : ${shifted})` : "0",
    );
  }
  const whole = Number(right.value) >>> 5;
  const rest = Number(right.value) & 31;
  if (op === "<<") {
    const source = Math.max(0, lanes - whole);
    const value =
      rest === 0 ? emitLanes(left, source, context) : keep(emitLanes(left, source, context), context);
    return Array.from({ length: lanes }, (_, lane) => {
      const at = lane - whole;
      if (at < 0) return "0";
      if (rest === 0) return value[at]!;
      return at === 0
        ? `(${value[0]} << ${rest})`
        : `(${value[at]} << ${rest} | ${value[at - 1]} >>> ${32 - rest})`;
    });
  }
  const value = keep(emitLanes(left, lanesOf(left.bits), context), context);
  return Array.from({ length: lanes }, (_, lane) => {
    const low = value[lane + whole];
    const high = value[lane + whole + 1];
    if (low === undefined) return "0";
    if (rest === 0) return low;
    return high === undefined ? `(${low} >>> ${rest} | 0)` : `(${low} >>> ${rest} | ${high} << ${32 - rest})`;
  });
}

/** Emits an expression as a JavaScript condition: true when it is not 0. */
export function emitCondition(expr: Expr, context: EmitContext): string {
  switch (expr.kind) {
    case "compare":
      return emitCompare(expr, context);
    case "logic": {
      const left = emitCondition(expr.left, context);
      const right = emitCondition(expr.right, context);
      return `(${left} ${expr.op === "and" ? "&&" : "||"} ${right})`;
    }
    case "not":
      return `!${emitCondition(expr.right, context)}`;
    case "const":
      return expr.value === 0n ? "false" : "true";
    default:
      return `((${emitLanes(expr, lanesOf(expr.bits), context).join(" | ")}) !== 0)`;
  }
}

function emitCompare(expr: Expr & { kind: "compare" }, context: EmitContext): string {
  const { op } = expr;
  const bits = Math.max(expr.left.bits, expr.right.bits);
  const lanes = lanesOf(bits);
  let left = emitLanes(expr.left, lanes, context);
  let right = emitLanes(expr.right, lanes, context);
  if (op === "==" || op === "!=") {
    const equal = left.map((lane, i) => `${lane} === ${right[i]}`).join(" && ");
    return op === "==" ? `(${equal})` : `!(${equal})`;
  }
  if (bits < 32) return `(${left[0]} ${op} ${right[0]})`;
  if (lanes === 1) return `((${left[0]} >>> 0) ${op} (${right[0]} >>> 0))`;
  left = keep(left, context);
  right = keep(right, context);
  const strict = op.startsWith("<") ? "<" : ">";
  // From the most significant lane down; only the last one decides about equality.
  return left.reduce((below, lane, i) => {
    const here = (cmp: string) => `(${lane} >>> 0) ${cmp} (${right[i]} >>> 0)`;
    return i === 0 ? `(${here(op)})` : `(${here(strict)} || (${lane} === ${right[i]} && ${below}))`;
  }, "");
}

/** The lanes of an expression as a field of `bits` keeps them: reduced to its width. */
export function emitReduced(expr: Expr, bits: number, context: EmitContext): string[] {
  const lanes = emitLanes(expr, lanesOf(bits), context);
  const top = bits % 32;
  if (top === 0 || (!expr.mayBeNegative && expr.bits <= bits)) return lanes;
  const last = lanes.length - 1;
  lanes[last] = `(${lanes[last]} & ${2 ** top - 1})`;
  return lanes;
}
