// StreamChannel: elections, packets to and from the controller, digests and idle entries (P4Runtime specification, sections 5 and 16).
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type {
  DigestListAck,
  MasterArbitrationUpdate,
  PacketOut,
  StreamError,
  StreamMessageRequest,
  StreamMessageResponse,
} from "@sluice/proto/p4runtime";
import { type SwitchControl, statusOf } from "../control_port.js";
import { QUEUE_LENGTH, StreamWork } from "../stream_work.js";
import type { Log } from "../types.js";
import type { Arbiter, Controller } from "./arbiter.js";

type Said = NonNullable<StreamMessageResponse["update"]>;
type Stream = ServerDuplexStream<StreamMessageRequest, StreamMessageResponse>;

/** All controllers' streams. */
export class Streams {
  readonly #control: SwitchControl;
  readonly #arbiter: Arbiter;
  readonly #log: Log | undefined;
  /** Packets, digests and idle entries that no controller has taken. */
  dropped = 0;

  constructor(control: SwitchControl, arbiter: Arbiter, log: Log | undefined) {
    this.#control = control;
    this.#arbiter = arbiter;
    this.#log = log;
  }

  /** Gives a packet, digests or idle entries to the primary; without one they are dropped (section 16.1). */
  tell(said: Said): void {
    const primary = this.#arbiter.primary;
    if (!(primary instanceof ControllerStream) || !primary.tell(said)) {
      this.dropped++;
      this.#log?.debug({ dropped: this.dropped }, `${said.$case}: no controller takes it`);
    }
  }

  /** Serves one stream until it ends. */
  serve(stream: Stream): void {
    const controller = new ControllerStream(stream);
    const work = new StreamWork(stream);
    const leave = () => this.#arbiter.leave(controller);
    stream.on("data", (request: StreamMessageRequest) => this.#receive(controller, work, request));
    stream.on("cancelled", leave);
    stream.on("error", leave);
    stream.on("end", () => {
      leave();
      work.end();
    });
  }

  #receive(controller: ControllerStream, work: StreamWork, { update }: StreamMessageRequest): void {
    if (controller.ended) return;
    switch (update?.$case) {
      case "arbitration":
        this.#arbitrate(controller, update.value);
        break;
      case "packet":
        work.add(this.#packetOut(controller, update.value));
        break;
      case "digestAck":
        work.add(this.#acknowledge(controller, update.value));
        break;
      default:
        controller.error(
          update === undefined ? status.INVALID_ARGUMENT : status.UNIMPLEMENTED,
          "the message is neither arbitration nor packet nor digest_ack",
          { $case: "other", value: { other: update?.value } },
        );
    }
  }

  /** Errors of an election end the stream; they are never a StreamError (section 16.6). */
  #arbitrate(controller: ControllerStream, update: MasterArbitrationUpdate): void {
    try {
      this.#arbiter.arbitrate(controller, update);
    } catch (error) {
      this.#arbiter.leave(controller);
      controller.end(statusOf(error));
    }
  }

  async #acknowledge(controller: ControllerStream, ack: DigestListAck): Promise<void> {
    const refuse = (code: number, message: string) =>
      controller.error(code, message, { $case: "digestListAck", value: { digestListAck: ack } });
    if (this.#arbiter.primary !== controller) {
      refuse(status.PERMISSION_DENIED, "digest_ack: only the primary controller acknowledges digests");
      return;
    }
    try {
      await this.#control.acknowledge(ack);
    } catch (error) {
      const { code, message } = statusOf(error);
      refuse(code, message);
    }
  }

  async #packetOut(controller: ControllerStream, packet: PacketOut): Promise<void> {
    const refuse = (code: number, message: string) =>
      controller.error(code, message, { $case: "packetOut", value: { packetOut: packet } });
    if (this.#arbiter.primary !== controller) {
      refuse(status.PERMISSION_DENIED, "packet-out: only the primary controller may send packets");
      return;
    }
    try {
      await this.#control.packetOut(packet);
    } catch (error) {
      const { code, message } = statusOf(error);
      refuse(code, message);
    }
  }
}

/** One controller's stream. */
class ControllerStream implements Controller {
  readonly #stream: Stream;
  #ended = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Of elections nothing may be left out: who does not read them is told so instead, behind what waits, and leaves. */
  notify(update: MasterArbitrationUpdate): void {
    if (this.#ended) return;
    if (this.#stream.writableLength < QUEUE_LENGTH) {
      this.#stream.write({ update: { $case: "arbitration", value: update } });
    } else {
      const message = `${QUEUE_LENGTH} messages wait on the stream: read it as fast as it is asked to tell`;
      this.end({ code: status.RESOURCE_EXHAUSTED, message });
    }
  }

  /** @returns false when it was dropped */
  tell(said: Said): boolean {
    if (this.#ended || this.#stream.writableLength >= QUEUE_LENGTH) return false;
    this.#stream.write({ update: said });
    return true;
  }

  error(canonicalCode: number, message: string, details: StreamError["details"]): void {
    if (this.#ended || this.#stream.writableLength >= QUEUE_LENGTH) return;
    const value: StreamError = { canonicalCode, message, space: "", code: 0, details };
    this.#stream.write({ update: { $case: "error", value } });
  }

  end({ code, message }: { code: number; message: string }): void {
    this.#ended = true;
    this.#stream.emit("error", { code, details: message });
  }
}
