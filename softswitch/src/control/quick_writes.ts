// Updates of table entries straight out of a WriteRequest's bytes into the tables: nothing is made in between, which is most of the
// work of a write. Only what nearly all updates are is done here: exact and LPM fields and an action's parameters, complete, in the
// program's order, of an entry that can be written. Whatever is not plainly so is left to table_writes.ts, which also says what is wrong.
import { Update_Type } from "@sluice/proto/p4runtime";
import type { BoundAction, BoundTable, Schema } from "./schema.js";
import { identityOf } from "./table_match.js";
import { LENGTH_DELIMITED } from "./wire.js";

/** Tags, an octet each: numbers of the fields in p4runtime.proto, and their wire types. */
const number = (field: number) => field << 3;
const nested = (field: number) => (field << 3) | LENGTH_DELIMITED;
const UPDATE = { type: number(1), entity: nested(2) } as const;
const ENTITY = { tableEntry: nested(2) } as const;
const TABLE_ENTRY = { tableId: number(1), match: nested(2), action: nested(3) } as const;
const FIELD_MATCH = { fieldId: number(1), exact: nested(2), lpm: nested(4) } as const;
const MATCH_VALUE = { value: nested(1), prefixLen: number(2) } as const;
const TABLE_ACTION = { action: nested(1) } as const;
const ACTION = { actionId: number(1), params: nested(4) } as const;
const PARAM = { paramId: number(2), value: nested(3) } as const;

const NONE = -1;

interface QuickTable {
  table: BoundTable;
  /** Action data of the entry that is being read. */
  data: Int32Array;
}

function quickTables({ tables }: Schema): Map<number, QuickTable> {
  const quick = new Map<number, QuickTable>();
  for (const [id, table] of tables) {
    const isPlain = table.fields.every(({ kind }) => kind === "exact" || kind === "lpm");
    const { isConst, store } = table;
    if (isPlain && table.fields.length > 0 && !isConst && table.profile === undefined && !store.hasTimeout) {
      quick.set(id, { table, data: new Int32Array(table.store.stride) });
    }
  }
  return quick;
}

export class QuickWrites {
  readonly #tables: Map<number, QuickTable>;
  #bytes: Uint8Array = new Uint8Array();
  /** Position in the bytes. */
  #at = 0;

  constructor(schema: Schema) {
    this.#tables = quickTables(schema);
  }

