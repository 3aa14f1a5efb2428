/** Changes of one letter, or swaps of two neighbours, that make one text of the other (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? rows[i - 2]![j - 2]! + 1 : change;
      row.push(Math.min(change, swap, rows[i - 1]![j]! + 1, row[j - 1]! + 1));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/**
 * What to say after a name that does not exist: the one it was probably meant to be, or all there are.
 *
 * @returns `did you mean "service"?`, `one of a, b, c`, or `there is none`
 */
export function nearest(name: string, known: readonly string[]): string {
  if (known.length === 0) {
    return "there is none";
  }
  const ranked = known.map((text) => ({ text, distance: editDistance(name, text) }));
  const best = ranked.reduce((a, b) => (b.distance < a.distance ? b : a));
  return best.distance <= Math.max(1, Math.floor(name.length / 3))
    ? `did you mean "${best.text}"?`
    : `one of ${known.join(", ")}`;
}
