// Entries of a table in typed arrays: keys, actions, action data and counters by entry number, and a hash index over the whole
// key. Entry 0 is none. Memory grows with the entries, so a table of a million costs nothing while it is empty.

const FIRST_CAPACITY = 64;

function grown<A extends Int32Array | Float64Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length);
  larger.set(array as never);
  return larger;
}

/** Mixes the lanes of a key (Murmur3's steps). */
function hashLanes(words: Int32Array, from: number, lanes: number): number {
  let hash = lanes;
  for (let i = 0; i < lanes; i++) {
    let word = Math.imul(words[from + i]!, 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

export class EntryStore {
  /** Action ids by entry number; for indirect tables the reference to a member or group. */
  actions = new Int32Array(FIRST_CAPACITY);
  data: Int32Array;
  /** Packets and bytes by entry number. */
  counters: Float64Array;
  readonly hasCounter: boolean;
  /** When an entry was last hit, or came, in microseconds by its number; empty where nobody asks for it. */
  lastHitUs: Float64Array;
  readonly hasTimeout: boolean;
  readonly stride: number;
  readonly lanes: number;
  size = 0;
  #keys: Int32Array;
  #index = new Int32Array(FIRST_CAPACITY * 2);
  #used = 1;
  #free: number[] = [];

  /**
   * @param lanes - of a key
   * @param stride - lanes of action data
   */
  constructor(lanes: number, stride: number, hasCounter: boolean, hasTimeout = false) {
    this.lanes = lanes;
    this.stride = stride;
    this.hasCounter = hasCounter;
    this.#keys = new Int32Array(FIRST_CAPACITY * lanes);
    this.data = new Int32Array(FIRST_CAPACITY * stride);
    this.counters = new Float64Array(hasCounter ? FIRST_CAPACITY * 2 : 0);
    this.hasTimeout = hasTimeout;
    this.lastHitUs = new Float64Array(hasTimeout ? FIRST_CAPACITY : 0);
  }

  /** The entry whose whole key is in `key`, or 0. */
  find(key: Int32Array): number {
    const { lanes } = this;
    const index = this.#index;
    const keys = this.#keys;
    const mask = index.length - 1;
    for (let slot = hashLanes(key, 0, lanes) & mask; ; slot = (slot + 1) & mask) {
      const entry = index[slot]!;
      if (entry === 0) return 0;
      let i = 0;
      for (const base = entry * lanes; i < lanes && keys[base + i] === key[i]; i++);
      if (i === lanes) return entry;
    }
  }

  /** Adds an entry; the key must not be there. Its action data and counters start as zeros. */
  insert(key: Int32Array): number {
    const entry = this.#free.pop() ?? this.#used++;
    this.#reserve(entry);
    for (let i = 0, at = entry * this.lanes; i < this.lanes; i++) this.#keys[at + i] = key[i]!;
    this.data.fill(0, entry * this.stride, (entry + 1) * this.stride);
    if (this.hasCounter) this.counters.fill(0, 2 * entry, 2 * entry + 2);
    this.size++;
    if (this.size * 2 > this.#index.length) this.#enlarge();
    this.#link(entry);
    return entry;
  }

  remove(entry: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let hole = this.#home(entry);
    while (index[hole] !== entry) hole = (hole + 1) & mask;
    // Deletion by shifting back: no tombstones, so look-ups stay short however often entries change.
    for (let slot = (hole + 1) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
      const distance = (slot - this.#home(index[slot]!)) & mask;
      if (distance >= ((slot - hole) & mask)) {
        index[hole] = index[slot]!;
        hole = slot;
      }
    }
    index[hole] = 0;
    this.actions[entry] = -1;
    this.#free.push(entry);
    this.size--;
  }

  /** Lane `i` of an entry's key. */
  keyLane(entry: number, i: number): number {
    return this.#keys[entry * this.lanes + i]!;
  }

  /** The numbers of all entries, oldest number first. */
  *entries(): Generator<number> {
    const free = new Set(this.#free);
    for (let entry = 1; entry < this.#used; entry++) if (!free.has(entry)) yield entry;
  }

  #home(entry: number): number {
    return hashLanes(this.#keys, entry * this.lanes, this.lanes) & (this.#index.length - 1);
  }

  #link(entry: number): void {
    const mask = this.#index.length - 1;
    let slot = this.#home(entry);
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = entry;
  }

  /** All entries are linked but the newest. */
  #enlarge(): void {
    const linked = this.#index;
    this.#index = new Int32Array(2 * linked.length);
    for (let slot = 0; slot < linked.length; slot++) {
      if (linked[slot] !== 0) this.#link(linked[slot]!);
    }
  }

  #reserve(entry: number): void {
    if (entry < this.actions.length) return;
    const capacity = this.actions.length * 2;
    this.actions = grown(this.actions, capacity);
    this.#keys = grown(this.#keys, capacity * this.lanes);
    this.data = grown(this.data, capacity * this.stride);
    if (this.hasCounter) this.counters = grown(this.counters, capacity * 2);
    if (this.hasTimeout) this.lastHitUs = grown(this.lastHitUs, capacity);
  }
}
