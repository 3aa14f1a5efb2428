// Packed items by key, as octets outside the JavaScript heap: a million of them are a few large buffers, which the garbage collector
// does not walk, where strings in a Map are three million objects.
//
// A record is [key length: 2][effect length: 2][key][effect] in a chunk; it is never changed, so whoever holds a StoredItem may keep
// it. Records have numbers; `#slots` is a hash table of those (open addressing, linear probing), `#hashes` and `#places` say by number
// where a record is.
import { bytesOf } from "./octets.js";
import type { Packed } from "./packed.js";

const CHUNK_BITS = 21;
const CHUNK_OCTETS = 1 << CHUNK_BITS;
/** The first chunk begins this large and doubles: most tables of a switch hold a few entries. */
const FIRST_CHUNK_OCTETS = 1 << 10;
const HEADER_OCTETS = 4;
const MAX_PART_OCTETS = 0xffff;
const FIRST_CAPACITY = 64;
/** In `#places`: the record is gone. No record begins at the last octets of the last chunk. */
const GONE = 0xffff_ffff;
/** Chunks are copied together when more than half of what they hold is gone, and it is as much as this. */
const WORTH_COMPACTING_OCTETS = 2 * CHUNK_OCTETS;

/** A step of a hash: for each `hash`, no two words come to the same. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Of a key; by words of four octets, since each step waits for the one before it. */
function hashOf({ bytes, start, keyLength }: PackedBytes): number {
  const end = start + keyLength;
  let hash = keyLength;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    hash = mix(hash, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
  }
  for (; i < end; i++) {
    hash = mix(hash, bytes[i]!);
  }
  return mix(hash, 0);
}

/** The octets of a packed item, the key and behind it the effect: `length` octets of `bytes` from `start`. */
export interface PackedBytes {
  bytes: Uint8Array;
  start: number;
  keyLength: number;
  length: number;
}

/** A record, read when it is asked for. */
class StoredItem implements Packed {
  readonly #chunk: Buffer;
  readonly #at: number;

  constructor(chunk: Buffer, at: number) {
    this.#chunk = chunk;
    this.#at = at;
  }

  get key(): string {
    const start = this.#at + HEADER_OCTETS;
    return this.#chunk.toString("latin1", start, start + this.#chunk.readUInt16LE(this.#at));
  }

  get effect(): string {
    const start = this.#at + HEADER_OCTETS + this.#chunk.readUInt16LE(this.#at);
    return this.#chunk.toString("latin1", start, start + this.#chunk.readUInt16LE(this.#at + 2));
  }

  get octets(): PackedBytes {
    const keyLength = this.#chunk.readUInt16LE(this.#at);
    const length = keyLength + this.#chunk.readUInt16LE(this.#at + 2);
    return { bytes: this.#chunk, start: this.#at + HEADER_OCTETS, keyLength, length };
  }
}

export function packedBytes(item: Packed): PackedBytes {
  if (item instanceof StoredItem) {
    return item.octets;
  }
  const { key, effect } = item;
  return {
    bytes: bytesOf(key + effect),
    start: 0,
    keyLength: key.length,
    length: key.length + effect.length,
  };
}

export class PackedStore {
  #chunks: Buffer[] = [];
  #end = CHUNK_OCTETS;
  #goneOctets = 0;
  #slots = new Uint32Array(2 * FIRST_CAPACITY);
  #hashes = new Int32Array(FIRST_CAPACITY);
  #places = new Uint32Array(FIRST_CAPACITY);
  /** Numbers given out so far; those in `#free` are to be given again. */
  #numbers = 0;
  readonly #free: number[] = [];
  #usedSlots = 0;

  get size(): number {
    return this.#numbers - this.#free.length;
  }

  /** Memory of the records, in octets. */
  get octets(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** One more than the greatest number of a record. */
  get numbers(): number {
    return this.#numbers;
  }

  has(number: number): boolean {
    return this.#places[number] !== GONE;
  }

  item(number: number): Packed {
    const place = this.#places[number]!;
    return new StoredItem(this.#chunkAt(place), offsetOf(place));
  }

  #chunkAt(place: number): Buffer {
    return this.#chunks[place >>> CHUNK_BITS]!;
  }

  #keyIs(number: number, { bytes, start, keyLength }: PackedBytes): boolean {
    const place = this.#places[number]!;
    const chunk = this.#chunkAt(place);
    const at = offsetOf(place);
    return (
      (chunk[at]! | (chunk[at + 1]! << 8)) === keyLength &&
      sameOctets(chunk, at + HEADER_OCTETS, bytes, start, keyLength)
    );
  }

  /** @returns whether a record does what `packed` does; their keys are the same */
  does(number: number, { bytes, start, keyLength, length }: PackedBytes): boolean {
    const place = this.#places[number]!;
    const chunk = this.#chunkAt(place);
    const at = offsetOf(place);
    const effectLength = length - keyLength;
    return (
      (chunk[at + 2]! | (chunk[at + 3]! << 8)) === effectLength &&
      sameOctets(chunk, at + HEADER_OCTETS + keyLength, bytes, start + keyLength, effectLength)
    );
  }

  /** @returns the number of the record with this key, or -1 */
  find(packed: PackedBytes): number {
    return this.#slots[this.#slotOf(packed, hashOf(packed))]! - 1;
  }

