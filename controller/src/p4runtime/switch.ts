// One switch by names: who is primary, its pipeline, its entries, its counters, its packets.
import { status } from "@grpc/grpc-js";
import {
  type Entity,
  SetForwardingPipelineConfigRequest_Action as PipelineAction,
  GetForwardingPipelineConfigRequest_ResponseType as ResponseType,
  WriteRequest,
} from "@sluice/proto/p4runtime";
import { Client, type ClientOptions } from "./client.js";
import {
  type DigestConfig,
  decodeDigest,
  decodeIdleEntries,
  digestEntry,
  type IdleEntries,
  type ReceivedDigest,
} from "./digests.js";
import { type CounterValue, decodeEntry, type Entry } from "./entries.js";
import { P4RuntimeError } from "./errors.js";
import { Inbox } from "./inbox.js";
import type { Item } from "./items.js";
import { Packer } from "./packed.js";
import { encodePacketOut, type ReceivedPacket } from "./packets.js";
import { type Pipeline, pipelineCookie } from "./pipeline.js";
import { type ReadOptions, readCounter, readEntry, readMessages } from "./reads.js";
import { Schema } from "./schema.js";
import { type Candidate, Session, type SessionState } from "./session.js";
import type { ValueInput } from "./values.js";
import { type Batch, batchesOf, type PackedUpdate, UPDATE_TYPES, type UpdateType } from "./write_request.js";
import { MAX_UPDATES_PER_WRITE, sendBatches } from "./writes.js";

export interface SwitchOptions extends ClientOptions, Candidate {
  /** False: only read; no stream, no election, no packets. Default true. */
  write?: boolean;
  /** How long to wait for a switch that is down, or held by another controller, in ms. Default 0: fail at once. */
  waitMs?: number;
}

export interface EntryUpdate {
  type: UpdateType;
  entry: Item;
}

/** A connection to one P4Runtime switch. Get one by {@link Switch.connect}; give it back by {@link Switch.close}. */
export class Switch {
  readonly name: string;
  readonly #client: Client;
  readonly #session: Session | undefined;
  readonly #inbox = new Inbox();
  #schema: Schema | undefined;

