// Expressions of the JSON -> expressions of the intermediate form, with the bounds of their exact values.
//
// BMv2 computes with integers of any size and sign, and p4c reduces them where P4's widths ask for it. So an expression here
// has an exact value, too, and bounds tell how large it can be; what could not be represented is refused.
import { type JsonExpression, type JsonValue, type SourceInfo, UnsupportedConstruct } from "../json/bmv2.js";
import { type Layout, strideOf } from "./layout.js";
import type { ActionParam, Expr, ExprNode, Field, Header, Stack } from "./program.js";

/** Wide enough for everything p4c makes of bit<128> and its products. */
const MAX_BITS = 2048;

export interface ExprContext {
  layout: Layout;
  params: readonly ActionParam[];
  source: SourceInfo | undefined;
}

function bitLength(value: bigint): number {
  return value === 0n ? 1 : value.toString(2).length;
}

export function isHeader(item: Field | Header): item is Header {
  return "validLane" in item;
}

function sized(node: ExprNode, bits: number, mayBeNegative: boolean): Expr {
  return { ...node, bits, mayBeNegative };
}

export function fieldExpr(item: Field | Header): Expr {
  if (isHeader(item)) return sized({ kind: "valid", header: item }, 1, false);
  return sized(
    { kind: "field", field: item },
    item.isSigned ? Math.max(1, item.bits - 1) : item.bits,
    item.isSigned,
  );
}

/** A field's bits as they are on the wire: what keys, hashes and checksums see. */
export function rawFieldExpr(item: Field | Header): Expr {
  return fieldExpr(isHeader(item) ? item : { ...item, isSigned: false });
}

