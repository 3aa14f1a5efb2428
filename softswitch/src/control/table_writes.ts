// Table entries as P4Runtime writes and reads them (specification, section 9.1).
import { type FieldMatch, TableEntry, Update_Type, type Action as WireAction } from "@sluice/proto/p4runtime";
import type { ConstEntry } from "../ir/program.js";
import { bigintToLanes, toBytes, toLanes } from "./bytes.js";
import { alreadyExists, exhausted, invalid, notFound, permissionDenied, unimplemented } from "./errors.js";
import type { BoundAction, BoundField, BoundTable, Schema } from "./schema.js";

/** Lanes of the identity of an entry of this table (see tables/table_store.ts). */
const identities = new WeakMap<BoundTable, Int32Array>();

function identityOf(table: BoundTable): Int32Array {
  let lanes = identities.get(table);
  if (lanes === undefined) {
    lanes = new Int32Array(table.store.lanes);
    identities.set(table, lanes);
  }
  return lanes.fill(0);
}

function wrongKind(table: BoundTable, field: BoundField, found: string | undefined): Error {
  return invalid(`${table.name}.${field.name} is matched ${field.kind}, not ${found ?? "by nothing"}`);
}

/** Reads a match into the identity. A field that is left out matches everything; an exact one cannot be. */
function readMatch(
  table: BoundTable,
  field: BoundField,
  match: FieldMatch | undefined,
  identity: Int32Array,
): void {
  const { key } = field;
  const { valueLanes } = table.store;
  const what = `${table.name}.${field.name}`;
  const type = match?.fieldMatchType;
  const full = (at: number, isSet: boolean) => {
    const all = isSet ? (1n << BigInt(key.bits)) - 1n : 0n;
    bigintToLanes(all, key.bits, identity, at);
  };
  switch (field.kind) {
    case "exact":
      if (type?.$case !== "exact") {
        if (type === undefined) throw invalid(`${what} is missing: an exact field always has a value`);
        throw wrongKind(table, field, type.$case);
      }
      toLanes(type.value.value, key.bits, identity, key.lane, what);
      if (table.store.table.kind === "ternary") full(valueLanes + key.lane, true);
      return;
    case "lpm": {
      if (type !== undefined && type.$case !== "lpm") throw wrongKind(table, field, type.$case);
      const length = type?.value.prefixLen ?? 0;
      if (type !== undefined) {
        if (length < 1 || length > key.bits) {
          throw invalid(
            `${what}: the prefix length ${length} is not from 1 to ${key.bits} (leave the field out for 0)`,
          );
        }
        toLanes(type.value.value, key.bits, identity, key.lane, what);
      }
      const mask = new Int32Array(key.lanes);
      bigintToLanes(((1n << BigInt(length)) - 1n) << BigInt(key.bits - length), key.bits, mask, 0);
      for (let i = 0; i < key.lanes; i++) {
        if ((identity[key.lane + i]! & ~mask[i]!) !== 0) {
          throw invalid(`${what}: the value has bits beyond its prefix of ${length}`);
        }
      }
      if (table.store.table.kind === "lpm") identity[valueLanes] = length;
      else identity.set(mask, valueLanes + key.lane);
      return;
    }
    case "ternary": {
      if (type === undefined) return;
      if (type.$case !== "ternary") throw wrongKind(table, field, type.$case);
      toLanes(type.value.value, key.bits, identity, key.lane, what);
      toLanes(type.value.mask, key.bits, identity, valueLanes + key.lane, `${what} (mask)`);
      let isEmpty = true;
      for (let i = 0; i < key.lanes; i++) {
        const mask = identity[valueLanes + key.lane + i]!;
        if (mask !== 0) isEmpty = false;
        if ((identity[key.lane + i]! & ~mask) !== 0)
          throw invalid(`${what}: the value has bits outside its mask`);
      }
      if (isEmpty) throw invalid(`${what}: a mask of 0 matches everything: leave the field out`);
      return;
    }
    case "range": {
      if (type === undefined) {
        full(valueLanes + key.lane, true);
        return;
      }
      if (type.$case !== "range") throw wrongKind(table, field, type.$case);
      toLanes(type.value.low, key.bits, identity, key.lane, `${what} (low)`);
      toLanes(type.value.high, key.bits, identity, valueLanes + key.lane, `${what} (high)`);
      if (identity[key.lane]! >>> 0 > identity[valueLanes + key.lane]! >>> 0) {
        throw invalid(`${what}: the range's low end is above its high end`);
      }
      return;
    }
    case "optional":
      if (type === undefined) return;
      if (type.$case !== "optional") throw wrongKind(table, field, type.$case);
      toLanes(type.value.value, key.bits, identity, key.lane, what);
      full(valueLanes + key.lane, true);
  }
}

