// Rendezvous hashing, or highest random weight (Thaler and Ravishankar, IEEE/ACM Transactions on Networking 6(1), 1998).
import { hash32 } from "./hash.js";

/**
 * Deals slots to names: each slot goes to the name that weighs most for it. So when a name leaves, its own slots alone change,
 * and a name that comes takes none but those that it keeps. Shares are equal on average only.
 *
 * @param names - in any order: the result depends on the names alone
 * @param size - number of slots
 * @returns for each slot the name that has it; empty when there are no names
 */
export function rendezvous<Name extends string>(names: readonly Name[], size: number): Name[] {
  const sorted = [...names].sort();
  if (sorted.length === 0) {
    return [];
  }
  return Array.from({ length: size }, (_, slot) =>
    sorted.reduce((best, name) => (hash32(name, slot) > hash32(best, slot) ? name : best)),
  );
}