/** Parses a hexadecimal constant; p4c writes negative ones with a sign in front. */
export function hexValue(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

export function constExpr(value: bigint): Expr {
  return sized({ kind: "const", value }, bitLength(value < 0n ? -value : value), value < 0n);
}

/**
 * Converts one value.
 *
 * @throws UnsupportedConstruct for what is not known, with its source line
 */
export function toExpr(json: JsonValue, context: ExprContext): Expr {
  const { layout, source } = context;
  switch (json.type) {
    case "field": {
      const [header, field] = json.value as [string, string];
      return fieldExpr(layout.field(header, field, source));
    }
    case "stack_field": {
      const [name, field] = json.value as [string, string];
      const stack = layout.stack(name, source);
      return elementExpr(stack, field, lastIndex(stack), context);
    }
    case "hexstr":
      return constExpr(hexValue(json.value as string));
    case "bool":
      return constExpr(json.value === true ? 1n : 0n);
    case "runtime_data":
    case "local": {
      const param = context.params[json.value as number];
      if (param === undefined) throw new UnsupportedConstruct(`parameter ${json.value}`, source);
      return sized({ kind: "param", lane: param.lane }, param.bits, false);
    }
    case "lookahead": {
      const [bitOffset, bits] = json.value as [number, number];
      return sized({ kind: "lookahead", bitOffset }, bits, false);
    }
    case "expression": {
      const inner = json.value as JsonExpression | JsonValue;
      return "op" in inner ? operation(inner, context) : toExpr(inner, context);
    }
    default:
      throw new UnsupportedConstruct(`a value of type "${json.type}" in an expression`, source);
  }
}

function lastIndex(stack: Stack): Expr {
  const count = sized({ kind: "stackCount", stack }, 32, false);
  return sized({ kind: "ring", op: "-", left: count, right: constExpr(1n) }, 33, true);
}

/** A field of the stack's element that `index` names; its validity when `fieldName` says so. */
function elementExpr(stack: Stack, fieldName: string, index: Expr, { layout, source }: ExprContext): Expr {
  const first = stack.elements[0]![0]!;
  const item = layout.field(first.name, fieldName, source);
  const field: Field = isHeader(item)
    ? {
        name: `${stack.name}[].$valid$`,
        bits: 1,
        lane: item.validLane,
        lanes: 1,
        bitOffset: 0,
        isSigned: false,
        header: first,
      }
    : item;
  const { bits, mayBeNegative } = fieldExpr(field);
  const node: ExprNode = {
    kind: "element",
    field,
    stride: strideOf(stack),
    size: stack.elements.length,
    index,
  };
  return sized(node, bits, mayBeNegative);
}

/** Unwraps the layers of "expression" that p4c puts around an operation. */
export function innerOperation(json: JsonValue | null): JsonExpression | undefined {
  let value: unknown = json;
  while (value !== null && typeof value === "object") {
    if ("op" in value) return value as JsonExpression;
    if ((value as JsonValue).type !== "expression") return undefined;
    value = (value as JsonValue).value;
  }
  return undefined;
}

/** `stack[index]`: the stack and its index. Undefined for anything else. */
export function toElement(
  json: JsonValue | null,
  context: ExprContext,
): { stack: Stack; index: Expr } | undefined {
  const operation = innerOperation(json);
  if (operation?.op !== "dereference_header_stack" || operation.left?.type !== "header_stack")
    return undefined;
  const stack = context.layout.stack(operation.left.value as string, context.source);
  return { stack, index: exact(toExpr(operation.right!, context), operation.op, context) };
}

/** `stack[index].field`. Undefined for anything else. */
export function toElementField(
  json: JsonValue,
  context: ExprContext,
): { stack: Stack; index: Expr; field: string } | undefined {
  if (json.type === "stack_field") {
    const [name, field] = json.value as [string, string];
    const stack = context.layout.stack(name, context.source);
    return { stack, index: lastIndex(stack), field };
  }
  const operation = innerOperation(json);
  if (operation?.op !== "access_field") return undefined;
  const element = toElement(operation.left, context);
  if (element === undefined) return undefined;
  const position = operation.right as unknown as number;
  return { ...element, field: context.layout.fieldName(element.stack.elements[0]![0]!, position) };
}

/** Fails unless the exact value of an operand can be known: order, equality and shifts to the right depend on all its bits. */
function exact(expr: Expr, op: string, { source }: ExprContext): Expr {
  if (expr.bits > MAX_BITS)
    throw new UnsupportedConstruct(`"${op}" on a value of more than ${MAX_BITS} bits`, source);
  return expr;
}

function operation(json: JsonExpression, context: ExprContext): Expr {
  const { op } = json;
  const { layout, source } = context;
  const left = () => toExpr(json.left!, context);
  const right = () => toExpr(json.right!, context);
  switch (op) {
    case "+":
    case "-":
    case "*":
    case "&":
    case "|":
    case "^":
      return ring(op, left(), right());
    case "~": {
      const value = right();
      return sized({ kind: "complement", right: value }, value.bits, true);
    }
    case "<<":
    case ">>":
      return shift(op, left(), right(), context);
    case "==":
    case "!=":
      return equality(op, json, context);
    case "<":
    case ">":
    case "<=":
    case ">=":
      return comparison(op, left(), right(), context);
    case "and":
    case "or":
      return logic(op, left(), right());
    case "not":
      return not(right());
    case "d2b": {
      const value = right();
      const isBit = value.bits === 1 && !value.mayBeNegative;
      return isBit ? value : comparison("!=", value, constExpr(0n), context);
    }
    case "b2d":
      return right();
    case "valid": {
      if (json.right?.type === "header")
        return fieldExpr(layout.header(json.right.value as string, context.source));
      const element = toElement(json.right, context);
      if (element === undefined) return right();
      return elementExpr(element.stack, "$valid$", element.index, context);
    }
    case "valid_union":
      return layout
        .union(json.right!.value as string, source)
        .map(fieldExpr)
        .reduce((any, member) => logic("or", any, member));
    case "?": {
      const [cond, a, b] = [exact(toExpr(json.cond!, context), op, context), left(), right()];
      const negative = a.mayBeNegative || b.mayBeNegative;
      return sized({ kind: "choose", cond, left: a, right: b }, Math.max(a.bits, b.bits), negative);
    }
    case "two_comp_mod": {
      const width = constWidth(right(), op, context);
      if (width < 2) throw new UnsupportedConstruct(`"${op}" to ${width} bit`, source);
      return sized({ kind: "signExtend", right: left() }, width - 1, true);
    }
    case "usat_cast": {
      const width = constWidth(right(), op, context);
      const node: ExprNode = {
        kind: "saturate",
        right: exact(left(), op, context),
        min: 0n,
        max: (1n << BigInt(width)) - 1n,
      };
      return sized(node, width, false);
    }
    case "sat_cast": {
      const width = constWidth(right(), op, context);
      const limit = 1n << BigInt(width - 1);
      const node: ExprNode = {
        kind: "saturate",
        right: exact(left(), op, context),
        min: -limit,
        max: limit - 1n,
      };
      return sized(node, width - 1, true);
    }
    case "access_field": {
      const element = toElementField({ type: "expression", value: json }, context);
      if (element === undefined)
        throw new UnsupportedConstruct(`the operator "${op}" on no element of a stack`, source);
      return elementExpr(element.stack, element.field, element.index, context);
    }
    case "last_stack_index":
      return lastIndex(layout.stack(json.right!.value as string, source));
    case "size_stack":
      return sized(
        { kind: "stackCount", stack: layout.stack(json.right!.value as string, source) },
        32,
        false,
      );
    default:
      throw new UnsupportedConstruct(`the operator "${op}"`, source);
  }
}

function constWidth(width: Expr, op: string, { source }: ExprContext): number {
  if (width.kind !== "const")
    throw new UnsupportedConstruct(`"${op}" to a width that is no constant`, source);
  return Number(width.value);
}

function logic(op: "and" | "or", left: Expr, right: Expr): Expr {
  return sized({ kind: "logic", op, left, right }, 1, false);
}

function not(right: Expr): Expr {
  return sized({ kind: "not", right }, 1, false);
}

function comparison(
  op: "==" | "!=" | "<" | ">" | "<=" | ">=",
  left: Expr,
  right: Expr,
  context: ExprContext,
): Expr {
  const node: ExprNode = {
    kind: "compare",
    op,
    left: exact(left, op, context),
    right: exact(right, op, context),
  };
  return sized(node, 1, false);
}

function equality(op: "==" | "!=", json: JsonExpression, context: ExprContext): Expr {
  const equal = equalParts(json, context);
  if (equal === undefined)
    return comparison(op, toExpr(json.left!, context), toExpr(json.right!, context), context);
  return op === "==" ? equal : not(equal);
}

/** Equality of what is no number: varbit fields, headers, unions. */
function equalParts({ left, right }: JsonExpression, context: ExprContext): Expr | undefined {
  const { layout, source } = context;
  const named = (type: string) => left?.type === type && right?.type === type;
  if (named("field")) {
    const a = layout.varbit(...(left!.value as [string, string]));
    const b = layout.varbit(...(right!.value as [string, string]));
    return a !== undefined && b !== undefined
      ? sized({ kind: "equalVarbits", left: a, right: b }, 1, false)
      : undefined;
  }
  if (named("header")) {
    return equalHeaders(
      layout.header(left!.value as string, source),
      layout.header(right!.value as string, source),
      context,
    );
  }
  if (named("header_union")) {
    const others = layout.union(right!.value as string, source);
    return layout
      .union(left!.value as string, source)
      .map((member, i) => equalHeaders(member, others[i]!, context))
      .reduce((any, member) => logic("or", any, member));
  }
  return undefined;
}

/** Both valid, and all fields equal: simple_switch finds no two invalid headers equal. */
function equalHeaders(a: Header, b: Header, context: ExprContext): Expr {
  let equal = logic("and", fieldExpr(a), fieldExpr(b));
  a.fields.forEach((field, i) => {
    equal = logic("and", equal, comparison("==", fieldExpr(field), fieldExpr(b.fields[i]!), context));
  });
  if (a.varbit === undefined || b.varbit === undefined) return equal;
  return logic("and", equal, sized({ kind: "equalVarbits", left: a.varbit, right: b.varbit }, 1, false));
}

function ring(op: "+" | "-" | "*" | "&" | "|" | "^", left: Expr, right: Expr): Expr {
  const node: ExprNode = { kind: "ring", op, left, right };
  const negative = left.mayBeNegative || right.mayBeNegative;
  const wider = Math.max(left.bits, right.bits);
  switch (op) {
    case "+":
      return sized(node, wider + 1, negative);
    case "-":
      return sized(node, wider + 1, true);
    case "*":
      return sized(node, left.bits + right.bits + (negative ? 1 : 0), negative);
    case "&": {
      // A mask bounds the result, however large (or negative) the other side is.
      const bounds = [left, right].filter((side) => !side.mayBeNegative).map((side) => side.bits);
      return sized(node, bounds.length > 0 ? Math.min(...bounds) : wider, bounds.length === 0);
    }
    default:
      return sized(node, wider, negative);
  }
}

function shift(op: "<<" | ">>", left: Expr, right: Expr, context: ExprContext): Expr {
  const distance = exact(right, op, context);
  if (distance.mayBeNegative)
    throw new UnsupportedConstruct(`"${op}" by a distance that may be negative`, context.source);
  if (op === ">>") {
    const bits = distance.kind === "const" ? Math.max(1, left.bits - Number(distance.value)) : left.bits;
    return sized(
      { kind: "shift", op, left: exact(left, op, context), right: distance },
      bits,
      left.mayBeNegative,
    );
  }
  const bits = distance.kind === "const" ? left.bits + Number(distance.value) : Number.POSITIVE_INFINITY;
  return sized({ kind: "shift", op, left, right: distance }, bits, left.mayBeNegative);
}
