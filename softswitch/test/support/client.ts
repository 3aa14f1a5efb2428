// P4Runtime as a client sees it, in promises. Every wait has an end, so a test fails instead of hanging.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import {
  type Entity,
  GetForwardingPipelineConfigRequest,
  type GetForwardingPipelineConfigResponse,
  Error as P4Error,
  P4RuntimeClient,
  ReadRequest,
  SetForwardingPipelineConfigRequest,
  type StreamMessageRequest,
  StreamMessageResponse,
  type Uint128,
  type Update,
  WriteRequest,
} from "@sluice/proto/p4runtime";
import { Status } from "@sluice/proto/status";

const DEAD_MS = 60_000;

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "sluice-ss-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function id(low: number | bigint, high: number | bigint = 0): Uint128 {
  return { high: BigInt(high), low: BigInt(low) };
}

/** The per-update (or per-request) errors in a failed call's trailer. */
export function details(error: ServiceError): { status: Status; errors: P4Error[] } | undefined {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (bytes === undefined) return undefined;
  const status = Status.decode(bytes as Buffer);
  return { status, errors: status.details.map((any) => P4Error.decode(any.value)) };
}

type Call<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

export class TestClient {
  readonly stub: P4RuntimeClient;
  readonly #streams: TestStream[] = [];

  constructor(address: string) {
    this.stub = new P4RuntimeClient(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
    this.stub.close();
  }

  #call<Request, Response>(method: Call<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      method.call(
        this.stub,
        request,
        new Metadata(),
        { deadline: Date.now() + DEAD_MS },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
  }

  write(updates: Update[], electionId: Uint128 | undefined, more: Partial<WriteRequest> = {}) {
    const request = { ...WriteRequest.fromPartial({ deviceId: 1n }), updates, electionId, ...more };
    return this.#call(this.stub.write as Call<WriteRequest, unknown>, request);
  }

  setPipeline(request: Partial<SetForwardingPipelineConfigRequest>) {
    const whole = { ...SetForwardingPipelineConfigRequest.fromPartial({ deviceId: 1n }), ...request };
    return this.#call(
      this.stub.setForwardingPipelineConfig as Call<SetForwardingPipelineConfigRequest, unknown>,
      whole,
    );
  }

  getPipeline(
    request: Partial<GetForwardingPipelineConfigRequest> = {},
  ): Promise<GetForwardingPipelineConfigResponse> {
    const whole = { ...GetForwardingPipelineConfigRequest.fromPartial({ deviceId: 1n }), ...request };
    return this.#call(
      this.stub.getForwardingPipelineConfig as Call<typeof whole, GetForwardingPipelineConfigResponse>,
      whole,
    );
  }

  capabilities(deviceId = 0n): Promise<{ p4runtimeApiVersion: string }> {
    return this.#call(this.stub.capabilities as never, { deviceId });
  }

  /** @returns the responses as they came, and the error that ended them */
  async read(
    entities: Entity[],
    more: Partial<ReadRequest> = {},
  ): Promise<{ batches: Entity[][]; error?: ServiceError }> {
    const request = { ...ReadRequest.fromPartial({ deviceId: 1n }), entities, ...more };
    const call = this.stub.read(request, { deadline: Date.now() + DEAD_MS });
    const batches: Entity[][] = [];
    try {
      for await (const response of call) batches.push(response.entities);
      return { batches };
    } catch (error) {
      return { batches, error: error as ServiceError };
    }
  }

  stream(): TestStream {
    const stream = new TestStream(this.stub.streamChannel());
    this.#streams.push(stream);
    return stream;
  }

  /** A stream that asks to be primary; resolves with the switch's answer. */
  async arbitrate(electionId: Uint128 | undefined): Promise<{ stream: TestStream; code: number }> {
    const stream = this.stream();
    const { code } = await stream.arbitrate(electionId);
    return { stream, code };
  }
}

type Message = NonNullable<StreamMessageResponse["update"]>;
type ValueOf<K extends Message["$case"]> = (Message & { $case: K })["value"];

export class TestStream {
  readonly #stream: ClientDuplexStream<StreamMessageRequest, StreamMessageResponse>;
  readonly #received: Message[] = [];
  /** how the server ended the stream */
  readonly ended: Promise<StatusObject>;

  constructor(stream: ClientDuplexStream<StreamMessageRequest, StreamMessageResponse>) {
    this.#stream = stream;
    this.ended = new Promise((resolve) => stream.on("status", resolve));
    stream.on("error", () => {}); // its status tells
    stream.on("data", ({ update }: StreamMessageResponse) => {
      this.#received.push(update!);
      stream.emit("received");
    });
  }

  send(update: StreamMessageRequest["update"]): void {
    this.#stream.write({ update });
  }

  /** The next message. */
  async next(): Promise<Message> {
    while (this.#received.length === 0) {
      await once(this.#stream, "received", { signal: AbortSignal.timeout(DEAD_MS) });
    }
    return this.#received.shift()!;
  }

  /** The next message, which must be of this kind. */
  async nextOf<K extends Message["$case"]>(kind: K): Promise<ValueOf<K>> {
    const update = await this.next();
    if (update.$case !== kind)
      throw new Error(`a message ${JSON.stringify(StreamMessageResponse.toJSON({ update }))}`);
    return update.value as ValueOf<K>;
  }

  /** The next election's outcome that the switch tells. */
  async elected(): Promise<{ code: number; electionId: Uint128 | undefined }> {
    const { status, electionId } = await this.nextOf("arbitration");
    return { code: status!.code, electionId };
  }

  ask(electionId: Uint128 | undefined, deviceId = 1n, role?: string): void {
    this.send({
      $case: "arbitration",
      value: {
        deviceId,
        role: role === undefined ? undefined : { id: 0n, name: role, config: undefined },
        electionId,
        status: undefined,
      },
    });
  }

  arbitrate(electionId: Uint128 | undefined): Promise<{ code: number; electionId: Uint128 | undefined }> {
    this.ask(electionId);
    return this.elected();
  }

  /** Number of messages that wait to be looked at. */
  get waiting(): number {
    return this.#received.length;
  }

  end(): void {
    this.#stream.end();
  }

  close(): void {
    this.#stream.cancel();
  }
}
