// What a switch holds against what it should hold.
import type { Entity } from "@sluice/proto/p4runtime";
import {
  decodeItem,
  type Item,
  type PackedUpdate,
  Packer,
  placeOf,
  type Schema,
  type UpdateType,
  unpack,
} from "../p4runtime/index.js";

/** One update. It keeps the octets; what people read is made of them when it is asked for. */
export class EntryChange implements PackedUpdate {
  readonly #schema: Schema;
  readonly #effectBefore: string | undefined;
  readonly type: UpdateType;
  /** Its place in the order of writing: a table, or members or groups of an action profile (`placeOf`). */
  readonly table: string;
  readonly key: string;
  readonly effect: string;

  /** @param effectBefore - of a modify: what the entry does now */
  constructor(
    schema: Schema,
    type: UpdateType,
    table: string,
    key: string,
    effect: string,
    effectBefore?: string,
  ) {
    this.#schema = schema;
    this.type = type;
    this.table = table;
    this.key = key;
    this.effect = effect;
    this.#effectBefore = effectBefore;
  }

  get message(): Entity {
    return unpack(this);
  }

  /** The entry as it will be, or for a delete as it was. */
  get entry(): Item {
    return decodeItem(this.#schema, this.message);
  }

  /** For a modify: what it does now. */
  get before(): Item | undefined {
    const effect = this.#effectBefore;
    return effect === undefined ? undefined : decodeItem(this.#schema, unpack({ key: this.key, effect }));
  }
}

/** More entries than a table holds. */
export class CapacityError extends Error {
  override name = "CapacityError";
}

type Effects = ReadonlyMap<string, string>;
const NONE: Effects = new Map();

/** What a switch should hold, packed, by place. */
export class DesiredEntries {
  readonly schema: Schema;
  readonly #packer: Packer;
  readonly #places = new Map<string, Map<string, string>>();
  readonly #shared: DesiredEntries | undefined;

  /** @param shared - entries that this switch holds as others do, in the same program; not to be added to any more */
  constructor(schema: Schema, shared?: DesiredEntries) {
    this.schema = schema;
    this.#packer = new Packer(schema);
    this.#shared = shared;
  }

  /** @throws EntryError | SchemaError when the item does not fit the program */
  add(item: Item): void {
    const { key, effect } = this.#packer.pack(item);
    this.#at(placeOf(item)).set(key, effect);
  }

  addAll(items: Iterable<Item>): void {
    for (const item of items) {
      this.add(item);
    }
  }

  #at(place: string): Map<string, string> {
    let effects = this.#places.get(place);
    if (effects === undefined) {
      effects = new Map();
      this.#places.set(place, effects);
    }
    return effects;
  }

  get(place: string, key: string): string | undefined {
    return this.#places.get(place)?.get(key) ?? this.#shared?.get(place, key);
  }

  set(place: string, key: string, effect: string): void {
    this.#at(place).set(key, effect);
  }

  delete(place: string, key: string): void {
    this.#places.get(place)?.delete(key);
  }

  places(): Set<string> {
    return new Set([...this.#places.keys(), ...(this.#shared?.places() ?? [])]);
  }

  count(place: string): number {
    return (this.#places.get(place)?.size ?? 0) + (this.#shared?.count(place) ?? 0);
  }

  /** The layers of a place; no key is in two of them. */
  layers(place: string): Effects[] {
    return [this.#places.get(place) ?? NONE, ...(this.#shared?.layers(place) ?? [])];
  }

  /** @param more - entries by place that are to come, or go @throws CapacityError when a table is too small */
  checkCapacity(more: ReadonlyMap<string, number> = new Map()): void {
    for (const place of new Set([...this.places(), ...more.keys()])) {
      const size = this.schema.tables.has(place) ? this.schema.tables.get(place).size : Infinity;
      const count = this.count(place) + (more.get(place) ?? 0);
      if (count > size) {
        throw new CapacityError(`table ${place}: ${count} entries are wanted, but it holds ${size}`);
      }
    }
  }
}

/** Compares what a switch holds, entity after entity as they are read, with what it should hold. */
export class EntryDiff {
  readonly #desired: DesiredEntries;
  readonly #packer: Packer;
  readonly #seen = new Map<string, Set<string>>();
  readonly #modifies: EntryChange[] = [];
  readonly #deletes: EntryChange[] = [];

  constructor(desired: DesiredEntries) {
    this.#desired = desired;
    this.#packer = new Packer(desired.schema);
  }

  /** Takes one entity that the switch holds. Entries that the program fixes (`const`) are left alone. */
  see(message: Entity): void {
    const { entity } = message;
    if (entity?.$case === "tableEntry" && entity.value.isConst) {
      return;
    }
    const { key, effect } = this.#packer.packMessage(message);
    this.seePacked(this.#placeOf(message), key, effect);
  }

  /** {@link see} for what is packed already. */
  seePacked(place: string, key: string, effect: string): void {
    const wanted = this.#desired.get(place, key);
    const { schema } = this.#desired;
    if (wanted === undefined) {
      this.#deletes.push(new EntryChange(schema, "delete", place, key, effect));
      return;
    }
    let seen = this.#seen.get(place);
    if (seen === undefined) {
      seen = new Set();
      this.#seen.set(place, seen);
    }
    seen.add(key);
    if (wanted !== effect) {
      this.#modifies.push(new EntryChange(schema, "modify", place, key, wanted, effect));
    }
  }

  #placeOf(message: Entity): string {
    const { entity } = message;
    const { schema } = this.#desired;
    return entity?.$case === "tableEntry"
      ? schema.tables.get(entity.value.tableId).alias
      : placeOf(decodeItem(schema, message));
  }

  /** The updates that turn what was seen into what is desired, in no particular order. */
  changes(): EntryChange[] {
    const { schema } = this.#desired;
    const inserts: EntryChange[] = [];
    for (const place of this.#desired.places()) {
      const seen = this.#seen.get(place);
      if (seen?.size === this.#desired.count(place)) {
        continue;
      }
      for (const layer of this.#desired.layers(place)) {
        for (const [key, effect] of layer) {
          if (seen?.has(key) !== true) {
            inserts.push(new EntryChange(schema, "insert", place, key, effect));
          }
        }
      }
    }
    return [...inserts, ...this.#modifies, ...this.#deletes];
  }
}

/**
 * Finds the updates that turn `held` into `desired`.
 *
 * @param held - as read from the switch
 * @throws EntryError when an entry does not fit the program, CapacityError when a table is too small
 */
export function diffEntries(schema: Schema, held: Iterable<Entity>, desired: Iterable<Item>): EntryChange[] {
  const entries = new DesiredEntries(schema);
  entries.addAll(desired);
  entries.checkCapacity();
  const diff = new EntryDiff(entries);
  for (const message of held) {
    diff.see(message);
  }
  return diff.changes();
}
