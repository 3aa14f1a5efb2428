// All that a running pipeline reads and writes.
import { lanesOf, type Program, type Table } from "../ir/program.js";
import { ProfileStore } from "../tables/profile_store.js";
import { makeTableStore, type TableStore } from "../tables/table_store.js";

/** Longest input of a hash calculation, in bytes: that of P4's widest headers, with room. */
const HASH_INPUT_BYTES = 4096;
/** Slots of {@link PipelineMemory.local}. Field lists are numbered from 1 here: 0 is none. */
export const LOCAL = {
  /** what counters add */
  countedBytes: 0,
  truncateTo: 1,
  recirculate: 2,
  exit: 3,
  /** index of a digest + 1 */
  digest: 4,
  /** packet_length as egress will see it: headers that are added and removed change it */
  packetBytes: 5,
  resubmit: 6,
  /** session + 1 */
  clone: 7,
  cloneFields: 8,
} as const;
const LOCAL_SLOTS = 9;

/** One copy of a packet. */
export interface Replica {
  port: number;
  /** egress_rid */
  instance: number;
}

/** What the packet replication engine is told. */
export interface Replication {
  groups: Map<number, Replica[]>;
  sessions: Map<number, Replica[]>;
}

export interface PipelineMemory {
  state: Int32Array;
  varbits: Uint8Array;
  key: Int32Array;
  hashInput: Uint8Array;
  local: Float64Array;
  /** By table id. */
  tables: TableStore[];
  profiles: ProfileStore[];
  /** Packets and bytes by counter and cell. */
  counters: Float64Array[];
  registers: Int32Array[];
  replication: Replication;
}

export function allTables(program: Program): Table[] {
  return [program.ingress, program.egress].flatMap(({ nodes }) =>
    nodes.flatMap((node) => (node.kind === "table" ? [node.table] : [])),
  );
}

export function makeMemory(program: Program): PipelineMemory {
  const list = allTables(program);
  const tables: TableStore[] = [];
  for (const table of list) tables[table.id] = makeTableStore(table);
  return {
    state: new Int32Array(program.lanes),
    varbits: new Uint8Array(program.varbitBytes),
    key: new Int32Array(
      Math.max(1, ...tables.flatMap((store) => (store === undefined ? [] : [store.lanes]))),
    ),
    hashInput: new Uint8Array(HASH_INPUT_BYTES),
    local: new Float64Array(LOCAL_SLOTS),
    tables,
    profiles: program.profiles.map(
      (profile, i) =>
        new ProfileStore(
          profile,
          list.filter((table) => table.profile === i).flatMap(({ actions }) => actions),
        ),
    ),
    counters: program.counters.map(({ size }) => new Float64Array(2 * size)),
    registers: program.registers.map(({ size, bits }) => new Int32Array(size * lanesOf(bits))),
    replication: { groups: new Map(), sessions: new Map() },
  };
}
