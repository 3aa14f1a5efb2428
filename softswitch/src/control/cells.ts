// Counters and registers, cell by cell (specification, sections 9.3, 9.6 and 9.7).
import {
  type CounterEntry,
  type DirectCounterEntry,
  type Entity,
  RegisterEntry,
  TableEntry,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { lanesOf } from "../ir/program.js";
import { toBytes, toLanes } from "./bytes.js";
import { invalid, notFound, UpdateError } from "./errors.js";
import type { Schema } from "./schema.js";
import { checkCount, findEntry, readCounter, readTableEntries, writeCount } from "./table_writes.js";

/** gRPC OUT_OF_RANGE */
const OUT_OF_RANGE = 11;

function cellOf(name: string, index: bigint, size: number): number {
  if (index < 0n || index >= BigInt(size)) {
    throw new UpdateError(OUT_OF_RANGE, `${name}: the index ${index} is not below its size ${size}`);
  }
  return Number(index);
}

/** One cell by its index, or all without one: so reads and writes name them. */
function* cells(name: string, index: bigint | undefined, size: number): Generator<number> {
  if (index !== undefined) yield cellOf(name, index, size);
  else for (let i = 0; i < size; i++) yield i;
}

function pick<T>(map: ReadonlyMap<number, T>, id: number, what: string): [number, T][] {
  if (id === 0) return [...map];
  const found = map.get(id);
  if (found === undefined) throw notFound(`there is no ${what} with id ${id}`);
  return [[id, found]];
}

function onlyModify(type: Update_Type, what: string): void {
  if (type !== Update_Type.MODIFY) throw invalid(`${what} can only be modified`);
}

export function writeCounter(schema: Schema, type: Update_Type, wire: CounterEntry): void {
  onlyModify(type, "a counter");
  const counter = schema.counters.get(wire.counterId);
  if (counter === undefined) throw notFound(`there is no counter with id ${wire.counterId}`);
  if (wire.data !== undefined) checkCount(counter.name, wire.data);
  for (const cell of cells(counter.name, wire.index?.index, counter.size))
    if (wire.data !== undefined) writeCount(counter.cells, cell, wire.data);
}

export function* readCounters(schema: Schema, wanted: CounterEntry): Generator<CounterEntry> {
  for (const [counterId, { name, cells: values, size }] of pick(
    schema.counters,
    wanted.counterId,
    "counter",
  )) {
    for (const cell of cells(name, wanted.index?.index, size)) yield counterEntry(counterId, values, cell);
  }
}

function counterEntry(counterId: number, values: Float64Array, cell: number): CounterEntry {
  return { counterId, index: { index: BigInt(cell) }, data: readCounter(values, cell) };
}

export function writeDirectCounter(schema: Schema, type: Update_Type, wire: DirectCounterEntry): void {
  onlyModify(type, "a direct counter");
  if (wire.tableEntry === undefined) throw invalid("a direct counter is named by its table entry");
  const { table, entry } = findEntry(schema, wire.tableEntry);
  if (!table.store.hasCounter) throw invalid(`${table.name} has no direct counter`);
  if (wire.data === undefined) return;
  checkCount(table.name, wire.data);
  writeCount(table.store.counters, entry, wire.data);
}

export function* readDirectCounters(
  schema: Schema,
  wanted: DirectCounterEntry,
): Generator<DirectCounterEntry> {
  if (wanted.tableEntry === undefined) throw invalid("a direct counter is named by its table entry");
  // The entry is named by its key; what else a client has written into it does not narrow the read.
  const { tableId, match, priority, isDefaultAction } = wanted.tableEntry;
  const counterData = { packetCount: 0n, byteCount: 0n };
  const asked = TableEntry.fromPartial({ tableId, match, priority, isDefaultAction, counterData });
  for (const tableEntry of readTableEntries(schema, asked)) {
    const { counterData } = tableEntry;
    // The entry is here for its key alone (specification, section 9.3).
    const key = { ...tableEntry, action: undefined, counterData: undefined };
    if (counterData !== undefined) yield { tableEntry: key, data: counterData };
  }
}

export function writeRegister(schema: Schema, type: Update_Type, wire: RegisterEntry): void {
  onlyModify(type, "a register");
  const register = schema.registers.get(wire.registerId);
  if (register === undefined) throw notFound(`there is no register with id ${wire.registerId}`);
  if (wire.data?.data?.$case !== "bitstring") throw invalid(`${register.name}: a bit string is needed`);
  const lanes = new Int32Array(lanesOf(register.bits));
  toLanes(wire.data.data.value, register.bits, lanes, 0, register.name);
  for (const cell of cells(register.name, wire.index?.index, register.size))
    register.cells.set(lanes, cell * lanes.length);
}

export function* readRegisters(schema: Schema, wanted: RegisterEntry): Generator<RegisterEntry> {
  for (const [registerId, { name, cells: values, size, bits }] of pick(
    schema.registers,
    wanted.registerId,
    "register",
  )) {
    for (const cell of cells(name, wanted.index?.index, size))
      yield registerEntry(registerId, values, bits, cell);
  }
}

function registerEntry(registerId: number, values: Int32Array, bits: number, cell: number): RegisterEntry {
  const value = toBytes((i) => values[cell * lanesOf(bits) + i]!, bits);
  return RegisterEntry.fromPartial({
    registerId,
    index: { index: BigInt(cell) },
    data: { data: { $case: "bitstring", value } },
  });
}

/** Cells that hold something else than 0: of the millions that there may be, nothing is made but of those. */
export function* filledCells({ counters, registers }: Schema): Generator<Entity> {
  for (const [id, { cells: values, size }] of counters) {
    for (const cell of filled(values, 2, size)) {
      yield { entity: { $case: "counterEntry", value: counterEntry(id, values, cell) } };
    }
  }
  for (const [id, { cells: values, size, bits }] of registers) {
    for (const cell of filled(values, lanesOf(bits), size)) {
      yield { entity: { $case: "registerEntry", value: registerEntry(id, values, bits, cell) } };
    }
  }
}

function* filled(values: Float64Array | Int32Array, lanes: number, size: number): Generator<number> {
  let next = 0; // the first cell that has not been told
  for (let i = 0; i < lanes * size; i++) {
    if (values[i] !== 0 && i >= lanes * next) {
      const cell = Math.floor(i / lanes);
      next = cell + 1;
      yield cell;
    }
  }
}
