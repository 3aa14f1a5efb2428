// Table entries as P4Runtime writes and reads them (specification, section 9.1).
import {
  type CounterData,
  TableEntry,
  Update_Type,
  type Action as WireAction,
} from "@sluice/proto/p4runtime";
import type { ConstEntry } from "../ir/program.js";
import { bigintToLanes, toBytes, toLanes } from "./bytes.js";
import { alreadyExists, exhausted, invalid, notFound, permissionDenied, unimplemented } from "./errors.js";
import { checkIdleTimeout, setIdleTimeout } from "./idle.js";
import type { BoundAction, BoundTable, Schema } from "./schema.js";
import { identityOf, readIdentity, writeMatch } from "./table_match.js";

const NS_PER_US = 1000;
/** The number of no entry of a table: here of its default entry. */
const DEFAULT_ENTRY = 0;
const NO_BYTES = new Uint8Array();

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
  for (let i = 0; i < action.params.length; i++) {
    const { id, name, bits, lane } = action.params[i]!;
    const given =
      wire.params[i]!.paramId === id ? wire.params[i] : wire.params.find(({ paramId }) => paramId === id);
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
      throw permissionDenied(`${table.name}: ${action.name} can only be the default action`);
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
  checkIdleTimeout(table, entry.idleTimeoutNs);
  if (entry.timeSinceLastHit !== undefined)
    throw invalid(`${table.name}: the time since the last hit can only be read`);
  if (entry.counterData === undefined) return;
  if (!table.store.hasCounter) throw invalid(`${table.name} has no direct counter`);
  checkCount(table.name, entry.counterData);
}

