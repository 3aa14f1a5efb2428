// A switch in this thread behind the asynchronous border.
import type { DigestListAck, Entity, PacketOut } from "@sluice/proto/p4runtime";
import type { Pipeline, PipelineAction, SwitchControl } from "./control_port.js";
import { Machine } from "./machine.js";
import type { SoftSwitch } from "./switch.js";
import type { NoticeListener, OutFrame, PacketInListener, UpdateResult } from "./types.js";

const TIMERS_EVERY_MS = 10;

/** Control of a {@link SoftSwitch} in this thread. It has no interfaces: every frame that leaves is told to listeners. */
export class InProcessControl implements SwitchControl {
  readonly deviceId: bigint;
  readonly #switch: SoftSwitch;
  readonly #machine: Machine;
  readonly #frameListeners = new Set<(frame: OutFrame) => void>();

  constructor(softSwitch: SoftSwitch) {
    this.deviceId = softSwitch.deviceId;
    this.#switch = softSwitch;
    this.#machine = new Machine(softSwitch);
  }

  async setPipeline(action: PipelineAction, pipeline?: Pipeline): Promise<void> {
    this.#machine.setPipeline(action, pipeline);
  }

  async write(request: Uint8Array): Promise<UpdateResult[]> {
    return this.#machine.write(request);
  }

  async read(requests: readonly Entity[], onBatch: (entities: Entity[]) => void): Promise<UpdateResult[]> {
    return this.#machine.read(requests, onBatch);
  }

  async packetOut(packet: PacketOut): Promise<void> {
    for (const frame of this.#machine.packetOut(packet)) {
      for (const listener of this.#frameListeners) listener(frame);
    }
  }

  onPacketIn(listener: PacketInListener): () => void {
    return this.#switch.onPacketIn(listener);
  }

  /** The timers of a switch that nobody listens to wait. */
  onNotice(listener: NoticeListener): () => void {
    const end = this.#switch.onNotice(listener);
    const timer = setInterval(() => {
      if (this.#switch.msToTimer === 0) this.#switch.runTimers();
    }, TIMERS_EVERY_MS).unref();
    return () => {
      clearInterval(timer);
      end();
    };
  }

  async acknowledge(ack: DigestListAck): Promise<void> {
    this.#switch.acknowledge(ack);
  }

  async inject(port: number, frame: Uint8Array): Promise<OutFrame[]> {
    return this.#switch.inject(port, frame);
  }

  onFrameOut(listener: (frame: OutFrame) => void): () => void {
    this.#frameListeners.add(listener);
    return () => this.#frameListeners.delete(listener);
  }
}
