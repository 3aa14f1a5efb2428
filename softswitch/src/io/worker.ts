// The packet thread: it owns the switch and the ports' sockets, and never returns to the event loop while it runs.
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { P4Info } from "@sluice/proto/p4info";
import {
  DigestListAck,
  PacketIn,
  PacketOut,
  ReadRequest,
  ReadResponse,
  StreamMessageResponse,
} from "@sluice/proto/p4runtime";
import { type Pipeline, statusOf } from "../control_port.js";
import { Machine } from "../machine.js";
import { SoftSwitch } from "../switch.js";
import type { Log, OutFrame } from "../types.js";
import { Loop } from "./loop.js";
import { Outbox } from "./outbox.js";
import { PacketPort, PortError } from "./packet_port.js";
import type { Call, FromWorker, SwitchCounters, WorkerSettings } from "./protocol.js";

const main = parentPort!;

function tell(message: FromWorker, transfer: Uint8Array[] = []): void {
  main.postMessage(
    message,
    transfer.map((bytes) => bytes.buffer as ArrayBuffer),
  );
}

const log: Log = {
  debug: (fields, message) => tell({ kind: "log", level: "debug", fields, message }),
  info: (fields, message) => tell({ kind: "log", level: "info", fields, message }),
  warn: (fields, message) => tell({ kind: "log", level: "warn", fields, message }),
  error: (fields, message) => tell({ kind: "log", level: "error", fields, message }),
};

/** Memory of its own, so that it can change hands or wait. */
function copyOf(frame: Uint8Array, length = frame.length): Uint8Array {
  return Uint8Array.prototype.slice.call(frame, 0, length);
}

class PacketThread {
  readonly #settings: WorkerSettings;
  readonly #switch: SoftSwitch;
  readonly #machine: Machine;
  readonly #ports: PacketPort[] = [];
  readonly #loop: Loop;
  readonly #outbox: Outbox;
  #noPort = 0;
  #failed = 0;
  readonly #warnedOfMerging = new Set<PacketPort>();

