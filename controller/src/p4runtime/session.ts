// The stream of one switch: who may write (specification, section 5), and packets to and from the switch.
// It comes back by itself with back-off when the switch restarts.
import { type ClientDuplexStream, status } from "@grpc/grpc-js";
import type {
  MasterArbitrationUpdate,
  StreamMessageRequest,
  StreamMessageResponse,
  Uint128,
} from "@sluice/proto/p4runtime";
import type { Client } from "./client.js";
import { codeName, P4RuntimeError, rpcError } from "./errors.js";

type Stream = ClientDuplexStream<StreamMessageRequest, StreamMessageResponse>;

export type SessionState = "connecting" | "primary" | "backup" | "down" | "closed";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** Attempts to follow a primary that has gone. A server that goes on saying there is none would be asked for ever. */
const MAX_TAKEOVERS = 3;

/** Messages that a switch has not taken yet. One that takes none would have them pile up. */
const MAX_PENDING = 1_024;

function toInteger(id: Uint128 | undefined): bigint {
  return id === undefined ? 0n : (id.high << 64n) | id.low;
}

function toUint128(id: bigint): Uint128 {
  return { high: id >> 64n, low: id & 0xffff_ffff_ffff_ffffn };
}

/** Above every id that is made from a clock. */
const FIRST_TERM_ID = 1n << 63n;

/** Grows with time, so that the controller that was started last wins, and differs between two started at once. */
function electionIdFromClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000));
}

/** As which controller to stand for election. */
export interface Candidate {
  /** Default: from the clock, so that the controller that was started last wins. */
  electionId?: bigint;
  /**
   * The term of a controller that was chosen to lead by other means; instead of `electionId`. It beats every smaller term and
   * every controller without one, and never makes itself greater: where a later leader has been, this one writes no more.
   */
  term?: bigint;
  /** Told when the switch is back after its stream was lost, and this controller is primary again: it may have been restarted. */
  onReturn?: () => void;
}