function readIdentity(table: BoundTable, entry: TableEntry): Int32Array {
  const identity = identityOf(table);
  const known = new Set(table.fields.map(({ id }) => id));
  const seen = new Set<number>();
  for (const { fieldId } of entry.match) {
    if (!known.has(fieldId)) throw invalid(`${table.name} has no key field with id ${fieldId}`);
    if (seen.has(fieldId)) throw invalid(`${table.name}: the key field with id ${fieldId} is given twice`);
    seen.add(fieldId);
  }
  for (const field of table.fields) {
    readMatch(
      table,
      field,
      entry.match.find(({ fieldId }) => fieldId === field.id),
      identity,
    );
  }
  if (table.needsPriority) {
    if (entry.priority <= 0)
      throw invalid(
        `${table.name}: a priority above 0 is needed (its key has ternary, range or optional fields)`,
      );
  } else if (entry.priority !== 0) {
    throw invalid(
      `${table.name}: a priority has no meaning here (no ternary, range or optional field in its key)`,
    );
  }
  if (table.store.table.kind === "ternary") identity[2 * table.store.valueLanes] = entry.priority;
  return identity;
}

/** Reads an action's parameters into its data. */
export function readAction(
  owner: string,
  actions: ReadonlyMap<number, BoundAction>,
  wire: WireAction,
  data: Int32Array,
): BoundAction {
  const action = actions.get(wire.actionId);
  if (action === undefined) throw invalid(`${owner} has no action with id ${wire.actionId}`);
  if (wire.params.length !== action.params.length) {
    throw invalid(
      `${owner}: ${action.name} takes ${action.params.length} parameters, not ${wire.params.length}`,
    );
  }
  data.fill(0);
  for (const { id, name, bits, lane } of action.params) {
    const given = wire.params.find(({ paramId }) => paramId === id);
    if (given === undefined) throw invalid(`${owner}: parameter ${name} of ${action.name} is missing`);
    toLanes(given.value, bits, data, lane, `${owner}: ${action.name}.${name}`);
  }
  return action;
}

export function writeAction(action: BoundAction, data: Int32Array, offset: number): WireAction {
  return {
    actionId: action.id,
    params: action.params.map(({ id, bits, lane }) => ({
      paramId: id,
      value: toBytes((i) => data[offset + lane + i]!, bits),
    })),
  };
}

function tableOf(schema: Schema, id: number): BoundTable {
  const table = schema.tables.get(id);
  if (table === undefined) throw notFound(`there is no table with id ${id}`);
  return table;
}

