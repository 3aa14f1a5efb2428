// One LD's agent as promises. Every call has a deadline; where the agent is watched, it fails as soon as nothing is to be expected.
import { type CallOptions, type ClientUnaryCall, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type {
  CaptureBatch,
  CaptureRequest,
  Counters,
  LdConfig,
  Session,
  SessionFilter,
} from "@sluice/proto/ld";
import { type GetStatusResponse, LdAgentClient, type ListRealServersResponse } from "@sluice/proto/ld-agent";
import { partCredentials } from "@sluice/proto/tls";
import { codeName, plainReason } from "../p4runtime/index.js";
import { BUCKETS } from "../tables/constants.js";
import { type LdHealth, LdWatch } from "./ld_watch.js";

const DEFAULT_TIMEOUT_MS = 10_000;
/** Listing millions of sessions takes longer than the other calls. */
const LIST_FACTOR = 6;
/** Channel settings: answers of any size, and a quick retry of the connection of an agent that comes back. */
const CHANNEL_OPTIONS = {
  "grpc.max_receive_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/** A call that an LD refused, or that never reached it. */
export class LdError extends Error {
  override name = "LdError";
  /** gRPC status code. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

export interface LdClientOptions {
  name: string;
  /** `unix:/path` or `host:port` of the agent. */
  address: string;
  /** For each call. Default 10,000. */
  timeoutMs?: number;
  /** Directory of the controller's certificates; needed for agents that are not on a Unix socket. */
  pki?: string;
  /** Of a leader among several controllers: the agent refuses smaller ones than it has seen. */
  term?: bigint;
  /** Is told how the LD is, whenever that is another one than before. Left out: it is not watched. */
  onHealth?: (health: LdHealth) => void;
}

export class LdClient {
  readonly name: string;
  /** `LD ld1 (unix:/run/sluice/ld1.agent.sock)` */
  readonly who: string;
  readonly #stub: LdAgentClient;
  readonly #timeoutMs: number;
  readonly #term: bigint;
  /** Unary calls that have no answer yet. */
  readonly #calls = new Set<ClientUnaryCall>();
  readonly #watch: LdWatch | undefined;

  constructor(options: LdClientOptions) {
    this.name = options.name;
    this.who = `LD ${options.name} (${options.address})`;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#term = options.term ?? 0n;
    this.#stub = new LdAgentClient(
      options.address,
      partCredentials(options.pki, options.address),
      CHANNEL_OPTIONS,
    );
    const { onHealth } = options;
    if (onHealth !== undefined) {
      this.#watch = new LdWatch({
        open: () => this.#stub.watchStatus({}),
        // Of what has ended itself the last health is no reason: it would grow each time.
        failure: (error) =>
          error.code === status.CANCELLED
            ? `${this.who} has ended WatchStatus`
            : this.#failure("WatchStatus", error).message,
        onChange: (health) => {
          onHealth(health);
          if (this.#watch?.isSilent === true) {
            for (const call of this.#calls) call.cancel();
          }
        },
      });
    }
  }

  /** How the LD is, as it was last heard; undefined while it is not watched, or has not been heard yet. */
  get health(): LdHealth | undefined {
    return this.#watch?.health;
  }

  #failure(call: string, error: ServiceError): LdError {
    const reason = error.details === "" ? codeName(error.code) : plainReason(error.details);
    switch (error.code) {
      case status.UNAVAILABLE:
        return new LdError(
          `${this.who} is down: ${reason} (are its agent and data plane running?)`,
          error.code,
        );
      case status.CANCELLED:
        return this.#silence();
      case status.DEADLINE_EXCEEDED:
        return new LdError(`${this.who} did not answer ${call} in time`, error.code);
      default:
        return new LdError(`${this.who} refused ${call}: ${codeName(error.code)}: ${reason}`, error.code);
    }
  }

  /** Of a call that has no answer to expect. */
  #silence(): LdError {
    return new LdError(
      `${this.who}: ${this.health?.reason ?? "the connection was closed"}`,
      status.UNAVAILABLE,
    );
  }

  #options(factor = 1): Partial<CallOptions> {
    return { deadline: Date.now() + factor * this.#timeoutMs };
  }

  #call<Q, A>(
    name: string,
    method: (
      q: Q,
      m: Metadata,
      o: Partial<CallOptions>,
      done: (e: ServiceError | null, a: A) => void,
    ) => ClientUnaryCall,
    request: Q,
  ): Promise<A> {
    if (this.#watch?.isSilent === true) {
      return Promise.reject(this.#silence());
    }
    return new Promise((resolve, reject) => {
      const call = method.call(this.#stub, request, new Metadata(), this.#options(), (error, answer) => {
        this.#calls.delete(call);
        return error === null ? resolve(answer) : reject(this.#failure(name, error));
      });
      this.#calls.add(call);
    });
  }

  /** What the data plane holds; undefined before the first configuration. @throws LdError, also when that cannot be */
  async getConfig(): Promise<LdConfig | undefined> {
    const { config } = await this.#call("GetConfig", this.#stub.getConfig, {});
    const { ownedBuckets = [], cluster, migration } = config ?? {};
    const ranges = [...ownedBuckets, ...(cluster?.buckets ?? []), ...(migration?.buckets ?? [])];
    const wrong = ranges.find(({ first, last }) => first > last || last >= BUCKETS);
    if (wrong !== undefined) {
      throw new LdError(
        `${this.who} says that it has buckets ${wrong.first} to ${wrong.last}: there are ${BUCKETS} (restart its data plane)`,
        status.DATA_LOSS,
      );
    }
    return config;
  }

  /** @throws LdError; the LD has changed nothing then */
  async applyConfig(config: LdConfig): Promise<void> {
    await this.#call("ApplyConfig", this.#stub.applyConfig, { config, term: this.#term });
  }

  /** @throws LdError */
  async getCounters(): Promise<Counters | undefined> {
    return (await this.#call("GetCounters", this.#stub.getCounters, {})).counters;
  }

  /** @throws LdError */
  async getStatus(): Promise<GetStatusResponse> {
    return this.#call("GetStatus", this.#stub.getStatus, {});
  }

  /** How the LD sees the RSs of all its services. @throws LdError */
  async realServers(): Promise<ListRealServersResponse> {
    return this.#call("ListRealServers", this.#stub.listRealServers, {});
  }

  /** Streams the sessions. @throws LdError */
  async *sessions(filter: SessionFilter): AsyncGenerator<Session> {
    const stream = this.#stub.listSessions({ filter }, this.#options(LIST_FACTOR));
    stream.on("error", () => {}); // the loop below reports it; after an early return it is our own cancellation
    try {
      for await (const batch of stream) {
        yield* batch.sessions as Session[];
      }
    } catch (error) {
      throw this.#failure("ListSessions", error as ServiceError);
    } finally {
      stream.cancel();
    }
  }

  /** Streams the parts of a pcapng file until a limit is reached or `stop` is aborted. @throws LdError */
  async *capture(request: CaptureRequest, stop: AbortSignal): AsyncGenerator<CaptureBatch> {
    const deadline = Date.now() + request.durationMs + this.#timeoutMs;
    const stream = this.#stub.capture(request, { deadline });
    const cancel = () => stream.cancel();
    stream.on("error", () => {}); // as in sessions()
    stop.addEventListener("abort", cancel);
    try {
      for await (const batch of stream) {
        yield batch as CaptureBatch;
      }
    } catch (error) {
      if (!stop.aborted) throw this.#failure("Capture", error as ServiceError);
    } finally {
      stop.removeEventListener("abort", cancel);
      stream.cancel();
    }
  }

  close(): void {
    this.#watch?.close();
    this.#stub.close();
  }
}
