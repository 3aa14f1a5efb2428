// The BMv2 JSON that p4c writes, as far as the compiler reads it. Format 2.x; p4lang/behavioral-model docs/JSON_format.md.
import { checkNumbers } from "./numbers.js";

/** Where in the P4 source something comes from. */
export interface SourceInfo {
  filename: string;
  line: number;
  column?: number;
  source_fragment?: string;
}

/** `{type, value}`: a field, a constant, an expression, a name … */
export interface JsonValue {
  type: string;
  value: unknown;
}

export interface JsonExpression {
  op: string;
  left: JsonValue | null;
  right: JsonValue | null;
  cond?: JsonValue;
}

export interface JsonHeaderType {
  name: string;
  id: number;
  /** [name, bits or "*", signed, saturating] */
  fields: [string, number | "*", boolean?, boolean?][];
  /** Bytes of a header with a varbit field. */
  max_length?: number | null;
}

export interface JsonHeaderStack {
  name: string;
  header_ids: number[];
}

export interface JsonHeaderUnion {
  name: string;
  id: number;
  header_ids: number[];
}

export interface JsonHeaderUnionStack {
  name: string;
  union_type: string;
  header_union_ids: number[];
}

export interface JsonHeader {
  name: string;
  id: number;
  header_type: string;
  metadata: boolean;
}

export interface JsonParserOp {
  op: string;
  parameters: unknown[];
}

export interface JsonTransition {
  type: string;
  value: string | null;
  mask: string | null;
  next_state: string | null;
}

export interface JsonParseState {
  name: string;
  parser_ops: JsonParserOp[];
  transitions: JsonTransition[];
  transition_key: JsonValue[];
}

export interface JsonParser {
  name: string;
  init_state: string;
  parse_states: JsonParseState[];
}

export interface JsonPrimitive {
  op: string;
  parameters: JsonValue[];
  source_info?: SourceInfo;
}

export interface JsonAction {
  name: string;
  id: number;
  runtime_data: { name: string; bitwidth: number }[];
  primitives: JsonPrimitive[];
}

export interface JsonKey {
  match_type: string;
  name: string;
  target: string | [string, string];
  mask: string | null;
}

export interface JsonDefaultEntry {
  action_id: number;
  action_const: boolean;
  action_data: string[];
  action_entry_const: boolean;
}

export interface JsonMatchKey {
  match_type: string;
  key?: string | boolean;
  prefix_length?: number;
  mask?: string;
  start?: string;
  end?: string;
}

export interface JsonTable {
  name: string;
  id: number;
  source_info?: SourceInfo;
  key: JsonKey[];
  match_type: string;
  type: string;
  max_size: number;
  support_timeout: boolean;
  direct_meters: string | null;
  action_profile?: string;
  action_ids: number[];
  actions: string[];
  base_default_next: string | null;
  next_tables: Record<string, string | null>;
  default_entry?: JsonDefaultEntry;
  entries?: {
    match_key: JsonMatchKey[];
    action_entry: { action_id: number; action_data: string[] };
    priority?: number;
    source_info?: SourceInfo;
  }[];
}

export interface JsonConditional {
  name: string;
  source_info?: SourceInfo;
  expression: JsonValue;
  true_next: string | null;
  false_next: string | null;
}

export interface JsonActionProfile {
  name: string;
  max_size: number;
  source_info?: SourceInfo;
  selector?: { algo: string; input: JsonValue[] };
}

export interface JsonPipeline {
  name: string;
  init_table: string | null;
  tables: JsonTable[];
  action_profiles: JsonActionProfile[];
  conditionals: JsonConditional[];
  action_calls?: { name: string; action_id: number; next_node: string | null; source_info?: SourceInfo }[];
}

export interface JsonCalculation {
  name: string;
  algo: string;
  input: (JsonValue & { bitwidth?: number })[];
  source_info?: SourceInfo;
}

export interface JsonChecksum {
  name: string;
  target: [string, string];
  type: string;
  calculation: string;
  verify: boolean;
  update: boolean;
  if_cond: JsonValue | null;
  source_info?: SourceInfo;
}

export interface Bmv2Json {
  header_types: JsonHeaderType[];
  headers: JsonHeader[];
  header_stacks: JsonHeaderStack[];
  header_union_types: { name: string; headers: [string, string][] }[];
  header_unions: JsonHeaderUnion[];
  header_union_stacks: JsonHeaderUnionStack[];
  field_lists: { id: number; name: string; elements: JsonValue[] }[];
  /** Of digests. */
  learn_lists: { id: number; name: string; elements: JsonValue[] }[];
  errors: [string, number][];
  parsers: JsonParser[];
  parse_vsets: { name: string }[];
  deparsers: { name: string; order: string[]; primitives?: JsonPrimitive[] }[];
  meter_arrays: { name: string; source_info?: SourceInfo }[];
  counter_arrays: { name: string; is_direct: boolean; size?: number; binding?: string }[];
  register_arrays: { name: string; size: number; bitwidth: number; source_info?: SourceInfo }[];
  calculations: JsonCalculation[];
  actions: JsonAction[];
  pipelines: JsonPipeline[];
  checksums: JsonChecksum[];
  extern_instances: { name: string; type: string; source_info?: SourceInfo }[];
  field_aliases: [string, [string, string]][];
}

/** A construct that the compiler does not know: the pipeline is refused, never executed wrongly. */
export class UnsupportedConstruct extends Error {
  constructor(
    readonly construct: string,
    readonly source?: SourceInfo,
  ) {
    const place = source === undefined ? "" : ` (${source.filename}:${source.line}${fragment(source)})`;
    super(`the soft switch does not support ${construct}${place}`);
    this.name = "UnsupportedConstruct";
  }
}

function fragment(source: SourceInfo): string {
  return source.source_fragment === undefined ? "" : `: ${source.source_fragment}`;
}

/**
 * Parses the device configuration.
 *
 * @throws Error when it is no BMv2 JSON
 */
export function parseBmv2Json(bytes: Uint8Array): Bmv2Json {
  let json: Partial<Bmv2Json> | null;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`the device configuration is no JSON: ${(error as Error).message}`);
  }
  for (const section of [
    "header_types",
    "headers",
    "parsers",
    "deparsers",
    "actions",
    "pipelines",
  ] as const) {
    if (!Array.isArray(json?.[section])) {
      throw new Error(
        `the device configuration is no BMv2 JSON: it has no list "${section}" (was it made by p4c-bm2-ss?)`,
      );
    }
  }
  checkNumbers(json);
  const none = {
    header_stacks: [],
    header_union_types: [],
    header_unions: [],
    header_union_stacks: [],
    field_lists: [],
    learn_lists: [],
    errors: [],
    parse_vsets: [],
    meter_arrays: [],
    counter_arrays: [],
    register_arrays: [],
    calculations: [],
    checksums: [],
    extern_instances: [],
    field_aliases: [],
  };
  return { ...none, ...json } as Bmv2Json;
}
