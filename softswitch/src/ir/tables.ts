// Match-action tables.
import { type JsonKey, type JsonMatchKey, type JsonTable, UnsupportedConstruct } from "../json/bmv2.js";
import { rawFieldExpr } from "./expressions.js";
import type { Layout } from "./layout.js";
import {
  type Action,
  type ConstEntry,
  type KeyField,
  lanesOf,
  type MatchKind,
  type Table,
} from "./program.js";

const KINDS: Record<string, MatchKind> = {
  exact: "exact",
  valid: "exact",
  lpm: "lpm",
  ternary: "ternary",
  range: "range",
  optional: "optional",
};

export interface TableContext {
  layout: Layout;
  actions: ReadonlyMap<number, Action>;
  /** Index of each action profile. */
  profiles: ReadonlyMap<string, number>;
  /** Names of the tables that have a direct counter. */
  counted: ReadonlySet<string>;
  /** Number of a node by its name; undefined for the end of the pipeline. */
  node(name: string | null): number | undefined;
}

function toKey(key: JsonKey, lane: number, table: JsonTable, layout: Layout): KeyField {
  const kind = KINDS[key.match_type];
  if (kind === undefined)
    throw new UnsupportedConstruct(`the match kind "${key.match_type}"`, table.source_info);
  const target = typeof key.target === "string" ? layout.header(key.target) : layout.field(...key.target);
  const isValidity = "validLane" in target;
  const bits = isValidity ? 1 : target.bits;
  return {
    name: key.name,
    kind,
    bits,
    lanes: lanesOf(bits),
    lane,
    value: rawFieldExpr(target),
    guard: isValidity || target.header.isMetadata ? undefined : target.header,
    mask: key.mask === null ? undefined : BigInt(key.mask),
  };
}

function tableKind(keys: readonly KeyField[], table: JsonTable): Table["kind"] {
  const prefixes = keys.filter(({ kind }) => kind === "lpm").length;
  if (keys.every(({ kind }) => kind === "exact")) return "exact";
  if (prefixes === 1 && keys.every(({ kind }) => kind === "exact" || kind === "lpm")) return "lpm";
  if (prefixes > 1) throw new UnsupportedConstruct("a key with several lpm fields", table.source_info);
  return "ternary";
}

function toConstMatch(json: JsonMatchKey, { bits, kind }: KeyField): ConstEntry["match"][number] {
  const all = (1n << BigInt(bits)) - 1n;
  const value = (text: string | boolean | undefined) =>
    typeof text === "boolean" ? BigInt(text) : BigInt(text ?? "0x0");
  switch (kind) {
    case "lpm": {
      const prefixLength = json.prefix_length ?? bits;
      const mask = ((1n << BigInt(prefixLength)) - 1n) << BigInt(bits - prefixLength);
      return { kind, value: value(json.key) & mask, mask, prefixLength };
    }
    case "range":
      return { kind, value: value(json.start), mask: value(json.end), prefixLength: 0 };
    case "ternary":
    case "optional": {
      const mask = json.mask === undefined ? all : value(json.mask);
      return { kind, value: value(json.key) & mask, mask, prefixLength: 0 };
    }
    default:
      return { kind, value: value(json.key), mask: all, prefixLength: bits };
  }
}

/** @throws UnsupportedConstruct with the table's source line */
export function toTable(json: JsonTable, context: TableContext): Table {
  if (!["simple", "indirect", "indirect_ws"].includes(json.type)) {
    throw new UnsupportedConstruct(`a table of type "${json.type}"`, json.source_info);
  }
  if (json.direct_meters !== null && json.direct_meters !== undefined) {
    throw new UnsupportedConstruct(`the direct meter "${json.direct_meters}"`, json.source_info);
  }

  let lane = 0;
  const keys = json.key.map((key) => {
    const field = toKey(key, lane, json, context.layout);
    lane += field.lanes;
    return field;
  });
  const actions = json.action_ids.map((id) => context.actions.get(id)!);
  const constants = (texts: readonly string[]) => texts.map((text) => BigInt(text));
  const constEntries = (json.entries ?? []).map(
    (entry, i): ConstEntry => ({
      match: entry.match_key.map((match, k) => toConstMatch(match, keys[k]!)),
      action: context.actions.get(entry.action_entry.action_id)!,
      data: constants(entry.action_entry.action_data),
      priority: entry.priority ?? i + 1,
    }),
  );
  const profile = json.action_profile === undefined ? undefined : context.profiles.get(json.action_profile);
  return {
    id: json.id,
    name: json.name,
    keys,
    kind: tableKind(keys, json),
    maxSize: json.max_size,
    actions,
    defaultAction: json.default_entry && context.actions.get(json.default_entry.action_id),
    defaultData: constants(json.default_entry?.action_data ?? []),
    isDefaultConst: json.default_entry?.action_const === true,
    hasCounter: context.counted.has(json.name),
    hasTimeout: json.support_timeout === true,
    profile,
    hasSelector: json.type === "indirect_ws",
    constEntries,
    next: toNext(json, context),
    otherwise: context.node(json.base_default_next),
    source: json.source_info,
  };
}

function toNext(json: JsonTable, context: TableContext): Table["next"] {
  const { next_tables } = json;
  if ("__HIT__" in next_tables || "__MISS__" in next_tables) {
    return {
      hit: context.node(next_tables.__HIT__ ?? null),
      miss: context.node(next_tables.__MISS__ ?? null),
    };
  }
  const byAction = new Map<number, number | undefined>();
  json.action_ids.forEach((id, i) => {
    const name = json.actions[i]!;
    byAction.set(id, context.node(name in next_tables ? next_tables[name]! : json.base_default_next));
  });
  return { byAction };
}
