// A P4Runtime server for tests of the client: it keeps entries by key and holds elections as the specification says, and does
// wrong what a test asks it to do wrong. It forwards no packet: the soft switch and BMv2 are for that.
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { Any } from "@sluice/proto/any";
import {
  type DigestListAck,
  type Entity,
  type ForwardingPipelineConfig,
  type P4RuntimeServer,
  P4RuntimeService,
  type PacketOut,
  SetForwardingPipelineConfigRequest_Action as PipelineAction,
  type ReadRequest,
  type StreamMessageRequest,
  StreamMessageResponse,
  type TableEntry,
  type Update,
  Update_Type,
  Error as UpdateStatus,
  type WriteRequest,
} from "@sluice/proto/p4runtime";
import { Status } from "@sluice/proto/status";
import { entryKey, itemKey, Schema, Switch } from "../../src/p4runtime/index.js";
import { gatewayPipeline } from "./program.js";

type Stream = ServerDuplexStream<StreamMessageRequest, StreamMessageResponse>;
interface Refusal {
  code: status;
  message: string;
}

const failure = (code: status, details: string, metadata = new Metadata()): Partial<ServiceError> => ({
  code,
  details,
  metadata,
});

export class FakeSwitch {
  readonly entries = new Map<string, TableEntry>();
  /** Members and groups of action profiles. */
  readonly profiles = new Map<string, Entity>();
  readonly writes: WriteRequest[] = [];
  readonly reads: ReadRequest[] = [];
  readonly packetsOut: PacketOut[] = [];
  readonly digestAcks: DigestListAck[] = [];
  pipeline: ForwardingPipelineConfig | undefined;
  pipelinesPushed = 0;
  /** Whether it can change the pipeline and keep its entries; BMv2 cannot. */
  reconciles = false;
  /** Refuses an update. */
  refuse: (update: Update) => Refusal | undefined = () => undefined;
  onWrite: (request: WriteRequest) => void = () => {};
  /** What every write fails with. */
  failWrite: Partial<ServiceError> | undefined;
  /** Calls that are never answered. */
  readonly mute = new Set<"write" | "read" | "arbitration" | "getPipeline">();
  /** What an entry looks like in an answer. */
  show: (entry: TableEntry) => TableEntry = (entry) => entry;

  /** Ends each stream as soon as it has said who is primary. */
  endsStreams = false;

  /** Takes nothing from a stream after its first message. */
  deaf = false;

  /** Says that there is no primary, whoever asks. */
  denyPrimary = false;
  arbitrations = 0;

  #highest = 0n;
  readonly #elections = new Map<Stream, bigint>();
  #server: Server | undefined;

  static async listen(address: string): Promise<FakeSwitch> {
    const fake = new FakeSwitch();
    await fake.start(address);
    return fake;
  }

  async start(address: string): Promise<void> {
    const server = new Server();
    server.addService(P4RuntimeService, this.#service());
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    this.#server = server;
  }

  /** As if the process had been killed. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#elections.clear();
  }

  /** Ends the streams but keeps serving. */
  dropStreams(): void {
    for (const stream of this.#elections.keys()) {
      stream.end();
    }
    this.#elections.clear();
  }

  /** Who has the greatest election id that was ever seen, while it is connected (specification, section 5). */
  get #primary(): [Stream, bigint] | undefined {
    return [...this.#elections].find(([, id]) => id === this.#highest);
  }

  get primaryElectionId(): bigint | undefined {
    return this.#primary?.[1];
  }

  packetIn(payload: Uint8Array, metadata: { metadataId: number; value: Uint8Array }[]): void {
    this.#primary?.[0].write(
      StreamMessageResponse.fromPartial({ update: { $case: "packet", value: { payload, metadata } } }),
    );
  }

  /** Says something to the primary. */
  say(update: NonNullable<StreamMessageResponse["update"]>): void {
    this.#primary?.[0].write({ update });
  }

  #announce(): void {
    const primary = this.#primary;
    for (const [stream] of this.#elections) {
      const backup = primary === undefined || this.denyPrimary ? status.NOT_FOUND : status.ALREADY_EXISTS;
      const code = stream === primary?.[0] && !this.denyPrimary ? status.OK : backup;
      stream.write(
        StreamMessageResponse.fromPartial({
          update: {
            $case: "arbitration",
            value: { deviceId: 1n, electionId: { high: 0n, low: this.#highest }, status: { code } },
          },
        }),
      );
    }
  }

  #refusalOf(update: Update): Refusal | undefined {
    const entity = update.entity?.entity;
    if (entity === undefined) {
      return { code: status.UNIMPLEMENTED, message: "no entity" };
    }
    if (entity.$case === "digestEntry") {
      return this.refuse(update);
    }
    const key = itemKey({ entity });
    const exists = this.entries.has(key) || this.profiles.has(key);
    const refusal = this.refuse(update);
    if (refusal !== undefined) {
      return refusal;
    }
    if (update.type === Update_Type.INSERT ? exists : !exists) {
      return exists
        ? { code: status.ALREADY_EXISTS, message: "entry exists" }
        : { code: status.NOT_FOUND, message: "no such entry" };
    }
    if (update.type === Update_Type.DELETE) {
      this.entries.delete(key);
      this.profiles.delete(key);
    } else if (entity.$case === "tableEntry") {
      this.entries.set(key, entity.value);
    } else {
      this.profiles.set(key, { entity });
    }
    return undefined;
  }