  /** @throws PortError */
  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#outbox = new Outbox(settings.untaken);
    const { deviceId, cpuPort, dropPort } = settings;
    this.#switch = new SoftSwitch({
      deviceId,
      log,
      ...(cpuPort === undefined ? {} : { cpuPort }),
      ...(dropPort === undefined ? {} : { dropPort }),
    });
    this.#machine = new Machine(this.#switch);
    this.#switch.onPacketIn((packet) => this.#outbox.packetIn(PacketIn.encode(packet).finish()));
    this.#switch.onNotice((update) => this.#outbox.notice(StreamMessageResponse.encode({ update }).finish()));
    try {
      for (const { number, interface: name } of settings.ports) {
        this.#ports.push(new PacketPort(number, name));
      }
    } catch (error) {
      for (const port of this.#ports) port.close();
      throw error;
    }
    this.#loop = new Loop({
      ports: this.#ports,
      wakeFd: settings.wakeFd,
      process: (port, frame, length, emit) => this.#switch.process(port, frame, length, emit),
      elsewhere: (port, frame, length) => this.#elsewhere({ port, frame: copyOf(frame, length) }),
      doMessage: () => this.#doMessage(),
      msToTimer: () => this.#switch.msToTimer,
      afterRound: () => {
        if (this.#switch.msToTimer === 0) this.#switch.runTimers();
        this.#tellEvents();
        this.#warnOfMerging();
      },
      onFailure: (port, error) => this.#onFailure(port, error),
      onRevived: (port) => log.info({ port: port.number, interface: port.name }, "the interface is back"),
    });
  }

  run(): void {
    this.#loop.run();
    for (const port of this.#ports) port.close();
  }

  #elsewhere(frame: OutFrame): void {
    if (this.#settings.tellFrames) this.#outbox.frame(frame);
    else this.#noPort++;
  }

  #tellEvents(): void {
    const events = this.#outbox.empty();
    if (events === undefined) return;
    const { packetIns, notices, frames } = events;
    tell(events, [...packetIns, ...notices, ...frames.map(({ frame }) => frame)]);
  }

  /** Once for each port: its traffic stalls, and no counter of the P4 program says why. */
  #warnOfMerging(): void {
    for (const port of this.#ports) {
      if (port.counters.rxMerged === 0 || this.#warnedOfMerging.has(port)) continue;
      this.#warnedOfMerging.add(port);
      log.warn(
        { port: port.number, interface: port.name },
        `frames that offloads merged are dropped: ethtool -K ${port.name} gro off, and at the sender tso off gso off`,
      );
    }
  }

  #onFailure(port: number, error: unknown): void {
    this.#failed++;
    const isPowerOfTwo = (this.#failed & (this.#failed - 1)) === 0; // a log line for each would drown the rest
    if (isPowerOfTwo) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error({ port, failed: this.#failed, reason }, "a frame was not forwarded");
    }
  }

  #doMessage(): boolean {
    const received = receiveMessageOnPort(main) as { message: Call } | undefined;
    if (received === undefined) return false;
    const call = received.message;
    try {
      const value = this.#do(call);
      this.#tellEvents(); // what a call causes is told before it is answered
      tell({ kind: "result", id: call.id, value });
    } catch (error) {
      tell({ kind: "result", id: call.id, error: statusOf(error) });
    }
    return true;
  }

  #do(call: Call): unknown {
    switch (call.kind) {
      case "setPipeline":
        this.#machine.setPipeline(call.action, decodePipeline(call));
        return undefined;
      case "write":
        return this.#machine.write(call.request);
      case "read":
        return this.#machine.read(ReadRequest.decode(call.request).entities, (entities) => {
          const response = ReadResponse.encode({ entities }).finish();
          tell({ kind: "found", id: call.id, response }, [response]);
        });
      case "packetOut":
        this.#send(this.#machine.packetOut(PacketOut.decode(call.packet)), (frame) => this.#elsewhere(frame));
        return undefined;
      case "acknowledge":
        this.#switch.acknowledge(DigestListAck.decode(call.ack));
        return undefined;
      case "inject": {
        const answers: OutFrame[] = [];
        this.#send(this.#switch.inject(call.port, call.frame), (frame) => answers.push(frame));
        return answers;
      }
      case "counters":
        return this.#counters();
      case "stop":
        this.#loop.stop();
        return this.#counters();
    }
  }

  /** To interfaces at once, the others to `elsewhere`. */
  #send(frames: readonly OutFrame[], elsewhere: (frame: OutFrame) => void): void {
    const numbers = new Set(this.#ports.map((port) => port.number));
    for (const { port, frame } of frames) {
      if (numbers.has(port)) this.#loop.emit(port, frame, frame.length);
      else elsewhere({ port, frame: copyOf(frame) });
    }
    this.#loop.flush();
  }

  #counters(): SwitchCounters {
    for (const port of this.#ports) port.readOverruns();
    return {
      ports: this.#ports.map((port) => port.counters),
      failed: this.#failed,
      noPipeline: this.#switch.noPipeline,
      circled: this.#switch.circled,
      noHeader: this.#switch.noHeader,
      noPort: this.#noPort,
      untold: this.#outbox.untold,
    };
  }
}

function decodePipeline({ p4info, deviceConfig }: Call & { kind: "setPipeline" }): Pipeline | undefined {
  if (p4info === undefined || deviceConfig === undefined) return undefined;
  return { p4info: P4Info.decode(p4info), deviceConfig };
}

function start(): PacketThread | undefined {
  try {
    return new PacketThread(workerData as WorkerSettings);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    tell({ kind: "unable", message: error.message });
    return undefined;
  }
}

const thread = start();
if (thread !== undefined) {
  tell({ kind: "ready" });
  thread.run();
}
main.close();
