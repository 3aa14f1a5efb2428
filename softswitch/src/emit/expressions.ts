// Expressions -> JavaScript. A value is a list of lanes, each an expression that yields an int32, the least significant first.
// n lanes hold the value modulo 2^(32 * n), a negative one as two's complement; `exactLanes` of them hold it exactly.

import { type Expr, exactLanes, lanesOf } from "../ir/program.js";
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
    case "field": {
      const { field } = expr;
      const known = each((lane) => (lane < field.lanes ? `S[${field.lane + lane}]` : "0"));
      return field.isSigned ? extended(known.slice(0, field.lanes), field.bits, lanes) : known;
    }
    case "element":
      return emitElement(expr, lanes, context);
    case "valid":
      return each((lane) => (lane === 0 ? `S[${expr.header.validLane}]` : "0"));
    case "stackCount":
      return each((lane) => (lane === 0 ? `S[${expr.stack.nextLane}]` : "0"));
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
    case "equalVarbits":
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
    case "signExtend": {
      const bits = expr.bits + 1;
      return extended(emitLanes(expr.right, Math.min(lanes, lanesOf(bits)), context), bits, lanes);
    }
    case "saturate":
      return emitSaturated(expr, lanes, context);
  }
}

/** Two's complement of `bits` bits in as many lanes as it needs -> in `lanes` lanes. */
function extended(value: string[], bits: number, lanes: number): string[] {
  const last = lanesOf(bits) - 1;
  const unused = 32 * (last + 1) - bits;
  if (value.length > last && unused > 0) value[last] = `(${value[last]} << ${unused} >> ${unused})`;
  return Array.from({ length: lanes }, (_, lane) => (lane <= last ? value[lane]! : `(${value[last]} >> 31)`));
}

function emitElement(expr: Expr & { kind: "element" }, lanes: number, context: EmitContext): string[] {
  const { field, stride, size } = expr;
  const index = emitIndex(expr.index, context);
  const known = Array.from({ length: field.lanes }, (_, lane) =>
    context.out.keep(`${index} < ${size} ? S[${field.lane + lane} + ${stride} * ${index}] : 0`),
  );
  if (field.isSigned) return extended(known, field.bits, lanes);
  return Array.from({ length: lanes }, (_, lane) => known[lane] ?? "0");
}

/** Emits an index as a number that is 2^32 - 1 at least when the exact value is negative or does not fit into 32 bits. */
export function emitIndex(expr: Expr, context: EmitContext): string {
  const [low, ...high] = emitLanes(expr, exactLanes(expr), context);
  if (high.length === 0)
    return context.out.keep(expr.mayBeNegative ? `${low} < 0 ? 4294967295 : ${low}` : `${low} >>> 0`);
  return context.out.keep(`(${high.join(" | ")}) !== 0 ? 4294967295 : ${low} >>> 0`);
}

