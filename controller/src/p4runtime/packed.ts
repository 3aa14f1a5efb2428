// Items as the bytes they have on the wire, in one canonical form: two items are the same when their strings are. A million of
// them fit where a million messages do not, comparing them is comparing strings, and to write one is to copy it.
//
// A packed item is two strings of octets (one character an octet). `key` names it: which kind of entity, then table id, match and
// priority. `effect` says what it does. Together they are the fields of the protobuf message. Where there are many, they stay octets
// (packed_store.ts).
import {
  ActionProfileGroup,
  ActionProfileMember,
  type Entity,
  type FieldMatch,
  TableEntry,
  type Action as WireAction,
} from "@sluice/proto/p4runtime";
import type { Entry } from "./entries.js";
import { encodeItem, type Item, isEntry } from "./items.js";
import { bytesOf, type Frame, OctetWriter } from "./octets.js";
import type { PackedBytes } from "./packed_store.js";
import { quickNumber, writeExact, writeLpm } from "./quick_values.js";
import type { Schema, SchemaField, SchemaMatchField, SchemaTable } from "./schema.js";
import { canonical, type ValueInput } from "./values.js";

export interface Packed {
  key: string;
  effect: string;
}

/** Numbers of the fields in p4runtime.proto; every one of them is length-delimited unless it says otherwise. */
const ENTITY = { tableEntry: 2, member: 3, group: 4 } as const;
const TABLE_ENTRY = { tableId: 1, match: 2, action: 3, priority: 4, isDefault: 8, idleTimeoutNs: 9 } as const;
const TABLE_ACTION = { action: 1 } as const;
const ACTION = { actionId: 1, params: 4 } as const;
const PARAM = { paramId: 2, value: 3 } as const;
const FIELD_MATCH = { fieldId: 1, exact: 2, ternary: 3, lpm: 4, range: 6, optional: 7 } as const;
const VALUE = 1;
const PREFIX_LEN = 2;
const MASK = 2;
const HIGH = 2;

const NO_PARAMS: Entry["match"] = {};

/** Instead of a key's length. */
const UNUSUAL = -1;

/** A field, and what is around its value on the wire. */
interface Framed<Field> {
  field: Field;
  frame: Frame;
}

interface ActionPlan {
  id: number;
  params: readonly Framed<SchemaField>[];
}

interface TablePlan {
  table: SchemaTable;
  /** Exact and LPM fields: what the quick way can do. Undefined: every entry goes the long way. */
  fields: readonly Framed<SchemaMatchField>[] | undefined;
  actions: ReadonlyMap<string, ActionPlan>;
}

function framedField(field: SchemaMatchField): Framed<SchemaMatchField> {
  const out = new OctetWriter();
  const whole = out.open(TABLE_ENTRY.match);
  out.number(FIELD_MATCH.fieldId, field.id);
  const inner = out.open(FIELD_MATCH.exact);
  return { field, frame: out.frame(VALUE, [inner, whole]) };
}

function framedParam(field: SchemaField): Framed<SchemaField> {
  const out = new OctetWriter();
  const whole = out.open(ACTION.params);
  out.number(PARAM.paramId, field.id);
  return { field, frame: out.frame(PARAM.value, [whole]) };
}

function planOf(table: SchemaTable): TablePlan {
  const isPlain = ({ bitwidth, names }: SchemaField) => bitwidth > 0 && names === undefined;
  const plain = table.fields.every(
    (field) => (field.match === "exact" || field.match === "lpm") && isPlain(field),
  );
  const actions = table.actions.flatMap(({ action, scope }) =>
    scope === "default-only" || !action.params.every(isPlain) ? [] : [action],
  );
  return {
    table,
    fields: plain && table.profile === undefined ? table.fields.map(framedField) : undefined,
    actions: new Map(
      actions.map(({ alias, id, params }) => [alias, { id, params: params.map(framedParam) }]),
    ),
  };
}

/** Packs the items of one program. Not for two threads: it has one buffer. */
export class Packer {
  readonly #schema: Schema;
  readonly #plans = new Map<string, TablePlan>();
  readonly #out = new OctetWriter();

  constructor(schema: Schema) {
    this.#schema = schema;
    for (const table of schema.tables) {
      this.#plans.set(table.alias, planOf(table));
    }
  }

  /** @throws EntryError | SchemaError as `encodeItem` */
  pack(item: Item): Packed {
    return this.#strings(this.#packItem(item));
  }

  /** {@link pack} without strings: what is returned is the packer's own, and good until it packs again. */
  packBytes(item: Item): PackedBytes {
    return this.#bytes(this.#packItem(item));
  }

  /**
   * Packs a message that was read from a switch, however the server ordered and padded its fields.
   *
   * @throws SchemaError for an id that the program does not have
   */
  packMessage(message: Entity): Packed {
    return this.#strings(this.#packEntity(message));
  }

