// BMv2 JSON -> the intermediate form.
import { type Bmv2Json, type JsonPipeline, UnsupportedConstruct } from "../json/bmv2.js";
import { buildActions, buildDigests, buildFieldLists, type Resources } from "./actions.js";
import { buildCalculations, buildChecksums, toCalculation } from "./calculations.js";
import { toExpr } from "./expressions.js";
import { layOut } from "./layout.js";
import { buildParser } from "./parser.js";
import type { Action, ActionProfile, ControlNode, Pipeline, Program } from "./program.js";
import { type TableContext, toTable } from "./tables.js";

/**
 * Builds the program.
 *
 * @throws UnsupportedConstruct for anything the soft switch cannot execute exactly as simple_switch does
 */
export function buildProgram(json: Bmv2Json): Program {
  for (const meter of json.meter_arrays)
    throw new UnsupportedConstruct(`the meter "${meter.name}"`, meter.source_info);
  for (const extern of json.extern_instances) {
    throw new UnsupportedConstruct(`the extern "${extern.name}" of type ${extern.type}`, extern.source_info);
  }
  for (const set of json.parse_vsets) throw new UnsupportedConstruct(`the parser value set "${set.name}"`);

  for (const { primitives } of json.deparsers) {
    for (const { op, source_info } of primitives ?? [])
      throw new UnsupportedConstruct(`"${op}" in the deparser`, source_info);
  }

  const layout = layOut(json);
  const calculations = buildCalculations(json, layout);
  const indirect = json.counter_arrays.filter(({ is_direct }) => !is_direct);
  const resources: Resources = {
    layout,
    calculations,
    counters: new Map(indirect.map(({ name }, i) => [name, i])),
    registers: new Map(json.register_arrays.map(({ name }, i) => [name, i])),
    fieldLists: new Map(json.field_lists.map(({ id }, i) => [id, i])),
    digests: new Map(json.learn_lists.map(({ id }, i) => [id, i])),
  };
  const actions = buildActions(json, resources);
  const profiles: ActionProfile[] = json.pipelines.flatMap(({ action_profiles }) =>
    action_profiles.map(({ name, max_size, selector, source_info }) => ({
      name,
      maxSize: max_size,
      selector:
        selector === undefined
          ? undefined
          : toCalculation(`selector of ${name}`, selector.algo, selector.input, layout, source_info),
    })),
  );
  const context: Omit<TableContext, "node"> = {
    layout,
    actions,
    profiles: new Map(profiles.map(({ name }, i) => [name, i])),
    counted: new Set(
      json.counter_arrays.flatMap(({ is_direct, binding }) => (is_direct && binding ? [binding] : [])),
    ),
  };
  const pipeline = (name: string): Pipeline => {
    const found = json.pipelines.find((item) => item.name === name);
    if (found === undefined)
      throw new Error(`the program has no pipeline "${name}" (is it a v1model program?)`);
    return toPipeline(found, context, actions);
  };
  return {
    headers: layout.headers,
    lanes: layout.lanes,
    metadataLanes: layout.metadataLanes,
    varbitBytes: layout.varbitBytes,
    standard: layout.standard,
    usedStandard: layout.usedStandard,
    parser: buildParser(json, resources),
    actions: [...actions.values()],
    ingress: pipeline("ingress"),
    egress: pipeline("egress"),
    deparser: (json.deparsers[0]?.order ?? []).map((name) => layout.header(name)),
    checksums: buildChecksums(json, layout, calculations),
    counters: indirect.map(({ name, size }) => ({ name, size: size ?? 0 })),
    registers: json.register_arrays.map(({ name, size, bitwidth }) => ({ name, size, bits: bitwidth })),
    profiles,
    fieldLists: buildFieldLists(json, layout),
    digests: buildDigests(json, layout),
    errors: new Map(json.errors),
  };
}

function toPipeline(
  json: JsonPipeline,
  context: Omit<TableContext, "node">,
  actions: ReadonlyMap<number, Action>,
): Pipeline {
  const calls = json.action_calls ?? [];
  const order = topologicalOrder(json);
  const numbers = new Map(order.map((name, i) => [name, i]));
  const node = (name: string | null) => (name === null ? undefined : numbers.get(name));
  const tables = new Map(json.tables.map((table) => [table.name, table]));
  const conditionals = new Map(json.conditionals.map((item) => [item.name, item]));
  const actionCalls = new Map(calls.map((item) => [item.name, item]));
  const nodes = order.map((name): ControlNode => {
    const table = tables.get(name);
    if (table !== undefined) return { kind: "table", table: toTable(table, { ...context, node }) };
    const call = actionCalls.get(name);
    if (call !== undefined) {
      return { kind: "action", action: actions.get(call.action_id)!, next: node(call.next_node) };
    }
    const { expression, source_info, true_next, false_next } = conditionals.get(name)!;
    return {
      kind: "if",
      cond: toExpr(expression, { layout: context.layout, params: [], source: source_info }),
      whenTrue: node(true_next),
      whenFalse: node(false_next),
    };
  });
  return { name: json.name, nodes, start: node(json.init_table) };
}

/** The reachable nodes, each before those that follow it. P4 has no loops, so there always is such an order. */
function topologicalOrder(json: JsonPipeline): string[] {
  const followers = new Map<string, (string | null)[]>();
  for (const table of json.tables) {
    followers.set(table.name, [...Object.values(table.next_tables), table.base_default_next]);
  }
  for (const { name, true_next, false_next } of json.conditionals)
    followers.set(name, [true_next, false_next]);
  for (const { name, next_node } of json.action_calls ?? []) followers.set(name, [next_node]);

  const done: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (name: string): void => {
    if (state.get(name) === "done") return;
    if (state.get(name) === "open") throw new UnsupportedConstruct(`a loop through "${name}"`);
    state.set(name, "open");
    for (const follower of followers.get(name) ?? []) if (follower !== null) visit(follower);
    state.set(name, "done");
    done.push(name);
  };
  if (json.init_table !== null) visit(json.init_table);
  return done.reverse();
}
