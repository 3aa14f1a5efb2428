// How the LD is, looked at every second for as long as the agent runs; and at once when the data plane goes. The look is also
// what connects to a data plane that has come, which then gets what the agent has for it (agent.ts).
import { status } from "@grpc/grpc-js";
import type { RsState } from "@sluice/proto/ld";
import type { GetStatusResponse } from "@sluice/proto/ld-agent";
import type { Logger } from "pino";
import { type Dataplane, DataplaneError } from "./dataplane.js";

/** A data plane that is down is looked for so many times oftener. */
const DOWN_FACTOR = 5;

const DOWN: GetStatusResponse = {
  version: "",
  dataPlaneUp: false,
  dataPlaneUptimeMs: 0n,
  workerCores: 0,
  state: undefined,
  stuckCores: [],
  impaired: [],
};

export interface StatusFeedOptions {
  dataplane: Dataplane;
  logger: Logger;
  /** Between two looks. 0: never by itself. */
  everyMs: number;
  /** What checks have found. */
  impaired: () => RsState[];
}

type Listener = (status: GetStatusResponse) => void;

export class StatusFeed {
  readonly #options: StatusFeedOptions;
  readonly #listeners = new Set<Listener>();
  /** Of each core, when the look before saw it: how far its worker was. */
  #turns = new Map<number, bigint>();
  #current: GetStatusResponse = DOWN;
  #toldMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: StatusFeedOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.everyMs > 0) void this.#look();
  }

  /** Looks now, because something has happened. */
  wake(): void {
    if (this.#timer === undefined) return; // it is looking
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** What the last look has seen. */
  get current(): GetStatusResponse {
    return this.#current;
  }

  /** `listener` gets what every look sees. @returns ends that */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks the data plane. @throws DataplaneError for anything but that it is down */
  async read(): Promise<GetStatusResponse> {
    try {
      const answer = await this.#options.dataplane.ask({ $case: "getStatus", value: {} }, "status");
      const { version, uptimeMs, workerCores, state } = answer;
      const workers = state?.workers ?? [];
      const stuckCores = workers.flatMap(({ core, turns }) =>
        this.#turns.get(core) === turns ? [core] : [],
      );
      const impaired = this.#options.impaired();
      return {
        version,
        dataPlaneUp: true,
        dataPlaneUptimeMs: uptimeMs,
        workerCores,
        state,
        stuckCores,
        impaired,
      };
    } catch (error) {
      if (error instanceof DataplaneError && error.code === status.UNAVAILABLE) {
        this.#options.logger.debug(
          { event: "dataplane_down", reason: error.message },
          "the data plane is down",
        );
        return DOWN;
      }
      throw error;
    }
  }

  async #look(): Promise<void> {
    const { everyMs, logger } = this.#options;
    const before = this.#current;
    try {
      this.#current = await this.read();
    } catch (error) {
      logger.warn(
        { event: "status_failed", reason: (error as Error).message },
        "the data plane's status is odd",
      );
      this.#current = DOWN;
    }
    if (this.#stopped) return;
    this.#turns = new Map(this.#current.state?.workers.map(({ core, turns }) => [core, turns]));
    for (const core of this.#current.stuckCores.filter((item) => !before.stuckCores.includes(item))) {
      logger.error({ event: "worker_stuck", core }, "a worker makes no progress");
    }
    this.#tell(before.dataPlaneUp !== this.#current.dataPlaneUp);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#look();
      },
      this.#current.dataPlaneUp ? everyMs : everyMs / DOWN_FACTOR,
    );
  }

  #tell(changed: boolean): void {
    const now = performance.now();
    if (!changed && !this.#current.dataPlaneUp && now - this.#toldMs < this.#options.everyMs) return;
    this.#toldMs = now;
    for (const listener of this.#listeners) listener(this.#current);
  }
}
