// Numbers for names: a pure function of the document, so that every controller and every restart comes to the same ones.
import { hash32 } from "./hash.js";

/**
 * Gives each name a number from 1 to `max`. A name's number is its hash, or the next free one after it, so it stays while
 * others come and go (unless one that collided with it goes).
 *
 * @param items - `id` fixes the number; the fixed ones are dealt first
 * @param max - the greatest number, at most 2^32 - 1; more names than numbers is an error
 */
export function assignIds(
  items: readonly { name: string; id?: number | undefined }[],
  max: number,
): Map<string, number> {
  const ids = new Map<string, number>();
  const taken = new Set<number>();
  for (const { name, id } of items) {
    if (id !== undefined) {
      ids.set(name, id);
      taken.add(id);
    }
  }
  if (items.length > max) {
    throw new RangeError(`${items.length} names need ids, but there are only ${max}`);
  }
  const rest = items.filter(({ id }) => id === undefined).map(({ name }) => name);
  for (const name of rest.toSorted()) {
    let id = (hash32(name) % max) + 1;
    while (taken.has(id)) {
      id = (id % max) + 1;
    }
    ids.set(name, id);
    taken.add(id);
  }
  return ids;
}
