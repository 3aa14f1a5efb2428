// The switch as a library: control plane on one side, frames on the other, both synchronous.
import { status } from "@grpc/grpc-js";
import type { P4Info } from "@sluice/proto/p4info";
import {
  type DigestListAck,
  type Entity,
  type PacketIn,
  type PacketOut,
  Update,
  WriteRequest_Atomicity,
} from "@sluice/proto/p4runtime";
import { filledCells } from "./control/cells.js";
import { acknowledgeDigest } from "./control/digests.js";
import { UpdateError } from "./control/errors.js";
import { applyUpdate, readEntity } from "./control/index.js";
import { packetInOf, packetOutFrame } from "./control/packet_io.js";
import { QuickWrites } from "./control/quick_writes.js";
import { bindSchema, type Schema } from "./control/schema.js";
import { insertConstEntries } from "./control/table_writes.js";
import { type Notice, runTimers, takeDigest } from "./control/timers.js";
import { applyAllOrNone } from "./control/undo.js";
import { watchLookUps } from "./control/watch.js";
import { buildProgram } from "./ir/build.js";
import { parseBmv2Json } from "./json/bmv2.js";
import { type Emit, SimpleSwitch } from "./runtime/simple_switch.js";
import {
  type NoticeListener,
  type OutFrame,
  type PacketInListener,
  type SoftSwitchOptions,
  type UpdateResult,
  WriteError,
} from "./types.js";

export const DEFAULT_DROP_PORT = 511;
const US_PER_MS = 1000;

interface Running {
  device: SimpleSwitch;
  schema: Schema;
  quick: QuickWrites;
}