  /** The slot of the record with this key, or the empty one in which it would be. */
  #slotOf(packed: PackedBytes, hash: number): number {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let taken = slots[slot]!; taken !== 0; taken = slots[slot]!) {
      if (hashes[taken - 1] === hash && this.#keyIs(taken - 1, packed)) {
        break;
      }
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Puts an item in the place of the one that has its key, if there is one. */
  put(packed: PackedBytes): void {
    const hash = hashOf(packed);
    let slot = this.#slotOf(packed, hash);
    const known = this.#slots[slot]! - 1;
    if (known >= 0) {
      this.#goneOctets += this.#octetsOf(known);
      this.#places[known] = this.#append(packed);
      this.#compactWhenWorthIt();
      return;
    }
    if (2 * this.#usedSlots >= this.#slots.length) {
      this.#rehash();
      slot = this.#slotOf(packed, hash);
    }
    const number = this.#free.pop() ?? this.#newNumber();
    this.#hashes[number] = hash;
    this.#places[number] = this.#append(packed);
    this.#slots[slot] = number + 1;
    this.#usedSlots++;
  }

  /** @returns whether there was one */
  delete(packed: PackedBytes): boolean {
    const number = this.find(packed);
    if (number < 0) {
      return false;
    }
    this.#vacate(number);
    this.#goneOctets += this.#octetsOf(number);
    this.#places[number] = GONE;
    this.#free.push(number);
    this.#compactWhenWorthIt();
    return true;
  }

  #newNumber(): number {
    if (this.#numbers === this.#places.length) {
      const larger = <T extends Int32Array | Uint32Array>(to: T, from: T): T => {
        to.set(from);
        return to;
      };
      this.#hashes = larger(new Int32Array(2 * this.#numbers), this.#hashes);
      this.#places = larger(new Uint32Array(2 * this.#numbers), this.#places);
    }
    return this.#numbers++;
  }

  #occupy(number: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) {
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = number + 1;
    this.#usedSlots++;
  }

  /** Empties a record's slot, and moves those behind it up, so that no search ends too early. */
  #vacate(number: number): void {
    const mask = this.#slots.length - 1;
    let hole = this.#hashes[number]! & mask;
    while (this.#slots[hole] !== number + 1) {
      hole = (hole + 1) & mask;
    }
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const wish = this.#hashes[this.#slots[slot]! - 1]! & mask;
      if (((slot - wish) & mask) >= ((slot - hole) & mask)) {
        this.#slots[hole] = this.#slots[slot]!;
        hole = slot;
      }
    }
    this.#slots[hole] = 0;
    this.#usedSlots--;
  }

  #rehash(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    this.#usedSlots = 0;
    for (let number = 0; number < this.#numbers; number++) {
      if (this.has(number)) {
        this.#occupy(number, this.#hashes[number]!);
      }
    }
  }

  #octetsOf(number: number): number {
    const place = this.#places[number]!;
    const chunk = this.#chunkAt(place);
    const at = offsetOf(place);
    return HEADER_OCTETS + chunk.readUInt16LE(at) + chunk.readUInt16LE(at + 2);
  }

  /** @returns the place of the new record */
  #append({ bytes, start, keyLength, length }: PackedBytes): number {
    const effectLength = length - keyLength;
    if (keyLength > MAX_PART_OCTETS || effectLength > MAX_PART_OCTETS) {
      throw new RangeError(`an entry of ${length} octets`);
    }
    const octets = HEADER_OCTETS + length;
    const chunk = this.#chunkFor(octets);
    const at = this.#end;
    chunk[at] = keyLength & 0xff;
    chunk[at + 1] = keyLength >> 8;
    chunk[at + 2] = effectLength & 0xff;
    chunk[at + 3] = effectLength >> 8;
    // Octet by octet: a view of so few octets would take longer to make than they take to copy.
    for (let i = start, j = at + HEADER_OCTETS; i < start + length; i++, j++) {
      chunk[j] = bytes[i]!;
    }
    this.#end += octets;
    return (this.#chunks.length - 1) * CHUNK_OCTETS + at;
  }

  /** The last chunk, with room for so many octets more. */
  #chunkFor(octets: number): Buffer {
    if (this.#end + octets > CHUNK_OCTETS) {
      this.#chunks.push(
        Buffer.allocUnsafeSlow(this.#chunks.length === 0 ? FIRST_CHUNK_OCTETS : CHUNK_OCTETS),
      );
      this.#end = 0;
    }
    const last = this.#chunks.length - 1;
    let chunk = this.#chunks[last]!;
    if (this.#end + octets > chunk.length) {
      let size = 2 * chunk.length;
      while (size < this.#end + octets) {
        size *= 2;
      }
      const larger = Buffer.allocUnsafeSlow(size);
      chunk.copy(larger, 0, 0, this.#end);
      this.#chunks[last] = larger; // who holds a StoredItem goes on reading the smaller one
      chunk = larger;
    }
    return chunk;
  }

  #compactWhenWorthIt(): void {
    const used = (this.#chunks.length - 1) * CHUNK_OCTETS + this.#end;
    if (this.#goneOctets < WORTH_COMPACTING_OCTETS || 2 * this.#goneOctets < used) {
      return;
    }
    const old = this.#chunks;
    this.#chunks = [];
    this.#end = CHUNK_OCTETS;
    this.#goneOctets = 0;
    for (let number = 0; number < this.#numbers; number++) {
      const place = this.#places[number]!;
      if (place !== GONE) {
        const record = new StoredItem(old[place >>> CHUNK_BITS]!, offsetOf(place));
        this.#places[number] = this.#append(record.octets);
      }
    }
  }
}

/** Of a place in its chunk. */
function offsetOf(place: number): number {
  return place & (CHUNK_OCTETS - 1);
}

function sameOctets(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) {
      return false;
    }
  }
  return true;
}
