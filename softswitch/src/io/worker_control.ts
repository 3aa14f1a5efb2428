// Control of a switch in the packet thread, from the main thread.
import { once } from "node:events";
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { P4Info } from "@sluice/proto/p4info";
import {
  DigestListAck,
  type Entity,
  PacketIn,
  PacketOut,
  ReadRequest,
  ReadResponse,
  StreamMessageResponse,
} from "@sluice/proto/p4runtime";
import { type Pipeline, type PipelineAction, StatusError, type SwitchControl } from "../control_port.js";
import type { Log, Notice, NoticeListener, OutFrame, PacketInListener, UpdateResult } from "../types.js";
import * as libc from "./libc.js";
import { makeUntaken, take } from "./outbox.js";
import type { Call, FromWorker, Result, SwitchCounters, WorkerSettings } from "./protocol.js";

export interface WorkerOptions {
  deviceId: bigint;
  cpuPort?: number | undefined;
  dropPort?: number | undefined;
  ports: { number: number; interface: string }[];
  /** whether {@link WorkerControl.onFrameOut} is used; default: frames for ports that are no interfaces are dropped */
  tellFrames?: boolean;
  log?: Log | undefined;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  onFound: ((entities: Entity[]) => void) | undefined;
}

const WAKE_UP = new Uint8Array(new BigUint64Array([1n]).buffer);

type CallBody = Call extends infer Each ? (Each extends Call ? Omit<Each, "id"> : never) : never;

export class WorkerControl implements SwitchControl {
  readonly deviceId: bigint;
  /** Resolves when the thread has ended; with an error unless {@link close} ended it. */
  readonly ended: Promise<Error | undefined>;
  readonly #worker: Worker;
  readonly #log: Log | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #packetInListeners = new Set<PacketInListener>();
  readonly #noticeListeners = new Set<NoticeListener>();
  readonly #frameListeners = new Set<(frame: OutFrame) => void>();
  /** with an error when the thread cannot do its work */
  readonly #started: Promise<Error | undefined>;
  #onStarted: (unable: Error | undefined) => void = () => {};
  #wakeFd: number;
  readonly #untaken = makeUntaken();
  #lastId = 0;
  #closing = false;
  #failure: Error | undefined;

  private constructor(options: WorkerOptions) {
    this.deviceId = options.deviceId;
    this.#log = options.log;
    this.#started = new Promise((resolve) => {
      this.#onStarted = resolve;
    });
    this.#wakeFd = libc.wakeUpFd();
    const workerData: WorkerSettings = {
      deviceId: options.deviceId,
      cpuPort: options.cpuPort,
      dropPort: options.dropPort,
      ports: options.ports,
      wakeFd: this.#wakeFd,
      untaken: this.#untaken,
      tellFrames: options.tellFrames ?? false,
    };
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    this.#worker.on("message", (message: FromWorker) => this.#receive(message));
    this.#worker.on("error", (error) => {
      this.#failure = error as Error;
    });
    this.ended = once(this.#worker, "exit").then(() => this.#onExit());
  }

  /**
   * Starts the thread and opens its ports.
   *
   * @throws Error that names the interface, the reason and the remedy
   */
  static async start(options: WorkerOptions): Promise<WorkerControl> {
    const control = new WorkerControl(options);
    const unable = await Promise.race([control.#started, control.ended]);
    if (unable === undefined) return control;
    await control.ended;
    throw unable;
  }

  /** Ends the thread. @returns its last counters */
  async close(): Promise<SwitchCounters> {
    this.#closing = true;
    const counters = await this.#call<SwitchCounters>({ kind: "stop" });
    await this.ended;
    return counters;
  }

  /** What each port has received, sent and dropped so far. */
  counters(): Promise<SwitchCounters> {
    return this.#call({ kind: "counters" });
  }

  #onExit(): Error | undefined {
    libc.close(this.#wakeFd);
    this.#wakeFd = -1;
    const error = this.#failure ?? (this.#closing ? undefined : new Error("the packet thread ended"));
    this.#failure = error ?? new Error("the switch was closed");
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    return error;
  }

  #call<T>(body: CallBody, onFound?: (entities: Entity[]) => void, transfer: ArrayBuffer[] = []): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#wakeFd < 0) {
        reject(this.#failure ?? new Error("the packet thread ended"));
        return;
      }
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, onFound });
      this.#worker.postMessage({ ...body, id }, transfer);
      writeSync(this.#wakeFd, WAKE_UP);
    });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.#onStarted(undefined);
        break;
      case "unable":
        this.#onStarted(new Error(message.message));
        break;
      case "result":
        this.#finish(message);
        break;
      case "found":
        this.#pending.get(message.id)?.onFound?.(ReadResponse.decode(message.response).entities);
        break;
      case "events":
        for (const bytes of message.packetIns) {
          const packet = PacketIn.decode(bytes);
          for (const listener of this.#packetInListeners) listener(packet);
        }
        for (const bytes of message.notices) {
          const { update } = StreamMessageResponse.decode(bytes);
          for (const listener of this.#noticeListeners) listener(update as Notice);
        }
        for (const frame of message.frames) {
          for (const listener of this.#frameListeners) listener(frame);
        }
        take(this.#untaken, message);
        break;
      case "log":
        this.#log?.[message.level](message.fields, message.message);
        break;
    }
  }

  #finish({ id, error, value }: Result): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(new StatusError(error.code, error.message));
  }

  async setPipeline(action: PipelineAction, pipeline?: Pipeline): Promise<void> {
    await this.#call({
      kind: "setPipeline",
      action,
      ...(pipeline === undefined
        ? {}
        : {
            p4info: P4Info.encode(pipeline.p4info).finish(),
            deviceConfig: Uint8Array.from(pipeline.deviceConfig), // else all of the request's buffer would be cloned
          }),
    });
  }

  write(request: Uint8Array): Promise<UpdateResult[]> {
    const copy = new Uint8Array(request); // else all of the buffer that it came in would be cloned
    return this.#call({ kind: "write", request: copy }, undefined, [copy.buffer]);
  }

  read(requests: readonly Entity[], onBatch: (entities: Entity[]) => void): Promise<UpdateResult[]> {
    const request = ReadRequest.encode({ ...ReadRequest.fromPartial({}), entities: requests as Entity[] });
    return this.#call({ kind: "read", request: request.finish() }, onBatch);
  }

  async packetOut(packet: PacketOut): Promise<void> {
    await this.#call({ kind: "packetOut", packet: PacketOut.encode(packet).finish() });
  }

  onPacketIn(listener: PacketInListener): () => void {
    this.#packetInListeners.add(listener);
    return () => this.#packetInListeners.delete(listener);
  }

  onNotice(listener: NoticeListener): () => void {
    this.#noticeListeners.add(listener);
    return () => this.#noticeListeners.delete(listener);
  }

  async acknowledge(ack: DigestListAck): Promise<void> {
    await this.#call({ kind: "acknowledge", ack: DigestListAck.encode(ack).finish() });
  }

  inject(port: number, frame: Uint8Array): Promise<OutFrame[]> {
    return this.#call({ kind: "inject", port, frame: Uint8Array.from(frame) });
  }

  onFrameOut(listener: (frame: OutFrame) => void): () => void {
    this.#frameListeners.add(listener);
    return () => this.#frameListeners.delete(listener);
  }
}
