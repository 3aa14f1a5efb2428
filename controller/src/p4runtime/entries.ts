// Table entries by name <-> P4Runtime messages.
import { type Action, type FieldMatch, TableEntry } from "@sluice/proto/p4runtime";
import { ValueError } from "./addresses.js";
import { nearest } from "./nearest.js";
import {
  fieldNamed,
  type Schema,
  type SchemaAction,
  SchemaError,
  type SchemaMatchField,
  type SchemaTable,
} from "./schema.js";
import {
  canonical,
  decodeExact,
  decodeLpm,
  decodeRange,
  decodeTernary,
  encodeExact,
  encodeLpm,
  encodeRange,
  encodeTernary,
  type ValueInput,
} from "./values.js";

const NS_PER_MS = 1_000_000n;

export interface CounterValue {
  packets: bigint;
  bytes: bigint;
}

/**
 * One entry of a table, as people write it: `{ table: "route", match: { vrf_id: 0, prefix: "10.0.0.0/8" },
 * action: "set_nexthop", params: { nexthop_id: 7 } }`.
 *
 * Text forms by match kind: exact and optional `value`; lpm `value/length`; ternary `value&&&mask` or `value/length`;
 * range `low..high`; a value of a serializable enum is its name. Fields other than exact may be left out: they then match anything.
 */
export interface Entry {
  table: string;
  match: Record<string, ValueInput>;
  action?: string;
  params?: Record<string, ValueInput>;
  /** Instead of an action, where the table has an action profile: the id of one of its members, or of a group. */
  member?: number;
  group?: number;
  /** Above 0 exactly when the key has a ternary, range or optional field; the highest wins. */
  priority?: number;
  /** The table's default action instead of an entry; `match` is then empty. */
  isDefault?: boolean;
  /** Where the table supports it: the switch tells the controller when no packet has hit the entry for so long, in ms. */
  idleTimeoutMs?: number;
  /** Reads only: the direct counter, when it was asked for and the table has one. */
  counter?: CounterValue;
}

/** An entry that cannot be written, with the table and field by name. */
export class EntryError extends Error {
  override name = "EntryError";
}

/** Runs `encode` and puts what the value belongs to before its complaint. */
function within<T>(owner: string, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (error instanceof ValueError) {
      throw new EntryError(`${owner}: ${error.message}`);
    }
    throw error;
  }
}

type FieldMatchType = FieldMatch["fieldMatchType"];

function encodeField({ match, bitwidth, names }: SchemaMatchField, value: ValueInput): FieldMatchType {
  switch (match) {
    case "exact":
      return { $case: "exact", value: { value: encodeExact(value, bitwidth, names) } };
    case "optional":
      return { $case: "optional", value: { value: encodeExact(value, bitwidth, names) } };
    case "lpm": {
      const lpm = encodeLpm(value, bitwidth, names);
      return lpm.prefixLen === 0 ? undefined : { $case: "lpm", value: lpm };
    }
    case "ternary": {
      const ternary = encodeTernary(value, bitwidth, names);
      return ternary && { $case: "ternary", value: ternary };
    }
    case "range": {
      const range = encodeRange(value, bitwidth, names);
      return range && { $case: "range", value: range };
    }
  }
}

function encodeMatch(table: SchemaTable, match: Entry["match"]): FieldMatch[] {
  for (const name of Object.keys(match)) {
    fieldNamed(table.fields, name, `table ${table.alias}`);
  }
  return table.fields.flatMap((field) => {
    const value = match[field.name];
    if (value === undefined) {
      if (field.match === "exact") {
        throw new EntryError(
          `${table.alias}: key field "${field.name}" is missing (an exact field always has a value)`,
        );
      }
      return [];
    }
    const fieldMatchType = within(`${table.alias}.${field.name}`, () => encodeField(field, value));
    return fieldMatchType === undefined ? [] : [{ fieldId: field.id, fieldMatchType }];
  });
}

/** @param owner - of messages: "table service: …" */
export function encodeCall(action: SchemaAction, given: Entry["params"], owner: string): Action {
  const params = given ?? {};
  for (const name of Object.keys(params)) {
    fieldNamed(action.params, name, `action ${action.alias}`);
  }
  return {
    actionId: action.id,
    params: action.params.map((param) => {
      const value = params[param.name];
      if (value === undefined) {
        throw new EntryError(`${owner}: parameter "${param.name}" of ${action.alias} is missing`);
      }
      return {
        paramId: param.id,
        value: within(`${owner}: ${action.alias}.${param.name}`, () =>
          encodeExact(value, param.bitwidth, param.names),
        ),
      };
    }),
  };
}

