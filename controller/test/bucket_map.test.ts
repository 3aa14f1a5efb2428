import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BucketMap, dealBuckets } from "../src/compile/index.js";

const SIZE = 1024;
const names = (count: number) => Array.from({ length: count }, (_, i) => `ld${i + 1}`);

function loads(map: BucketMap, role: "ld" | "backup"): Map<string, number> {
  const counts = new Map<string, number>();
  for (const holders of map) {
    const name = holders[role]!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

const moved = (before: BucketMap, after: BucketMap) =>
  after.filter(({ ld }, bucket) => ld !== before[bucket]!.ld).length;

/** Clusters of 1 to 12 LDs that change several times, each map made from the one before. */
const histories = fc.array(fc.uniqueArray(fc.constantFrom(...names(12)), { minLength: 1 }), {
  minLength: 1,
  maxLength: 6,
});

describe("the bucket map", () => {
  it("gives each LD its share, and nobody is his own backup, whatever came before", () => {
    fc.assert(
      fc.property(histories, (history) => {
        let map: BucketMap | undefined;
        for (const lds of history) {
          map = dealBuckets(lds, SIZE, map);
          expect(map).toHaveLength(SIZE);
          const shares = [...loads(map, "ld").values()];
          expect(shares).toHaveLength(lds.length);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
          for (const { ld, backup } of map) {
            expect(lds).toContain(ld);
            expect(backup === undefined).toBe(lds.length === 1);
            expect(backup).not.toBe(ld);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("moves nothing when nothing changes, in whatever order the names stand", () => {
    fc.assert(
      fc.property(histories, (history) => {
        let map: BucketMap | undefined;
        for (const lds of history) {
          map = dealBuckets(lds, SIZE, map);
          expect(dealBuckets(lds.toReversed(), SIZE, map)).toEqual(map);
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each([1, 2, 3, 7, 31])("moves a newcomer's share and no bucket more (%i LDs)", (count) => {
    const before = dealBuckets(names(count), SIZE);
    const after = dealBuckets(names(count + 1), SIZE, before);
    const newcomer = `ld${count + 1}`;
    expect(moved(before, after)).toBe(loads(after, "ld").get(newcomer));
    // Who had a bucket has its sessions.
    const kept = after.filter(({ ld, backup }, b) => ld === newcomer && backup === before[b]!.ld).length;
    expect(kept).toBe(moved(before, after));
  });

  it.each([2, 3, 4, 8, 32])("gives the buckets of one that leaves to their backups (%i LDs)", (count) => {
    const before = dealBuckets(names(count), SIZE);
    const after = dealBuckets(names(count).slice(1), SIZE, before);
    const orphans = before.flatMap(({ ld }, bucket) => (ld === "ld1" ? [bucket] : []));
    expect(moved(before, after)).toBe(orphans.length);
    const toBackup = orphans.filter((bucket) => after[bucket]!.ld === before[bucket]!.backup).length;
    expect(toBackup).toBeGreaterThanOrEqual(orphans.length / 2);
  });

  it.each([2, 3, 4, 8])("spreads the buckets of one that fails over all others (%i LDs)", (count) => {
    const map = dealBuckets(names(count), SIZE).filter(({ ld }) => ld === "ld1");
    const shares = [...loads(map, "backup").values()];
    expect(shares).toHaveLength(count - 1);
    expect(Math.max(...shares)).toBeLessThan((2 * map.length) / (count - 1));
  });
});
