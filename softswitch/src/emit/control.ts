// Pipelines: one function a table, and functions for the ways between them.
import type { ControlNode, Expr, KeyField, Pipeline, Program, Table } from "../ir/program.js";
import { actionName } from "./actions.js";
import { emitSelection } from "./calculations.js";
import { type EmitContext, emitCondition, emitLanes } from "./expressions.js";
import type { Writer } from "./writer.js";

function contextOf(out: Writer): EmitContext {
  const none = () => {
    throw new Error("neither action data nor lookahead in a control");
  };
  return { out, param: none, lookahead: none };
}

/** Tables without a key and with a fixed action are what p4c makes of plain statements: the action is called at once. */
function plainAction(table: Table): Table["defaultAction"] {
  return table.keys.length === 0 && table.isDefaultConst && table.profile === undefined && !table.hasCounter
    ? table.defaultAction
    : undefined;
}

function tableName(table: Table): string {
  return `table${table.id}`;
}

function emitKey({ value, guard, lanes, lane, mask }: KeyField, context: EmitContext): void {
  emitLanes(value, lanes, context).forEach((text, i) => {
    const masked =
      mask === undefined ? text : `(${text} & ${Number(BigInt.asIntN(32, mask >> BigInt(32 * i)))})`;
    // A field of a header that is not valid matches as 0.
    const guarded = guard === undefined ? masked : `(S[${guard.validLane}] !== 0 ? ${masked} : 0)`;
    context.out.line(`K[${lane + i}] = ${guarded};`);
  });
}

function emitRun(table: Table, out: Writer): void {
  const actions = [...new Map(table.actions.map((action) => [action.id, action])).values()];
  out.block("switch (action)", () => {
    for (const action of actions) out.line(`case ${action.id}: ${actionName(action)}(D, o); break;`);
  });
}

/**
 * Emits the function of a table. T[n] is the table's store; find() leaves the entry that the key in K matches, 0 for none.
 * The result is the action's id, or for tables whose way on depends on it, 1 for a hit and 0 for a miss.
 */
function emitTable(table: Table, program: Program, out: Writer): void {
  const byAction = "byAction" in table.next;
  out.block(`function ${tableName(table)}()`, () => {
    const context = contextOf(out);
    for (const key of table.keys) emitKey(key, context);
    out.line(`const table = T[${table.id}];`);
    out.line(`const entry = ${table.keys.length === 0 ? "0" : "table.find(K)"};`);
    out.line("let action, D, o;");
    out.block("if (entry !== 0)", () => {
      if (table.hasCounter) {
        out.line("table.counters[2 * entry] += 1;");
        out.line("table.counters[2 * entry + 1] += L[0];");
      }
      if (table.hasTimeout) out.line("table.lastHitUs[entry] = CLOCK_US();");
      if (table.profile === undefined) {
        out.line("action = table.actions[entry]; D = table.data; o = entry * table.stride;");
        return;
      }
      const selector = program.profiles[table.profile]!.selector;
      out.line(`const profile = A[${table.profile}];`);
      if (selector === undefined) out.line("const member = profile.memberOf(table.actions[entry]);");
      else {
        const hash = emitSelection(selector, context);
        out.line(`const member = profile.select(table.actions[entry], ${hash});`);
      }
      out.line("action = profile.actions[member]; D = profile.data; o = member * profile.stride;");
    });
    out.block("else", () => {
      out.line("action = table.defaultAction; D = table.defaultData; o = 0;");
    });
    emitRun(table, out);
    out.line(byAction ? "return action;" : "return entry !== 0 ? 1 : 0;");
  });
}

/**
 * Nodes of one emitted function. V8 compiles a function anew, and runs it slowly until it has, when a packet goes a way in it that none has
 * gone before, such as to a backup LD: what it compiles then is to be a small part of a pipeline (softswitch/bench/failover.mjs).
 */
const NODES_A_FUNCTION = 32;
/** Emits `name()`, which runs a packet through a pipeline. */
export function emitPipeline(pipeline: Pipeline, name: string, program: Program, out: Writer): void {
  const { nodes, start } = pipeline;
  for (const node of nodes) {
    if (node.kind === "table" && plainAction(node.table) === undefined) emitTable(node.table, program, out);
  }
  const mayExit = new Set(
    program.actions.filter((a) => a.primitives.some(({ op }) => op === "exit")).map(({ id }) => id),
  );
  for (let first = 0; first < nodes.length; first += NODES_A_FUNCTION) {
    emitPart(pipeline, name, first, mayExit, out);
  }
  out.block(`function ${name}()`, () => {
    if (start !== undefined) out.line(callFrom(name, start));
  });
}

