// How an LD is, as its agent says it by itself (WatchStatus): every second, and at once when its data plane comes or goes. One that says
// nothing any more is taken for unreachable, so that nobody waits for it.
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import type { GetStatusResponse, WatchStatusResponse } from "@sluice/proto/ld-agent";

/** An agent speaks every second; one that is missed may be a busy machine's. */
const SILENT_MS = 3_000;
const TICK_MS = 500;
/** Between two attempts to reach an agent. */
const RETRY_MS = 500;

export interface LdHealth {
  /**
   * `ready`: it has all sessions of its buckets, and switches may send it packets; `not ready`: it runs, and may not have them;
   * `down`: its agent runs, its data plane does not; `unreachable`: its agent says nothing.
   */
  state: "ready" | "not ready" | "down" | "unreachable";
  /** Why it is not ready. */
  reason: string;
}

/** What an agent's answer says of its LD. */
export function healthOf({ dataPlaneUp, state, stuckCores }: GetStatusResponse): LdHealth {
  if (!dataPlaneUp) {
    return { state: "down", reason: "the agent is up, the data plane is not" };
  }
  const reason =
    state?.configured !== true
      ? "it has no configuration"
      : stuckCores.length > 0
        ? `its worker on core ${stuckCores.join(" and ")} makes no progress`
        : state.online
          ? ""
          : "it has not all sessions of its buckets yet";
  return { state: reason === "" ? "ready" : "not ready", reason };
}

export interface LdWatchOptions {
  open: () => ClientReadableStream<WatchStatusResponse>;
  /** What is wrong, for people. */
  failure: (error: ServiceError) => string;
  /** It is another one than before, or for another reason. */
  onChange: (health: LdHealth) => void;
}

export class LdWatch {
  readonly #options: LdWatchOptions;
  #stream: ClientReadableStream<WatchStatusResponse> | undefined;
  #health: LdHealth | undefined;
  #silent = false;
  /** Ticks since the agent last spoke. Time in which this process could not have heard it is not counted. */
  #ticks = 0;
  readonly #ticking: NodeJS.Timeout;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: LdWatchOptions) {
    this.#options = options;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#open();
  }

  /** As it was last heard of; undefined before. */
  get health(): LdHealth | undefined {
    return this.#health;
  }

  /** Its agent is there, as far as the system knows, and has said nothing for long. */
  get isSilent(): boolean {
    return this.#silent;
  }

  close(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#retry);
    this.#leave();
  }

  #open(): void {
    this.#retry = undefined;
    this.#ticks = 0;
    const stream = this.#options.open();
    this.#stream = stream;
    stream.on("data", ({ status }: WatchStatusResponse) => {
      if (stream === this.#stream && status !== undefined) {
        this.#ticks = 0;
        this.#silent = false;
        this.#tell(healthOf(status));
      }
    });
    stream.on("error", (error: ServiceError) => {
      if (stream === this.#stream) {
        this.#silent = false; // its calls fail by themselves
        this.#lost(this.#options.failure(error));
      }
    });
    stream.on("end", () => {
      if (stream === this.#stream) {
        this.#lost("its agent has ended the conversation");
      }
    });
  }

  #tick(): void {
    if (this.#stream !== undefined && ++this.#ticks * TICK_MS >= SILENT_MS) {
      this.#silent = true;
      this.#lost(`its agent has said nothing for ${SILENT_MS / 1000} s`);
    }
  }

  #lost(reason: string): void {
    this.#leave();
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
    this.#tell({ state: "unreachable", reason });
  }

  #leave(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
  }

  #tell(health: LdHealth): void {
    const before = this.#health;
    if (before?.state !== health.state || before.reason !== health.reason) {
      this.#health = health;
      this.#options.onChange(health);
    }
  }
}
