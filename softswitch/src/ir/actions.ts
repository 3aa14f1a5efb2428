// Actions and their primitives.
import { type Bmv2Json, type JsonPrimitive, type JsonValue, UnsupportedConstruct } from "../json/bmv2.js";
import { type ExprContext, toExpr } from "./expressions.js";
import type { Layout } from "./layout.js";
import {
  type Action,
  type ActionParam,
  type Calculation,
  type Field,
  lanesOf,
  type Primitive,
} from "./program.js";

export interface Resources {
  layout: Layout;
  calculations: ReadonlyMap<string, Calculation>;
  /** Index of each indirect counter. */
  counters: ReadonlyMap<string, number>;
  registers: ReadonlyMap<string, number>;
  /** Index of each field list by its id. */
  fieldLists: ReadonlyMap<number, number>;
}

export function buildActions(json: Bmv2Json, resources: Resources): Map<number, Action> {
  return new Map(
    json.actions.map((action) => {
      let lane = 0;
      const params: ActionParam[] = action.runtime_data.map(({ name, bitwidth }) => {
        const param = { name, bits: bitwidth, lane, lanes: lanesOf(bitwidth) };
        lane += param.lanes;
        return param;
      });
      const primitives = action.primitives.map((primitive) => toPrimitive(primitive, params, resources));
      return [action.id, { id: action.id, name: action.name, params, dataLanes: lane, primitives }];
    }),
  );
}

function lookUp<T>(map: ReadonlyMap<string, T>, value: JsonValue, what: string, context: ExprContext): T {
  const found = map.get(value.value as string);
  if (found === undefined) throw new UnsupportedConstruct(`the ${what} "${value.value}"`, context.source);
  return found;
}

/** Converts one primitive of an action or a parser state. */
export function toPrimitive(
  primitive: JsonPrimitive,
  params: readonly ActionParam[],
  resources: Resources,
): Primitive {
  const { layout } = resources;
  const context: ExprContext = { names: layout, params, source: primitive.source_info };
  const { op } = primitive;
  const at = (i: number): JsonValue => {
    const parameter = primitive.parameters[i];
    if (parameter === undefined)
      throw new UnsupportedConstruct(`"${op}" without parameter ${i}`, context.source);
    return parameter;
  };
  const expr = (i: number) => toExpr(at(i), context);
  const header = (i: number) => layout.header(at(i).value as string, context.source);
  const target = (i: number): Field => {
    const { type, value } = at(i);
    const found = type === "field" ? layout.field(...(value as [string, string]), context.source) : undefined;
    if (found === undefined || "validLane" in found) {
      throw new UnsupportedConstruct(`"${op}" to a target of type "${type}"`, context.source);
    }
    return found;
  };
  const varbit = (i: number) => {
    const found = at(i).type === "field" ? layout.varbit(...(at(i).value as [string, string])) : undefined;
    if (found === undefined)
      throw new UnsupportedConstruct(`"${op}" of something that is no varbit`, context.source);
    return found;
  };
  const calculation = (i: number) => lookUp(resources.calculations, at(i), "calculation", context);

  switch (op) {
    case "assign":
    case "modify_field":
      return { op: "assign", target: target(0), value: expr(1) };
    case "assign_VL":
      return { op: "assignVarbit", target: varbit(0), value: varbit(1) };
    case "add_header":
      return { op: "addHeader", header: header(0) };
    case "remove_header":
      return { op: "removeHeader", header: header(0) };
    case "assign_header":
      return { op: "copyHeader", target: header(0), value: header(1) };
    case "modify_field_with_hash_based_offset":
      return { op: "hash", target: target(0), base: expr(1), calculation: calculation(2), size: expr(3) };
    case "count":
      return {
        op: "count",
        counter: lookUp(resources.counters, at(0), "counter", context),
        index: expr(1),
      };
    case "register_read":
      return {
        op: "registerRead",
        target: target(0),
        register: lookUp(resources.registers, at(1), "register", context),
        index: expr(2),
      };
    case "register_write":
      return {
        op: "registerWrite",
        register: lookUp(resources.registers, at(0), "register", context),
        index: expr(1),
        value: expr(2),
      };
    case "drop":
    case "mark_to_drop":
      return { op: "markToDrop" };
    case "truncate":
      return { op: "truncate", bytes: expr(0) };
    case "recirculate": {
      const id = Number(BigInt(at(0).value as string));
      const fieldList = resources.fieldLists.get(id);
      if (fieldList === undefined) throw new UnsupportedConstruct(`the field list ${id}`, context.source);
      return { op: "recirculate", fieldList };
    }
    case "exit":
      return { op: "exit" };
    case "_jump":
      return { op: "jump", to: Number(at(0).value) };
    case "_jump_if_zero":
      return { op: "jumpIfZero", cond: expr(0), to: Number(at(1).value) };
    case "no_op":
    case "log_msg":
      return { op: "nothing" };
    default:
      throw new UnsupportedConstruct(`the primitive "${op}"`, context.source);
  }
}

/** The fields of the JSON's field lists. */
export function buildFieldLists(json: Bmv2Json, layout: Layout): Field[][] {
  return json.field_lists.map(({ name, elements }) =>
    elements.map((element) => {
      const found =
        element.type === "field" ? layout.field(...(element.value as [string, string])) : undefined;
      if (found === undefined || "validLane" in found) {
        throw new UnsupportedConstruct(`a "${element.type}" in the field list "${name}"`);
      }
      return found;
    }),
  );
}
