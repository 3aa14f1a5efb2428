// BMv2's packet I/O: frames enter and leave the switch over gRPC instead of network interfaces. See
// p4/bm/dataplane_interface.proto.
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import {
  type DataplaneInterfaceServer,
  type PacketStreamRequest,
  type PacketStreamResponse,
  PortOperStatus,
} from "@sluice/proto/bm";
import { type SwitchControl, statusOf } from "../control_port.js";
import { QUEUE_LENGTH, StreamWork } from "../stream_work.js";
import type { Log, OutFrame } from "../types.js";

type Stream = ServerDuplexStream<PacketStreamRequest, PacketStreamResponse>;

/** The id of frames that no frame on the stream caused: a controller sent them. */
const NO_CAUSE = 0n;

export interface BmService {
  handlers: DataplaneInterfaceServer;
  /** Frames of ports that are down, that no stream took, or that came by a stream that had ended. */
  dropped(): number;
  /** Stops listening to the switch. */
  close(): void;
}

/** Makes the handlers of the packet I/O service for one switch. */
export function bmService(control: SwitchControl, log?: Log): BmService {
  const packets = new PacketStreams(control, log);
  const handlers: DataplaneInterfaceServer = {
    packetStream: (stream) => packets.serve(stream),
    setPortOperStatus: ({ request }, callback) => {
      if (request.deviceId !== control.deviceId) {
        callback(wrongDevice(control, request.deviceId));
        return;
      }
      packets.setDown(request.port, request.operStatus === PortOperStatus.OPER_STATUS_DOWN);
      callback(null, {});
    },
  };
  return {
    handlers,
    dropped: () => packets.dropped,
    close: control.onFrameOut((frame) => packets.send(frame)),
  };
}

class PacketStreams {
  readonly #control: SwitchControl;
  readonly #log: Log | undefined;
  readonly #down = new Set<number>();
  #stream: Stream | undefined;
  dropped = 0;

  constructor(control: SwitchControl, log: Log | undefined) {
    this.#control = control;
    this.#log = log;
  }

  /** Frames neither enter nor leave through a port that is down. */
  setDown(port: number, down: boolean): void {
    if (down) this.#down.add(port);
    else this.#down.delete(port);
  }

  serve(stream: Stream): void {
    if (this.#stream !== undefined) {
      end(stream, {
        code: status.RESOURCE_EXHAUSTED,
        details: "one packet stream at a time: another is open",
      });
      return;
    }
    this.#stream = stream;
    const work = new StreamWork(stream);
    const leave = () => {
      if (this.#stream === stream) this.#stream = undefined;
    };
    stream.on("data", (request: PacketStreamRequest) => work.add(this.#receive(stream, request)));
    stream.on("cancelled", leave);
    stream.on("error", leave);
    stream.on("end", () => {
      leave();
      work.end();
    });
  }

  async #receive(stream: Stream, { id, deviceId, port, packet }: PacketStreamRequest): Promise<void> {
    if (stream !== this.#stream) {
      this.dropped++;
      return;
    }
    if (deviceId !== this.#control.deviceId) {
      end(stream, wrongDevice(this.#control, deviceId));
      return;
    }
    if (this.#down.has(port)) {
      this.dropped++;
      return;
    }
    try {
      for (const frame of await this.#control.inject(port, packet)) {
        this.#write(stream, id, frame);
      }
    } catch (error) {
      this.dropped++;
      this.#log?.error({ port, ...statusOf(error) }, "a frame was not forwarded");
    }
  }

  /** Sends a frame that no frame on the stream caused. */
  send(frame: OutFrame): void {
    if (this.#stream === undefined) this.dropped++;
    else this.#write(this.#stream, NO_CAUSE, frame);
  }

  #write(stream: Stream, id: bigint, { port, frame }: OutFrame): void {
    if (this.#down.has(port) || stream.writableLength >= QUEUE_LENGTH) this.dropped++;
    else stream.write({ id, deviceId: this.#control.deviceId, port, packet: frame });
  }
}

function wrongDevice(control: SwitchControl, deviceId: bigint) {
  return { code: status.NOT_FOUND, details: `device ${deviceId}: this is device ${control.deviceId}` };
}

function end(stream: Stream, reason: { code: status; details: string }): void {
  stream.emit("error", reason);
}
