// How simple_switch takes a packet from one stage to the next: parser, ingress, the traffic manager's decision, egress,
// deparser, and once more for what is recirculated.
import { compileProgram, type Stages } from "../emit/index.js";
import type { Field, Program } from "../ir/program.js";
import { LOCAL, makeMemory, type PipelineMemory } from "./memory.js";

/** simple_switch's PKT_INSTANCE_TYPE_RECIRC. */
const INSTANCE_RECIRCULATED = 4;
/** Headers are written here; the payload follows them. Larger than any header stack of a program. */
const HEADER_ROOM = 2048;
const USUAL_FRAME_BYTES = 9_216;
/** A packet that recirculates more often than this circles for ever, and would stop the switch. */
const MAX_PASSES = 1024;

/** Told of a frame that leaves; the bytes are valid during the call only. */
export type Emit = (port: number, bytes: Uint8Array, length: number) => void;

interface Standard {
  [name: string]: Field | undefined;
}

export class SimpleSwitch {
  readonly program: Program;
  readonly memory: PipelineMemory;
  readonly #stages: Stages;
  readonly #standard: Standard;
  readonly #dropPort: number;
  readonly #clockUs: () => number;
  #out = new Uint8Array(USUAL_FRAME_BYTES + HEADER_ROOM);
  #again = new Uint8Array(USUAL_FRAME_BYTES + HEADER_ROOM);
  /** Frames that recirculated too often. */
  circled = 0;

  constructor(program: Program, dropPort: number, clockUs: () => number) {
    this.program = program;
    this.memory = makeMemory(program);
    this.#stages = compileProgram(program, this.memory, dropPort);
    this.#standard = Object.fromEntries(program.standard);
    this.#dropPort = dropPort;
    this.#clockUs = clockUs;
  }

  #set(name: string, value: number): void {
    const field = this.#standard[name];
    if (field === undefined) return;
    this.memory.state[field.lane] = field.bits < 32 ? value & (2 ** field.bits - 1) : value | 0;
    if (field.lanes > 1)
      this.memory.state[field.lane + 1] = Math.floor(value / 4294967296) & (2 ** (field.bits - 32) - 1);
  }

  #get(name: string): number {
    const field = this.#standard[name];
    return field === undefined ? 0 : this.memory.state[field.lane]! >>> 0;
  }

  /**
   * Runs one frame through the pipeline.
   *
   * @param bytes - the frame without FCS
   */
  process(port: number, bytes: Uint8Array, length: number, emit: Emit): void {
    const { state } = this.memory;
    this.#reset();
    this.#set("ingress_port", port);
    this.#set("packet_length", length);
    this.#set("ingress_global_timestamp", this.#clockUs());
    let frame = bytes;
    let frameBytes = length;
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const leaving = this.#pass(frame, frameBytes);
      if (leaving === 0) return;
      const again = this.memory.local[LOCAL.recirculate]!;
      if (again === 0) {
        emit(this.#get("egress_port"), this.#out, leaving);
        return;
      }
      const kept = this.program.fieldLists[again - 1]!.map((field) =>
        Array.from({ length: field.lanes }, (_, i) => [field.lane + i, state[field.lane + i]!] as const),
      );
      this.#reset();
      for (const [lane, value] of kept.flat()) state[lane] = value;
      this.#set("instance_type", INSTANCE_RECIRCULATED);
      this.#set("packet_length", leaving);
      // The next pass writes where this one has written, and reads what it wrote.
      [this.#out, this.#again] = [this.#again, this.#out];
      frame = this.#again;
      frameBytes = leaving;
    }
    this.circled++;
  }

  #reset(): void {
    const { state } = this.memory;
    state.fill(0, 0, this.program.zeroedLanes);
    state[this.program.headers.find(({ isMetadata }) => isMetadata)!.validLane] = 1;
  }

  /** One pass. @returns bytes of the frame in #out, 0 when it was dropped */
  #pass(frame: Uint8Array, frameBytes: number): number {
    const { local } = this.memory;
    const stages = this.#stages;
    local[LOCAL.frameBytes] = frameBytes;
    local[LOCAL.truncateTo] = Number.POSITIVE_INFINITY;
    local[LOCAL.recirculate] = 0;
    local[LOCAL.exit] = 0;
    const error = stages.parse(frame, frameBytes);
    const parsed = local[LOCAL.parsedBytes]!;
    this.#set("parser_error", error);
    this.#set("checksum_error", stages.verifyChecksums());
    stages.ingress();
    local[LOCAL.exit] = 0;
    // No multicast group can be configured, so one that is asked for has no member.
    if (this.#get("mcast_grp") !== 0) return 0;
    const port = this.#get("egress_spec");
    if (port === this.#dropPort) return 0;

    this.#set("instance_type", 0);
    this.#set("egress_global_timestamp", this.#clockUs());
    this.#set("egress_port", port);
    this.#set("egress_spec", this.#dropPort + 1);
    this.#set("packet_length", frameBytes);
    stages.egress();
    if (this.#get("egress_spec") === this.#dropPort) return 0;

    stages.updateChecksums();
    if (this.#out.length < frameBytes + HEADER_ROOM) this.#out = new Uint8Array(frameBytes + HEADER_ROOM);
    const headerBytes = stages.deparse(this.#out);
    this.#out.set(frame.subarray(parsed, frameBytes), headerBytes);
    return Math.min(headerBytes + frameBytes - parsed, local[LOCAL.truncateTo]!);
  }
}
