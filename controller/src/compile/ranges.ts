import type { BucketRange } from "@sluice/proto/ld";

/** @param buckets - in any order, without repetition */
export function toRanges(buckets: Iterable<number>): BucketRange[] {
  const ranges: BucketRange[] = [];
  for (const bucket of [...buckets].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && open.last + 1 === bucket) {
      open.last = bucket;
    } else {
      ranges.push({ first: bucket, last: bucket });
    }
  }
  return ranges;
}

/** The same buckets in as few ranges as there can be. @param ranges - in any order; none overlaps another */
export function joinRanges(ranges: readonly BucketRange[]): BucketRange[] {
  const joined: BucketRange[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const open = joined.at(-1);
    if (open !== undefined && open.last + 1 === first) {
      open.last = last;
    } else {
      joined.push({ first, last });
    }
  }
  return joined;
}

export function fromRanges(ranges: readonly BucketRange[]): Set<number> {
  return new Set(
    ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
  );
}

/** `0-511, 700`; what there are more than `limit` of is counted, not listed. */
export function formatRanges(ranges: readonly BucketRange[], limit = Number.POSITIVE_INFINITY): string {
  const shown = ranges
    .slice(0, limit)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  const rest = ranges.length - shown.length;
  return `${shown.join(", ")}${rest > 0 ? `, … ${rest} more` : ""}`;
}
