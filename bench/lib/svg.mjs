// One line chart: rate against a number that grows by powers of ten.

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 20;
const TOP = 40;
const BOTTOM = 50;

const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/**
 * @param chart `{ title, xLabel, yLabel, points: [{ x, label, least, median, most }], bars: [{ from, to, y, label }] }`;
 *   x above 0 and ascending, `bars` are levels to be reached between two x
 * @returns the SVG file's text
 */
export function lineChart({ title, xLabel, yLabel, points, bars }) {
  const [first, last] = [Math.log10(points[0].x), Math.log10(points.at(-1).x)];
  const highest = Math.max(...points.map(({ most }) => most), ...bars.map(({ y }) => y)) * 1.1;
  const x = (value) => LEFT + ((Math.log10(value) - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - TOP - BOTTOM);
  const line = (x1, y1, x2, y2, style) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${style}/>`;
  const text = (at, level, words, style = 'text-anchor="middle"') =>
    `<text x="${at.toFixed(1)}" y="${level.toFixed(1)}" ${style}>${escapeXml(words)}</text>`;
  const grid = Array.from({ length: 5 }, (_, i) => (highest * i) / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(WIDTH / 2, 20, title, 'text-anchor="middle" font-size="14"'),
    text(WIDTH / 2, HEIGHT - 10, xLabel),
    text(LEFT, TOP - 8, yLabel, ""),
    ...grid.flatMap((level) => [
      line(LEFT, y(level), WIDTH - RIGHT, y(level), 'stroke="#ddd"'),
      text(LEFT - 6, y(level) + 4, level.toFixed(1), 'text-anchor="end"'),
    ]),
    ...points.map((point) => text(x(point.x), HEIGHT - BOTTOM + 18, point.label)),
    ...bars.flatMap((bar) => [
      line(x(bar.from), y(bar.y), x(bar.to), y(bar.y), 'stroke="#c33" stroke-dasharray="5 3"'),
      text(x(bar.from), y(bar.y) - 5, bar.label, 'fill="#c33"'),
    ]),
    ...points.map((point) =>
      line(x(point.x), y(point.least), x(point.x), y(point.most), 'stroke="#36c" stroke-width="2"'),
    ),
    `<polyline fill="none" stroke="#36c" stroke-width="2" points="${points
      .map((point) => `${x(point.x).toFixed(1)},${y(point.median).toFixed(1)}`)
      .join(" ")}"/>`,
    ...points.map(
      (point) =>
        `<circle cx="${x(point.x).toFixed(1)}" cy="${y(point.median).toFixed(1)}" r="3" fill="#36c"/>`,
    ),
    "</svg>",
    "",
  ].join("\n");
}
