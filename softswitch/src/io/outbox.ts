// What the packet thread has to tell the main thread. The packet thread may be faster: what the main thread has not taken yet is counted in
// memory that both see, and beyond a bound the packet thread drops what it would tell.
import type { OutFrame } from "../types.js";
import type { FromWorker } from "./protocol.js";

type Events = FromWorker & { kind: "events" };

/** Packets, notices and frames that the main thread has not taken yet. */
export const MOST_UNTAKEN = 8192;

/** Shared memory for the number of what was not taken yet. */
export function makeUntaken(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** The main thread has taken these. */
export function take(untaken: Int32Array, { packetIns, notices, frames }: Events): void {
  Atomics.sub(untaken, 0, packetIns.length + notices.length + frames.length);
}

export class Outbox {
  readonly #untaken: Int32Array;
  #events: Events = empty();
  #count = 0;
  /** Packets, notices and frames that the main thread was too slow for. */
  untold = 0;

  constructor(untaken: Int32Array) {
    this.#untaken = untaken;
  }

  packetIn(encoded: Uint8Array): void {
    if (this.#hasRoom()) this.#events.packetIns.push(encoded);
  }

  notice(encoded: Uint8Array): void {
    if (this.#hasRoom()) this.#events.notices.push(encoded);
  }

  frame(frame: OutFrame): void {
    if (this.#hasRoom()) this.#events.frames.push(frame);
  }

  #hasRoom(): boolean {
    if (this.#count + Atomics.load(this.#untaken, 0) >= MOST_UNTAKEN) {
      this.untold++;
      return false;
    }
    this.#count++;
    return true;
  }

  /** What is to be told now; undefined for nothing. */
  empty(): Events | undefined {
    if (this.#count === 0) return undefined;
    const events = this.#events;
    Atomics.add(this.#untaken, 0, this.#count);
    this.#events = empty();
    this.#count = 0;
    return events;
  }
}

function empty(): Events {
  return { kind: "events", packetIns: [], notices: [], frames: [] };
}
