// A table's entries and what they match. The index of EntryStore holds an entry's whole identity:
//
//   exact    value
//   lpm      value, prefix length
//   ternary  value, mask (of a range: low, high), priority
import type { KeyField, Table } from "../ir/program.js";
import { EntryStore } from "./store.js";
import { TupleSpace } from "./tuple_space.js";

/** What the packet path and the control plane need of a table, whatever it matches. */
export abstract class TableStore extends EntryStore {
  readonly table: Table;
  defaultAction: number;
  defaultData: Int32Array;
  /** Lanes of the fields alone. */
  readonly valueLanes: number;

  constructor(table: Table, extraLanes: number) {
    super(
      fieldLanes(table) + extraLanes,
      Math.max(0, ...table.actions.map(({ dataLanes }) => dataLanes)),
      table.hasCounter,
      table.hasTimeout,
    );
    this.table = table;
    this.valueLanes = fieldLanes(table);
    this.defaultAction = table.defaultAction?.id ?? -1;
    this.defaultData = new Int32Array(Math.max(1, this.stride));
  }

  /** The entry with this identity, or 0. */
  identify(identity: Int32Array): number {
    return EntryStore.prototype.find.call(this, identity);
  }

  /** After an entry has come. */
  added(_entry: number): void {}
  /** Before an entry goes. */
  removing(_entry: number): void {}
}

function fieldLanes({ keys }: Table): number {
  return keys.reduce((sum, { lanes }) => sum + lanes, 0);
}

class ExactStore extends TableStore {
  constructor(table: Table) {
    super(table, 0);
  }
}

/** Longest prefix first: one look-up for each prefix length that any entry has. */
class LpmStore extends TableStore {
  readonly #field: KeyField;
  readonly #counts: Int32Array;
  /** Prefix lengths that are in use, the longest first. */
  #lengths: number[] = [];
  /** Masks by prefix length, lane by lane. */
  readonly #masks: Int32Array;
  readonly #probe: Int32Array;

  constructor(table: Table) {
    super(table, 1);
    this.#field = table.keys.find(({ kind }) => kind === "lpm")!;
    const { bits, lanes } = this.#field;
    this.#counts = new Int32Array(bits + 1);
    this.#masks = new Int32Array((bits + 1) * lanes);
    for (let length = 0; length <= bits; length++) {
      const mask = ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
      for (let i = 0; i < lanes; i++) {
        this.#masks[length * lanes + i] = Number(BigInt.asIntN(32, mask >> BigInt(32 * i)));
      }
    }
    this.#probe = new Int32Array(this.lanes);
  }

  override find(key: Int32Array): number {
    const probe = this.#probe;
    const { lane, lanes } = this.#field;
    for (let i = 0; i < this.valueLanes; i++) probe[i] = key[i]!;
    for (let n = 0; n < this.#lengths.length; n++) {
      const length = this.#lengths[n]!;
      for (let i = 0; i < lanes; i++) probe[lane + i] = key[lane + i]! & this.#masks[length * lanes + i]!;
      probe[this.valueLanes] = length;
      const entry = super.find(probe);
      if (entry !== 0) return entry;
    }
    return 0;
  }

  override added(entry: number): void {
    this.#counts[this.keyLane(entry, this.valueLanes)]!++;
    this.#order();
  }

  override removing(entry: number): void {
    this.#counts[this.keyLane(entry, this.valueLanes)]!--;
    this.#order();
  }

  #order(): void {
    this.#lengths = [];
    for (let length = this.#counts.length - 1; length >= 0; length--) {
      if (this.#counts[length]! > 0) this.#lengths.push(length);
    }
  }
}

/** The highest priority, the oldest of equals. */
class TernaryStore extends TableStore {
  readonly #tuples: TupleSpace;

  constructor(table: Table) {
    super(table, fieldLanes(table) + 1);
    this.#tuples = new TupleSpace(this, table.keys);
  }

  override find(key: Int32Array): number {
    return this.#tuples.find(key);
  }

  override added(entry: number): void {
    this.#tuples.add(entry);
  }

  override removing(entry: number): void {
    this.#tuples.remove(entry);
  }
}

export function makeTableStore(table: Table): TableStore {
  switch (table.kind) {
    case "exact":
      return new ExactStore(table);
    case "lpm":
      return new LpmStore(table);
    case "ternary":
      return new TernaryStore(table);
  }
}