function emitSaturated(expr: Expr & { kind: "saturate" }, lanes: number, context: EmitContext): string[] {
  const { right, min, max } = expr;
  const known = Math.max(lanes, exactLanes(right), lanesOf(expr.bits + 1)) + 1;
  const value = keep(emitLanes(right, known, context), context);
  const limit = (bound: bigint) => Array.from({ length: known }, (_, lane) => int32(bound, lane));
  const below = context.out.keep(signedOrder(value, limit(min), "<"));
  const above = context.out.keep(signedOrder(value, limit(max), ">"));
  return Array.from(
    { length: lanes },
    (_, lane) => `(${below} ? ${int32(min, lane)} : ${above} ? ${int32(max, lane)} : ${value[lane]})`,
  );
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
    if (lanes === 2) {
      context.out.line(`multiply64(${left[0]}, ${left[1]}, ${right[0]}, ${right[1]}, P);`);
      return [context.out.keep("P[0]"), context.out.keep("P[1]")];
    }
    return throughScratch({ X: left, Y: right }, `multiplyWide(X, Y, ${lanes}, P)`, "P", context);
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

/** Calls a function of the runtime on lanes in scratch arrays. @returns the lanes that it left in `result` */
function throughScratch(
  operands: Record<string, string[]>,
  call: string,
  result: string,
  { out }: EmitContext,
): string[] {
  // Operands are read before the first is written: they may use the scratch arrays themselves.
  const kept = Object.entries(operands).map(([array, lanes]) => ({
    array,
    lanes: lanes.map((lane) => out.keep(lane)),
  }));
  for (const { array, lanes } of kept) {
    lanes.forEach((lane, i) => {
      out.line(`${array}[${i}] = ${lane};`);
    });
  }
  out.line(`${call};`);
  return kept[0]!.lanes.map((_, i) => out.keep(`${result}[${i}]`));
}

function emitShift(expr: Expr & { kind: "shift" }, lanes: number, context: EmitContext): string[] {
  const { op, left, right } = expr;
  // A shift to the left needs as many lanes as are wanted, one to the right all there are.
  const known = op === "<<" ? lanes : exactLanes(left);
  const fillOf = (value: string[]) => (left.mayBeNegative ? `(${value.at(-1)} >> 31)` : "0");
  const padded = (value: string[]) => {
    const fill = fillOf(value);
    return Array.from({ length: lanes }, (_, lane) => value[lane] ?? fill);
  };
  if (right.kind !== "const") {
    const distance = emitIndex(right, context);
    const value = keep(emitLanes(left, known, context), context);
    if (known === 1) {
      const fill = fillOf(value);
      const shift = op === "<<" ? "<<" : left.mayBeNegative ? ">>" : ">>>";
      const gone = op === "<<" ? "0" : fill;
      return padded([context.out.keep(`${distance} > 31 ? ${gone} : ${value[0]} ${shift} ${distance} | 0`)]);
    }
    const call =
      op === "<<"
        ? `shiftLeft(X, ${known}, ${distance})`
        : `shiftRight(X, ${known}, ${distance}, ${fillOf(value)})`;
    return padded(throughScratch({ X: value }, call, "X", context));
  }
  const whole = Number(right.value >> 5n);
  const rest = Number(right.value & 31n);
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
  const value = keep(emitLanes(left, known, context), context);
  const fill = fillOf(value);
  return Array.from({ length: lanes }, (_, lane) => {
    const low = value[lane + whole];
    const high = value[lane + whole + 1];
    if (low === undefined) return fill;
    if (rest === 0) return low;
    if (high !== undefined) return `(${low} >>> ${rest} | ${high} << ${32 - rest})`;
    return left.mayBeNegative ? `(${low} >> ${rest})` : `(${low} >>> ${rest} | 0)`;
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
    case "equalVarbits": {
      const { left, right } = expr;
      const bytes = (item: typeof left) => `${item.byteOffset}, S[${item.lengthLane}] >>> 3`;
      return `equalNumbers(V, ${bytes(left)}, ${bytes(right)})`;
    }
    default:
      return `((${emitLanes(expr, exactLanes(expr), context).join(" | ")}) !== 0)`;
  }
}

function emitCompare(expr: Expr & { kind: "compare" }, context: EmitContext): string {
  const { op } = expr;
  const isSigned = expr.left.mayBeNegative || expr.right.mayBeNegative;
  const bits = Math.max(expr.left.bits, expr.right.bits);
  const lanes = lanesOf(isSigned ? bits + 1 : bits);
  let left = emitLanes(expr.left, lanes, context);
  let right = emitLanes(expr.right, lanes, context);
  if (op === "==" || op === "!=") {
    const equal = left.map((lane, i) => `${lane} === ${right[i]}`).join(" && ");
    return op === "==" ? `(${equal})` : `!(${equal})`;
  }
  if (lanes === 1 && (isSigned || bits < 32)) return `(${left[0]} ${op} ${right[0]})`;
  if (lanes === 1) return `((${left[0]} >>> 0) ${op} (${right[0]} >>> 0))`;
  left = keep(left, context);
  right = keep(right, context);
  return isSigned ? signedOrder(left, right, op) : unsignedOrder(left, right, op);
}

type Order = "<" | ">" | "<=" | ">=";

/** From the most significant lane down; only the last one decides about equality. */
function unsignedOrder(left: readonly string[], right: readonly string[], op: Order): string {
  const strict = op.startsWith("<") ? "<" : ">";
  return left.reduce((below, lane, i) => {
    const here = (cmp: string) => `(${lane} >>> 0) ${cmp} (${right[i]} >>> 0)`;
    return i === 0 ? `(${here(op)})` : `(${here(strict)} || (${lane} === ${right[i]} && ${below}))`;
  }, "");
}

/** The same; the sign is in the most significant lane. */
function signedOrder(left: readonly string[], right: readonly string[], op: Order): string {
  const top = left.length - 1;
  if (top === 0) return `(${left[0]} ${op} ${right[0]})`;
  const strict = op.startsWith("<") ? "<" : ">";
  const rest = unsignedOrder(left.slice(0, top), right.slice(0, top), op);
  return `(${left[top]} ${strict} ${right[top]} || (${left[top]} === ${right[top]} && ${rest}))`;
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
