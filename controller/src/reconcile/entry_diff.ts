// What a switch holds against what it should hold.
import type { Entity } from "@sluice/proto/p4runtime";
import {
  decodeItem,
  type Item,
  type Packed,
  type PackedBytes,
  PackedStore,
  type PackedUpdate,
  Packer,
  packedBytes,
  placeOf,
  type Schema,
  type UpdateType,
  unpack,
} from "../p4runtime/index.js";

/** One update. It keeps the octets; what people read is made of them when it is asked for. */
export class EntryChange implements PackedUpdate {
  readonly #schema: Schema;
  readonly #item: Packed;
  readonly #effectBefore: string | undefined;
  readonly type: UpdateType;
  /** Its place in the order of writing: a table, or members or groups of an action profile (`placeOf`). */
  readonly table: string;

  /** @param effectBefore - of a modify: what the entry does now */
  constructor(schema: Schema, type: UpdateType, table: string, item: Packed, effectBefore?: string) {
    this.#schema = schema;
    this.type = type;
    this.table = table;
    this.#item = item;
    this.#effectBefore = effectBefore;
  }

  get octets(): PackedBytes {
    return packedBytes(this.#item);
  }

  get message(): Entity {
    return unpack(this.#item);
  }

  /** The entry as it will be, or for a delete as it was. */
  get entry(): Item {
    return decodeItem(this.#schema, this.message);
  }

  /** For a modify: what it does now. */
  get before(): Item | undefined {
    const effect = this.#effectBefore;
    return effect === undefined
      ? undefined
      : decodeItem(this.#schema, unpack({ key: this.#item.key, effect }));
  }
}

/** More entries than a table holds. */
export class CapacityError extends Error {
  override name = "CapacityError";
}

/** What a switch should hold, packed, by place. */
export class DesiredEntries {
  readonly schema: Schema;
  readonly #packer: Packer;
  readonly #places = new Map<string, PackedStore>();
  readonly #shared: DesiredEntries | undefined;

  /** @param shared - entries that this switch holds as others do, in the same program; not to be added to any more */
  constructor(schema: Schema, shared?: DesiredEntries) {
    this.schema = schema;
    this.#packer = new Packer(schema);
    this.#shared = shared;
  }

  /** @throws EntryError | SchemaError when the item does not fit the program */
  add(item: Item): void {
    this.#at(placeOf(item)).put(this.#packer.packBytes(item));
  }

  addAll(items: Iterable<Item>): void {
    for (const item of items) {
      this.add(item);
    }
  }

  #at(place: string): PackedStore {
    let store = this.#places.get(place);
    if (store === undefined) {
      store = new PackedStore();
      this.#places.set(place, store);
    }
    return store;
  }

  set(place: string, item: PackedBytes): void {
    this.#at(place).put(item);
  }

  delete(place: string, item: PackedBytes): void {
    this.#places.get(place)?.delete(item);
  }

  places(): Set<string> {
    return new Set([...this.#places.keys(), ...(this.#shared?.places() ?? [])]);
  }

  count(place: string): number {
    return (this.#places.get(place)?.size ?? 0) + (this.#shared?.count(place) ?? 0);
  }

  /** The layers of a place; no key is in two of them. */
  layers(place: string): PackedStore[] {
    const own = this.#places.get(place);
    return [...(own === undefined ? [] : [own]), ...(this.#shared?.layers(place) ?? [])];
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

/** A layer of a place, and which of its records, by number, the switch was seen to hold. */
interface Layer {
  store: PackedStore;
  seen: Uint8Array;
}

/** Compares what a switch holds, entity after entity as they are read, with what it should hold. */
export class EntryDiff {
  readonly #desired: DesiredEntries;
  readonly #packer: Packer;
  readonly #layers = new Map<string, Layer[]>();
  readonly #modifies: EntryChange[] = [];
  readonly #deletes: EntryChange[] = [];

  constructor(desired: DesiredEntries) {
    this.#desired = desired;
    this.#packer = new Packer(desired.schema);
    for (const place of desired.places()) {
      const layers = desired.layers(place);
      this.#layers.set(
        place,
        layers.map((store) => ({ store, seen: new Uint8Array(store.numbers) })),
      );
    }
  }

  /** Takes one entity that the switch holds. Entries that the program fixes (`const`) are left alone. */
  see(message: Entity): void {
    const { entity } = message;
    if (entity?.$case === "tableEntry" && entity.value.isConst) {
      return;
    }
    this.seePacked(this.#placeOf(message), this.#packer.packMessageBytes(message));
  }

  /** {@link see} for what is packed already. */
  seePacked(place: string, packed: PackedBytes): void {
    const { schema } = this.#desired;
    for (const { store, seen } of this.#layers.get(place) ?? []) {
      const number = store.find(packed);
      if (number >= 0) {
        seen[number] = 1;
        if (!store.does(number, packed)) {
          const { effect } = stringsOf(packed);
          this.#modifies.push(new EntryChange(schema, "modify", place, store.item(number), effect));
        }
        return;
      }
    }
    this.#deletes.push(new EntryChange(schema, "delete", place, stringsOf(packed)));
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
    for (const [place, layers] of this.#layers) {
      for (const { store, seen } of layers) {
        for (let number = 0; number < store.numbers; number++) {
          if (seen[number] !== 1 && store.has(number)) {
            inserts.push(new EntryChange(schema, "insert", place, store.item(number)));
          }
        }
      }
    }
    return inserts.concat(this.#modifies, this.#deletes);
  }
}

function stringsOf({ bytes, start, keyLength, length }: PackedBytes): Packed {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString("latin1");
  return { key: text.slice(0, keyLength), effect: text.slice(keyLength) };
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
