// Several runs, one number.

/**
 * @param values at least one
 * @returns the median and the extremes
 */
export function summarise(values) {
  if (values.length === 0) throw new Error("nothing was measured");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1) };
}

/** A ratio beside what it has to be: `{ ratio, bar, met }`. @param atMost the bar is a ceiling, not a floor */
export function against(ratio, bar, { atMost = false } = {}) {
  return { ratio, bar, met: atMost ? ratio <= bar : ratio >= bar };
}
