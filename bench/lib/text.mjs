// Tables and bars in a terminal.

/**
 * @param rows cells as strings, all rows of one length; the first one is the heading
 * @returns lines; all columns but the first are flush right
 */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}

/** 1000 → "1 K", 4000000 → "4 M". */
export function shortCount(count) {
  if (count >= 1e6) return `${count / 1e6} M`;
  return count >= 1e3 ? `${count / 1e3} K` : `${count}`;
}

/**
 * A bar for each point, and a mark where it has to reach.
 *
 * @param points `{ label, value, bar }`; `bar` may be absent
 * @param width of the longest bar, in characters
 */
export function barChart(points, width = 60) {
  const most = Math.max(...points.flatMap(({ value, bar }) => [value, bar ?? 0]));
  const labelWidth = Math.max(...points.map(({ label }) => label.length));
  const columns = (value) => Math.round((value / most) * width);
  return points.map(({ label, value, bar }) => {
    const cells = Array.from({ length: width + 1 }, (_, i) => (i < columns(value) ? "█" : " "));
    if (bar !== undefined) cells[columns(bar)] = "│";
    return `${label.padStart(labelWidth)} ${cells.join("").trimEnd()} ${value.toFixed(1)}`;
  });
}
