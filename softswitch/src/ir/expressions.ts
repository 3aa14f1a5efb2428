// Expressions of the JSON -> expressions of the intermediate form, with the bounds of their exact values.
//
// BMv2 computes with integers of any size and p4c reduces them by `& mask` where P4's widths ask for it. So an expression here
// has an exact value, too, and `bits` tells how large it can be; what could not be represented is refused.
import { type JsonExpression, type JsonValue, type SourceInfo, UnsupportedConstruct } from "../json/bmv2.js";
import type { ActionParam, Expr, ExprNode, Field, Header } from "./program.js";

/** Wide enough for everything p4c makes of bit<128> and its products. */
const MAX_BITS = 2048;

export interface Names {
  field(header: string, field: string, source?: SourceInfo): Field | Header;
  header(name: string, source?: SourceInfo): Header;
}

export interface ExprContext {
  names: Names;
  params: readonly ActionParam[];
  source: SourceInfo | undefined;
}

function bitLength(value: bigint): number {
  return value === 0n ? 1 : value.toString(2).length;
}

function isHeader(item: Field | Header): item is Header {
  return "validLane" in item;
}

export function fieldExpr(item: Field | Header): Expr {
  return isHeader(item)
    ? { kind: "valid", header: item, bits: 1, mayBeNegative: false }
    : { kind: "field", field: item, bits: item.bits, mayBeNegative: false };
}

/** Parses a hexadecimal constant; p4c writes negative ones with a sign in front. */
export function hexValue(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

export function constExpr(value: bigint): Expr {
  return {
    kind: "const",
    value,
    bits: bitLength(value < 0n ? -value : value),
    mayBeNegative: value < 0n,
  };
}

/**
 * Converts one value.
 *
 * @throws UnsupportedConstruct for what is not known, with its source line
 */
export function toExpr(json: JsonValue, context: ExprContext): Expr {
  switch (json.type) {
    case "field": {
      const [header, field] = json.value as [string, string];
      return fieldExpr(context.names.field(header, field, context.source));
    }
    case "hexstr":
      return constExpr(hexValue(json.value as string));
    case "bool":
      return constExpr(json.value === true ? 1n : 0n);
    case "runtime_data":
    case "local": {
      const param = context.params[json.value as number];
      if (param === undefined) throw new UnsupportedConstruct(`parameter ${json.value}`, context.source);
      return { kind: "param", lane: param.lane, bits: param.bits, mayBeNegative: false };
    }
    case "lookahead": {
      const [bitOffset, bits] = json.value as [number, number];
      return { kind: "lookahead", bitOffset, bits, mayBeNegative: false };
    }
    case "expression": {
      const inner = json.value as JsonExpression | JsonValue;
      return "op" in inner ? operation(inner, context) : toExpr(inner, context);
    }
    default:
      throw new UnsupportedConstruct(`a value of type "${json.type}" in an expression`, context.source);
  }
}

function sized(node: ExprNode, bits: number, mayBeNegative: boolean, context: ExprContext): Expr {
  if (bits > MAX_BITS) {
    throw new UnsupportedConstruct(`an intermediate value of more than ${MAX_BITS} bits`, context.source);
  }
  return { ...node, bits, mayBeNegative };
}

/** Fails unless the value of an operand is known exactly: order, equality and shifts to the right depend on all its bits. */
function exact(expr: Expr, op: string, context: ExprContext): Expr {
  if (expr.mayBeNegative) {
    throw new UnsupportedConstruct(`"${op}" on a value that may be negative`, context.source);
  }
  return expr;
}

function operation(json: JsonExpression, context: ExprContext): Expr {
  const { op } = json;
  const left = () => toExpr(json.left!, context);
  const right = () => toExpr(json.right!, context);
  switch (op) {
    case "+":
    case "-":
    case "*":
    case "&":
    case "|":
    case "^":
      return ring(op, left(), right(), context);
    case "~": {
      const value = right();
      return sized({ kind: "complement", right: value }, value.bits, true, context);
    }
    case "<<":
    case ">>":
      return shift(op, left(), right(), context);
    case "==":
    case "!=":
    case "<":
    case ">":
    case "<=":
    case ">=": {
      const [a, b] = [exact(left(), op, context), exact(right(), op, context)];
      return sized({ kind: "compare", op, left: a, right: b }, 1, false, context);
    }
    case "and":
    case "or":
      return sized({ kind: "logic", op, left: left(), right: right() }, 1, false, context);
    case "not":
      return sized({ kind: "not", right: right() }, 1, false, context);
    case "d2b":
    case "b2d":
      return json.right === null ? left() : right();
    case "valid":
      return right();
    case "?": {
      const [cond, a, b] = [toExpr(json.cond!, context), left(), right()];
      const negative = a.mayBeNegative || b.mayBeNegative;
      return sized({ kind: "choose", cond, left: a, right: b }, Math.max(a.bits, b.bits), negative, context);
    }
    default:
      throw new UnsupportedConstruct(`the operator "${op}"`, context.source);
  }
}

function ring(op: "+" | "-" | "*" | "&" | "|" | "^", left: Expr, right: Expr, context: ExprContext): Expr {
  const node: ExprNode = { kind: "ring", op, left, right };
  const negative = left.mayBeNegative || right.mayBeNegative;
  const wider = Math.max(left.bits, right.bits);
  switch (op) {
    case "+":
      return sized(node, wider + 1, negative, context);
    case "-":
      return sized(node, wider + 1, true, context);
    case "*":
      return sized(node, left.bits + right.bits, negative, context);
    case "&": {
      // A mask bounds the result, however large (or negative) the other side is.
      const bounds = [left, right].filter((side) => !side.mayBeNegative).map((side) => side.bits);
      return sized(node, bounds.length > 0 ? Math.min(...bounds) : wider, bounds.length === 0, context);
    }
    default:
      return sized(node, wider, negative, context);
  }
}

function shift(op: "<<" | ">>", left: Expr, right: Expr, context: ExprContext): Expr {
  exact(right, op, context);
  const node: ExprNode = { kind: "shift", op, left, right };
  if (right.kind === "const") {
    const distance = Number(right.value);
    if (op === "<<") return sized(node, left.bits + distance, left.mayBeNegative, context);
    return sized(
      { ...node, left: exact(left, op, context) },
      Math.max(1, left.bits - distance),
      false,
      context,
    );
  }
  if (right.bits > 32 || left.bits > 32) {
    throw new UnsupportedConstruct(`"${op}" by a variable distance on more than 32 bits`, context.source);
  }
  if (op === ">>") return sized({ ...node, left: exact(left, op, context) }, left.bits, false, context);
  // p4c reduces the result to the width of the left side; bits beyond 32 are all such a reduction can lose here.
  return sized(node, 32, true, context);
}