export class Session {
  readonly #client: Client;
  readonly #onMessage: (message: StreamMessageResponse) => void;
  readonly #changed = new Set<() => void>();
  #stream: Stream | undefined;
  #state: SessionState = "connecting";
  #reason = new P4RuntimeError("not started", status.UNAVAILABLE);
  readonly #term: bigint | undefined;
  readonly #onReturn: () => void;
  #wasLost = false;
  #electionId: bigint;
  #retryMs = FIRST_RETRY_MS;
  /** When the switch first answered on this stream. */
  #answeredMs = Infinity;
  #takeovers = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    client: Client,
    onMessage: (message: StreamMessageResponse) => void,
    { electionId, term, onReturn = () => {} }: Candidate = {},
  ) {
    this.#client = client;
    this.#onMessage = onMessage;
    this.#term = term;
    this.#onReturn = onReturn;
    this.#electionId = term === undefined ? (electionId ?? electionIdFromClock()) : FIRST_TERM_ID + term;
  }

  get state(): SessionState {
    return this.#state;
  }

  get electionId(): Uint128 {
    return toUint128(this.#electionId);
  }

  /** Opens the stream and asks to be primary. The answer comes by {@link primary}. */
  open(): void {
    this.#enter("connecting");
    this.#answeredMs = Infinity;
    const stream = this.#client.stream();
    this.#stream = stream;
    stream.on("data", (message: StreamMessageResponse) => {
      if (stream === this.#stream) {
        this.#receive(message);
      }
    });
    stream.on("error", (error) => this.#lost(stream, rpcError(this.#client.who, "StreamChannel", error)));
    stream.on("end", () => {
      this.#lost(stream, new P4RuntimeError(`${this.#client.who} closed the stream`, status.UNAVAILABLE));
    });
    this.#arbitrate();
  }

  #arbitrate(): void {
    this.send({
      $case: "arbitration",
      value: {
        deviceId: this.#client.deviceId,
        role: undefined,
        electionId: toUint128(this.#electionId),
        status: undefined,
      },
    });
  }

  /** @throws P4RuntimeError when there is no stream, or the switch has stopped taking what comes by it: it is opened anew then */
  send(update: NonNullable<StreamMessageRequest["update"]>): void {
    const stream = this.#stream;
    if (stream === undefined) {
      throw this.#reason;
    }
    if (stream.writableLength >= MAX_PENDING) {
      const reason = `${this.#client.who} takes no messages any more: ${MAX_PENDING} wait on its stream`;
      this.#lost(stream, new P4RuntimeError(reason, status.UNAVAILABLE));
      stream.cancel();
      throw this.#reason;
    }
    stream.write({ update });
  }

  #receive(message: StreamMessageResponse): void {
    if (message.update?.$case === "arbitration") {
      this.#elected(message.update.value);
    } else {
      this.#onMessage(message);
    }
  }

  #elected(update: MasterArbitrationUpdate): void {
    this.#answeredMs = Math.min(this.#answeredMs, performance.now());
    const code = update.status?.code ?? status.OK;
    if (code === status.OK) {
      this.#takeovers = 0;
      this.#enter("primary");
      if (this.#wasLost) {
        this.#wasLost = false;
        this.#onReturn();
      }
      return;
    }
    const highest = toInteger(update.electionId);
    if (code === status.NOT_FOUND && this.#term === undefined && this.#takeovers < MAX_TAKEOVERS) {
      this.#takeovers++;
      // The primary has gone: take over with an id above every one that the switch has seen.
      this.#electionId = highest > this.#electionId ? highest + 1n : this.#electionId + 1n;
      try {
        this.#arbitrate();
      } catch {
        // The stream is lost, and opened anew.
      }
      return;
    }
    this.#reason = new P4RuntimeError(
      `${this.#client.who}: another controller ${code === status.NOT_FOUND ? "was" : "is"} primary (its election id is ` +
        `${highest}, this one's ${this.#electionId}; ${codeName(code)}): stop the other one, or let it do the change`,
      status.PERMISSION_DENIED,
    );
    this.#enter("backup");
  }

  #lost(stream: Stream, reason: P4RuntimeError): void {
    if (stream !== this.#stream || this.#state === "closed") {
      return;
    }
    this.#stream = undefined;
    this.#reason = reason;
    this.#wasLost = true;
    this.#enter("down");
    // An answer alone does not say that the switch is well again: the stream has to last.
    if (performance.now() - this.#answeredMs >= LAST_RETRY_MS) {
      this.#retryMs = FIRST_RETRY_MS;
    }
    this.#timer = setTimeout(() => this.open(), this.#retryMs);
    this.#timer.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #enter(state: SessionState): void {
    this.#state = state;
    for (const notify of [...this.#changed]) {
      notify();
    }
  }

  /**
   * Waits for the election's result.
   *
   * @param waitMs - also wait so long for a switch that is down, or for another controller that is primary, to go away;
   *   0: those fail at once, only a pending answer is waited for
   * @throws P4RuntimeError UNAVAILABLE (down), PERMISSION_DENIED (another controller is primary), DEADLINE_EXCEEDED
   */
  primary(waitMs = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: P4RuntimeError) => {
        clearTimeout(timer);
        this.#changed.delete(check);
        error === undefined ? resolve() : reject(error);
      };
      const check = () => {
        if (this.#state === "primary") {
          settle();
        } else if (this.#state === "closed" || (this.#state !== "connecting" && waitMs === 0)) {
          settle(this.#reason);
        }
      };
      const timer = setTimeout(
        () =>
          settle(
            this.#state === "connecting"
              ? new P4RuntimeError(
                  `${this.#client.who} did not answer the election in time (${waitMs || this.#client.timeoutMs} ms)`,
                  status.DEADLINE_EXCEEDED,
                )
              : this.#reason,
          ),
        waitMs || this.#client.timeoutMs,
      );
      this.#changed.add(check);
      check();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#reason = new P4RuntimeError(
      `${this.#client.who}: the connection was closed here`,
      status.CANCELLED,
    );
    this.#enter("closed");
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.on("error", () => {}); // our own cancellation
    stream?.end();
    stream?.cancel();
  }
}
