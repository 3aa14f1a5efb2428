// Actions and their primitives.
import { type Bmv2Json, type JsonPrimitive, type JsonValue, UnsupportedConstruct } from "../json/bmv2.js";
import { type ExprContext, hexValue, toExpr } from "./expressions.js";
import type { Layout } from "./layout.js";
import {
  type Action,
  type ActionParam,
  type Calculation,
  type Digest,
  type Field,
  type Header,
  lanesOf,
  type Primitive,
} from "./program.js";
import { copyAll, withField, withHeader } from "./references.js";

export interface Resources {
  layout: Layout;
  calculations: ReadonlyMap<string, Calculation>;
  /** Index of each indirect counter. */
  counters: ReadonlyMap<string, number>;
  registers: ReadonlyMap<string, number>;
  /** Index of each field list by its id. */
  fieldLists: ReadonlyMap<number, number>;
  /** Index of each learn list by its id. */
  digests: ReadonlyMap<number, number>;
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
  const { op, source_info: source } = primitive;
  const context: ExprContext = { layout, params, source };
  const at = (i: number): JsonValue => {
    const parameter = primitive.parameters[i];
    if (parameter === undefined) throw new UnsupportedConstruct(`"${op}" without parameter ${i}`, source);
    return parameter;
  };
  const expr = (i: number) => toExpr(at(i), context);
  const toField = (i: number, make: (target: Field) => Primitive) => withField(at(i), op, context, make);
  const toHeader = (i: number, make: (header: Header) => Primitive) => withHeader(at(i), op, context, make);
  const varbit = (i: number) => {
    const found = at(i).type === "field" ? layout.varbit(...(at(i).value as [string, string])) : undefined;
    if (found === undefined) throw new UnsupportedConstruct(`"${op}" of something that is no varbit`, source);
    return found;
  };
  const stack = (i: number) => layout.stack(at(i).value as string, source);
  const fieldList = (i: number) => {
    const id = Number(BigInt(at(i).value as string));
    const found = at(i).type === "hexstr" && id > 0 ? resources.fieldLists.get(id) : undefined;
    if (found === undefined) throw new UnsupportedConstruct(`"${op}" with the field list ${id}`, source);
    return found;
  };
  const register = (i: number) => lookUp(resources.registers, at(i), "register", context);

  switch (op) {
    case "assign":
    case "modify_field": {
      const value = expr(1);
      return toField(0, (target) => ({ op: "assign", target, value }));
    }
    case "assign_VL":
      return { op: "assignVarbit", target: varbit(0), value: varbit(1) };
    case "add_header":
      return toHeader(0, (header) => ({ op: "addHeader", header }));
    case "remove_header":
      return toHeader(0, (header) => ({ op: "removeHeader", header }));
    case "assign_header":
      return toHeader(0, (target) => toHeader(1, (value) => ({ op: "copyHeader", target, value })));
    case "assign_union": {
      const members = (i: number) => layout.union(at(i).value as string, source);
      return { op: "all", primitives: copyAll(members(0), members(1)) };
    }
    case "assign_header_stack": {
      const [target, value] = [stack(0), stack(1)];
      const copies = copyAll(target.elements.flat(), value.elements.flat());
      return { op: "all", primitives: [...copies, { op: "copyCount", target, value }] };
    }
    case "push":
    case "pop": {
      if (at(0).type !== "header_stack" || at(1).type !== "hexstr") {
        throw new UnsupportedConstruct(`"${op}" on a "${at(0).type}" by a "${at(1).type}"`, source);
      }
      const count = Number(hexValue(at(1).value as string));
      return { op: "shiftStack", stack: stack(0), distance: op === "push" ? count : -count };
    }
    case "modify_field_with_hash_based_offset": {
      const base = expr(1);
      const calculation = lookUp(resources.calculations, at(2), "calculation", context);
      const size = expr(3);
      return toField(0, (target) => ({ op: "hash", target, base, calculation, size }));
    }
    case "modify_field_rng_uniform": {
      const [low, high] = [expr(1), expr(2)];
      return toField(0, (target) => ({ op: "random", target, low, high }));
    }
    case "count":
      return {
        op: "count",
        counter: lookUp(resources.counters, at(0), "counter", context),
        index: expr(1),
      };
    case "register_read": {
      const [from, index] = [register(1), expr(2)];
      return toField(0, (target) => ({ op: "registerRead", target, register: from, index }));
    }
    case "register_write":
      return { op: "registerWrite", register: register(0), index: expr(1), value: expr(2) };
    case "drop":
    case "mark_to_drop":
      return { op: "markToDrop" };
    case "truncate":
      return { op: "truncate", bytes: expr(0) };
    case "recirculate":
    case "resubmit":
      return { op, fieldList: fieldList(0) };
    case "clone_ingress_pkt_to_egress":
    case "clone_egress_pkt_to_egress":
      return { op: "clone", session: expr(0), fieldList: fieldList(1) };
    case "generate_digest": {
      // The receiver, its first parameter, means nothing: there is one controller.
      const id = at(1).type === "hexstr" ? Number(BigInt(at(1).value as string)) : -1;
      const digest = resources.digests.get(id);
      if (digest === undefined) throw new UnsupportedConstruct(`"${op}" with the learn list ${id}`, source);
      return { op: "digest", digest };
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
      throw new UnsupportedConstruct(`the primitive "${op}"`, source);
  }
}

function fieldsOf(
  { name, elements }: Bmv2Json["field_lists"][number],
  kind: string,
  layout: Layout,
): Field[] {
  return elements.map((element) => {
    const found = element.type === "field" ? layout.field(...(element.value as [string, string])) : undefined;
    if (found === undefined || "validLane" in found) {
      throw new UnsupportedConstruct(`a "${element.type}" in the ${kind} "${name}"`);
    }
    return found;
  });
}

/** The fields of the JSON's field lists. */
export function buildFieldLists(json: Bmv2Json, layout: Layout): Field[][] {
  return json.field_lists.map((list) => fieldsOf(list, "field list", layout));
}

/** The JSON's learn lists. */
export function buildDigests(json: Bmv2Json, layout: Layout): Digest[] {
  return json.learn_lists.map((list) => ({ name: list.name, fields: fieldsOf(list, "digest", layout) }));
}
