// Live rates: the counters of a report are read again and again, and what they grew by is shown per second.
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { type CommonOptions, type Io, print } from "./context.js";
import { UsageError } from "./exit.js";
import { renderTable, toJson, toYaml } from "./output.js";

const DEFAULT_INTERVAL_S = 2;
const MAX_INTERVAL_S = 86_400;
const MS_PER_S = 1000;
const BITS_PER_BYTE = 8;
/** Home, and erase what is below: the screen keeps what was there before the first block. */
const REDRAW = "\u001b[H\u001b[J";

/** One line of a report, and what it counts. */
export interface Counted {
  /** In the order of the report's `labels`; together they tell the line from any other. */
  labels: string[];
  packets: bigint;
  /** Undefined where only packets are counted. */
  bytes?: bigint | undefined;
}

/** What of a report grows. */
export interface Rates<T> {
  /** `service`, `switch`: what the lines are told apart by. */
  labels: readonly string[];
  linesOf(value: T): Counted[];
}

export interface WatchOptions extends CommonOptions {
  /** Seconds between two looks; true: as many as usual. Undefined: one look, no rates. */
  watch?: string | true;
  count?: string;
}

interface Rate {
  labels: string[];
  packets_per_s: number | undefined;
  bits_per_s: number | undefined;
}

/** Of time and waiting; tests have their own. */
export interface Ticker {
  nowMs(): number;
  waitMs(ms: number): Promise<void>;
}

const REAL: Ticker = {
  nowMs: () => performance.now(),
  waitMs: async (ms) => {
    await sleep(ms);
  },
};

export function withWatchOptions(command: Command): Command {
  return command
    .option(
      "--watch [seconds]",
      `packets and bits per second, anew every so many seconds (${DEFAULT_INTERVAL_S})`,
    )
    .option("--count <number>", "with --watch: end after so many times");
}

function positive(text: string, what: string, most = Infinity): number {
  const value = Number(text);
  if (!(value > 0 && value <= most)) {
    const bound = most === Infinity ? "" : `, and at most ${most}`;
    throw new UsageError(`${what} ${text}: give a number above 0${bound}`);
  }
  return value;
}

/** A counter that fell began anew in between: its rate is not known. */
function perSecond(before: bigint | undefined, now: bigint | undefined, seconds: number): number | undefined {
  return before === undefined || now === undefined || now < before
    ? undefined
    : Math.round(Number(now - before) / seconds);
}

function ratesOf(before: readonly Counted[], now: readonly Counted[], seconds: number): Rate[] {
  const known = new Map(before.map((line) => [line.labels.join("\n"), line]));
  return now.map(({ labels, packets, bytes }) => {
    const old = known.get(labels.join("\n"));
    const bytesPerS = perSecond(old?.bytes, bytes, seconds / BITS_PER_BYTE);
    return { labels, packets_per_s: perSecond(old?.packets, packets, seconds), bits_per_s: bytesPerS };
  });
}

function show(
  io: Io,
  output: WatchOptions["output"],
  labels: readonly string[],
  rates: readonly Rate[],
): void {
  const items = rates.map(({ labels: values, packets_per_s, bits_per_s }) => ({
    ...Object.fromEntries(labels.map((label, i) => [label, values[i]])),
    packets_per_s,
    bits_per_s,
  }));
  switch (output) {
    case "json": // a line each time, for programs that read lines
      io.stdout.write(`${JSON.stringify(JSON.parse(toJson(items)))}\n`);
      break;
    case "yaml":
      io.stdout.write(`---\n${toYaml(items)}`);
      break;
    case "table": {
      const head = [...labels.map((label) => label.toUpperCase()), "PACKETS/S", "BITS/S"];
      const rows = rates.map((rate) => [...rate.labels, rate.packets_per_s, rate.bits_per_s]);
      const table = renderTable(head, rows);
      io.stdout.write(io.stdout.isTTY === true ? `${REDRAW}${table}` : `${table}\n`);
    }
  }
}

/**
 * Prints a report once, or with `--watch` its rates until it is interrupted, `--count` is reached, or nobody reads any more.
 *
 * @param measure - reads all counters once
 * @param render - of the report itself, without `--watch`
 */
export async function report<T>(
  io: Io,
  options: WatchOptions,
  measure: () => Promise<T>,
  render: (value: T) => string,
  rates: Rates<T> | undefined,
  { nowMs, waitMs }: Ticker = REAL,
): Promise<void> {
  const { watch, count, output } = options;
  if (watch === undefined || rates === undefined) {
    if (count !== undefined) {
      throw new UsageError("--count is of --watch (give both, or none)");
    }
    print(io, options, await measure(), render);
    return;
  }
  const everyMs =
    (watch === true ? DEFAULT_INTERVAL_S : positive(watch, "--watch", MAX_INTERVAL_S)) * MS_PER_S;
  const times = count === undefined ? Infinity : positive(count, "--count");
  let isRead = true;
  io.stdout.on?.("error", () => {
    isRead = false;
  });
  let before = rates.linesOf(await measure());
  let beforeMs = nowMs();
  for (let shown = 0; shown < times; shown++) {
    await waitMs(everyMs);
    if (!isRead) {
      return;
    }
    const now = rates.linesOf(await measure());
    const at = nowMs();
    show(io, output, rates.labels, ratesOf(before, now, (at - beforeMs) / MS_PER_S));
    [before, beforeMs] = [now, at];
  }
}
