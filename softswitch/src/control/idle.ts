// Idle timeouts of table entries (specification, sections 9.1.8 and 16.4): which entries no packet has hit for as long as theirs.
import { invalid } from "./errors.js";
import type { BoundTable, Schema } from "./schema.js";

const NS_PER_US = 1000;

/** Of an entry that has an idle timeout. */
export interface IdleTimer {
  timeoutNs: bigint;
  /** From when on it is counted, when no packet has hit the entry since. */
  fromUs: number;
}

/** @throws UpdateError INVALID_ARGUMENT where the table has none */
export function checkIdleTimeout(table: BoundTable, timeoutNs: bigint): void {
  if (timeoutNs < 0n) throw invalid(`${table.name}: an idle timeout is at least 0`);
  if (timeoutNs > 0n && !table.store.hasTimeout) {
    throw invalid(`${table.name} does not support idle timeouts`);
  }
}

function dueUs({ store }: BoundTable, entry: number, { timeoutNs, fromUs }: IdleTimer): number {
  return Math.max(store.lastHitUs[entry]!, fromUs) + Number(timeoutNs) / NS_PER_US;
}

/** Starts the timer of an entry that was inserted or modified; 0 is none. */
export function setIdleTimeout(schema: Schema, table: BoundTable, entry: number, timeoutNs: bigint): void {
  if (!table.store.hasTimeout) return;
  if (timeoutNs === 0n) {
    table.idleTimers.delete(entry);
    return;
  }
  const timer = { timeoutNs, fromUs: schema.clockUs() };
  table.idleTimers.set(entry, timer);
  schema.nextTimerUs = Math.min(schema.nextTimerUs, dueUs(table, entry, timer));
}

/** The entries whose time is over; it begins anew for them. @returns when the next one's can be, in us */
export function takeIdle(table: BoundTable, nowUs: number): { entries: number[]; nextUs: number } {
  const entries: number[] = [];
  let nextUs = Number.POSITIVE_INFINITY;
  for (const [entry, timer] of table.idleTimers) {
    if (dueUs(table, entry, timer) <= nowUs) {
      timer.fromUs = nowUs;
      entries.push(entry);
    }
    nextUs = Math.min(nextUs, dueUs(table, entry, timer));
  }
  return { entries, nextUs };
}
