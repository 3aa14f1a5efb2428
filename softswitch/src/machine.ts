// A switch with the pipeline that runs, and perhaps one that was saved and waits for its commit. Synchronous: it lives in
// the thread that forwards frames.
import { status } from "@grpc/grpc-js";
import type { P4Info, Table } from "@sluice/proto/p4info";
import {
  Entity,
  type PacketOut,
  type TableEntry,
  type Update,
  Update_Type,
  WriteRequest,
  WriteRequest_Atomicity,
} from "@sluice/proto/p4runtime";
import { fieldsOf } from "./control/wire.js";
import { type Pipeline, type PipelineAction, StatusError, statusOf } from "./control_port.js";
import { SoftSwitch } from "./switch.js";
import { type OutFrame, type UpdateResult, WriteError } from "./types.js";

/** A batch becomes a message, and clients take 4 MB unless they are told otherwise (gRPC's default). */
const ENTITIES_A_BATCH = 500;
const BYTES_A_BATCH = 1024 * 1024;
/** Numbers of fields of a WriteRequest. */
const UPDATES = 4;
const ATOMICITY = 5;

/** Everything that a controller can write, in the order in which it can be written again: what is referred to comes first. */
const WRITABLE = [
  { actionProfileMember: {} },
  { actionProfileGroup: {} },
  { packetReplicationEngineEntry: { multicastGroupEntry: {} } },
  { packetReplicationEngineEntry: { cloneSessionEntry: {} } },
  { digestEntry: {} },
  { valueSetEntry: {} },
  { tableEntry: { counterData: {} } },
  { tableEntry: { isDefaultAction: true } },
].map((json) => Entity.fromJSON(json));

interface Saved {
  pipeline: Pipeline;
  /** has the pipeline, sees no packets */
  rehearsal: SoftSwitch;
  /** what to write again at the commit */
  written: Update[];
}

export class Machine {
  #saved: Saved | undefined;

  constructor(readonly running: SoftSwitch) {}

  /** See {@link PipelineAction}. @throws StatusError; nothing has changed then */
  setPipeline(action: PipelineAction, pipeline?: Pipeline): void {
    if (action === "commit") {
      this.#commit();
      return;
    }
    if (pipeline === undefined) {
      throw new StatusError(status.INVALID_ARGUMENT, `${action}: no pipeline was given`);
    }
    switch (action) {
      case "verify":
        this.#compile(pipeline);
        break;
      case "save":
        this.#saved = { pipeline, rehearsal: this.#compile(pipeline), written: [] };
        break;
      case "install":
        this.#install(pipeline);
        break;
      case "reconcile":
        this.#reconcile(pipeline);
        break;
    }
  }

  /** A switch like the running one, without its frames and its log. */
  #compile(pipeline: Pipeline): SoftSwitch {
    const { log: _, ...options } = this.running.options;
    const rehearsal = new SoftSwitch(options);
    start(rehearsal, pipeline);
    return rehearsal;
  }

  #install(pipeline: Pipeline): void {
    start(this.running, pipeline);
    this.#saved = undefined;
  }

  #commit(): void {
    const saved = this.#saved;
    if (saved === undefined) {
      throw new StatusError(status.NOT_FOUND, "COMMIT: no pipeline was saved (VERIFY_AND_SAVE comes first)");
    }
    this.#install(saved.pipeline);
    this.running.write(saved.written);
  }

  #reconcile(pipeline: Pipeline): void {
    const updates = rewrites(this.running, pipeline.p4info);
    try {
      this.#compile(pipeline).write(updates, WriteRequest_Atomicity.CONTINUE_ON_ERROR);
    } catch (error) {
      const { message } = statusOf(error);
      throw new StatusError(
        status.INVALID_ARGUMENT,
        `RECONCILE_AND_COMMIT: the entries do not fit the new pipeline: ${message}`,
      );
    }
    this.#install(pipeline);
    this.running.write(updates);
  }

  /**
   * @param request - the bytes of a WriteRequest, of which the updates and the atomicity count
   * @returns one result per update; none when all were made
   */
  write(request: Uint8Array): UpdateResult[] {
    const starts: number[] = [];
    const ends: number[] = [];
    let each = this.#saved === undefined; // made by itself, whatever becomes of the others
    for (const { number, value, end } of fieldsOf(request)) {
      if (number === UPDATES) {
        starts.push(value);
        ends.push(end);
      } else if (number === ATOMICITY && request[value] !== WriteRequest_Atomicity.CONTINUE_ON_ERROR) {
        each = false;
      }
    }
    if (each) return this.running.writeEncoded(request, starts, ends);
    const { updates, atomicity } = decodeWrite(request);
    return this.#writeDecoded(updates, atomicity);
  }

  #writeDecoded(updates: readonly Update[], atomicity: WriteRequest_Atomicity): UpdateResult[] {
    const results = writeTo(this.#saved?.rehearsal ?? this.running, updates, atomicity);
    const failed = results.some((result) => result.code !== status.OK);
    if (!failed || atomicity === WriteRequest_Atomicity.CONTINUE_ON_ERROR) {
      this.#saved?.written.push(...updates.filter((_, index) => (results[index] ?? OK).code === status.OK));
    }
    return results;
  }

  /** @returns one result per request; see {@link SwitchControl.read} */
  read(requests: readonly Entity[], onBatch: (entities: Entity[]) => void): UpdateResult[] {
    const source = this.#saved?.rehearsal ?? this.running;
    return requests.map((request) => {
      try {
        let batch: Entity[] = [];
        let bytes = 0;
        for (const entity of source.readEach(request)) {
          const more = isPlain(entity) ? PLAIN_BYTES : mostBytes(entity);
          if (batch.length === ENTITIES_A_BATCH || (batch.length > 0 && bytes + more > BYTES_A_BATCH)) {
            onBatch(batch);
            batch = [];
            bytes = 0;
          }
          batch.push(entity);
          bytes += more;
        }
        if (batch.length > 0) onBatch(batch);
        return OK;
      } catch (error) {
        return statusOf(error);
      }
    });
  }

  /** @throws StatusError INVALID_ARGUMENT for metadata that does not fit the P4Info */
  packetOut(packet: PacketOut): OutFrame[] {
    try {
      return this.running.packetOut(packet);
    } catch (error) {
      const { code, message } = statusOf(error, status.INVALID_ARGUMENT);
      throw new StatusError(code, message);
    }
  }
}

