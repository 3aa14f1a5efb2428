// Ternary look-up by tuple space search (Srinivasan, Suri and Varghese, 1999): entries with the same mask are one hash table, a
// tuple, and a look-up asks each tuple once. The cost is the number of different masks, not that of entries.
import type { KeyField } from "../ir/program.js";

/** What the search needs of a store of entries. Second lanes hold masks, of ranges the upper ends. */
export interface TernaryEntries {
  readonly valueLanes: number;
  keyLane(entry: number, i: number): number;
}

interface Tuple {
  /** Lanes with a mask that is not 0, and the masks. */
  readonly lanes: readonly number[];
  readonly masks: readonly number[];
  /** First of the entries whose masked lanes have this hash: highest priority first, then oldest first. */
  readonly heads: Map<number, number>;
  size: number;
  /** No entry has a higher one. It does not sink when entries go, until the tuple itself does. */
  maxPriority: number;
}

const NONE = 0;

export class TupleSpace {
  readonly #entries: TernaryEntries;
  readonly #maskedLanes: readonly number[];
  readonly #ranges: readonly KeyField[];
  readonly #byMask = new Map<string, Tuple>();
  /** Highest `maxPriority` first. */
  readonly #tuples: Tuple[] = [];
  /** By entry: the next of its chain, and its place in the order of insertion. */
  #next = new Int32Array(64);
  #age = new Float64Array(64);
  #lastAge = 0;

  constructor(entries: TernaryEntries, keys: readonly KeyField[]) {
    this.#entries = entries;
    this.#ranges = keys.filter(({ kind }) => kind === "range");
    this.#maskedLanes = keys
      .filter(({ kind }) => kind !== "range")
      .flatMap(({ lane, lanes }) => Array.from({ length: lanes }, (_, i) => lane + i));
  }

  /** The entry of the highest priority that matches, the oldest of equals; 0 for none. */
  find(key: Int32Array): number {
    let best = NONE;
    let bestPriority = -1;
    for (let n = 0; n < this.#tuples.length; n++) {
      const tuple = this.#tuples[n]!;
      if (tuple.maxPriority < bestPriority) break;
      let entry = tuple.heads.get(hashKey(key, tuple)) ?? NONE;
      for (; entry !== NONE; entry = this.#next[entry]!) {
        if (!this.#matches(entry, key, tuple)) continue;
        const priority = this.#priority(entry);
        if (priority > bestPriority || (priority === bestPriority && this.#age[entry]! < this.#age[best]!)) {
          best = entry;
          bestPriority = priority;
        }
        break;
      }
    }
    return best;
  }

  add(entry: number): void {
    this.#reserve(entry);
    this.#age[entry] = ++this.#lastAge;
    const tuple = this.#tupleOf(entry);
    const priority = this.#priority(entry);
    const hash = this.#hashEntry(entry, tuple);
    let before = NONE;
    let after = tuple.heads.get(hash) ?? NONE;
    while (after !== NONE && this.#priority(after) >= priority) {
      before = after;
      after = this.#next[after]!;
    }
    this.#next[entry] = after;
    if (before === NONE) tuple.heads.set(hash, entry);
    else this.#next[before] = entry;
    tuple.size++;
    if (priority > tuple.maxPriority) {
      tuple.maxPriority = priority;
      this.#tuples.sort((a, b) => b.maxPriority - a.maxPriority);
    }
  }

  remove(entry: number): void {
    const tuple = this.#tupleOf(entry);
    const hash = this.#hashEntry(entry, tuple);
    const after = this.#next[entry]!;
    let before = tuple.heads.get(hash)!;
    if (before !== entry) {
      while (this.#next[before] !== entry) before = this.#next[before]!;
      this.#next[before] = after;
    } else if (after !== NONE) tuple.heads.set(hash, after);
    else tuple.heads.delete(hash);
    if (--tuple.size > 0) return;
    this.#byMask.delete(this.#maskText(entry));
    this.#tuples.splice(this.#tuples.indexOf(tuple), 1);
  }

  #tupleOf(entry: number): Tuple {
    const text = this.#maskText(entry);
    const found = this.#byMask.get(text);
    if (found !== undefined) return found;
    const lanes = this.#maskedLanes.filter((lane) => this.#second(entry, lane) !== 0);
    const masks = lanes.map((lane) => this.#second(entry, lane));
    const made = { lanes, masks, heads: new Map<number, number>(), size: 0, maxPriority: -1 };
    this.#byMask.set(text, made);
    this.#tuples.push(made);
    return made;
  }

  #maskText(entry: number): string {
    return this.#maskedLanes.map((lane) => this.#second(entry, lane)).join();
  }

  #second(entry: number, lane: number): number {
    return this.#entries.keyLane(entry, this.#entries.valueLanes + lane);
  }

  #priority(entry: number): number {
    return this.#entries.keyLane(entry, 2 * this.#entries.valueLanes);
  }

  #hashEntry(entry: number, { lanes }: Tuple): number {
    let hash = lanes.length;
    for (let i = 0; i < lanes.length; i++) hash = mix(hash, this.#entries.keyLane(entry, lanes[i]!));
    return hash;
  }

  /** Two keys may have one hash, and ranges are in none. */
  #matches(entry: number, key: Int32Array, { lanes, masks }: Tuple): boolean {
    for (let i = 0; i < lanes.length; i++) {
      if ((key[lanes[i]!]! & masks[i]!) !== this.#entries.keyLane(entry, lanes[i]!)) return false;
    }
    for (let n = 0; n < this.#ranges.length; n++) {
      const { lane, lanes: count } = this.#ranges[n]!;
      if (this.#compare(key, entry, lane, count) < 0) return false;
      if (this.#compare(key, entry, lane, count, this.#entries.valueLanes) > 0) return false;
    }
    return true;
  }

  /** Negative when the key's field is below the entry's value (with `second`: its upper end), 0 when equal, else positive. */
  #compare(key: Int32Array, entry: number, lane: number, lanes: number, second = 0): number {
    for (let i = lane + lanes - 1; i >= lane; i--) {
      const difference = (key[i]! >>> 0) - (this.#entries.keyLane(entry, second + i) >>> 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #reserve(entry: number): void {
    if (entry < this.#next.length) return;
    const next = new Int32Array(2 * entry);
    next.set(this.#next);
    this.#next = next;
    const age = new Float64Array(2 * entry);
    age.set(this.#age);
    this.#age = age;
  }
}

function hashKey(key: Int32Array, { lanes, masks }: Tuple): number {
  let hash = lanes.length;
  for (let i = 0; i < lanes.length; i++) hash = mix(hash, key[lanes[i]!]! & masks[i]!);
  return hash;
}

/** One of Murmur3's steps. */
function mix(hash: number, lane: number): number {
  let word = Math.imul(lane, 0xcc9e2d51);
  word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
  const mixed = hash ^ word;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
