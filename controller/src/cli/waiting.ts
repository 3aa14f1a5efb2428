// Waiting for what the controller and the parts do by themselves.
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "../api/index.js";
import { Unconfirmed } from "./exit.js";
import type { Progress } from "./progress.js";

const RETRY_MS = 200;

/**
 * Asks again and again until there is an answer.
 *
 * @param look - undefined: not yet
 * @param pollMs - between two looks; 0: `look` itself takes its time
 * @param maxFailures - so many calls in a row may fail: a controller or an LD may be away for a moment
 * @throws ApiError after as many failures, and at once what is none
 */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  pollMs: number,
  maxFailures: number,
): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      const found = await look();
      failures = 0;
      if (found !== undefined) {
        return found;
      }
    } catch (error) {
      if (!(error instanceof ApiError) || ++failures === maxFailures) {
        throw error;
      }
    }
    await sleep(failures > 0 ? Math.max(RETRY_MS, pollMs) : pollMs);
  }
}

/**
 * Does what follows a change that the controller has stored.
 *
 * @throws Unconfirmed when the controller cannot be asked any more
 */
export async function afterChange<T>(revision: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isAway(error) ? new Unconfirmed(revision, error) : error;
  }
}

/** Whether a controller cannot be asked, and may be later. */
export function isAway(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 0 || error.status === 503);
}

/** For a number that falls to 0, and may rise meanwhile: tells `progress` each value it has. */
export function countdown(progress: Progress): (left: number) => void {
  let [expected, done] = [0, 0];
  return (left) => {
    const more = Math.max(0, done + left - expected);
    progress.expect(more);
    expected += more;
    progress.advance(expected - left - done);
    done = expected - left;
  };
}
