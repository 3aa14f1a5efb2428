// Numbers for names: a pure function of the document, so that every controller and every restart comes to the same ones.
import type { UintUpTo } from "../p4runtime/index.js";
import { hash32 } from "./hash.js";

/** The number that a name gets when nobody else has it. */
export function preferredId(name: string, max: number): number {
  return (hash32(name) % max) + 1;
}

interface Named {
  name: string;
  id?: number | undefined;
}

/**
 * Gives each name a number from 1 to `max`. A name's number is its hash, or the next free one after it, so it stays while
 * others come and go (unless one that collided with it comes or goes).
 *
 * @param items - `id` fixes the number; the fixed ones are dealt first. No two have the same name
 * @param max - the greatest number, at most 2^32 - 1; more names than numbers is an error
 */
export function assignIds<const Max extends number>(
  items: readonly Named[],
  max: Max,
): Map<string, UintUpTo<Max>> {
  return byName<Max>(items, numbersOf(items, max));
}

/** Numbers up to `Max` in the order of their items, by name. */
export function byName<Max extends number>(
  items: readonly Named[],
  numbers: Uint32Array,
): Map<string, UintUpTo<Max>> {
  return new Map(items.map(({ name }, i) => [name, numbers[i]! as UintUpTo<Max>]));
}

/** The numbers of {@link assignIds} in the order of the items: what a million EIPs are numbered with, without a million strings in a map. */
export function numbersOf(items: readonly Named[], max: number): Uint32Array {
  if (items.length > max) {
    throw new RangeError(`${items.length} names need ids, but there are only ${max}`);
  }
  const numbers = new Uint32Array(items.length);
  const taken = new Uint8Array(max + 1);
  for (let i = 0; i < items.length; i++) {
    const { id } = items[i]!;
    if (id !== undefined) {
      numbers[i] = id;
      taken[id] = 1;
    }
  }
  const { order, wishes } = inOrderOfWishes(items, max);
  let next = 1;
  let rounds = 0;
  // In the order of their wishes, so that each search begins where the one before it ended.
  for (let k = 0; k < order.length; k++) {
    next = rounds === 0 ? Math.max(next, wishes[k]!) : next;
    while (taken[next] === 1) {
      next++;
      if (next > max) {
        next = 1;
        rounds++; // what is past the greatest number goes on at the smallest
      }
    }
    numbers[order[k]!] = next;
    taken[next] = 1;
  }
  return numbers;
}

/** Positions of the items without an id by their hash, those of the same hash by name; and the hashes. */
function inOrderOfWishes(items: readonly Named[], max: number): { order: Uint32Array; wishes: Uint32Array } {
  // Wish and index in one number: a million of those are sorted ten times as fast as objects.
  const keys = new Float64Array(items.length);
  let length = 0;
  for (let i = 0; i < items.length; i++) {
    const { name, id } = items[i]!;
    if (id === undefined) {
      keys[length++] = preferredId(name, max) * items.length + i;
    }
  }
  const sorted = keys.subarray(0, length).sort();
  const order = new Uint32Array(length);
  const wishes = new Uint32Array(length);
  for (let k = 0; k < length; k++) {
    wishes[k] = Math.floor(sorted[k]! / items.length);
    order[k] = sorted[k]! - wishes[k]! * items.length;
  }
  for (let first = 0, end = 0; first < length; first = end) {
    while (end < length && wishes[end] === wishes[first]) {
      end++;
    }
    sortByName(items, order, first, end);
  }
  return { order, wishes };
}

/** Sorts the few positions from `first` to before `end` by their items' names, by insertion. */
function sortByName(items: readonly Named[], order: Uint32Array, first: number, end: number): void {
  for (let i = first + 1; i < end; i++) {
    const position = order[i]!;
    const { name } = items[position]!;
    let to = i;
    for (; to > first && name < items[order[to - 1]!]!.name; to--) {
      order[to] = order[to - 1]!;
    }
    order[to] = position;
  }
}