  /**
   * Makes the update that lies in the bytes from `start` to before `end`.
   *
   * @returns false when it is not one for this way; nothing has changed then
   */
  apply(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    const type = this.#number(UPDATE.type, end);
    if (this.#enter(UPDATE.entity, end) !== end || this.#enter(ENTITY.tableEntry, end) !== end) return false;
    const quick = this.#tables.get(this.#number(TABLE_ENTRY.tableId, end));
    if (quick === undefined) return false;
    const { table, data } = quick;
    const { store } = table;
    const identity = identityOf(table);
    if (!this.#readMatches(table, identity, end)) return false;
    const held = store.identify(identity);
    if (held !== 0 && table.constEntries.size > 0) return false;

    if (type === Update_Type.DELETE) {
      if (held === 0 || this.#at !== end) return false;
      store.removing(held);
      store.remove(held);
      table.metadata.delete(held);
      return true;
    }
    const action = this.#readAction(table, data, end);
    if (action === undefined) return false;
    let entry = held;
    if (type === Update_Type.INSERT) {
      if (held !== 0 || store.size >= table.size) return false;
      entry = store.insert(identity);
    } else if (type !== Update_Type.MODIFY || held === 0) {
      return false;
    }
    for (let i = 0, at = entry * store.stride; i < data.length; i++) store.data[at + i] = data[i]!;
    store.actions[entry] = action.action.id;
    if (table.metadata.size > 0) table.metadata.delete(entry);
    if (held === 0) store.added(entry);
    return true;
  }

  #readMatches(table: BoundTable, identity: Int32Array, end: number): boolean {
    const { fields, store } = table;
    for (let i = 0; i < fields.length; i++) {
      const { id, kind, key } = fields[i]!;
      const start = this.#at;
      const last = this.#enter(TABLE_ENTRY.match, end);
      if (last === NONE || this.#number(FIELD_MATCH.fieldId, last) !== id) {
        if (kind !== "lpm") return false;
        this.#at = start; // a prefix of length 0 is left out
        continue;
      }
      if (this.#enter(kind === "lpm" ? FIELD_MATCH.lpm : FIELD_MATCH.exact, last) !== last) return false;
      if (!this.#readValue(MATCH_VALUE.value, key.bits, identity, key.lane, last)) return false;
      if (kind === "lpm") {
        const length = this.#number(MATCH_VALUE.prefixLen, last);
        if (length < 1 || length > key.bits || !endsInZeros(identity, key.lane, key.bits - length))
          return false;
        identity[store.valueLanes] = length;
      }
      if (this.#at !== last) return false;
    }
    return true;
  }

  /** Reads an action with its parameters into `data`, up to `end`. */
  #readAction(table: BoundTable, data: Int32Array, end: number): BoundAction | undefined {
    if (this.#enter(TABLE_ENTRY.action, end) !== end || this.#enter(TABLE_ACTION.action, end) !== end) {
      return undefined;
    }
    const action = table.actions.get(this.#number(ACTION.actionId, end));
    if (action === undefined || action.scope === "default-only") return undefined;
    const { params } = action;
    data.fill(0);
    for (let i = 0; i < params.length; i++) {
      const { id, bits, lane } = params[i]!;
      const last = this.#enter(ACTION.params, end);
      if (last === NONE || this.#number(PARAM.paramId, last) !== id) return undefined;
      if (!this.#readValue(PARAM.value, bits, data, lane, last) || this.#at !== last) return undefined;
    }
    return this.#at === end ? action : undefined;
  }

  /** @returns the number of a field with this tag, or {@link NONE} */
  #number(tag: number, end: number): number {
    return this.#at < end && this.#bytes[this.#at] === tag ? this.#varint(this.#at + 1, end) : NONE;
  }

  /** Goes into a length-delimited field with this tag. @returns its end, or {@link NONE} */
  #enter(tag: number, end: number): number {
    if (this.#at >= end || this.#bytes[this.#at] !== tag) return NONE;
    const length = this.#varint(this.#at + 1, end);
    return length === NONE || this.#at + length > end ? NONE : this.#at + length;
  }

  #varint(at: number, end: number): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let i = at, scale = 1; i < end; i++, scale *= 128) {
      const octet = bytes[i]!;
      if (octet < 0x80) {
        this.#at = i + 1;
        return value + octet * scale;
      }
      value += (octet & 0x7f) * scale;
    }
    return NONE;
  }

  /** Reads a byte string into lanes, which are zeros. @returns whether it is there, and the value fits into `bits` */
  #readValue(tag: number, bits: number, lanes: Int32Array, lane: number, end: number): boolean {
    const last = this.#enter(tag, end);
    const start = this.#at;
    if (last === NONE || last === start || 8 * (last - start - 1) >= bits) return false;
    const bytes = this.#bytes;
    const spare = 8 * (last - start) - bits;
    if (spare > 0 && bytes[start]! >> (8 - spare) !== 0) return false;
    for (let i = last - 1, shift = 0; i >= start; i--, shift += 8) {
      lanes[lane + (shift >> 5)]! |= bytes[i]! << (shift & 31);
    }
    this.#at = last;
    return true;
  }
}

function endsInZeros(lanes: Int32Array, lane: number, bits: number): boolean {
  const whole = bits >> 5;
  for (let i = 0; i < whole; i++) if (lanes[lane + i] !== 0) return false;
  return (lanes[lane + whole]! & ((1 << (bits & 31)) - 1)) === 0;
}