/** The action's name and its parameters. */
export function decodeCall(
  schema: Schema,
  { actionId, params }: Action,
): Required<Pick<Entry, "action" | "params">> {
  const action = schema.actions.get(actionId);
  return {
    action: action.alias,
    params: Object.fromEntries(
      action.params.map((param) => [
        param.name,
        decodeExact(
          params.find((item) => item.paramId === param.id)?.value ?? new Uint8Array(),
          param.bitwidth,
          param.format,
          param.names,
        ),
      ]),
    ),
  };
}

function encodeChoice(table: SchemaTable, { action, member, group }: Entry): TableEntry["action"] {
  if (action !== undefined || (member !== undefined && group !== undefined)) {
    throw new EntryError(
      `${table.alias}: its entries name either a member or a group of ${table.profile!.alias}, and no action`,
    );
  }
  if (member !== undefined) {
    return { type: { $case: "actionProfileMemberId", value: member } };
  }
  return group === undefined ? undefined : { type: { $case: "actionProfileGroupId", value: group } };
}

function encodeAction(table: SchemaTable, entry: Entry): TableEntry["action"] {
  if (table.profile !== undefined) {
    return encodeChoice(table, entry);
  }
  if (entry.action === undefined) {
    return undefined;
  }
  const ref = table.actions.find(
    ({ action }) => action.alias === entry.action || action.name === entry.action,
  );
  if (ref === undefined) {
    const known = table.actions.map(({ action }) => action.alias);
    throw new SchemaError(
      `table ${table.alias} has no action "${entry.action}" (${nearest(entry.action, known)})`,
    );
  }
  const { action, scope } = ref;
  if (entry.isDefault !== true && scope === "default-only") {
    throw new EntryError(`${table.alias}: ${action.alias} can only be the table's default action`);
  }
  return { type: { $case: "action", value: encodeCall(action, entry.params, table.alias) } };
}

/** A message with every field unset but the table's id: what a wildcard read of the table asks for. */
export function emptyTableEntry(tableId: number): TableEntry {
  return TableEntry.fromPartial({ tableId });
}

/**
 * Turns an entry into its message. Values are bounds-checked, don't-care fields are left out.
 *
 * @throws EntryError for a value that does not fit, or a field that is missing
 * @throws SchemaError for a table, field or action that the program does not have
 */
export function encodeEntry(schema: Schema, entry: Entry): TableEntry {
  const table = schema.tables.get(entry.table);
  const isDefault = entry.isDefault === true;
  const priority = entry.priority ?? 0;
  if (isDefault ? priority !== 0 : table.needsPriority !== priority > 0) {
    throw new EntryError(
      `${table.alias}: ${
        table.needsPriority && !isDefault
          ? "a priority above 0 is needed (its key has ternary, range or optional fields)"
          : "a priority has no meaning here (no ternary, range or optional field in its key)"
      }`,
    );
  }
  if (isDefault && Object.keys(entry.match).length > 0) {
    throw new EntryError(`${table.alias}: the default action has no key`);
  }
  return {
    ...emptyTableEntry(table.id),
    match: isDefault ? [] : encodeMatch(table, entry.match),
    action: encodeAction(table, entry),
    priority,
    isDefaultAction: isDefault,
    idleTimeoutNs: idleTimeoutNs(table, entry),
  };
}

function idleTimeoutNs({ alias, hasIdleTimeout }: SchemaTable, { idleTimeoutMs = 0 }: Entry): bigint {
  if (!Number.isSafeInteger(idleTimeoutMs) || idleTimeoutMs < 0) {
    throw new EntryError(`${alias}: an idle timeout is a whole number of ms, not ${idleTimeoutMs}`);
  }
  if (idleTimeoutMs > 0 && !hasIdleTimeout) {
    throw new EntryError(`${alias}: the P4 program gives its entries no idle timeout (support_timeout)`);
  }
  return BigInt(idleTimeoutMs) * NS_PER_MS;
}

