// Tables without a program around them.
import { type KeyField, lanesOf, type MatchKind, type Table } from "../../src/ir/program.js";
import { makeTableStore, type TableStore } from "../../src/tables/table_store.js";

export interface TestKey {
  kind: MatchKind;
  bits: number;
}

export function makeStore(keys: readonly TestKey[]): TableStore {
  let lane = 0;
  const fields = keys.map(({ kind, bits }, i) => {
    const field = { name: `key${i}`, kind, bits, lanes: lanesOf(bits), lane } as KeyField;
    lane += field.lanes;
    return field;
  });
  const kinds = new Set(keys.map(({ kind }) => kind));
  const isExact = [...kinds].every((kind) => kind === "exact");
  const isLpm = [...kinds].every((kind) => kind === "exact" || kind === "lpm");
  const kind = isExact ? "exact" : isLpm ? "lpm" : "ternary";
  return makeTableStore({ keys: fields, kind, actions: [], hasCounter: true } as unknown as Table);
}

function put(store: TableStore, lanes: Int32Array, from: number, values: readonly bigint[]): void {
  store.table.keys.forEach((key, i) => {
    for (let n = 0; n < key.lanes; n++) {
      lanes[from + key.lane + n] = Number(BigInt.asIntN(32, values[i]! >> BigInt(32 * n)));
    }
  });
}

export function keyOf(store: TableStore, values: readonly bigint[]): Int32Array {
  const lanes = new Int32Array(store.lanes);
  put(store, lanes, 0, values);
  return lanes;
}

/** What tells an entry from all others; see tables/table_store.ts. */
export interface Identity {
  values: readonly bigint[];
  /** of an lpm table */
  prefixLength?: number;
  /** of a ternary table: masks, or upper ends of ranges */
  seconds?: readonly bigint[];
  priority?: number;
}

export function identityOf(
  store: TableStore,
  { values, prefixLength, seconds, priority }: Identity,
): Int32Array {
  const lanes = keyOf(store, values);
  if (prefixLength !== undefined) lanes[store.valueLanes] = prefixLength;
  if (seconds !== undefined) {
    put(store, lanes, store.valueLanes, seconds);
    lanes[2 * store.valueLanes] = priority!;
  }
  return lanes;
}

export function insert(store: TableStore, identity: Identity): number {
  const entry = store.insert(identityOf(store, identity));
  store.added(entry);
  return entry;
}

export function remove(store: TableStore, entry: number): void {
  store.removing(entry);
  store.remove(entry);
}
