function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
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