export class SoftSwitch {
  readonly deviceId: bigint;
  readonly #clockUs: () => number;
  readonly #packetInListeners = new Set<PacketInListener>();
  readonly #noticeListeners = new Set<NoticeListener>();
  #running: Running | undefined;
  #circledBefore = 0;
  /** Frames that came before there was a pipeline. */
  noPipeline = 0;
  /** Frames for the controller that are too short for the header of a packet-in. */
  noHeader = 0;
  /** Takes what leaves while a frame is processed. */
  #emit: Emit = () => {};
  readonly #packetIns: PacketIn[] = [];
  readonly #notices: Notice[] = [];
  readonly #onNotice = (notice: Notice): void => {
    this.#notices.push(notice);
  };

  constructor(readonly options: SoftSwitchOptions = {}) {
    this.deviceId = BigInt(options.deviceId ?? 1);
    const start = performance.now();
    this.#clockUs = options.clockUs ?? (() => Math.floor((performance.now() - start) * 1000));
  }

  /**
   * Compiles and starts a pipeline; tables, counters and registers start empty.
   *
   * @param deviceConfig - the BMv2 JSON that p4c made
   * @throws UnsupportedConstruct with its name and source line; the pipeline before goes on
   */
  setPipeline(p4info: P4Info, deviceConfig: Uint8Array): void {
    const program = buildProgram(parseBmv2Json(deviceConfig));
    const device = new SimpleSwitch(program, this.options.dropPort ?? DEFAULT_DROP_PORT, this.#clockUs);
    const schema = bindSchema(p4info, device, this.#clockUs);
    device.onDigest = (digest, lanes) => takeDigest(schema, digest, lanes, this.#onNotice);
    for (const table of schema.tables.values()) insertConstEntries(table);
    if (this.options.onLookUp !== undefined) watchLookUps(schema, this.options.onLookUp);
    this.#circledBefore = this.circled;
    this.#running = { device, schema, quick: new QuickWrites(schema) };
  }

  /** Frames that were given up because they circled. */
  get circled(): number {
    return this.#circledBefore + (this.#running?.device.circled ?? 0);
  }

  #pipeline(): Running {
    if (this.#running === undefined) {
      throw new UpdateError(
        status.FAILED_PRECONDITION,
        "the switch has no pipeline yet (SetForwardingPipelineConfig)",
      );
    }
    return this.#running;
  }

  /**
   * Applies updates in order.
   *
   * @param atomicity - by default an update that fails does not keep the others from being made. With the other two all are
   *   made or none; no packet runs in between, so they are the same here
   * @throws WriteError when at least one failed
   */
  write(
    updates: readonly Update[],
    atomicity: WriteRequest_Atomicity = WriteRequest_Atomicity.CONTINUE_ON_ERROR,
  ): void {
    const { schema } = this.#pipeline();
    const results = new Array<UpdateResult>(updates.length).fill(MADE);
    if (atomicity === WriteRequest_Atomicity.CONTINUE_ON_ERROR) {
      for (const [i, update] of updates.entries()) {
        try {
          applyUpdate(schema, update);
        } catch (error) {
          results[i] = toResult(error);
        }
      }
    } else {
      const failure = applyAllOrNone(schema, updates);
      if (failure !== undefined) {
        results.fill({
          code: status.ABORTED,
          message: "taken back, because another update of the batch failed",
        });
        results[failure.index] = toResult(failure.error);
      }
    }
    if (results.some((result) => result !== MADE)) throw new WriteError(updates, results);
  }

  /**
   * {@link write} of updates as they came, where those that fail keep no other one from being made.
   *
   * @param bytes - in which each update begins at `starts[i]` and ends before `ends[i]`
   * @returns one result per update; none when all were made
   */
  writeEncoded(bytes: Uint8Array, starts: readonly number[], ends: readonly number[]): UpdateResult[] {
    const { schema, quick } = this.#pipeline();
    let results: UpdateResult[] = [];
    for (let i = 0; i < starts.length; i++) {
      if (quick.apply(bytes, starts[i]!, ends[i]!)) continue;
      try {
        applyUpdate(schema, decodeUpdate(bytes.subarray(starts[i], ends[i])));
      } catch (error) {
        if (results.length === 0) results = new Array<UpdateResult>(starts.length).fill(MADE);
        results[i] = toResult(error);
      }
    }
    return results;
  }

  /** Reads entities; wildcards as in P4Runtime. @throws UpdateError for an id that does not exist */
  read(entities: readonly Entity[]): Entity[] {
    return entities.flatMap((entity) => [...this.readEach(entity)]);
  }

  /** What one entity of a read request asks for, one after the other: a counter may have millions of cells. */
  readEach(entity: Entity): Generator<Entity> {
    return readEntity(this.#pipeline().schema, entity);
  }

  /** Cells of counters and registers that hold something else than 0. */
  filledCells(): Generator<Entity> {
    return filledCells(this.#pipeline().schema);
  }

  /** Gives a frame to a port; returns what leaves at once, in order. CPU-port frames go to packet-in listeners. */
  inject(port: number, frame: Uint8Array): OutFrame[] {
    const out: OutFrame[] = [];
    this.process(port, frame, frame.length, (egress, bytes, length) => {
      out.push({ port: egress, frame: bytes.slice(0, length) });
    });
    return out;
  }

  /**
   * {@link inject} without copies: `emit` gets bytes that are valid during the call only. Before there is a pipeline every
   * frame is dropped.
   */
  process(port: number, frame: Uint8Array, length: number, emit: Emit): void {
    if (this.#running === undefined) {
      this.noPipeline++;
      return;
    }
    this.#emit = emit;
    this.#running.device.process(port, frame, length, this.#leave);
    if (this.#packetIns.length > 0 || this.#notices.length > 0) this.#tell();
  }

  /** A listener may give the switch a packet or an entry: it hears of what came only when the switch is done with it. */
  #tell(): void {
    for (const notice of this.#notices.splice(0)) {
      for (const listener of this.#noticeListeners) listener(notice);
    }
    for (const packet of this.#packetIns.splice(0)) {
      for (const listener of this.#packetInListeners) listener(packet);
    }
  }

  readonly #leave: Emit = (port, bytes, length) => {
    if (port !== this.options.cpuPort) {
      this.#emit(port, bytes, length);
      return;
    }
    const packet = packetInOf(this.#running?.schema.packetIn, bytes.slice(0, length));
    if (packet === undefined) this.noHeader++;
    else this.#packetIns.push(packet);
  };

  /** A packet from the controller; returns what leaves. @throws UpdateError for metadata that does not fit the P4Info */
  packetOut(packet: PacketOut): OutFrame[] {
    const { schema } = this.#pipeline();
    const { cpuPort } = this.options;
    if (cpuPort === undefined) {
      throw new UpdateError(
        status.FAILED_PRECONDITION,
        "the switch has no CPU port (start it with --cpu-port)",
      );
    }
    return this.inject(cpuPort, packetOutFrame(schema.packetOut, packet));
  }

  /** Registers a listener for digests and idle entries; returns the function that removes it. */
  onNotice(listener: NoticeListener): () => void {
    this.#noticeListeners.add(listener);
    return () => this.#noticeListeners.delete(listener);
  }

  /** In how many milliseconds {@link runTimers} has to be called; infinite: not before another write or packet. */
  get msToTimer(): number {
    const next = this.#running?.schema.nextTimerUs ?? Number.POSITIVE_INFINITY;
    return next === Number.POSITIVE_INFINITY ? next : Math.max(0, (next - this.#clockUs()) / US_PER_MS);
  }

  /** Tells of digests and idle entries whose time has come. */
  runTimers(): void {
    if (this.#running === undefined) return;
    runTimers(this.#running.schema, this.#onNotice);
    this.#tell();
  }

  /** The controller has a list of digests. @throws UpdateError for a digest that the program does not have */
  acknowledge(ack: DigestListAck): void {
    acknowledgeDigest(this.#pipeline().schema, ack);
  }

  /** Registers a listener for packet-in; returns the function that removes it. */
  onPacketIn(listener: PacketInListener): () => void {
    this.#packetInListeners.add(listener);
    return () => this.#packetInListeners.delete(listener);
  }
}

const MADE: UpdateResult = { code: status.OK, message: "" };

/** @throws UpdateError */
function decodeUpdate(bytes: Uint8Array): Update {
  try {
    return Update.decode(bytes);
  } catch {
    throw new UpdateError(status.INVALID_ARGUMENT, "the update is no message");
  }
}

function toResult(error: unknown): UpdateResult {
  if (error instanceof UpdateError) return { code: error.code, message: error.message };
  throw error;
}
