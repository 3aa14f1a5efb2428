// How simple_switch takes a packet from one stage to the next: parser, ingress, the traffic manager's decisions, egress,
// deparser; and what becomes of copies and of packets that go round once more.
import { compileProgram, type Stages } from "../emit/index.js";
import type { Digest, Program } from "../ir/program.js";
import { LOCAL, makeMemory, type PipelineMemory, type Replica } from "./memory.js";

/** simple_switch's values of instance_type. */
const INSTANCE = {
  normal: 0,
  ingressClone: 1,
  egressClone: 2,
  recirculated: 4,
  replication: 5,
  resubmitted: 6,
} as const;
const USUAL_FRAME_BYTES = 9_216;
/** A frame of which more passes than this cause others circles for ever, and would stop the switch. */
const MAX_CAUSES = 1024;

/** Told of a frame that leaves; the bytes are valid during the call only. */
export type Emit = (port: number, bytes: Uint8Array, length: number) => void;

/** A packet between two passes. */
type Waiting =
  | {
      stage: "ingress";
      frame: Uint8Array;
      /** State with the metadata that is kept, and no headers. */
      state: Int32Array;
      countedBytes: number;
      packetBytes: number;
    }
  | {
      stage: "egress";
      /** Headers and metadata. */
      state: Int32Array;
      varbits: Uint8Array;
      payload: Uint8Array;
      port: number;
      countedBytes: number;
      packetBytes: number;
    };

export class SimpleSwitch {
  readonly program: Program;
  readonly memory: PipelineMemory;
  readonly #stages: Stages;
  readonly #dropPort: number;
  readonly #clockUs: () => number;
  readonly #usesIngressTime: boolean;
  readonly #usesEgressTime: boolean;
  /** Bytes of all headers a packet can have. */
  readonly #headerRoom: number;
  #out: Uint8Array;
  /** Where the frame that is being processed came in. */
  #port = 0;
  /** What the frame that is being processed has left to do, in order. */
  readonly #waiting: Waiting[] = [];
  /** Frames that were given up because they circled. */
  circled = 0;
  /** Told of each digest that a packet sends: the lanes of its fields, which are the listener's. */
  onDigest: (digest: Digest, lanes: Int32Array) => void = () => {};

