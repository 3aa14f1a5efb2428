// What the commands print: tables for people, JSON for programs.

import { stringify } from "yaml";

/** `json` values: bigints become numbers where they are exact, else text. */
export function toJson(value: unknown): string {
  const plain = (_: string, item: unknown) =>
    typeof item === "bigint"
      ? item <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(item)
        : item.toString()
      : item;
  return JSON.stringify(value, plain, 2);
}

/** The same values as YAML. */
export function toYaml(value: unknown): string {
  return stringify(JSON.parse(toJson(value)));
}

export type Cell = string | number | bigint | undefined;

function show(cell: Cell): string {
  return cell === undefined ? "-" : typeof cell === "string" ? cell : cell.toLocaleString("en-US");
}

/**
 * Lays rows out in columns: text to the left, numbers to the right.
 *
 * @param head - one title a column
 * @returns lines with a newline at the end; a hint when there are no rows
 */
export function renderTable(head: readonly string[], rows: readonly Cell[][], empty = "none"): string {
  if (rows.length === 0) {
    return `${empty}\n`;
  }
  const isNumber = head.map((_, i) => rows.every((row) => typeof row[i] !== "string"));
  const cells = [[...head], ...rows.map((row) => row.map(show))];
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

/** Colours text for a terminal; leaves it alone elsewhere, and where NO_COLOR is set (no-color.org). */
export function painter(stream: { isTTY?: boolean }): (colour: keyof typeof COLOURS, text: string) => string {
  const on = stream.isTTY === true && (process.env.NO_COLOR ?? "") === "";
  return (colour, text) => (on ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text);
}

/** `3 switches`, `1 switch` */
export function count(number: number, noun: string): string {
  const plural = /(?:s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
  return `${number.toLocaleString("en-US")} ${number === 1 ? noun : plural}`;
}