/** What an entry does: a program's action id with data, or a reference into the action profile. */
function readTarget(
  table: BoundTable,
  entry: TableEntry,
): { reference: number; data: Int32Array | undefined } {
  const type = entry.action?.type;
  if (type === undefined) throw invalid(`${table.name}: the entry has no action`);
  if (table.profile === undefined) {
    if (type.$case !== "action")
      throw invalid(`${table.name} has no action profile: the entry needs an action`);
    const data = new Int32Array(table.store.stride);
    const action = readAction(table.name, table.actions, type.value, data);
    if (action.scope === "default-only")
      throw invalid(`${table.name}: ${action.name} can only be the default action`);
    return { reference: action.action.id, data };
  }
  const { store, name } = table.profile;
  switch (type.$case) {
    case "actionProfileMemberId": {
      const slot = store.members.get(type.value);
      if (slot === undefined) throw notFound(`${name} has no member ${type.value}`);
      return { reference: slot, data: undefined };
    }
    case "actionProfileGroupId": {
      const slot = store.groups.get(type.value);
      if (slot === undefined) throw notFound(`${name} has no group ${type.value}`);
      return { reference: -slot, data: undefined };
    }
    case "actionProfileActionSet":
      throw unimplemented(`${table.name}: one-shot action sets`);
    default:
      throw invalid(`${table.name}: an entry refers to a member or a group of ${name}`);
  }
}

function refuseExtras(table: BoundTable, entry: TableEntry): void {
  if (entry.meterConfig !== undefined) throw invalid(`${table.name} has no direct meter`);
  if (entry.idleTimeoutNs !== 0n) throw invalid(`${table.name} does not support idle timeouts`);
  if (entry.counterData !== undefined && !table.store.hasCounter)
    throw invalid(`${table.name} has no direct counter`);
}

function setTarget(
  table: BoundTable,
  entry: number,
  { reference, data }: ReturnType<typeof readTarget>,
): void {
  const { store } = table;
  if (data !== undefined) store.data.set(data, entry * store.stride);
  store.actions[entry] = reference;
}

function setExtras(table: BoundTable, entry: number, wire: TableEntry): void {
  if (wire.metadata.length > 0) table.metadata.set(entry, Uint8Array.from(wire.metadata));
  else table.metadata.delete(entry);
  if (wire.counterData !== undefined) {
    table.store.counters[2 * entry] = Number(wire.counterData.packetCount);
    table.store.counters[2 * entry + 1] = Number(wire.counterData.byteCount);
  }
}

function modifyDefault(table: BoundTable, wire: TableEntry, type: Update_Type): void {
  if (type !== Update_Type.MODIFY) throw invalid(`${table.name}: a default action can only be modified`);
  if (wire.match.length > 0 || wire.priority !== 0)
    throw invalid(`${table.name}: a default action has neither key nor priority`);
  const { store } = table;
  const action = wire.action?.type;
  if (table.isDefaultConst) throw permissionDenied(`${table.name}: the program fixes the default action`);
  if (action === undefined) {
    // Back to what the program says (specification, section 9.1.2).
    const { defaultAction, defaultData } = store.table;
    store.defaultAction = defaultAction?.id ?? -1;
    setConstants(store.defaultData, defaultAction?.params ?? [], defaultData);
    return;
  }
  if (action.$case !== "action")
    throw unimplemented(`${table.name}: a default action out of an action profile`);
  const data = new Int32Array(Math.max(1, store.stride));
  const bound = readAction(table.name, table.actions, action.value, data);
  if (bound.scope === "entry-only")
    throw invalid(`${table.name}: ${bound.name} cannot be the default action`);
  store.defaultData = data;
  store.defaultAction = bound.action.id;
}

function setConstants(
  data: Int32Array,
  params: readonly { bits: number; lane: number }[],
  values: readonly bigint[],
): void {
  params.forEach(({ bits, lane }, i) => {
    bigintToLanes(values[i] ?? 0n, bits, data, lane);
  });
}

