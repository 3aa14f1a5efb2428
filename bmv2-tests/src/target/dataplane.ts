// A client of BMv2's packet I/O service: frames in, frames out, each with the id of the frame that caused it.
import { type ClientDuplexStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  DataplaneInterfaceClient,
  type PacketStreamRequest,
  type PacketStreamResponse,
} from "@sluice/proto/bm";
import { DEVICE_ID, type PortFrame } from "./target.js";

type Stream = ClientDuplexStream<PacketStreamRequest, PacketStreamResponse>;

/** The id of a frame that no injected frame caused: the controller sent it. */
export const NO_CAUSE = 0n;

export class Dataplane {
  readonly #stub: DataplaneInterfaceClient;
  readonly #stream: Stream;
  readonly #received = new Map<bigint, PortFrame[]>();
  #lastId = 0n;
  #waiting: { done: () => boolean; resolve: () => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  /** @param address - `unix:/path` */
  constructor(address: string) {
    this.#stub = new DataplaneInterfaceClient(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
    this.#stream = this.#stub.packetStream();
    this.#stream.on("data", (response: PacketStreamResponse) => this.#receive(response));
    this.#stream.on("error", (error: ServiceError) => this.#fail(error));
    this.#stream.on("end", () => this.#fail(new Error("the switch ended the packet stream")));
  }

  /** @returns the id that all frames which this one causes will carry */
  send(port: number, frame: Uint8Array): bigint {
    const id = ++this.#lastId;
    this.#stream.write({ id, deviceId: DEVICE_ID, port, packet: frame });
    return id;
  }

  /** Takes the frames that came with this id so far. */
  take(id: bigint): PortFrame[] {
    const frames = this.#received.get(id) ?? [];
    this.#received.delete(id);
    return frames;
  }

  /** The frames that came with this id so far; they stay. */
  peek(id: bigint): readonly PortFrame[] {
    return this.#received.get(id) ?? [];
  }

  /** Resolves as soon as `done` says so; it is asked whenever a frame comes. Rejects when the stream ends. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { done, resolve, reject };
      this.#check();
    });
  }

  close(): void {
    this.#stream.removeAllListeners();
    this.#stream.on("error", () => {}); // our own cancellation
    this.#stream.end();
    this.#stream.cancel();
    this.#stub.close();
  }

  #receive({ id, port, packet }: PacketStreamResponse): void {
    const frames = this.#received.get(id);
    const frame = { port, frame: Uint8Array.from(packet) };
    if (frames === undefined) this.#received.set(id, [frame]);
    else frames.push(frame);
    this.#check();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#check();
  }

  #check(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (waiting.done()) {
      this.#waiting = undefined;
      waiting.resolve();
    } else if (this.#failure !== undefined) {
      this.#waiting = undefined;
      waiting.reject(this.#failure);
    }
  }
}

/** True for a stream that a switch refused because its packet threads do not run yet. */
export function isNotReady(error: unknown): boolean {
  return error instanceof Error && (error as Partial<ServiceError>).code === status.UNAVAILABLE;
}
