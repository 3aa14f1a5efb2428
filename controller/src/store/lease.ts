// A lease of etcd, kept alive by a thread of its own: a state of a million EIPs keeps the main one busy for longer than a lease.
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export interface LeaseSettings {
  /** As `--store` says it. */
  place: string;
  pki: string | undefined;
  /** Its length in seconds, from one confirmation to the next. */
  leaseS: number;
}

/** What the thread says: the lease is there; it is over, and why. */
export type FromLease = { id: string } | { over: string };

export class Lease {
  /** Resolves with the reason when it is over, or may be: etcd has not confirmed it for its whole length. */
  readonly lost: Promise<string>;
  /** etcd's number of it. Rejects when it is over before it began. */
  readonly id: Promise<string>;
  #over: string | undefined;
  readonly #worker: Worker;

  constructor(settings: LeaseSettings) {
    const worker = new Worker(new URL("./lease_worker.js", import.meta.url), { workerData: settings });
    this.#worker = worker;
    const granted = new Promise<string>((resolve) => {
      worker.on("message", (message: FromLease) => {
        if ("id" in message) resolve(message.id);
      });
    });
    this.lost = new Promise((resolve) => {
      const end = (reason: string) => {
        this.#over ??= reason;
        resolve(this.#over);
      };
      worker.on("message", (message: FromLease) => {
        if ("over" in message) end(message.over);
      });
      worker.on("error", (error) => end(`the thread of its lease failed: ${error.message}`));
      worker.on("exit", () => end("the thread of its lease has ended"));
    });
    this.id = Promise.race([
      granted,
      this.lost.then((reason) => {
        throw new Error(reason);
      }),
    ]);
    this.id.catch(() => {}); // whoever waits for it is told
  }

  /** Why it is over; undefined: it is not. */
  get over(): string | undefined {
    return this.#over;
  }

  /** Gives it back, so that the next one does not have to wait for its end. */
  async end(reason: string): Promise<void> {
    if (this.#over === undefined) {
      this.#over = reason;
      const ended = once(this.#worker, "exit");
      this.#worker.postMessage(reason);
      await ended;
    }
  }
}