/** Applies one update. @throws UpdateError; nothing has changed then */
export function writeTableEntry(schema: Schema, type: Update_Type, wire: TableEntry): void {
  const table = tableOf(schema, wire.tableId);
  if (wire.isDefaultAction) {
    modifyDefault(table, wire, type);
    return;
  }
  if (table.isConst) throw permissionDenied(`${table.name}: the program fixes its entries`);
  const { store } = table;
  const identity = readIdentity(table, wire);
  const held = store.identify(identity);
  if (held !== 0 && table.constEntries.has(held))
    throw permissionDenied(`${table.name}: the program fixes this entry`);
  switch (type) {
    case Update_Type.INSERT: {
      if (held !== 0) throw alreadyExists(`${table.name}: the entry is there already`);
      refuseExtras(table, wire);
      const target = readTarget(table, wire);
      if (store.size >= table.size) throw exhausted(`${table.name} is full: it holds ${table.size} entries`);
      const entry = store.insert(identity);
      setTarget(table, entry, target);
      setExtras(table, entry, wire);
      store.added(entry);
      return;
    }
    case Update_Type.MODIFY:
      if (held === 0) throw notFound(`${table.name}: there is no such entry`);
      refuseExtras(table, wire);
      setTarget(table, held, readTarget(table, wire));
      setExtras(table, held, wire);
      return;
    case Update_Type.DELETE:
      if (held === 0) throw notFound(`${table.name}: there is no such entry`);
      store.removing(held);
      store.remove(held);
      table.metadata.delete(held);
      return;
    default:
      throw invalid(`${table.name}: an update needs a type`);
  }
}

/** Puts in the entries that the program itself lists. */
export function insertConstEntries(table: BoundTable): void {
  const { store } = table;
  setConstants(store.defaultData, store.table.defaultAction?.params ?? [], store.table.defaultData);
  for (const item of store.table.constEntries) {
    const identity = identityOf(table);
    item.match.forEach((match, i) => {
      placeConst(table, match, i, identity);
    });
    if (store.table.kind === "ternary") identity[2 * store.valueLanes] = constPriority(item);
    const entry = store.insert(identity);
    store.actions[entry] = item.action.id;
    setConstants(store.data.subarray(entry * store.stride), item.action.params, item.data);
    table.constEntries.add(entry);
    store.added(entry);
  }
}

/** In the JSON the smallest number wins, here as in P4Runtime the greatest; what simple_switch_grpc reads out as well. */
function constPriority({ priority }: ConstEntry): number {
  return Math.max(1, 0x7fffffff - priority);
}

function placeConst(
  table: BoundTable,
  match: ConstEntry["match"][number],
  i: number,
  identity: Int32Array,
): void {
  const { store } = table;
  const key = store.table.keys[i]!;
  bigintToLanes(match.value, key.bits, identity, key.lane);
  if (store.table.kind === "lpm" && match.kind === "lpm") identity[store.valueLanes] = match.prefixLength;
  if (store.table.kind !== "ternary") return;
  const length = BigInt(match.prefixLength);
  const mask = match.kind === "lpm" ? ((1n << length) - 1n) << (BigInt(key.bits) - length) : match.mask;
  bigintToLanes(mask, key.bits, identity, store.valueLanes + key.lane);
}

function writeMatch(table: BoundTable, { id, kind, key }: BoundField, entry: number): FieldMatch[] {
  const { store } = table;
  const value = toBytes((i) => store.keyLane(entry, key.lane + i), key.bits);
  const second = () => toBytes((i) => store.keyLane(entry, store.valueLanes + key.lane + i), key.bits);
  const secondIs = (want: bigint) => {
    const lanes = new Int32Array(key.lanes);
    bigintToLanes(want, key.bits, lanes, 0);
    return lanes.every((lane, i) => lane === store.keyLane(entry, store.valueLanes + key.lane + i));
  };
  const of = (fieldMatchType: FieldMatch["fieldMatchType"]) => [{ fieldId: id, fieldMatchType }];
  const all = (1n << BigInt(key.bits)) - 1n;
  switch (kind) {
    case "exact":
      return of({ $case: "exact", value: { value } });
    case "lpm": {
      const prefixLen =
        store.table.kind === "lpm" ? store.keyLane(entry, store.valueLanes) : maskLength(second(), key.bits);
      return prefixLen === 0 ? [] : of({ $case: "lpm", value: { value, prefixLen } });
    }
    case "ternary":
      return secondIs(0n) ? [] : of({ $case: "ternary", value: { value, mask: second() } });
    case "range":
      return value.every((byte) => byte === 0) && secondIs(all)
        ? []
        : of({ $case: "range", value: { low: value, high: second() } });
    case "optional":
      return secondIs(0n) ? [] : of({ $case: "optional", value: { value } });
  }
}

