// Expressions as p4c writes them, what simple_switch makes of them (integers of any size), and what the emitted code does.
import { type EmitContext, emitReduced } from "../../src/emit/expressions.js";
import { Writer } from "../../src/emit/writer.js";
import { type ExprContext, toExpr } from "../../src/ir/expressions.js";
import { layOut } from "../../src/ir/layout.js";
import { lanesOf } from "../../src/ir/program.js";
import type { Bmv2Json, JsonValue } from "../../src/json/bmv2.js";
import * as arithmetic from "../../src/runtime/arithmetic.js";

/** A tree of the operators of BMv2's JSON. */
export type Tree =
  | { field: string }
  | { constant: bigint }
  | { op: string; left?: Tree; right?: Tree; cond?: Tree };

export interface TestField {
  name: string;
  bits: number;
  isSigned: boolean;
  value: bigint;
}

export function toJson(tree: Tree): JsonValue {
  if ("field" in tree) return { type: "field", value: ["h", tree.field] };
  if ("constant" in tree) {
    const { constant } = tree;
    return {
      type: "hexstr",
      value: constant < 0n ? `-0x${(-constant).toString(16)}` : `0x${constant.toString(16)}`,
    };
  }
  const side = (part: Tree | undefined) => (part === undefined ? null : toJson(part));
  const cond = tree.cond === undefined ? {} : { cond: toJson(tree.cond) };
  return {
    type: "expression",
    value: { op: tree.op, left: side(tree.left), right: side(tree.right), ...cond },
  };
}

/** The value that simple_switch computes. */
export function exactValue(tree: Tree, fields: ReadonlyMap<string, TestField>): bigint {
  if ("field" in tree) {
    const { value, bits, isSigned } = fields.get(tree.field)!;
    return isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  }
  if ("constant" in tree) return tree.constant;
  const left = () => exactValue(tree.left!, fields);
  const right = () => exactValue(tree.right!, fields);
  const clamp = (value: bigint, min: bigint, max: bigint) => (value < min ? min : value > max ? max : value);
  switch (tree.op) {
    case "+":
      return left() + right();
    case "-":
      return left() - right();
    case "*":
      return left() * right();
    case "&":
      return left() & right();
    case "|":
      return left() | right();
    case "^":
      return left() ^ right();
    case "~":
      return ~right();
    case "<<":
      return left() << right();
    case ">>":
      return left() >> right();
    case "==":
      return BigInt(left() === right());
    case "!=":
      return BigInt(left() !== right());
    case "<":
      return BigInt(left() < right());
    case ">":
      return BigInt(left() > right());
    case "<=":
      return BigInt(left() <= right());
    case ">=":
      return BigInt(left() >= right());
    case "and":
      return BigInt(left() !== 0n && right() !== 0n);
    case "or":
      return BigInt(left() !== 0n || right() !== 0n);
    case "not":
      return BigInt(right() === 0n);
    case "d2b":
      return BigInt(right() !== 0n);
    case "b2d":
      return right();
    case "?":
      return exactValue(tree.cond!, fields) !== 0n ? left() : right();
    case "two_comp_mod":
      return BigInt.asIntN(Number(right()), left());
    case "usat_cast":
      return clamp(left(), 0n, (1n << right()) - 1n);
    case "sat_cast":
      return clamp(left(), -(1n << (right() - 1n)), (1n << (right() - 1n)) - 1n);
    default:
      throw new Error(`no operator ${tree.op}`);
  }
}

/** A program of one header "h" with these fields, and nothing else. */
function jsonOf(fields: readonly TestField[]): Bmv2Json {
  return {
    header_types: [
      { name: "h_t", id: 0, fields: fields.map(({ name, bits, isSigned }) => [name, bits, isSigned]) },
    ],
    headers: [{ name: "h", id: 0, header_type: "h_t", metadata: false }],
    header_stacks: [],
    header_unions: [],
    header_union_stacks: [],
    header_union_types: [],
  } as unknown as Bmv2Json;
}

/** Compiles an expression and runs it. @returns what an unsigned field of `bits` then holds */
export function run(tree: Tree, fields: readonly TestField[], bits: number): bigint {
  const layout = layOut(jsonOf(fields));
  const context: ExprContext = { layout, params: [], source: undefined };
  const none = () => {
    throw new Error("neither parameters nor lookahead");
  };
  const out = new Writer();
  const emit: EmitContext = { out, param: none, lookahead: none };
  const lanes = emitReduced(toExpr(toJson(tree), context), bits, emit);
  const state = new Int32Array(layout.lanes);
  for (const { name, value } of fields) {
    const field = layout.field("h", name);
    if ("validLane" in field) throw new Error(`${name} is no field`);
    for (let i = 0; i < field.lanes; i++) {
      const part = BigInt.asUintN(field.bits, value) >> BigInt(32 * i);
      state[field.lane + i] = Number(BigInt.asIntN(32, part));
    }
  }
  const names = { S: state, V: new Uint8Array(0), ...scratch(), ...arithmetic };
  const source = `"use strict";\n${out.toString()}\nreturn [${lanes.join(", ")}];`;
  const result = new Function(...Object.keys(names), source)(...Object.values(names)) as number[];
  if (result.length !== lanesOf(bits) || result.some((lane) => lane !== (lane | 0) && lane !== lane >>> 0)) {
    throw new Error(`no lanes: ${result}`);
  }
  return result.reduce((sum, lane, i) => sum | (BigInt(lane >>> 0) << BigInt(32 * i)), 0n);
}

const scratch = () => ({ P: new Int32Array(130), X: new Int32Array(130), Y: new Int32Array(130) });