  /** {@link packMessage} as {@link packBytes}. */
  packMessageBytes(message: Entity): PackedBytes {
    return this.#bytes(this.#packEntity(message));
  }

  #strings(keyLength: number): Packed {
    const out = this.#out;
    return { key: out.text(0, keyLength), effect: out.text(keyLength, out.length) };
  }

  #bytes(keyLength: number): PackedBytes {
    return { bytes: this.#out.buffer, start: 0, keyLength, length: this.#out.length };
  }

  // Each of these leaves the item in the buffer, and returns the length of its key.

  #packItem(item: Item): number {
    const keyLength = isEntry(item) ? this.#quick(item) : UNUSUAL;
    return keyLength === UNUSUAL ? this.#packEntity(encodeItem(this.#schema, item)) : keyLength;
  }

  #packEntity({ entity }: Entity): number {
    switch (entity?.$case) {
      case "tableEntry":
        return this.#packEntry(entity.value);
      case "actionProfileMember": {
        const { actionProfileId, memberId, action } = entity.value;
        const out = this.#begin(ENTITY.member);
        out.number(1, actionProfileId);
        out.number(2, memberId);
        const keyLength = out.length;
        if (action !== undefined) {
          const mark = out.open(3);
          this.#action(action);
          out.close(mark);
        }
        return keyLength;
      }
      case "actionProfileGroup": {
        const { actionProfileId, groupId, members } = entity.value;
        const out = this.#begin(ENTITY.group);
        out.number(1, actionProfileId);
        out.number(2, groupId);
        const keyLength = out.length;
        for (const { memberId, weight } of members.toSorted((a, b) => a.memberId - b.memberId)) {
          const mark = out.open(3);
          out.number(1, memberId);
          out.number(2, weight);
          out.close(mark);
        }
        // Servers need not tell the size that a group was made with: the program's is meant.
        out.number(4, this.#schema.profiles.get(actionProfileId).maxGroupSize);
        return keyLength;
      }
      default:
        throw new TypeError(`an entity of the kind ${entity?.$case} cannot be packed`);
    }
  }

  #begin(kind: number): OctetWriter {
    this.#out.reset();
    this.#out.octet(kind);
    return this.#out;
  }

  /** Entries of exact and LPM fields with an action, as nearly all are. {@link UNUSUAL} where something is so, or wrong. */
  #quick(entry: Entry): number {
    const plan = this.#plans.get(entry.table);
    const action = plan?.actions.get(entry.action ?? "");
    if (
      plan?.fields === undefined ||
      action === undefined ||
      entry.isDefault === true ||
      entry.priority !== undefined ||
      entry.member !== undefined ||
      entry.group !== undefined ||
      entry.idleTimeoutMs !== undefined
    ) {
      return UNUSUAL;
    }
    const out = this.#begin(ENTITY.tableEntry);
    out.number(TABLE_ENTRY.tableId, plan.table.id);
    if (!this.#quickMatch(plan.fields, entry.match)) {
      return UNUSUAL;
    }
    const keyLength = out.length;
    return this.#quickAction(action, entry.params ?? NO_PARAMS) ? keyLength : UNUSUAL;
  }

  /** @returns whether all of it was written; as of the next ones, if not, nothing of use was */
  #quickMatch(fields: readonly Framed<SchemaMatchField>[], match: Entry["match"]): boolean {
    const out = this.#out;
    let used = 0;
    for (const { field, frame } of fields) {
      const value = match[field.name];
      if (value === undefined) {
        if (field.match === "exact") {
          return false;
        }
        continue;
      }
      used++;
      const number = field.match === "exact" ? quickNumber(value, field.bitwidth) : -1;
      if (number >= 0) {
        out.framedNumber(frame, number);
      } else if (!this.#quickOther(field, value)) {
        return false;
      }
    }
    return used === countOf(match);
  }

  /** A prefix, or a value of more than 53 bits. */
  #quickOther(field: SchemaMatchField, value: ValueInput): boolean {
    const out = this.#out;
    const lpm = field.match === "lpm";
    const start = out.length;
    const whole = out.open(TABLE_ENTRY.match);
    out.number(FIELD_MATCH.fieldId, field.id);
    const inner = out.open(lpm ? FIELD_MATCH.lpm : FIELD_MATCH.exact);
    const prefixLen = lpm ? writeLpm(out, VALUE, value, field.bitwidth) : 0;
    if (prefixLen < 0 || (!lpm && !writeExact(out, VALUE, value, field.bitwidth))) {
      return false;
    }
    out.number(PREFIX_LEN, prefixLen);
    out.close(inner);
    out.close(whole);
    if (lpm && prefixLen === 0) {
      out.length = start; // a field that matches anything is left out (section 9.1.1)
    }
    return true;
  }

  #quickAction({ id, params }: ActionPlan, given: Entry["match"]): boolean {
    const out = this.#out;
    const whole = out.open(TABLE_ENTRY.action);
    const inner = out.open(TABLE_ACTION.action);
    out.number(ACTION.actionId, id);
    for (const { field, frame } of params) {
      const value = given[field.name];
      if (value === undefined) {
        return false;
      }
      const number = quickNumber(value, field.bitwidth);
      if (number >= 0) {
        out.framedNumber(frame, number);
      } else {
        const mark = out.open(ACTION.params);
        out.number(PARAM.paramId, field.id);
        if (!writeExact(out, PARAM.value, value, field.bitwidth)) {
          return false;
        }
        out.close(mark);
      }
    }
    out.close(inner);
    out.close(whole);
    return params.length === countOf(given);
  }

  #packEntry(entry: TableEntry): number {
    const table = this.#schema.tables.get(entry.tableId);
    const out = this.#begin(ENTITY.tableEntry);
    out.number(TABLE_ENTRY.tableId, entry.tableId);
    for (const field of table.fields) {
      const match = entry.match.find(({ fieldId }) => fieldId === field.id);
      if (match !== undefined) {
        this.#match(match);
      }
    }
    out.number(TABLE_ENTRY.priority, entry.priority);
    out.number(TABLE_ENTRY.isDefault, entry.isDefaultAction ? 1 : 0);
    const keyLength = out.length;
    const type = entry.action?.type;
    if (type !== undefined) {
      const whole = out.open(TABLE_ENTRY.action);
      if (type.$case === "action") {
        const inner = out.open(TABLE_ACTION.action);
        this.#action(type.value);
        out.close(inner);
      } else if (type.$case === "actionProfileMemberId") {
        out.number(2, type.value, true);
      } else if (type.$case === "actionProfileGroupId") {
        out.number(3, type.value, true);
      }
      out.close(whole);
    }
    out.number(TABLE_ENTRY.idleTimeoutNs, Number(entry.idleTimeoutNs));
    return keyLength;
  }

  #match({ fieldId, fieldMatchType: type }: FieldMatch): void {
    const out = this.#out;
    const start = out.length;
    const whole = out.open(TABLE_ENTRY.match);
    out.number(FIELD_MATCH.fieldId, fieldId);
    let matters = true;
    if (type?.$case === "exact" || type?.$case === "optional") {
      const inner = out.open(FIELD_MATCH[type.$case]);
      out.bytes(VALUE, canonical(type.value.value));
      out.close(inner);
    } else if (type?.$case === "lpm") {
      const { value, prefixLen } = type.value;
      const inner = out.open(FIELD_MATCH.lpm);
      out.bytes(VALUE, canonical(value));
      out.number(PREFIX_LEN, prefixLen);
      out.close(inner);
      matters = prefixLen > 0;
    } else if (type?.$case === "ternary") {
      const { value, mask } = type.value;
      const inner = out.open(FIELD_MATCH.ternary);
      out.bytes(VALUE, canonical(value));
      out.bytes(MASK, canonical(mask));
      out.close(inner);
      matters = mask.some((octet) => octet !== 0);
    } else if (type?.$case === "range") {
      const { low, high } = type.value;
      const inner = out.open(FIELD_MATCH.range);
      out.bytes(VALUE, canonical(low));
      out.bytes(HIGH, canonical(high));
      out.close(inner);
    }
    out.close(whole);
    if (!matters) {
      out.length = start;
    }
  }

  #action({ actionId, params }: WireAction): void {
    const out = this.#out;
    out.number(ACTION.actionId, actionId);
    for (const { id } of this.#schema.actions.get(actionId).params) {
      const mark = out.open(ACTION.params);
      out.number(PARAM.paramId, id);
      out.bytes(
        PARAM.value,
        canonical(params.find(({ paramId }) => paramId === id)?.value ?? new Uint8Array()),
      );
      out.close(mark);
    }
  }
}

function countOf(record: object): number {
  let count = 0;
  for (const _ in record) {
    count++;
  }
  return count;
}

/** @param kind - the first octet of a packed item's key */
export function isPackedGroup(kind: number): boolean {
  return kind === ENTITY.group;
}

/** The message that a packed item is the bytes of. */
export function unpack({ key, effect }: Packed): Entity {
  const bytes = bytesOf(key.slice(1) + effect);
  switch (key.charCodeAt(0)) {
    case ENTITY.tableEntry:
      return { entity: { $case: "tableEntry", value: TableEntry.decode(bytes) } };
    case ENTITY.member:
      return { entity: { $case: "actionProfileMember", value: ActionProfileMember.decode(bytes) } };
    default:
      return { entity: { $case: "actionProfileGroup", value: ActionProfileGroup.decode(bytes) } };
  }
}