function maskLength(mask: Uint8Array, bits: number): number {
  let ones = 0;
  for (const byte of mask) for (let bit = 0; bit < 8; bit++) ones += (byte >> bit) & 1;
  return Math.min(ones, bits);
}

export function entryToWire(table: BoundTable, entry: number, withCounter: boolean): TableEntry {
  const { store } = table;
  const reference = store.actions[entry]!;
  const action = table.actionsByProgramId.get(reference);
  const type: NonNullable<TableEntry["action"]>["type"] =
    table.profile === undefined
      ? { $case: "action", value: writeAction(action!, store.data, entry * store.stride) }
      : reference > 0
        ? { $case: "actionProfileMemberId", value: table.profile.store.memberId(reference) }
        : { $case: "actionProfileGroupId", value: table.profile.store.group(-reference).id };
  return TableEntry.fromPartial({
    tableId: table.id,
    match: table.fields.flatMap((field) => writeMatch(table, field, entry)),
    action: { type },
    priority: store.table.kind === "ternary" ? store.keyLane(entry, 2 * store.valueLanes) : 0,
    metadata: table.metadata.get(entry) ?? new Uint8Array(),
    isConst: table.constEntries.has(entry),
    counterData: withCounter && store.hasCounter ? readCounter(store.counters, entry) : undefined,
  });
}

export function readCounter(cells: Float64Array, index: number): { packetCount: bigint; byteCount: bigint } {
  return { packetCount: BigInt(cells[2 * index]!), byteCount: BigInt(cells[2 * index + 1]!) };
}

export function defaultToWire(table: BoundTable): TableEntry | undefined {
  const { store } = table;
  const action = table.actionsByProgramId.get(store.defaultAction);
  if (action === undefined) return undefined;
  return TableEntry.fromPartial({
    tableId: table.id,
    isDefaultAction: true,
    action: { type: { $case: "action", value: writeAction(action, store.defaultData, 0) } },
  });
}

/** The number of the entry with exactly this key. @throws UpdateError NOT_FOUND */
export function findEntry(schema: Schema, wire: TableEntry): { table: BoundTable; entry: number } {
  const table = tableOf(schema, wire.tableId);
  const entry = table.store.identify(readIdentity(table, wire));
  if (entry === 0) throw notFound(`${table.name}: there is no such entry`);
  return { table, entry };
}

/** Reads what a table entry of a read request asks for (specification, section 13): one table or all, one entry or all. */
export function* readTableEntries(schema: Schema, wanted: TableEntry): Generator<TableEntry> {
  const tables = wanted.tableId === 0 ? [...schema.tables.values()] : [tableOf(schema, wanted.tableId)];
  for (const table of tables) {
    if (wanted.isDefaultAction) {
      const entry = defaultToWire(table);
      if (entry !== undefined) yield entry;
    } else if (wanted.match.length > 0) {
      const entry = table.store.identify(readIdentity(table, wanted));
      if (entry !== 0) yield entryToWire(table, entry, wanted.counterData !== undefined);
    } else {
      for (const entry of table.store.entries()) {
        if (
          wanted.priority !== 0 &&
          table.store.keyLane(entry, 2 * table.store.valueLanes) !== wanted.priority
        )
          continue;
        yield entryToWire(table, entry, wanted.counterData !== undefined);
      }
    }
  }
}