  private constructor(options: SwitchOptions) {
    this.name = options.name;
    this.#client = new Client(options);
    if (options.write !== false) {
      this.#session = new Session(
        this.#client,
        (message) => this.#inbox.receive(message, this.#schema),
        options,
      );
    }
  }

  /**
   * Connects and, unless `write` is false, becomes the switch's primary controller.
   *
   * @throws P4RuntimeError UNAVAILABLE (down), PERMISSION_DENIED (another controller is primary), DEADLINE_EXCEEDED
   */
  static async connect(options: SwitchOptions): Promise<Switch> {
    const connected = new Switch(options);
    try {
      if (connected.#session !== undefined) {
        connected.#session.open();
        await connected.#session.primary(options.waitMs);
      }
    } catch (error) {
      connected.close();
      throw error;
    }
    return connected;
  }

  close(): void {
    this.#session?.close();
    this.#client.close();
  }

  /** `switch gw1 (unix:/run/sluice/gw1.sock)` */
  get who(): string {
    return this.#client.who;
  }

  get state(): SessionState | "read-only" {
    return this.#session?.state ?? "read-only";
  }

  #writer(): Session {
    if (this.#session === undefined) {
      throw new P4RuntimeError(`${this.who} was opened for reading only`, status.FAILED_PRECONDITION);
    }
    return this.#session;
  }

  /** Waits until this controller is the switch's primary, through restarts of the switch. @throws P4RuntimeError */
  async primary(waitMs = 0): Promise<void> {
    await this.#writer().primary(waitMs);
  }

  // ---- Pipeline ----------------------------------------------------------------------------------------------------

  /** The cookie of the pipeline that runs now, or undefined when there is none. @throws P4RuntimeError */
  async runningCookie(): Promise<bigint | undefined> {
    try {
      const { config } = await this.#client.getPipeline(ResponseType.COOKIE_ONLY);
      return config?.cookie?.cookie;
    } catch (error) {
      if (
        error instanceof P4RuntimeError &&
        (error.code === status.FAILED_PRECONDITION || error.code === status.NOT_FOUND)
      ) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Makes the switch run this pipeline. Nothing is pushed when it runs already; a push empties all tables.
   *
   * @returns whether it was pushed
   * @throws P4RuntimeError
   */
  async setPipeline(pipeline: Pipeline): Promise<boolean> {
    await this.primary();
    const cookie = pipelineCookie(pipeline);
    const push = (await this.runningCookie()) !== cookie;
    if (push) {
      await this.#push(pipeline, PipelineAction.VERIFY_AND_COMMIT);
    }
    this.#schema = new Schema(pipeline.p4info);
    return push;
  }

  /**
   * Asks whether the switch could run this pipeline. Nothing changes.
   *
   * @throws P4RuntimeError INVALID_ARGUMENT with the reason why not
   */
  async verifyPipeline(pipeline: Pipeline): Promise<void> {
    await this.primary();
    await this.#push(pipeline, PipelineAction.VERIFY);
  }

  /**
   * Makes the switch run another pipeline and keep the entries of the one before, which fit it (section 14.1).
   *
   * @throws P4RuntimeError UNIMPLEMENTED: BMv2 and Stratum cannot; {@link setPipeline} and writing all entries anew is what is left
   */
  async replacePipeline(pipeline: Pipeline): Promise<void> {
    await this.primary();
    await this.#push(pipeline, PipelineAction.RECONCILE_AND_COMMIT);
    this.#schema = new Schema(pipeline.p4info);
  }

  #push(pipeline: Pipeline, action: PipelineAction): Promise<void> {
    const { p4info, deviceConfig: p4DeviceConfig } = pipeline;
    return this.#client.setPipeline({
      deviceId: this.#client.deviceId,
      roleId: 0n,
      role: "",
      electionId: this.#writer().electionId,
      action,
      config: { p4info, p4DeviceConfig, cookie: { cookie: pipelineCookie(pipeline) } },
    });
  }

  /** The program that the switch runs, as the switch tells it. @throws P4RuntimeError when it runs none */
  async schema(): Promise<Schema> {
    if (this.#schema === undefined) {
      const { config } = await this.#client.getPipeline(ResponseType.P4INFO_AND_COOKIE);
      if (config?.p4info === undefined) {
        throw new P4RuntimeError(
          `${this.who} runs no pipeline yet (sluice apply pushes it)`,
          status.FAILED_PRECONDITION,
        );
      }
      this.#schema = new Schema(config.p4info);
    }
    return this.#schema;
  }

  // ---- Writes ------------------------------------------------------------------------------------------------------

  async insert(...entries: Item[]): Promise<void> {
    await this.write(entries.map((entry) => ({ type: "insert", entry })));
  }

  async modify(...entries: Item[]): Promise<void> {
    await this.write(entries.map((entry) => ({ type: "modify", entry })));
  }

  /** Only the keys of the entries count. */
  async delete(...entries: Item[]): Promise<void> {
    await this.write(entries.map((entry) => ({ type: "delete", entry })));
  }

  /**
   * Writes updates in batches, a few of them under way at once. The updates of one call must not depend on each other: a
   * server may do them in any order (specification, section 12.2). After a batch with refused updates no further one is begun.
   *
   * @throws EntryError | SchemaError before anything is sent
   * @throws P4RuntimeError with `updates`: each refused one by name
   */
  async write(updates: readonly EntryUpdate[]): Promise<void> {
    const packer = new Packer(await this.schema());
    const pack = ({ type, entry }: EntryUpdate) => ({ type, octets: packer.packBytes(entry) });
    const batches = batchesOf(updates.length, (i) => pack(updates[i]!), MAX_UPDATES_PER_WRITE);
    await this.#send([...batches], updates.length);
  }

  /**
   * {@link write} for entries that are packed already.
   *
   * @param onProgress - told how many of the updates are written, after each batch
   */
  async writePacked(
    updates: readonly PackedUpdate[],
    onProgress: (written: number) => void = () => {},
  ): Promise<void> {
    const batches = batchesOf(updates.length, (i) => updates[i]!, MAX_UPDATES_PER_WRITE);
    await this.#send(batches, updates.length, onProgress);
  }

  #send(batches: Iterable<Batch>, total: number, onProgress: (written: number) => void = () => {}) {
    return sendBatches(this.#client, this.#writer(), this.#schema, batches, total, onProgress);
  }

  // ---- Reads -------------------------------------------------------------------------------------------------------

  /** As {@link readMessages} of reads.ts. */
  async *readMessages(tables?: readonly string[], options: ReadOptions = {}): AsyncGenerator<Entity> {
    yield* readMessages(this.#client, await this.schema(), tables, options);
  }

  /** Streams the entries of one table, several, or all, by name. */
  async *read(tables?: string | readonly string[], options: ReadOptions = {}): AsyncGenerator<Entry> {
    const schema = await this.schema();
    const wanted = typeof tables === "string" ? [tables] : tables;
    for await (const { entity } of readMessages(this.#client, schema, wanted, options)) {
      if (entity?.$case === "tableEntry") {
        yield decodeEntry(schema, entity.value);
      }
    }
  }

  /** Reads one entry by its key, with its direct counter where the table has one. @returns undefined when absent */
  async readEntry(key: Entry): Promise<Entry | undefined> {
    return readEntry(this.#client, await this.schema(), key);
  }

  /** Reads cells of a counter that is not bound to a table, by index. Without `indices`, all of them. */
  async readCounter(name: string, indices?: readonly number[]): Promise<Map<number, CounterValue>> {
    return readCounter(this.#client, await this.schema(), name, indices);
  }

  // ---- Packets -----------------------------------------------------------------------------------------------------

  /** Sends a packet through the switch. @throws EntryError | SchemaError | P4RuntimeError */
  async sendPacket(payload: Uint8Array, metadata: Record<string, ValueInput>): Promise<void> {
    const packet = encodePacketOut(await this.schema(), payload, metadata);
    await this.primary();
    this.#writer().send({ $case: "packet", value: packet });
  }

  /** @returns the oldest packet from the switch that was not taken yet, or undefined when none comes within `timeoutMs` */
  nextPacket(timeoutMs: number): Promise<ReceivedPacket | undefined> {
    return this.#inbox.packets.take(timeoutMs);
  }

  // ---- Digests and idle timeouts -------------------------------------------------------------------------------------

  /**
   * Has the switch send a digest (`insert`), send it otherwise (`modify`), or no more (`delete`, without `config`).
   *
   * @throws SchemaError for a digest that the program does not have
   * @throws P4RuntimeError
   */
  async writeDigest(type: UpdateType, name: string, config?: DigestConfig): Promise<void> {
    const value = digestEntry((await this.schema()).digests.get(name), config);
    const update = { type: UPDATE_TYPES[type], entity: { entity: { $case: "digestEntry" as const, value } } };
    const octets = Buffer.from(WriteRequest.encode(WriteRequest.fromPartial({ updates: [update] })).finish());
    await this.#send([{ first: 0, count: 1, octets }], 1);
  }

  /**
   * Takes the oldest list of digests that was not taken yet, and acknowledges it.
   *
   * @returns undefined when none comes within `timeoutMs`
   * @throws SchemaError for one that the program does not have, or of a type that cannot be read
   */
  async nextDigest(timeoutMs: number): Promise<ReceivedDigest | undefined> {
    const list = await this.#inbox.digests.take(timeoutMs);
    if (list === undefined) {
      return undefined;
    }
    if (this.state === "primary") {
      const { digestId, listId } = list;
      this.#writer().send({ $case: "digestAck", value: { digestId, listId } });
    }
    return decodeDigest(await this.schema(), list);
  }

  /** @returns the oldest notification of idle entries that was not taken yet, or undefined when none comes within `timeoutMs` */
  async nextIdleEntries(timeoutMs: number): Promise<IdleEntries | undefined> {
    const idle = await this.#inbox.idle.take(timeoutMs);
    return idle && decodeIdleEntries(await this.schema(), idle);
  }
}
