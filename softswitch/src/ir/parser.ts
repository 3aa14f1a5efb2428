// The parser's states.
import {
  type Bmv2Json,
  type JsonParserOp,
  type JsonPrimitive,
  type JsonTransition,
  type JsonValue,
  UnsupportedConstruct,
} from "../json/bmv2.js";
import { type Resources, toPrimitive } from "./actions.js";
import { constExpr, type ExprContext, toExpr } from "./expressions.js";
import type { Expr, ParserState, ParserStep, Program, Transition } from "./program.js";

export function buildParser(json: Bmv2Json, resources: Resources): Program["parser"] {
  const parser = json.parsers.find(({ name }) => name === "parser") ?? json.parsers[0];
  if (parser === undefined) throw new Error("the program has no parser");
  const numbers = new Map(parser.parse_states.map(({ name }, i) => [name, i]));
  const states = parser.parse_states.map((state): ParserState => {
    const context: ExprContext = { names: resources.layout, params: [], source: undefined };
    const keys = state.transition_key.map((key) => toKey(key, context, state.name));
    return {
      name: state.name,
      steps: state.parser_ops.map((op) => toStep(op, context, resources, state.name)),
      keys,
      transitions: state.transitions.map((item) => toTransition(item, keys, numbers, state.name)),
    };
  });
  const start = numbers.get(parser.init_state);
  if (start === undefined) throw new Error(`the parser has no state "${parser.init_state}"`);
  return { states, start };
}

function toKey(key: JsonValue, context: ExprContext, state: string): Expr {
  if (key.type !== "field" && key.type !== "lookahead") {
    throw new UnsupportedConstruct(`a "${key.type}" as select key of parser state "${state}"`);
  }
  return toExpr(key, context);
}

function toStep(
  { op, parameters }: JsonParserOp,
  context: ExprContext,
  resources: Resources,
  state: string,
): ParserStep {
  const { layout } = resources;
  const value = (i: number) => parameters[i] as JsonValue;
  switch (op) {
    case "extract":
    case "extract_VL": {
      if (value(0).type !== "regular") {
        throw new UnsupportedConstruct(`extraction into a "${value(0).type}" in parser state "${state}"`);
      }
      const header = layout.header(value(0).value as string);
      return op === "extract"
        ? { op: "extract", header }
        : { op: "extractVarbit", header, bits: toExpr(value(1), context) };
    }
    case "set":
      return {
        op: "primitive",
        primitive: toPrimitive({ op: "assign", parameters: parameters as JsonValue[] }, [], resources),
      };
    case "primitive":
      return { op: "primitive", primitive: toPrimitive(parameters[0] as JsonPrimitive, [], resources) };
    case "verify":
      return { op: "verify", cond: toExpr(value(0), context), error: toExpr(value(1), context) };
    case "shift":
      return { op: "advance", bits: constExpr(BigInt(parameters[0] as number) * 8n) };
    case "advance":
      return { op: "advance", bits: toExpr(value(0), context) };
    default:
      throw new UnsupportedConstruct(`the parser operation "${op}" in parser state "${state}"`);
  }
}

/** A transition's value is the keys one after the other, each in whole bytes. */
function toTransition(
  { type, value, mask, next_state }: JsonTransition,
  keys: readonly Expr[],
  numbers: ReadonlyMap<string, number>,
  state: string,
): Transition {
  const next = next_state === null ? undefined : numbers.get(next_state);
  if (type === "default") return { match: undefined, next };
  if (type !== "hexstr") {
    throw new UnsupportedConstruct(`a "${type}" transition in parser state "${state}"`);
  }
  let rest = BigInt(value!);
  let restMask = mask === null ? -1n : BigInt(mask);
  const match = keys.toReversed().map(({ bits }) => {
    const bytes = BigInt((bits + 7) >> 3) * 8n;
    const all = (1n << BigInt(bits)) - 1n;
    const part = { value: rest & restMask & all, mask: restMask & all };
    rest >>= bytes;
    restMask >>= bytes;
    return part;
  });
  return { match: match.reverse(), next };
}
