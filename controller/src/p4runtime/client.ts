// The calls of P4Runtime as promises. Every call has a deadline, so nothing ever hangs.
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  type Entity,
  type GetForwardingPipelineConfigRequest_ResponseType,
  type GetForwardingPipelineConfigResponse,
  P4RuntimeClient,
  P4RuntimeService,
  type SetForwardingPipelineConfigRequest,
  type StreamMessageRequest,
  type StreamMessageResponse,
  type Error as UpdateStatus,
} from "@sluice/proto/p4runtime";
import { rpcError, updateStatuses } from "./errors.js";

export interface ClientOptions {
  /** How the switch is called in messages. */
  name: string;
  /** `host:port` or `unix:/path`. */
  address: string;
  deviceId: bigint;
  /** For each call. Default 10,000. */
  timeoutMs?: number;
  /** Default: no encryption. */
  credentials?: ChannelCredentials;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** Loading a pipeline and reading whole tables take longer than a write. */
const SLOW_CALL = 6;

/** Channel settings: read answers of any size, and a quick retry of the connection of a switch that comes back. */
const CHANNEL_OPTIONS = {
  "grpc.max_receive_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/** A write that failed as a whole or in some of its updates. */
export class WriteFailure extends Error {
  override readonly cause: ServiceError;
  /** One for each update of the request, or none when the call itself failed. */
  readonly statuses: UpdateStatus[];

  constructor(cause: ServiceError) {
    super(cause.message);
    this.cause = cause;
    this.statuses = updateStatuses(cause);
  }
}

/** One switch's P4Runtime server. Makes no decisions: elections, batches and names are switch.ts's. */
export class Client {
  /** `switch gw1 (unix:/run/sluice/gw1.sock)` */
  readonly who: string;
  readonly deviceId: bigint;
  readonly timeoutMs: number;
  readonly #stub: P4RuntimeClient;

  constructor(options: ClientOptions) {
    const { name, address } = options;
    this.who = name === address ? `switch ${address}` : `switch ${name} (${address})`;
    this.deviceId = options.deviceId;
    this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#stub = new P4RuntimeClient(
      options.address,
      options.credentials ?? credentials.createInsecure(),
      CHANNEL_OPTIONS,
    );
  }

  #deadline(factor = 1): Partial<CallOptions> {
    return { deadline: Date.now() + factor * this.timeoutMs };
  }

  /** @param request - the bytes of a WriteRequest @throws WriteFailure */
  write(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const { path, responseDeserialize } = P4RuntimeService.write;
      this.#stub.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        responseDeserialize,
        request,
        new Metadata(),
        this.#deadline(),
        (error) => (error === null ? resolve() : reject(new WriteFailure(error))),
      );
    });
  }

  /** Streams every entity that matches one of `entities`. @throws P4RuntimeError */
  async *read(entities: Entity[]): AsyncGenerator<Entity> {
    const stream = this.#stub.read(
      { deviceId: this.deviceId, role: "", entities },
      this.#deadline(SLOW_CALL),
    );
    stream.on("error", () => {}); // the loop below reports it; after an early return it is our own cancellation
    try {
      for await (const response of stream) {
        yield* response.entities;
      }
    } catch (error) {
      throw rpcError(this.who, "Read", error);
    } finally {
      stream.cancel();
    }
  }

  /** @throws P4RuntimeError */
  setPipeline(request: SetForwardingPipelineConfigRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stub.setForwardingPipelineConfig(request, new Metadata(), this.#deadline(SLOW_CALL), (error) =>
        error === null ? resolve() : reject(rpcError(this.who, "SetForwardingPipelineConfig", error)),
      );
    });
  }

  /** @throws P4RuntimeError */
  getPipeline(
    responseType: GetForwardingPipelineConfigRequest_ResponseType,
  ): Promise<GetForwardingPipelineConfigResponse> {
    return new Promise((resolve, reject) => {
      this.#stub.getForwardingPipelineConfig(
        { deviceId: this.deviceId, responseType },
        new Metadata(),
        this.#deadline(SLOW_CALL),
        (error, response) =>
          error === null
            ? resolve(response)
            : reject(rpcError(this.who, "GetForwardingPipelineConfig", error)),
      );
    });
  }

  /** Version of P4Runtime that the server speaks. @throws P4RuntimeError */
  capabilities(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#stub.capabilities(
        { deviceId: this.deviceId },
        new Metadata(),
        this.#deadline(),
        (error, response) =>
          error === null
            ? resolve(response.p4runtimeApiVersion)
            : reject(rpcError(this.who, "Capabilities", error)),
      );
    });
  }

  /** Opens the stream. It has no deadline: it lives as long as the session. */
  stream(): ClientDuplexStream<StreamMessageRequest, StreamMessageResponse> {
    return this.#stub.streamChannel();
  }

  close(): void {
    this.#stub.close();
  }
}
