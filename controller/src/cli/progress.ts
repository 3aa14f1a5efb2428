// How far long work has come: a bar on a terminal, a plain line now and then elsewhere, nothing for programs. All of it goes to
// standard error: what a command prints stays what it is.
import type { CommonOptions, Io, OutputStream } from "./context.js";
import { painter } from "./output.js";

const BAR_COLUMNS = 30;
/** Work that is done sooner shows no bar. */
const FIRST_BAR_MS = 300;
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;
/** How far back the rate is taken from that says how long the rest takes. */
const RATE_OVER_MS = 10_000;
const RATE_EVERY_MS = 250;
const ERASE_LINE = "\r\u001b[K";

/** What work tells of itself. */
export interface Progress {
  /** There is more to do than was known so far, by so many units. */
  expect(units: number): void;
  /** So many units more are done. */
  advance(units: number): void;
}

export interface Work {
  /** `writing` */
  doing: string;
  /** What is counted, in the plural: `entries`. */
  units: string;
}

/** In milliseconds, from any beginning. */
export type Clock = () => number;

/** For work that nobody watches. */
export const UNSEEN: Progress = { expect: () => {}, advance: () => {} };

/** How long the rest takes, at the rate of the last seconds. What came before the first unit was done is no part of it. */
class Estimate {
  readonly #seen: { ms: number; done: number }[] = [];

  add(ms: number, done: number): void {
    const last = this.#seen.at(-1);
    if (last === undefined || ms >= last.ms + RATE_EVERY_MS) {
      this.#seen.push({ ms, done });
    }
    while (this.#seen.length > 2 && this.#seen[0]!.ms < ms - RATE_OVER_MS) {
      this.#seen.shift();
    }
  }

  /** Undefined while there is no rate yet. */
  leftMs(ms: number, done: number, total: number): number | undefined {
    const [first] = this.#seen;
    return first === undefined || done === first.done || ms === first.ms
      ? undefined
      : ((total - done) * (ms - first.ms)) / (done - first.done);
  }
}

abstract class Shown implements Progress {
  readonly #clock: Clock;
  readonly #begun: number;
  readonly #everyMs: number;
  readonly #estimate = new Estimate();
  #nextMs: number;
  #total = 0;
  #done = 0;

  constructor(clock: Clock, firstMs: number, everyMs: number) {
    this.#clock = clock;
    this.#begun = clock();
    this.#nextMs = firstMs;
    this.#everyMs = everyMs;
  }

  expect(units: number): void {
    this.#total += units;
  }

  advance(units: number): void {
    this.#done += units;
    const now = this.#clock() - this.#begun;
    if (now >= this.#nextMs && this.#done < this.#total) {
      this.#nextMs = now + this.#everyMs;
      this.show(this.#done, this.#total, timeLeft(this.#estimate.leftMs(now, this.#done, this.#total)));
    }
    this.#estimate.add(now, this.#done);
  }

  /** @param left - how long the rest takes, or nothing */
  protected abstract show(done: number, total: number, left: string): void;
}

function amount(done: number, total: number, { units }: Work): string {
  const [a, b] = [done, total].map((number) => number.toLocaleString("en-US"));
  return `${a!.padStart(b!.length)} of ${b} ${units}`;
}

/** `, 5 s left` */
function timeLeft(ms: number | undefined): string {
  if (ms === undefined) {
    return "";
  }
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`;
}

class Bar extends Shown {
  readonly #out: OutputStream;
  readonly #work: Work;
  #drawn = false;

  constructor(out: OutputStream, work: Work, clock: Clock) {
    super(clock, FIRST_BAR_MS, BAR_EVERY_MS);
    this.#out = out;
    this.#work = work;
  }

  protected override show(done: number, total: number, left: string): void {
    const full = Math.floor((done / total) * BAR_COLUMNS);
    const bar = `${"█".repeat(full)}${painter(this.#out)("dim", "░".repeat(BAR_COLUMNS - full))}`;
    const { doing } = this.#work;
    this.#out.write(`${ERASE_LINE}${doing} ${bar} ${amount(done, total, this.#work)}${left}`);
    this.#drawn = true;
  }

  erase(): void {
    if (this.#drawn) {
      this.#out.write(ERASE_LINE);
    }
  }
}

class Lines extends Shown {
  readonly #out: OutputStream;
  readonly #work: Work;

  constructor(out: OutputStream, work: Work, clock: Clock) {
    super(clock, LINE_EVERY_MS, LINE_EVERY_MS);
    this.#out = out;
    this.#work = work;
  }

  protected override show(done: number, total: number, left: string): void {
    this.#out.write(`${this.#work.doing}: ${amount(done, total, this.#work).trimStart()}${left}\n`);
  }
}

/**
 * Runs `work` and shows how far it is. The bar is gone when it ends, however it ends.
 *
 * @param work - does not begin to `advance` before it has said what to `expect`
 * @param clock - for tests
 */
export async function withProgress<T>(
  { stderr }: Pick<Io, "stderr">,
  { output }: Pick<CommonOptions, "output">,
  what: Work,
  work: (progress: Progress) => Promise<T>,
  clock: Clock = () => performance.now(),
): Promise<T> {
  if (output !== "table") {
    return work(UNSEEN);
  }
  if (stderr.isTTY !== true) {
    return work(new Lines(stderr, what, clock));
  }
  const bar = new Bar(stderr, what, clock);
  try {
    return await work(bar);
  } finally {
    bar.erase();
  }
}
