// A switch that only remembers, for tests of the gRPC side alone. Table entries are told apart by their table id and match.
import { status } from "@grpc/grpc-js";
import {
  type DigestListAck,
  type Entity,
  FieldMatch,
  type PacketIn,
  type PacketOut,
  type Update,
  Update_Type,
  WriteRequest,
} from "@sluice/proto/p4runtime";
import {
  type Pipeline,
  type PipelineAction,
  StatusError,
  type SwitchControl,
} from "../../src/control_port.js";
import type { OutFrame, PacketInListener, UpdateResult } from "../../src/types.js";

export const BATCH = 3;

export class FakeControl implements SwitchControl {
  readonly deviceId = 1n;
  readonly calls: string[] = [];
  readonly packetsOut: PacketOut[] = [];
  readonly #entries = new Map<string, Entity>();
  readonly #packetIn = new Set<PacketInListener>();
  readonly #frameOut = new Set<(frame: OutFrame) => void>();
  /** writes wait for it */
  gate: Promise<void> = Promise.resolve();
  /** the next pipeline is refused with this */
  refusal: string | undefined;

  async setPipeline(action: PipelineAction, pipeline?: Pipeline): Promise<void> {
    if (this.refusal !== undefined) throw new StatusError(status.INVALID_ARGUMENT, this.refusal);
    this.calls.push(`${action} ${pipeline?.deviceConfig.length ?? "-"}`);
  }

  async write(request: Uint8Array): Promise<UpdateResult[]> {
    const { updates } = WriteRequest.decode(request);
    this.calls.push(`write ${updates.length}`);
    await this.gate;
    return updates.map((update) => this.#apply(update));
  }

  #apply({ type, entity }: Update): UpdateResult {
    if (entity?.entity?.$case !== "tableEntry") {
      return { code: status.UNIMPLEMENTED, message: "only table entries" };
    }
    const { tableId, match } = entity.entity.value;
    const key = `${tableId}:${match.map((field) => Buffer.from(FieldMatch.encode(field).finish()).toString("hex"))}`;
    const found = this.#entries.has(key);
    if (type === Update_Type.INSERT && found) {
      return { code: status.ALREADY_EXISTS, message: `the entry ${key} is there already ${"x".repeat(300)}` };
    }
    if (type !== Update_Type.INSERT && !found) return { code: status.NOT_FOUND, message: `no entry ${key}` };
    if (type === Update_Type.DELETE) this.#entries.delete(key);
    else this.#entries.set(key, entity);
    return { code: status.OK, message: "" };
  }

  async read(requests: readonly Entity[], onBatch: (entities: Entity[]) => void): Promise<UpdateResult[]> {
    return requests.map(({ entity }) => {
      if (entity?.$case !== "tableEntry")
        return { code: status.UNIMPLEMENTED, message: "only table entries" };
      const all = [...this.#entries.values()];
      for (let first = 0; first < all.length; first += BATCH) onBatch(all.slice(first, first + BATCH));
      return { code: status.OK, message: "" };
    });
  }

  async packetOut(packet: PacketOut): Promise<void> {
    if (packet.metadata.length !== 1) {
      throw new StatusError(status.INVALID_ARGUMENT, "packet-out: one metadata field is needed");
    }
    this.packetsOut.push(packet);
    const port = Number(packet.metadata[0]!.value.at(-1));
    for (const listener of this.#frameOut) listener({ port, frame: packet.payload });
  }

  onPacketIn(listener: PacketInListener): () => void {
    this.#packetIn.add(listener);
    return () => this.#packetIn.delete(listener);
  }

  punt(packet: PacketIn): void {
    for (const listener of this.#packetIn) listener(packet);
  }

  onNotice(): () => void {
    return () => {};
  }

  async acknowledge({ digestId }: DigestListAck): Promise<void> {
    throw new StatusError(status.INVALID_ARGUMENT, `there is no digest ${digestId}`);
  }

  /** Port 9 drops, every other one answers out of the next port and itself. */
  async inject(port: number, frame: Uint8Array): Promise<OutFrame[]> {
    if (port === 9) return [];
    return [
      { port: port + 1, frame: Uint8Array.from(frame) },
      { port, frame: Uint8Array.from(frame) },
    ];
  }

  onFrameOut(listener: (frame: OutFrame) => void): () => void {
    this.#frameOut.add(listener);
    return () => this.#frameOut.delete(listener);
  }
}
