// The data plane as calls: one request at a time on one connection, made anew when it is gone.
import { status } from "@grpc/grpc-js";
import type { CaptureBatch, CaptureRequest } from "@sluice/proto/ld";
import { DataplaneRequest, DataplaneResponse } from "@sluice/proto/ld-dataplane";
import type { Logger } from "pino";
import { Connection } from "./connection.js";
import { MAX_MESSAGE_BYTES } from "./framing.js";

/** What the data plane refused, or that it could not be asked: a gRPC status code and the reason. */
export class DataplaneError extends Error {
  override name = "DataplaneError";
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

export type Request = NonNullable<DataplaneRequest["request"]>;
type Answer = NonNullable<DataplaneResponse["response"]>;
type AnswerOf = { [A in Answer as A["$case"]]: A["value"] };

export interface DataplaneOptions {
  /** Path of the data plane's Unix socket. */
  path: string;
  /** For each answer. */
  timeoutMs: number;
  logger: Logger;
  /** Speaks first on every new connection, before any other request. @throws when the connection is lost */
  greet?: (ask: Greeting) => Promise<void>;
  /** The connection is gone. */
  onLost?: () => void;
}

/** Asks for one thing while a connection is greeted. @throws DataplaneError */
export type Greeting = <K extends keyof AnswerOf>(
  request: Request,
  kind: K | undefined,
) => Promise<AnswerOf[K]>;

export class Dataplane {
  readonly #options: DataplaneOptions;
  #connection: Connection | undefined;
  /** Settles when the request before is done: answers carry no id, so requests must not overlap. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: DataplaneOptions) {
    this.#options = options;
  }

  #unavailable(reason: unknown): DataplaneError {
    const text = reason instanceof Error ? reason.message : String(reason);
    return new DataplaneError(
      status.UNAVAILABLE,
      `the data plane at ${this.#options.path} is not available: ${text}`,
    );
  }

  async #connected(): Promise<Connection> {
    if (this.#connection?.hasUnread) {
      this.#connection.end(new Error("the data plane sent an answer to no request"));
    }
    if (this.#connection?.alive !== true) {
      const { path, timeoutMs, logger, greet, onLost } = this.#options;
      const connection = await Connection.open(path, timeoutMs, (reason) => {
        logger.warn(
          { event: "dataplane_lost", path, reason: reason.message },
          "connection to the data plane ended",
        );
        onLost?.();
      });
      this.#connection = connection;
      logger.info({ event: "dataplane_connected", path }, "connected to the data plane");
      try {
        await greet?.(async (request, kind) => {
          connection.send(Dataplane.#encode(request));
          const answer = Dataplane.#checked(DataplaneResponse.decode(await connection.next(timeoutMs)));
          return Dataplane.#answer(request, kind, answer);
        });
      } catch (error) {
        connection.end(error as Error); // the next one is greeted again
        throw error;
      }
    }
    return this.#connection;
  }

  /** @throws DataplaneError when it is too long */
  static #encode(request: Request): Uint8Array {
    const message = DataplaneRequest.encode({ request }).finish();
    if (message.length > MAX_MESSAGE_BYTES) {
      throw new DataplaneError(
        status.RESOURCE_EXHAUSTED,
        `${request.$case} is ${message.length} bytes long, more than ${MAX_MESSAGE_BYTES}`,
      );
    }
    return message;
  }

  /**
   * Sends a request and yields its answers until `isLast` says so. Leaving early ends the connection.
   *
   * @throws DataplaneError: the data plane's own code and message, or UNAVAILABLE with the reason
   */
  async *#exchange(
    request: Request,
    isLast: (answer: DataplaneResponse) => boolean,
  ): AsyncGenerator<DataplaneResponse> {
    const message = Dataplane.#encode(request);
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    let complete = false;
    try {
      const connection = await this.#connected();
      connection.send(message);
      while (!complete) {
        const answer = DataplaneResponse.decode(await connection.next(this.#options.timeoutMs));
        complete = answer.code !== status.OK || isLast(answer);
        yield answer;
      }
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      if (!complete) {
        this.#connection?.end(new Error(`${request.$case} was not read to its end`));
      }
      done();
    }
  }

  static #checked(answer: DataplaneResponse): DataplaneResponse {
    if (answer.code !== status.OK) {
      const code = answer.code in status ? (answer.code as status) : status.UNKNOWN;
      throw new DataplaneError(
        code,
        answer.message === "" ? `the data plane says code ${answer.code}` : answer.message,
      );
    }
    return answer;
  }

  static #wrongAnswer(request: Request, answer: DataplaneResponse): DataplaneError {
    return new DataplaneError(
      status.INTERNAL,
      `the data plane answered ${request.$case} with ${answer.response?.$case ?? "nothing"}`,
    );
  }

  static #answer<K extends keyof AnswerOf>(
    request: Request,
    kind: K | undefined,
    answer: DataplaneResponse,
  ): AnswerOf[K] {
    if (answer.response?.$case !== kind) {
      throw Dataplane.#wrongAnswer(request, answer);
    }
    return answer.response?.value as AnswerOf[K];
  }

  async #one(request: Request): Promise<DataplaneResponse> {
    for await (const answer of this.#exchange(request, () => true)) {
      return Dataplane.#checked(answer);
    }
    throw this.#unavailable("no answer");
  }

  /** Asks for one thing. @throws DataplaneError, also INTERNAL when the answer is to another question */
  async ask<K extends keyof AnswerOf>(request: Request, kind: K): Promise<AnswerOf[K]> {
    return Dataplane.#answer(request, kind, await this.#one(request));
  }

  /** Tells something that has no answer but success. @throws DataplaneError */
  async tell(request: Request): Promise<void> {
    await this.#one(request);
  }

  /** Yields the batches of a list as they arrive. @throws DataplaneError */
  async *sessions(
    value: Extract<Request, { $case: "listSessions" }>["value"],
  ): AsyncGenerator<AnswerOf["sessions"]["sessions"]> {
    const request: Request = { $case: "listSessions", value };
    const isLast = ({ response }: DataplaneResponse) => response?.$case !== "sessions" || response.value.last;
    for await (const answer of this.#exchange(request, isLast)) {
      const { response } = Dataplane.#checked(answer);
      if (response?.$case !== "sessions") {
        throw Dataplane.#wrongAnswer(request, answer);
      }
      yield response.value.sessions;
    }
  }

  /** Yields the parts of a capture as they arrive. It keeps its connection to itself until the end. @throws DataplaneError */
  async *capture(value: CaptureRequest): AsyncGenerator<CaptureBatch> {
    const request: Request = { $case: "capture", value };
    const isLast = ({ response }: DataplaneResponse) => response?.$case !== "capture" || response.value.last;
    for await (const answer of this.#exchange(request, isLast)) {
      yield Dataplane.#answer(request, "capture", Dataplane.#checked(answer));
    }
  }

  close(): void {
    this.#connection?.end(new Error("the agent is stopping"));
  }
}