  #service(): P4RuntimeServer {
    return {
      write: (call, callback) => {
        if (this.mute.has("write")) {
          return;
        }
        if (this.failWrite !== undefined) {
          callback(this.failWrite);
          return;
        }
        const { electionId, updates } = call.request;
        if (electionId?.low !== this.primaryElectionId) {
          callback(failure(status.PERMISSION_DENIED, "not primary"));
          return;
        }
        this.writes.push(call.request);
        this.onWrite(call.request);
        const refusals = updates.map((update) => this.#refusalOf(update));
        if (refusals.every((refusal) => refusal === undefined)) {
          callback(null, {});
          return;
        }
        const details = refusals.map((refusal) =>
          Any.fromPartial({
            typeUrl: "type.googleapis.com/p4.v1.Error",
            value: UpdateStatus.encode(
              UpdateStatus.fromPartial({
                canonicalCode: refusal?.code ?? 0,
                message: refusal?.message ?? "",
              }),
            ).finish(),
          }),
        );
        const metadata = new Metadata();
        const trailer = Status.encode(Status.fromPartial({ code: status.UNKNOWN, details })).finish();
        metadata.set("grpc-status-details-bin", Buffer.from(trailer));
        callback(failure(status.UNKNOWN, "some updates failed", metadata));
      },

      read: (call) => {
        this.reads.push(call.request);
        if (this.mute.has("read")) {
          return;
        }
        for (const { entity } of call.request.entities) {
          if (entity?.$case === "tableEntry") {
            const { tableId, match } = entity.value;
            const wanted = match.length > 0 ? entryKey(entity.value) : undefined;
            const found = [...this.entries.values()].filter((entry) =>
              wanted === undefined ? entry.tableId === tableId : entryKey(entry) === wanted,
            );
            const counted = entity.value.counterData !== undefined;
            // In several messages, as servers do.
            for (const entry of found) {
              const value = {
                ...this.show(entry),
                counterData: counted ? { packetCount: 3n, byteCount: 300n } : undefined,
              };
              call.write({ entities: [{ entity: { $case: "tableEntry", value } }] });
            }
          } else if (entity?.$case === "actionProfileMember" || entity?.$case === "actionProfileGroup") {
            const found = [...this.profiles.values()].filter((item) => item.entity?.$case === entity.$case);
            call.write({ entities: found });
          } else if (entity?.$case === "counterEntry") {
            const { counterId, index: wanted } = entity.value;
            for (const index of wanted === undefined ? [0n, 1n, 2n] : [wanted.index]) {
              const value = {
                counterId,
                index: { index },
                data: { packetCount: index, byteCount: 64n * index },
              };
              call.write({ entities: [{ entity: { $case: "counterEntry", value } }] });
            }
          }
        }
        call.end();
      },

      setForwardingPipelineConfig: (call, callback) => {
        const { action, config } = call.request;
        const keeps = action === PipelineAction.RECONCILE_AND_COMMIT;
        if (keeps && !this.reconciles) {
          callback(failure(status.UNIMPLEMENTED, "RECONCILE_AND_COMMIT"));
          return;
        }
        if (action !== PipelineAction.VERIFY) {
          this.pipeline = config;
          this.pipelinesPushed++;
          if (!keeps) this.entries.clear();
        }
        callback(null, {});
      },

      getForwardingPipelineConfig: (_, callback) => {
        if (this.mute.has("getPipeline")) {
          return;
        }
        if (this.pipeline === undefined) {
          callback(failure(status.FAILED_PRECONDITION, "no pipeline"));
        } else {
          callback(null, { config: this.pipeline });
        }
      },

      streamChannel: (stream) => {
        stream.on("data", ({ update }: StreamMessageRequest) => {
          if (this.deaf) stream.pause();
          if (update?.$case === "packet") {
            this.packetsOut.push(update.value);
          } else if (update?.$case === "digestAck") {
            this.digestAcks.push(update.value);
          } else if (update?.$case === "arbitration" && !this.mute.has("arbitration")) {
            const id = update.value.electionId?.low ?? 0n;
            this.arbitrations++;
            this.#elections.set(stream, id);
            this.#highest = id > this.#highest ? id : this.#highest;
            this.#announce();
            if (this.endsStreams) {
              this.dropStreams();
            }
          }
        });
        const leave = () => {
          const wasPrimary = this.#primary?.[0] === stream;
          this.#elections.delete(stream);
          stream.end();
          if (wasPrimary) {
            this.#announce();
          }
        };
        stream.on("error", leave);
        stream.on("end", leave);
        stream.on("cancelled", leave);
      },

      capabilities: (_, callback) =>
        callback(null, { p4runtimeApiVersion: "1.4.1", experimental: undefined }),
    };
  }

  /** The program that was pushed. */
  get schema(): Schema {
    return new Schema(this.pipeline!.p4info!);
  }
}

/** A fake switch, and the controller's connection to it, with the gateway's program. */
export async function connectedSwitch(address: string): Promise<{ fake: FakeSwitch; connection: Switch }> {
  const fake = await FakeSwitch.listen(address);
  const connection = await Switch.connect({ name: "gw1", address, deviceId: 1n });
  await connection.setPipeline(gatewayPipeline);
  return { fake, connection };
}
