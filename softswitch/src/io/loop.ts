// The thread's one loop: waits for frames at any port and for messages of the main thread, and does a bounded part of each in
// turn. It sleeps when there is nothing to do.
import { readSync } from "node:fs";
import * as libc from "./libc.js";
import type { PacketPort } from "./packet_port.js";

/** Sends a frame out of a port; its memory is the caller's again when it returns. */
export type Emit = (port: number, frame: Uint8Array, length: number) => void;

/** Forwards a frame that came in at a port, and may use its memory until it returns. */
export type Process = (port: number, buffer: Uint8Array, length: number, emit: Emit) => void;

/** A sleep ends after this time at the latest, to see whether a lost interface is back. */
const LONGEST_SLEEP_MS = 1000;

const POLLFD_BYTES = 8;

export interface LoopOptions {
  ports: readonly PacketPort[];
  /** readable when a message waits */
  wakeFd: number;
  process: Process;
  /** Takes frames for ports that are no interfaces. */
  elsewhere: Emit;
  /** Does one message of the main thread's. @returns false when there was none */
  doMessage: () => boolean;
  /** In how many milliseconds a round has to follow, whatever comes; infinite: none has to. */
  msToTimer: () => number;
  /** After each round: tells the main thread what has happened. */
  afterRound: () => void;
  onFailure: (port: number, error: unknown) => void;
  onRevived: (port: PacketPort) => void;
}

export class Loop {
  readonly #options: LoopOptions;
  readonly #byNumber: (PacketPort | undefined)[] = [];
  readonly #dirty: PacketPort[] = [];
  readonly #pollFds: DataView;
  readonly #pollMemory: Uint8Array;
  readonly #wakeBuffer = Buffer.alloc(8);
  #stopped = false;
  #nextRevivalMs = 0;

  constructor(options: LoopOptions) {
    this.#options = options;
    const memory = new ArrayBuffer((options.ports.length + 1) * POLLFD_BYTES);
    this.#pollMemory = new Uint8Array(memory);
    this.#pollFds = new DataView(memory);
    for (const port of options.ports) this.#byNumber[port.number] = port;
    this.#watch();
  }

  /** struct pollfd of each port, and last the wake-up's. */
  #watch(): void {
    const fds = [...this.#options.ports.map((port) => port.fd), this.#options.wakeFd];
    for (const [index, fd] of fds.entries()) {
      this.#pollFds.setInt32(index * POLLFD_BYTES, fd, true);
      this.#pollFds.setInt16(index * POLLFD_BYTES + 4, libc.POLLIN, true);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  readonly emit: Emit = (number, frame, length) => {
    const port = this.#byNumber[number];
    if (port === undefined) this.#options.elsewhere(number, frame, length);
    else if (port.queue(frame, length)) this.#dirty.push(port);
  };

  /** Sends all that was emitted. */
  flush(): void {
    for (const port of this.#dirty) port.flush();
    this.#dirty.length = 0;
  }

  /** Returns when {@link stop} was called. */
  run(): void {
    const { ports, afterRound, doMessage, msToTimer } = this.#options;
    let messagesWait = true;
    let framesWait = false;
    while (!this.#stopped) {
      const mayWait = !messagesWait && !framesWait;
      const waitMs = mayWait ? Math.min(LONGEST_SLEEP_MS, Math.ceil(msToTimer())) : 0;
      libc.poll(this.#pollMemory, ports.length + 1, waitMs);
      if (this.#isReady(ports.length)) {
        this.#drainWakeUps();
        messagesWait = true;
      }
      if (messagesWait) messagesWait = doMessage();
      framesWait = false;
      for (let index = 0; index < ports.length; index++) {
        if (this.#isReady(index) && ports[index]!.receive(this.#forward)) framesWait = true;
      }
      this.flush();
      afterRound();
      this.#reviveLost();
    }
  }

  #isReady(index: number): boolean {
    return this.#pollFds.getInt16(index * POLLFD_BYTES + 6, true) !== 0;
  }

  readonly #forward = (port: number, frame: Uint8Array, length: number): void => {
    try {
      this.#options.process(port, frame, length, this.emit);
    } catch (error) {
      this.#options.onFailure(port, error);
    }
  };

  #drainWakeUps(): void {
    try {
      readSync(this.#options.wakeFd, this.#wakeBuffer);
    } catch {
      // EAGAIN: drained already
    }
  }

  #reviveLost(): void {
    const { ports, onFailure, onRevived } = this.#options;
    if (!ports.some((port) => port.lost)) return;
    const now = performance.now();
    if (now < this.#nextRevivalMs) return;
    this.#nextRevivalMs = now + LONGEST_SLEEP_MS;
    for (const port of ports) {
      try {
        if (port.lost && port.revive(this.#forward)) {
          this.#watch();
          this.flush();
          onRevived(port);
        }
      } catch (error) {
        onFailure(port.number, error);
      }
    }
  }
}
