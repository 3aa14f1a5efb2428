// What the switch says when its time has come: lists of digests, and entries that are idle.
import type { DigestList, IdleTimeoutNotification } from "@sluice/proto/p4runtime";
import type { Digest } from "../ir/program.js";
import type { BoundDigest } from "./digests.js";
import { takeIdle } from "./idle.js";
import type { Schema } from "./schema.js";
import { entryToWire } from "./table_writes.js";

/** Timers run no more often: what has less time is told of when that is over. */
const SHORTEST_US = 10_000;
const NS_PER_MS = 1_000_000n;

/** What a switch says to its primary controller by itself, besides packets. */
export type Notice =
  | { $case: "digest"; value: DigestList }
  | { $case: "idleTimeoutNotification"; value: IdleTimeoutNotification };

type OnNotice = (notice: Notice) => void;

/** ns since the epoch. */
function timestamp(): bigint {
  return BigInt(Date.now()) * NS_PER_MS;
}

function send(digest: BoundDigest, nowUs: number, onNotice: OnNotice): void {
  onNotice({ $case: "digest", value: digest.list(nowUs, timestamp()) });
}

/** Takes what a packet has sent. */
export function takeDigest(schema: Schema, from: Digest, lanes: Int32Array, onNotice: OnNotice): void {
  const digest = schema.digestsOf.get(from);
  if (digest === undefined) return;
  const now = schema.clockUs();
  if (digest.take(lanes, now)) send(digest, now, onNotice);
  else schema.nextTimerUs = Math.min(schema.nextTimerUs, digest.dueUs);
}

/** Says what it is time for, and when there is more to say: `nextTimerUs` of the schema. */
export function runTimers(schema: Schema, onNotice: OnNotice): void {
  const now = schema.clockUs();
  let next = Number.POSITIVE_INFINITY;
  for (const digest of schema.digests.values()) {
    if (digest.dueUs <= now) send(digest, now, onNotice);
    next = Math.min(next, digest.dueUs);
  }
  for (const table of schema.tables.values()) {
    if (table.idleTimers.size === 0) continue;
    const { entries, nextUs } = takeIdle(table, now);
    next = Math.min(next, nextUs);
    if (entries.length === 0) continue;
    const tableEntry = entries.map((entry) => entryToWire(table, entry));
    onNotice({ $case: "idleTimeoutNotification", value: { tableEntry, timestamp: timestamp() } });
  }
  schema.nextTimerUs = Math.max(next, now + SHORTEST_US);
}
