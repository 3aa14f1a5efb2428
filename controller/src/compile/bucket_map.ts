// Who has which bucket, and who stands in for it.
import { maglev } from "./maglev.js";
import type { PortShares } from "./moves.js";

export interface BucketHolders {
  /** Name of the LD that has the bucket. */
  ld: string;
  /** Name of the LD that takes over when that one fails; undefined where there is only one. */
  backup: string | undefined;
  /** Of its ports; absent: the usual ones (moves.ts). */
  shares?: PortShares;
}

/** For each bucket. Empty: there are no LDs. */
export type BucketMap = readonly BucketHolders[];

/** How many buckets each LD may be the backup of, measured by its share: what a move leaves uneven is not worth another move. */
const BACKUP_SLACK = 1.25;

/** Who should have a bucket, the best first. */
type Preference = (bucket: number) => readonly (string | undefined)[];

/** Says whether a name has room left; it has one place less then. */
type Take = (name: string | undefined) => name is string;

/** Each has the same number of places, give or take one. */
function equalShares(names: readonly string[], size: number): Take {
  const left = new Map(names.map((name) => [name, Math.floor(size / names.length)]));
  let extra = size % names.length;
  return (name): name is string => {
    const places = name === undefined ? undefined : left.get(name);
    if (places === undefined || places < 0 || (places === 0 && extra === 0)) {
      return false;
    }
    if (places === 0) {
      extra--;
    }
    left.set(name!, places - 1);
    return true;
  };
}

function upTo(names: readonly string[], places: number): Take {
  const left = new Map(names.map((name) => [name, places]));
  return (name): name is string => {
    const room = name === undefined ? 0 : (left.get(name) ?? 0);
    left.set(name ?? "", room - 1);
    return room > 0;
  };
}

/**
 * Fills places one preference after the other, so that what all agree on stays and what is left over goes round. A bucket never
 * gets a name that `forbidden` has for it.
 */
function fill(
  names: readonly string[],
  size: number,
  take: Take,
  preferences: readonly Preference[],
  forbidden: (bucket: number) => string | undefined,
): string[] {
  const chosen = new Array<string | undefined>(size).fill(undefined);
  for (const prefer of [...preferences, () => names]) {
    for (let bucket = 0; bucket < size; bucket++) {
      chosen[bucket] ??= prefer(bucket).find((name) => name !== forbidden(bucket) && take(name));
    }
  }
  // Places can run out everywhere but at the forbidden name.
  return chosen.map((name, bucket) => name ?? names.find((other) => other !== forbidden(bucket))!);
}

/**
 * Deals the buckets of a cluster.
 *
 * From nothing the primaries are Maglev's, and the backup of a bucket is who Maglev would give it if the primary did not exist, so
 * the buckets of an LD that fails spread over all others. From a map that is in force, only the buckets move that have to: those
 * of LDs that are gone, first of all to their backups, which have their sessions; and from each LD that has more than its share as many as
 * are too many. An LD that loses a bucket stays its backup where it can: it has the sessions.
 *
 * @param names - the cluster's LDs, in any order
 * @param size - number of buckets, a power of two
 * @param present - the map in force, `size` long; undefined: none
 */
export function dealBuckets(names: readonly string[], size: number, present?: BucketMap): BucketMap {
  const sorted = [...names].sort();
  if (sorted.length === 0) {
    return [];
  }
  const none = () => undefined;
  const fresh = maglev(sorted, size);
  const primaries =
    present === undefined
      ? fresh
      : fill(
          sorted,
          size,
          equalShares(sorted, size),
          [(b) => [present[b]?.ld], (b) => [present[b]?.backup], (b) => [fresh[b]]],
          none,
        );
  if (sorted.length === 1) {
    return primaries.map((ld) => ({ ld, backup: undefined }));
  }
  const without = new Map(
    sorted.map((ld) => [
      ld,
      maglev(
        sorted.filter((other) => other !== ld),
        size,
      ),
    ]),
  );
  const next: Preference = (bucket) => [without.get(primaries[bucket]!)![bucket]];
  const backups = fill(
    sorted,
    size,
    upTo(sorted, Math.ceil((size / sorted.length) * BACKUP_SLACK)),
    present === undefined
      ? [next]
      : [(b) => (present[b]?.ld === primaries[b] ? [] : [present[b]?.ld]), (b) => [present[b]?.backup], next],
    (b) => primaries[b],
  );
  return primaries.map((ld, bucket) => ({ ld, backup: backups[bucket] }));
}