function decodeField(field: SchemaMatchField, match: FieldMatch | undefined): ValueInput | undefined {
  const { bitwidth, format, names } = field;
  switch (match?.fieldMatchType?.$case) {
    case "exact":
    case "optional":
      return decodeExact(match.fieldMatchType.value.value, bitwidth, format, names);
    case "lpm":
      return decodeLpm(match.fieldMatchType.value, bitwidth, format, names);
    case "ternary":
      return decodeTernary(match.fieldMatchType.value, bitwidth, format, names);
    case "range":
      return decodeRange(match.fieldMatchType.value, bitwidth, format, names);
    default:
      // An absent prefix is the default route of its table, and people want to see it as one.
      return field.match === "lpm"
        ? decodeLpm({ value: new Uint8Array(1), prefixLen: 0 }, bitwidth, format)
        : undefined;
  }
}

/**
 * Turns a message that was read from a switch into an entry. Padded values come out as their canonical text.
 *
 * @throws SchemaError for an id that the program does not have
 */
export function decodeEntry(schema: Schema, wire: TableEntry): Entry {
  const table = schema.tables.get(wire.tableId);
  const entry: Entry = { table: table.alias, match: {} };
  if (!wire.isDefaultAction) {
    for (const field of table.fields) {
      const value = decodeField(
        field,
        wire.match.find((match) => match.fieldId === field.id),
      );
      if (value !== undefined) {
        entry.match[field.name] = value;
      }
    }
  } else {
    entry.isDefault = true;
  }
  const type = wire.action?.type;
  if (type?.$case === "action") {
    Object.assign(entry, decodeCall(schema, type.value));
  } else if (type?.$case === "actionProfileMemberId") {
    entry.member = type.value;
  } else if (type?.$case === "actionProfileGroupId") {
    entry.group = type.value;
  }
  if (wire.priority !== 0) {
    entry.priority = wire.priority;
  }
  if (wire.idleTimeoutNs !== 0n) {
    entry.idleTimeoutMs = Number(wire.idleTimeoutNs / NS_PER_MS);
  }
  if (wire.counterData !== undefined) {
    entry.counter = { packets: wire.counterData.packetCount, bytes: wire.counterData.byteCount };
  }
  return entry;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(canonical(bytes)).toString("hex");
}

function matchKey(match: FieldMatch): string {
  const type = match.fieldMatchType;
  switch (type?.$case) {
    case "exact":
    case "optional":
      return hex(type.value.value);
    case "lpm":
      return `${hex(type.value.value)}/${type.value.prefixLen}`;
    case "ternary":
      return `${hex(type.value.value)}&${hex(type.value.mask)}`;
    case "range":
      return `${hex(type.value.low)}-${hex(type.value.high)}`;
    default:
      return "?";
  }
}

/** Equal exactly for two messages that name the same entry, however a server orders or pads the fields. */
export function entryKey(wire: TableEntry): string {
  const fields = wire.match.map((match) => `${match.fieldId}=${matchKey(match)}`).sort();
  return `${wire.tableId}${wire.isDefaultAction ? "!" : "|"}${wire.priority}|${fields.join(",")}`;
}

/** Equal exactly for two actions that do the same. */
export function callKey({ actionId, params }: Action): string {
  return `${actionId}|${params
    .map((param) => `${param.paramId}=${hex(param.value)}`)
    .sort()
    .join(",")}`;
}

/** Equal exactly for two messages whose entries do the same. */
export function actionKey(wire: TableEntry): string {
  const type = wire.action?.type;
  switch (type?.$case) {
    case undefined:
      return "";
    case "action":
      return callKey(type.value);
    case "actionProfileMemberId":
    case "actionProfileGroupId":
      return `${type.$case} ${type.value}`;
    default:
      return type!.$case;
  }
}

/** `service[vni=0 vip=203.0.113.10 protocol=6 port=80]`: names an entry in messages. */
export function describeKey(entry: Entry): string {
  if (entry.isDefault === true) {
    return `${entry.table}[default]`;
  }
  const fields = Object.entries(entry.match).map(([name, value]) => `${name}=${value}`);
  const priority = entry.priority ? [`priority=${entry.priority}`] : [];
  return `${entry.table}[${[...fields, ...priority].join(" ")}]`;
}

/** `steer_service(cluster_id=1)`, or nothing for an entry without action. */
export function describeAction(entry: Pick<Entry, "action" | "params" | "member" | "group">): string {
  if (entry.action === undefined) {
    return entry.group !== undefined
      ? `group ${entry.group}`
      : entry.member !== undefined
        ? `member ${entry.member}`
        : "";
  }
  const params = Object.entries(entry.params ?? {}).map(([name, value]) => `${name}=${value}`);
  return `${entry.action}(${params.join(" ")})`;
}