  constructor(program: Program, dropPort: number, clockUs: () => number) {
    this.program = program;
    this.memory = makeMemory(program);
    this.#stages = compileProgram(program, this.memory, dropPort, clockUs);
    this.#dropPort = dropPort;
    this.#clockUs = clockUs;
    this.#headerRoom = program.deparser.reduce(
      (sum, { bits, varbit }) => sum + ((bits + (varbit?.maxBits ?? 0)) >> 3),
      0,
    );
    this.#out = new Uint8Array(USUAL_FRAME_BYTES + this.#headerRoom);
    this.#usesIngressTime = program.usedStandard.has("ingress_global_timestamp");
    this.#usesEgressTime =
      program.usedStandard.has("egress_global_timestamp") || program.usedStandard.has("enq_timestamp");
  }

  /**
   * Runs one frame through the pipeline.
   *
   * @param bytes - the frame without FCS
   */
  process(port: number, bytes: Uint8Array, length: number, emit: Emit): void {
    const stages = this.#stages;
    const { local } = this.memory;
    this.#port = port;
    // What a frame has left behind that ended with an exception is not of this one.
    if (this.#waiting.length > 0) this.#waiting.length = 0;
    stages.begin();
    stages.setIngressPort(port);
    stages.setPacketLength(length);
    if (this.#usesIngressTime) stages.setIngressTime(this.#clockUs());
    local[LOCAL.countedBytes] = length;
    local[LOCAL.packetBytes] = length;
    this.#ingress(bytes, length, emit);
    if (this.#waiting.length > 0) this.#finish(emit);
  }

  /** Does what waits, and what comes of it. */
  #finish(emit: Emit): void {
    const stages = this.#stages;
    const { local, state, varbits } = this.memory;
    let causes = 0;
    for (let packet = this.#waiting.shift(); packet !== undefined; packet = this.#waiting.shift()) {
      const waiting = this.#waiting.length;
      stages.begin();
      state.set(packet.state);
      local[LOCAL.countedBytes] = packet.countedBytes;
      local[LOCAL.packetBytes] = packet.packetBytes;
      if (packet.stage === "ingress") {
        this.#ingress(packet.frame, packet.frame.length, emit);
      } else {
        varbits.set(packet.varbits);
        stages.setPayload(packet.payload, 0, packet.payload.length);
        this.#egress(packet.port, emit);
      }
      if (this.#waiting.length > waiting && ++causes > MAX_CAUSES) {
        this.circled++;
        this.#waiting.length = 0;
      }
    }
  }

  #ingress(frame: Uint8Array, length: number, emit: Emit): void {
    const stages = this.#stages;
    const { local, replication } = this.memory;
    const packetBytes = local[LOCAL.packetBytes]!;
    stages.setParserError(stages.parse(frame, length));
    stages.setChecksumError(stages.verifyChecksums());
    stages.ingress();
    local[LOCAL.exit] = 0;

    if (local[LOCAL.clone] !== 0) this.#cloneIngress(frame, length, packetBytes);
    if (local[LOCAL.digest] !== 0) this.#sendDigest();
    const resubmit = local[LOCAL.resubmit]!;
    if (resubmit !== 0) {
      const countedBytes = local[LOCAL.countedBytes]!;
      const again = frame.slice(0, length);
      const state = this.#keptState(resubmit, INSTANCE.resubmitted, packetBytes);
      this.#waiting.push({ stage: "ingress", frame: again, state, countedBytes, packetBytes });
      return;
    }
    const group = stages.multicastGroup();
    if (group !== 0) {
      stages.setInstanceType(INSTANCE.replication);
      this.#replicate(replication.groups.get(group));
      return;
    }
    const port = stages.egressSpec();
    if (port === this.#dropPort) return;
    stages.setInstanceType(INSTANCE.normal);
    if (!this.#enqueue()) return;
    this.#egress(port, emit);
  }

  /** The values as ingress has left them; a packet sends one digest, its last. */
  #sendDigest(): void {
    const { local, state } = this.memory;
    const digest = this.program.digests[local[LOCAL.digest]! - 1]!;
    local[LOCAL.digest] = 0;
    const lanes = digest.fields.flatMap(({ lane, lanes: count }) => [...state.subarray(lane, lane + count)]);
    this.onDigest(digest, Int32Array.from(lanes));
  }

  /** What happens when a packet is put into an egress queue. @returns false when it is dropped there */
  #enqueue(): boolean {
    // simple_switch has one queue a port unless told otherwise, and drops what asks for another.
    if (this.#stages.priority() !== 0) return false;
    if (this.#usesEgressTime) this.#stages.setEnqueueTime(this.#clockUs());
    return true;
  }

  #egress(port: number, emit: Emit): void {
    const stages = this.#stages;
    const { local } = this.memory;
    if (this.#usesEgressTime) stages.setEgressTime(this.#clockUs());
    stages.setEgressPort(port);
    stages.setEgressSpec(this.#dropPort + 1);
    stages.setPacketLength(local[LOCAL.packetBytes]!);
    stages.egress();
    if (local[LOCAL.clone] !== 0) this.#cloneEgress();
    if (stages.egressSpec() === this.#dropPort) return;

    stages.updateChecksums();
    const needed = stages.payloadEnd() - stages.payloadStart() + this.#headerRoom;
    if (this.#out.length < needed) this.#out = new Uint8Array(needed);
    const length = stages.deparse(this.#out);
    const recirculate = local[LOCAL.recirculate]!;
    if (recirculate === 0) {
      emit(port, this.#out, Math.min(length, local[LOCAL.truncateTo]!));
      return;
    }
    const state = this.#keptState(recirculate, INSTANCE.recirculated, length);
    const frame = this.#out.slice(0, length);
    this.#waiting.push({ stage: "ingress", frame, state, countedBytes: length, packetBytes: length });
  }

  /** The packet as it came, parsed once more, with the metadata that its field list keeps. */
  #cloneIngress(frame: Uint8Array, length: number, packetBytes: number): void {
    const stages = this.#stages;
    const { local, state, varbits, replication } = this.memory;
    const replicas = replication.sessions.get(local[LOCAL.clone]! - 1);
    const fieldList = local[LOCAL.cloneFields]!;
    local[LOCAL.clone] = 0;
    if (replicas === undefined) return;
    const original = {
      state: state.slice(),
      varbits: varbits.slice(),
      local: local.slice(),
      from: stages.payloadStart(),
      to: stages.payloadEnd(),
    };
    stages.begin();
    stages.setIngressPort(this.#port);
    stages.parse(frame, length);
    stages.clearMetadata();
    this.#keep(fieldList, original.state, state);
    stages.setInstanceType(INSTANCE.ingressClone);
    local[LOCAL.countedBytes] = original.local[LOCAL.countedBytes]!;
    local[LOCAL.packetBytes] = packetBytes;
    this.#replicate(replicas);
    state.set(original.state);
    varbits.set(original.varbits);
    local.set(original.local);
    stages.setPayload(frame, original.from, original.to);
  }

  /** The packet as it leaves egress, with the metadata that its field list keeps. */
  #cloneEgress(): void {
    const stages = this.#stages;
    const { local, state, replication } = this.memory;
    const replicas = replication.sessions.get(local[LOCAL.clone]! - 1);
    const fieldList = local[LOCAL.cloneFields]!;
    local[LOCAL.clone] = 0;
    if (replicas === undefined) return;
    const original = state.slice();
    stages.clearMetadata();
    this.#keep(fieldList, original, state);
    stages.setInstanceType(INSTANCE.egressClone);
    this.#replicate(replicas);
    state.set(original);
  }

  /** Puts copies of the packet as it is now into the egress queues. */
  #replicate(replicas: readonly Replica[] | undefined): void {
    const stages = this.#stages;
    const { local, state, varbits } = this.memory;
    if (replicas === undefined || !this.#enqueue()) return;
    // simple_switch's truncation is one of the packet that leaves: its copies are whole.
    const payload = stages.payload().slice(stages.payloadStart(), stages.payloadEnd());
    for (const { port, instance } of replicas) {
      stages.setEgressRid(instance);
      this.#waiting.push({
        stage: "egress",
        state: state.slice(),
        varbits: varbits.slice(),
        payload,
        port,
        countedBytes: local[LOCAL.countedBytes]!,
        packetBytes: local[LOCAL.packetBytes]!,
      });
    }
  }

  /** The state of a packet that is parsed again: the metadata of a field list, and nothing else of what it was. */
  #keptState(fieldList: number, instanceType: number, packetBytes: number): Int32Array {
    const { state } = this.memory;
    const before = state.slice();
    this.#stages.begin();
    this.#keep(fieldList, before, state);
    this.#stages.setInstanceType(instanceType);
    this.#stages.setPacketLength(packetBytes);
    return state.slice();
  }

  #keep(fieldList: number, from: Int32Array, to: Int32Array): void {
    for (const { lane, lanes } of this.program.fieldLists[fieldList - 1]!) {
      for (let i = 0; i < lanes; i++) to[lane + i] = from[lane + i]!;
    }
  }
}
