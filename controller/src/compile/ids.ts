// Numbers for names: a pure function of the document, so that every controller and every restart comes to the same ones.
import { hash32 } from "./hash.js";

/** The number that a name gets when nobody else has it. */
export function preferredId(name: string, max: number): number {
  return (hash32(name) % max) + 1;
}

/**
 * Gives each name a number from 1 to `max`. A name's number is its hash, or the next free one after it, so it stays while
 * others come and go (unless one that collided with it comes or goes).
 *
 * @param items - `id` fixes the number; the fixed ones are dealt first
 * @param max - the greatest number, at most 2^32 - 1; more names than numbers is an error
 */
export function assignIds(
  items: readonly { name: string; id?: number | undefined }[],
  max: number,
): Map<string, number> {
  if (items.length > max) {
    throw new RangeError(`${items.length} names need ids, but there are only ${max}`);
  }
  const ids = new Map<string, number>();
  const taken = new Uint8Array(max + 1);
  for (const { name, id } of items) {
    if (id !== undefined) {
      ids.set(name, id);
      taken[id] = 1;
    }
  }
  let next = 1;
  let rounds = 0;
  // In the order of their wishes, so that each search begins where the one before it ended.
  for (const { name, wish } of inOrderOfWishes(items, max)) {
    next = rounds === 0 ? Math.max(next, wish) : next;
    while (taken[next] === 1) {
      next++;
      if (next > max) {
        next = 1;
        rounds++; // what is past the greatest number goes on at the smallest
      }
    }
    ids.set(name, next);
    taken[next] = 1;
  }
  return ids;
}

/** The names without an id by their hash, those of the same hash by name. */
function* inOrderOfWishes(
  items: readonly { name: string; id?: number | undefined }[],
  max: number,
): Generator<{ name: string; wish: number }> {
  // Wish and index in one number: a million of those are sorted ten times as fast as objects.
  const keys = new Float64Array(items.length);
  let length = 0;
  for (const [i, { name, id }] of items.entries()) {
    if (id === undefined) {
      keys[length++] = preferredId(name, max) * items.length + i;
    }
  }
  const sorted = keys.subarray(0, length).sort();
  for (let first = 0; first < length; ) {
    const wish = Math.floor(sorted[first]! / items.length);
    const names: string[] = [];
    while (first < length && Math.floor(sorted[first]! / items.length) === wish) {
      names.push(items[sorted[first++]! % items.length]!.name);
    }
    for (const name of names.sort()) {
      yield { name, wish };
    }
  }
}