/** The call that goes on with a node of another function. */
function callFrom(name: string, node: number): string {
  return `${name}${node - (node % NODES_A_FUNCTION)}(${node});`;
}

/** Emits the function of the nodes from `first` on. It is given the node to begin with. */
function emitPart(
  pipeline: Pipeline,
  name: string,
  first: number,
  mayExit: ReadonlySet<number>,
  out: Writer,
): void {
  const { nodes } = pipeline;
  const end = Math.min(first + NODES_A_FUNCTION, nodes.length);
  // Every node is a labelled block that ends where the node's own code begins: going on to a later node is leaving its block. Nodes are
  // in topological order, so all ways lead forward.
  const targets = [...usedTargets(pipeline)]
    .filter((node) => node >= first && node < end)
    .sort((a, b) => b - a);
  out.block(`function ${name}${first}(node)`, () => {
    for (const target of targets) out.line(`n${target}: {`);
    out.block("switch (node)", () => {
      for (const target of targets) if (target !== first) out.line(`case ${target}: break n${target};`);
    });
    const exit = (ids: readonly number[]) => {
      if (ids.some((id) => mayExit.has(id))) out.line("if (L[3] !== 0) return;");
    };
    for (let i = first; i < end; i++) {
      if (targets.includes(i)) out.line("}");
      const go = (next: number | undefined) => {
        if (next === undefined) return "return;";
        if (next >= end) return `return ${callFrom(name, next)}`;
        return next === i + 1 ? "" : `break n${next};`;
      };
      emitNode(nodes[i]!, go, exit, out);
    }
  });
}

function emitNode(
  node: ControlNode,
  go: (next: number | undefined) => string,
  exit: (ids: readonly number[]) => void,
  out: Writer,
): void {
  switch (node.kind) {
    case "if":
      emitIf(node.cond, go(node.whenTrue), go(node.whenFalse), out);
      return;
    case "action":
      out.line(`${actionName(node.action)}(NO_DATA, 0);`);
      exit([node.action.id]);
      out.line(go(node.next));
      return;
    case "table": {
      const { table } = node;
      const plain = plainAction(table);
      if (plain !== undefined) {
        out.line(`${actionName(plain)}(T[${table.id}].defaultData, 0);`);
        exit([plain.id]);
        out.line(go("byAction" in table.next ? table.next.byAction.get(plain.id) : table.next.miss));
        return;
      }
      emitNext(table, go, exit, out);
    }
  }
}

function emitIf(cond: Expr, whenTrue: string, whenFalse: string, out: Writer): void {
  // Temporaries stay inside a block of their own.
  out.block("", () => {
    const condition = emitCondition(cond, contextOf(out));
    if (whenTrue === "") out.line(`if (!${condition}) { ${whenFalse} }`);
    else out.line(`if (${condition}) { ${whenTrue} } ${whenFalse === "" ? "" : `else { ${whenFalse} }`}`);
  });
}

function emitNext(
  table: Table,
  go: (next: number | undefined) => string,
  exit: (ids: readonly number[]) => void,
  out: Writer,
): void {
  const ids = table.actions.map(({ id }) => id);
  const { next, otherwise } = table;
  const ways =
    "byAction" in next ? new Set([...next.byAction.values(), otherwise]) : new Set([next.hit, next.miss]);
  if (ways.size <= 1) {
    out.line(`${tableName(table)}();`);
    exit(ids);
    out.line(go([...ways][0]));
    return;
  }
  if (!("byAction" in next)) {
    out.block("", () => {
      out.line(`const hit = ${tableName(table)}();`);
      exit(ids);
      out.line(`if (hit !== 0) { ${go(next.hit)} } else { ${go(next.miss)} }`);
    });
    return;
  }
  const { byAction } = next;
  out.block("", () => {
    out.line(`const ran = ${tableName(table)}();`);
    exit(ids);
    for (const [id, way] of byAction) out.line(`if (ran === ${id}) { ${go(way)} }`);
    out.line(`if (ran === -1) { ${go(otherwise)} }`);
  });
}

/** Nodes that something goes on to; each needs a label. */
function usedTargets(pipeline: Pipeline): Set<number> {
  const targets = new Set<number>();
  const add = (next: number | undefined) => {
    if (next !== undefined) targets.add(next);
  };
  add(pipeline.start);
  for (const node of pipeline.nodes) {
    if (node.kind === "if") {
      add(node.whenTrue);
      add(node.whenFalse);
    } else if (node.kind === "action") add(node.next);
    else if ("byAction" in node.table.next) {
      for (const next of node.table.next.byAction.values()) add(next);
      add(node.table.otherwise);
    } else {
      add(node.table.next.hit);
      add(node.table.next.miss);
    }
  }
  return targets;
}
