// An entry's match and priority: P4Runtime's fields <-> the entry's identity (see tables/table_store.ts).
import type { FieldMatch, TableEntry } from "@sluice/proto/p4runtime";
import type { KeyField } from "../ir/program.js";
import { bigintToLanes, toBytes, toLanes } from "./bytes.js";
import { invalid } from "./errors.js";
import type { BoundField, BoundTable } from "./schema.js";

/** Lanes of the identity of an entry of this table (see tables/table_store.ts). */
const identities = new WeakMap<BoundTable, Int32Array>();

export function identityOf(table: BoundTable): Int32Array {
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
      if (isAbove(identity, key.lane, valueLanes + key.lane, key.lanes)) {
        throw invalid(`${what}: the range's low end is above its high end`);
      }
      if (isAll(identity, key, valueLanes))
        throw invalid(`${what}: a range of all values matches everything: leave the field out`);
      return;
    }
    case "optional":
      if (type === undefined) return;
      if (type.$case !== "optional") throw wrongKind(table, field, type.$case);
      toLanes(type.value.value, key.bits, identity, key.lane, what);
      full(valueLanes + key.lane, true);
  }
}

/** Whether a range is from 0 to the greatest value. */
function isAll(identity: Int32Array, { bits, lane, lanes }: KeyField, valueLanes: number): boolean {
  for (let i = 0; i < lanes; i++) {
    const width = Math.min(32, bits - 32 * i);
    if (identity[lane + i] !== 0 || identity[valueLanes + lane + i]! >>> 0 !== 2 ** width - 1) return false;
  }
  return true;
}

/** Whether the value at lane `a` is above the one at lane `b`. */
function isAbove(lanes: Int32Array, a: number, b: number, count: number): boolean {
  for (let i = count - 1; i >= 0; i--) {
    const difference = (lanes[a + i]! >>> 0) - (lanes[b + i]! >>> 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** @throws UpdateError for a match of a field that the key does not have, or of one field twice */
function refuseStray({ name, fields }: BoundTable, match: readonly FieldMatch[]): void {
  for (let i = 0; i < match.length; i++) {
    const { fieldId } = match[i]!;
    if (indexOfField(fields, fieldId, i) < 0) throw invalid(`${name} has no key field with id ${fieldId}`);
    for (let j = 0; j < i; j++) {
      if (match[j]!.fieldId === fieldId)
        throw invalid(`${name}: the key field with id ${fieldId} is given twice`);
    }
  }
}

/** @param guess - nearly everybody writes the fields in the program's order */
function indexOfField(fields: readonly BoundField[], id: number, guess: number): number {
  return fields[guess]?.id === id ? guess : fields.findIndex((field) => field.id === id);
}

export function readIdentity(table: BoundTable, entry: TableEntry): Int32Array {
  const identity = identityOf(table);
  const { match } = entry;
  refuseStray(table, match);
  table.fields.forEach((field, i) => {
    const given =
      match[i]?.fieldId === field.id ? match[i] : match.find(({ fieldId }) => fieldId === field.id);
    readMatch(table, field, given, identity);
  });
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

export function writeMatch(table: BoundTable, { id, kind, key }: BoundField, entry: number): FieldMatch[] {
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
