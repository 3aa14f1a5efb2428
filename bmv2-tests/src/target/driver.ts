// Drives one switch, whichever it is.
import { type Pipeline, type ReceivedPacket, Switch } from "@sluice/controller/p4runtime";
import { equalBytes } from "../packet/index.js";
import { Dataplane, isNotReady, NO_CAUSE } from "./dataplane.js";
import { FENCE_ENTRIES, FENCE_PORTS, fencePacketOut, fencePunt, fenceQuestion } from "./fence.js";
import {
  type BatchOutcome,
  DEVICE_ID,
  type Outcome,
  type PacketIn,
  type PortFrame,
  type Target,
  type TargetName,
} from "./target.js";

/** simple_switch drops silently when more than 64 frames wait for one port. */
const WINDOW_FRAMES = 40;
/** How long a fence's packet-in may take before the switch is taken for dead. Never a proof of anything. */
const DEAD_MS = 30_000;
/** Every switch of a test has one controller. */
const ELECTION_ID = 1n;
/**
 * A frame goes round the switch at most once (hairpin), behind the fence of its first time through; a second fence follows
 * the second time.
 */
const ROUNDS = 2;
const NOT_READY_TRIES = 200;
const NOT_READY_PAUSE_MS = 25;

export interface DriverOptions {
  name: TargetName;
  /** `unix:/path` of the P4Runtime server. */
  p4runtimeAddress: string;
  /** `unix:/path` of the packet I/O server. */
  dataplaneAddress: string;
  pipeline: Pipeline;
  /** Ends what runs the switch. */
  stop: () => Promise<void>;
}

/** Connects, becomes primary, pushes the pipeline and opens the packet stream. On failure everything is ended again. */
export async function startDriver(options: DriverOptions): Promise<Target> {
  let control: Switch | undefined;
  try {
    control = await Switch.connect({
      name: options.name,
      address: options.p4runtimeAddress,
      deviceId: DEVICE_ID,
      electionId: ELECTION_ID,
      waitMs: 20_000,
      timeoutMs: 20_000,
    });
    await control.setPipeline(options.pipeline);
    await control.insert(...FENCE_ENTRIES);
    return new Driver(options, control, await openDataplane(options.dataplaneAddress));
  } catch (error) {
    control?.close();
    await options.stop();
    throw error;
  }
}

/** A switch that has just got its first pipeline may still be starting its packet threads. */
async function openDataplane(address: string): Promise<Dataplane> {
  for (let tries = 1; ; tries++) {
    const dataplane = new Dataplane(address);
    const id = dataplane.send(FENCE_PORTS[0], fenceQuestion());
    try {
      await dataplane.until(() => dataplane.peek(id).length > 0);
      return dataplane;
    } catch (error) {
      dataplane.close();
      if (!isNotReady(error) || tries === NOT_READY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, NOT_READY_PAUSE_MS));
    }
  }
}

class Driver implements Target {
  readonly name: TargetName;
  readonly control: Switch;
  readonly #dataplane: Dataplane;
  readonly #stop: () => Promise<void>;
  #fences = 0;
  #stopped = false;

  constructor(options: DriverOptions, control: Switch, dataplane: Dataplane) {
    this.name = options.name;
    this.control = control;
    this.#dataplane = dataplane;
    this.#stop = options.stop;
  }

  async inject(port: number, frame: Uint8Array): Promise<Outcome> {
    const { frames, packetIns } = await this.injectAll([{ port, frame }]);
    return { frames: frames[0]!, packetIns };
  }

  async injectAll(frames: readonly PortFrame[]): Promise<BatchOutcome> {
    const outcome: BatchOutcome = { frames: [], packetIns: [] };
    for (let first = 0; first < frames.length; first += WINDOW_FRAMES) {
      const window = await this.#injectWindow(frames.slice(first, first + WINDOW_FRAMES));
      outcome.frames.push(...window.frames);
      outcome.packetIns.push(...window.packetIns);
    }
    return outcome;
  }

  async #injectWindow(frames: readonly PortFrame[]): Promise<BatchOutcome> {
    const ids = frames.map(({ port, frame }) => this.#dataplane.send(port, frame));
    const packetIns: PacketIn[] = [];
    for (let round = 0; round < ROUNDS; round++) packetIns.push(...(await this.#fence()));
    this.#refuseStrays();
    return { frames: ids.map((id) => this.#dataplane.take(id)), packetIns };
  }

  /** Waits for all that is on its way through the switch. @returns the packet-ins that came meanwhile */
  async #fence(): Promise<PacketIn[]> {
    const punt = fencePunt(++this.#fences);
    const puntId = this.#dataplane.send(FENCE_PORTS[0], punt);
    const questions = FENCE_PORTS.map((port) => this.#dataplane.send(port, fenceQuestion()));
    await this.#dataplane.until(() => questions.every((id) => this.#dataplane.peek(id).length > 0));
    const packetIns = await this.#packetInsBefore(punt);
    for (const id of [puntId, ...questions]) this.#dataplane.take(id);
    return packetIns;
  }

  async #packetInsBefore(punt: Uint8Array): Promise<PacketIn[]> {
    const packetIns: PacketIn[] = [];
    for (;;) {
      const packet: ReceivedPacket | undefined = await this.control.nextPacket(DEAD_MS);
      if (packet === undefined)
        throw new Error(`${this.name} does not answer: the fence's packet-in is missing`);
      if (equalBytes(packet.payload, punt)) return packetIns;
      packetIns.push({
        ingressPort: Number(packet.metadata.ingress_port),
        networkId: Number(packet.metadata.network_id),
        frame: Uint8Array.from(packet.payload),
      });
    }
  }

  async packetOut(egressPort: number, frame: Uint8Array): Promise<PortFrame[]> {
    const fence = fencePacketOut(++this.#fences);
    const isFence = (out: PortFrame) => equalBytes(out.frame, fence);
    await this.control.sendPacket(frame, { egress_port: egressPort });
    for (const port of FENCE_PORTS) await this.control.sendPacket(fence, { egress_port: port });
    await this.#dataplane.until(
      () => this.#dataplane.peek(NO_CAUSE).filter(isFence).length === FENCE_PORTS.length,
    );
    return this.#dataplane.take(NO_CAUSE).filter((out) => !isFence(out));
  }

  #refuseStrays(): void {
    const strays = this.#dataplane.take(NO_CAUSE);
    if (strays.length > 0) {
      throw new Error(`${this.name} sent ${strays.length} frames that carry the id of no injected frame`);
    }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dataplane.close();
    this.control.close();
    await this.#stop();
  }
}
