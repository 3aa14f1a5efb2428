// One connection to the data plane: messages out, messages in, and why it ended.
import { connect, type Socket } from "node:net";
import { FrameReader, frame } from "./framing.js";

/** Messages that may wait for a slow reader before the socket is no longer read. */
const QUEUE_LIMIT = 16;

export class Connection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #queue: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #ended: Error | undefined;

  private constructor(socket: Socket, onEnd: (reason: Error) => void) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      try {
        this.#queue.push(...this.#reader.push(chunk));
      } catch (error) {
        this.end(error as Error);
        return;
      }
      if (this.#queue.length > QUEUE_LIMIT) {
        socket.pause();
      }
      this.#wake?.();
    });
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => {
      this.end(new Error("the data plane closed the connection"));
      onEnd(this.#ended!);
    });
  }

  /**
   * @param onEnd - called once when the connection is gone, with the reason
   * @throws Error with the system's reason when nobody listens, or nobody accepts within `timeoutMs`
   */
  static open(path: string, timeoutMs: number, onEnd: (reason: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const timer = setTimeout(
        () => socket.destroy(new Error(`${path} did not accept a connection within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once("error", fail);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.off("error", fail);
        resolve(new Connection(socket, onEnd));
      });
    });
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** True when a message has arrived that nobody has asked for yet. */
  get hasUnread(): boolean {
    return this.#queue.length > 0;
  }

  /** @throws FramingError when the message is too long */
  send(message: Uint8Array): void {
    this.#socket.write(frame(message));
  }

  /**
   * Waits for the next message.
   *
   * @throws Error when the connection ends first, or after `timeoutMs`; the connection is then gone, because a late answer
   *   would be taken for the next request's
   */
  async next(timeoutMs: number): Promise<Uint8Array> {
    const timer = setTimeout(
      () => this.end(new Error(`the data plane did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      for (;;) {
        const message = this.#queue.shift();
        if (message !== undefined) {
          this.#socket.resume();
          return message;
        }
        if (this.#ended !== undefined) {
          throw this.#ended;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  /** Ends the connection; the first reason counts. */
  end(reason: Error): void {
    this.#ended ??= reason;
    this.#socket.destroy();
    this.#wake?.();
  }
}