/** @throws UpdateError where a read asks for times that are not kept */
function refuseTimes(table: BoundTable, wanted: TableEntry): void {
  if (wanted.timeSinceLastHit === undefined) return;
  if (wanted.isDefaultAction) throw invalid(`${table.name}: nobody knows when its default action last ran`);
  if (!table.store.hasTimeout) throw invalid(`${table.name} does not support idle timeouts`);
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

function setMetadata(table: BoundTable, entry: number, { metadata }: TableEntry): void {
  if (metadata.length > 0) table.metadata.set(entry, Uint8Array.from(metadata));
  else if (table.metadata.size > 0) table.metadata.delete(entry);
}

function setExtras(schema: Schema, table: BoundTable, entry: number, wire: TableEntry): void {
  setIdleTimeout(schema, table, entry, wire.idleTimeoutNs);
  setMetadata(table, entry, wire);
  if (wire.counterData !== undefined) writeCount(table.store.counters, entry, wire.counterData);
}

function modifyDefault(table: BoundTable, wire: TableEntry, type: Update_Type): void {
  if (type !== Update_Type.MODIFY) throw invalid(`${table.name}: a default action can only be modified`);
  if (wire.match.length > 0 || wire.priority !== 0)
    throw invalid(`${table.name}: a default action has neither key nor priority`);
  if (wire.idleTimeoutNs !== 0n || wire.timeSinceLastHit !== undefined)
    throw invalid(`${table.name}: a default action has no idle timeout`);
  const { store } = table;
  const action = wire.action?.type;
  if (table.isDefaultConst) throw permissionDenied(`${table.name}: the program fixes the default action`);
  if (action === undefined) {
    // Back to what the program says (specification, section 9.1.2).
    const { defaultAction, defaultData } = store.table;
    store.defaultAction = defaultAction?.id ?? -1;
    setConstants(store.defaultData, defaultAction?.params ?? [], defaultData);
    table.metadata.delete(DEFAULT_ENTRY);
    return;
  }
  if (action.$case !== "action")
    throw unimplemented(`${table.name}: a default action out of an action profile`);
  const data = new Int32Array(Math.max(1, store.stride));
  const bound = readAction(table.name, table.actions, action.value, data);
  if (bound.scope === "entry-only")
    throw permissionDenied(`${table.name}: ${bound.name} cannot be the default action`);
  store.defaultData = data;
  store.defaultAction = bound.action.id;
  setMetadata(table, DEFAULT_ENTRY, wire);
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
  if (wire.isConst) throw invalid(`${table.name}: only the switch says that an entry is const`);
  if (wire.isDefaultAction) {
    modifyDefault(table, wire, type);
    return;
  }
  // Of the program's own entries the counts can be written, and nothing else (specification, section 9.1.4).
  const isOfCounts =
    type === Update_Type.MODIFY &&
    wire.action?.type === undefined &&
    wire.metadata.length === 0 &&
    wire.idleTimeoutNs === 0n;
  if (table.isConst && !isOfCounts) throw permissionDenied(`${table.name}: the program fixes its entries`);
  const { store } = table;
  const identity = readIdentity(table, wire);
  const held = store.identify(identity);
  if (held !== 0 && table.constEntries.has(held) && !isOfCounts)
    throw permissionDenied(`${table.name}: the program fixes this entry`);
  switch (type) {
    case Update_Type.INSERT: {
      if (held !== 0) throw alreadyExists(`${table.name}: the entry is there already`);
      refuseExtras(table, wire);
      const target = readTarget(table, wire);
      if (store.size >= table.size) throw exhausted(`${table.name} is full: it holds ${table.size} entries`);
      const entry = store.insert(identity);
      setTarget(table, entry, target);
      if (store.hasTimeout) store.lastHitUs[entry] = schema.clockUs();
      setExtras(schema, table, entry, wire);
      store.added(entry);
      return;
    }
    case Update_Type.MODIFY:
      if (held === 0) throw notFound(`${table.name}: there is no such entry`);
      refuseExtras(table, wire);
      if (wire.action?.type !== undefined) setTarget(table, held, readTarget(table, wire));
      setExtras(schema, table, held, wire);
      return;
    case Update_Type.DELETE:
      if (held === 0) throw notFound(`${table.name}: there is no such entry`);
      store.removing(held);
      store.remove(held);
      table.metadata.delete(held);
      table.idleTimers.delete(held);
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

function priorityOf({ store }: BoundTable, entry: number): number {
  return store.table.kind === "ternary" ? store.keyLane(entry, 2 * store.valueLanes) : 0;
}

export interface ShownParts {
  /** Its direct counter, where it has one. */
  counter?: boolean;
  /** How long ago it was hit: now, in us. */
  nowUs?: number | undefined;
}

export function entryToWire(table: BoundTable, entry: number, shown: ShownParts = {}): TableEntry {
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
    priority: priorityOf(table, entry),
    metadata: table.metadata.get(entry) ?? new Uint8Array(),
    isConst: table.constEntries.has(entry),
    counterData: shown.counter && store.hasCounter ? readCounter(store.counters, entry) : undefined,
    idleTimeoutNs: table.idleTimers.get(entry)?.timeoutNs ?? 0n,
    timeSinceLastHit:
      shown.nowUs === undefined || !store.hasTimeout
        ? undefined
        : { elapsedNs: BigInt(Math.round((shown.nowUs - store.lastHitUs[entry]!) * NS_PER_US)) },
  });
}

export function readCounter(cells: Float64Array, index: number): CounterData {
  return { packetCount: BigInt(cells[2 * index]!), byteCount: BigInt(cells[2 * index + 1]!) };
}

export function writeCount(
  cells: Float64Array,
  index: number,
  { packetCount, byteCount }: CounterData,
): void {
  cells[2 * index] = Number(packetCount);
  cells[2 * index + 1] = Number(byteCount);
}

/** @throws UpdateError for a count that a cell cannot hold exactly */
export function checkCount(what: string, { packetCount, byteCount }: CounterData): void {
  for (const count of [packetCount, byteCount]) {
    if (count < 0n || count > Number.MAX_SAFE_INTEGER)
      throw invalid(`${what}: the count ${count} is not from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
}

export function defaultToWire(table: BoundTable): TableEntry | undefined {
  const { store } = table;
  const action = table.actionsByProgramId.get(store.defaultAction);
  if (action === undefined) return undefined;
  return TableEntry.fromPartial({
    tableId: table.id,
    isDefaultAction: true,
    action: { type: { $case: "action", value: writeAction(action, store.defaultData, 0) } },
    metadata: table.metadata.get(DEFAULT_ENTRY) ?? new Uint8Array(),
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
  const shown: ShownParts = {
    counter: wanted.counterData !== undefined,
    nowUs: wanted.timeSinceLastHit && schema.clockUs(),
  };
  for (const table of tables) {
    if (wanted.tableId !== 0) refuseTimes(table, wanted);
    if (wanted.isDefaultAction) {
      const entry = defaultToWire(table);
      if (entry !== undefined) yield entry;
    } else if (wanted.match.length > 0) {
      const entry = table.store.identify(readIdentity(table, wanted));
      if (entry !== 0 && isWanted(table, entry, wanted)) yield entryToWire(table, entry, shown);
    } else {
      for (const entry of table.store.entries())
        if (isWanted(table, entry, wanted)) yield entryToWire(table, entry, shown);
    }
  }
}

/** What a read is narrowed by beside the key; of an action its name alone counts (specification, section 9.1.5). */
function isWanted(table: BoundTable, entry: number, { priority, metadata, action }: TableEntry): boolean {
  if (priority !== 0 && priorityOf(table, entry) !== priority) return false;
  if (metadata.length > 0 && Buffer.compare(metadata, table.metadata.get(entry) ?? NO_BYTES) !== 0)
    return false;
  if (action?.type?.$case !== "action" || table.profile !== undefined) return true;
  return table.actionsByProgramId.get(table.store.actions[entry]!)?.id === action.type.value.actionId;
}
