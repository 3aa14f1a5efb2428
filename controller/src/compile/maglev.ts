// Maglev's consistent hashing (Eisenbud et al., NSDI 2016, section 3.4) over a power of two: an odd skip is coprime to the
// table's size, so each permutation still visits every bucket.
import { hash32 } from "./hash.js";

const OFFSET_SEED = 0x6f66_6673;
const SKIP_SEED = 0x736b_6970;

/**
 * Deals buckets to names, each as many as any other (give or take one).
 *
 * @param names - in any order: the result depends on the names alone
 * @param size - number of buckets, a power of two
 * @returns for each bucket the name that owns it; empty when there are no names
 */
export function maglev(names: readonly string[], size: number): string[] {
  const owners = [...names].sort().map((name) => ({
    name,
    next: hash32(name, OFFSET_SEED) % size,
    skip: (hash32(name, SKIP_SEED) % size) | 1,
  }));
  const table = new Array<string | undefined>(size).fill(undefined);
  for (let filled = 0; filled < size && owners.length > 0; ) {
    for (const owner of owners) {
      if (filled === size) {
        break;
      }
      while (table[owner.next] !== undefined) {
        owner.next = (owner.next + owner.skip) % size;
      }
      table[owner.next] = owner.name;
      filled++;
    }
  }
  return owners.length === 0 ? [] : (table as string[]);
}