const OK: UpdateResult = { code: status.OK, message: "" };

/** More than a key and an action, or a cell, take; measuring each would take as long as encoding it. */
const PLAIN_BYTES = 2048;

/** Whether the program bounds an entity's size, and not the controller that wrote it. */
function isPlain({ entity }: Entity): boolean {
  switch (entity?.$case) {
    case "tableEntry": {
      const { metadata, action } = entity.value;
      return metadata.length === 0 && action?.type?.$case !== "actionProfileActionSet";
    }
    case "counterEntry":
    case "directCounterEntry":
    case "registerEntry":
      return true;
    default:
      return false;
  }
}

/** A field's number, and its length or a number of 64 bits. */
const MOST_FIELD_BYTES = 13;
const MOST_CHARACTER_BYTES = 3;

/** At most so many bytes are in the encoded form of a message or a field. */
function mostBytes(value: unknown): number {
  if (value instanceof Uint8Array) return MOST_FIELD_BYTES + value.length;
  if (typeof value === "string") return MOST_FIELD_BYTES + MOST_CHARACTER_BYTES * value.length;
  if (typeof value !== "object" || value === null) return MOST_FIELD_BYTES;
  let bytes = MOST_FIELD_BYTES;
  for (const name in value) bytes += mostBytes(value[name as keyof typeof value]);
  return bytes;
}

/** @throws StatusError INVALID_ARGUMENT */
function decodeWrite(request: Uint8Array): WriteRequest {
  try {
    return WriteRequest.decode(request);
  } catch {
    throw new StatusError(status.INVALID_ARGUMENT, "an update of the request is no message");
  }
}

function start(target: SoftSwitch, { p4info, deviceConfig }: Pipeline): void {
  try {
    target.setPipeline(p4info, deviceConfig);
  } catch (error) {
    throw new StatusError(status.INVALID_ARGUMENT, statusOf(error).message);
  }
}

function writeTo(
  target: SoftSwitch,
  updates: readonly Update[],
  atomicity: WriteRequest_Atomicity,
): UpdateResult[] {
  try {
    target.write(updates, atomicity);
    return [];
  } catch (error) {
    if (error instanceof WriteError) return [...error.results];
    throw error;
  }
}

/** The updates that make an empty switch with the same P4Info hold what this one holds. */
function rewrites(source: SoftSwitch, p4info: P4Info): Update[] {
  const tables = new Map(p4info.tables.map((table) => [table.preamble?.id, table]));
  const updates: Update[] = [];
  for (const request of WRITABLE) {
    for (const entity of readOrNone(source, request)) {
      if (entity.entity?.$case === "tableEntry" && isFixed(entity.entity.value, tables)) continue;
      updates.push({ type: isAlwaysThere(entity) ? Update_Type.MODIFY : Update_Type.INSERT, entity });
    }
  }
  // Cells start as zeros.
  for (const entity of source.filledCells()) updates.push({ type: Update_Type.MODIFY, entity });
  return updates;
}

/** A program without members, groups, … may refuse to read them. */
function* readOrNone(source: SoftSwitch, request: Entity): Generator<Entity> {
  try {
    yield* source.readEach(request);
  } catch (error) {
    if (statusOf(error).code !== status.UNIMPLEMENTED) throw error;
  }
}

/** The program itself says what it is; a controller cannot write it. */
function isFixed(entry: TableEntry, tables: ReadonlyMap<number | undefined, Table>): boolean {
  const table = tables.get(entry.tableId);
  const constant = entry.isDefaultAction ? table?.constDefaultActionId !== 0 : table?.isConstTable;
  return entry.isConst || constant === true;
}

/** It is there from the start and can only be modified (section 9). */
function isAlwaysThere({ entity }: Entity): boolean {
  switch (entity?.$case) {
    case "tableEntry":
      return entity.value.isDefaultAction;
    case "valueSetEntry":
      return true;
    default:
      return false;
  }
}
