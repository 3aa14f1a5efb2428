// What a switch says by itself, until somebody takes it: packets, digests, and which entries are idle. However much a switch says, no
// more than some of it is kept.
import { DigestList, IdleTimeoutNotification, type StreamMessageResponse } from "@sluice/proto/p4runtime";
import { decodePacketIn, PacketQueue, type ReceivedPacket } from "./packets.js";
import type { Schema } from "./schema.js";

const PACKETS_KEPT = 1024;
const NOTICES_KEPT = 1024;
/** Of each kind. */
const BYTES_KEPT = 8 * 1024 * 1024;

interface Codec<T> {
  encode(notice: T): { finish(): Uint8Array };
  decode(octets: Uint8Array): T;
}

/** Kept as octets: as objects its values may be a hundred times as large. */
class NoticeQueue<T> {
  readonly #octets = new PacketQueue<Uint8Array>(NOTICES_KEPT, BYTES_KEPT, ({ length }) => length);
  readonly #codec: Codec<T>;

  constructor(codec: Codec<T>) {
    this.#codec = codec;
  }

  push(notice: T): void {
    this.#octets.push(this.#codec.encode(notice).finish());
  }

  /** @returns the oldest one, or undefined when none came within `timeoutMs` */
  async take(timeoutMs: number): Promise<T | undefined> {
    const octets = await this.#octets.take(timeoutMs);
    return octets && this.#codec.decode(octets);
  }
}

export class Inbox {
  readonly packets = new PacketQueue<ReceivedPacket>(
    PACKETS_KEPT,
    BYTES_KEPT,
    ({ payload }) => payload.length,
  );
  readonly digests = new NoticeQueue<DigestList>(DigestList);
  readonly idle = new NoticeQueue<IdleTimeoutNotification>(IdleTimeoutNotification);

  /** @param schema - of the program that runs; packets that come before it is known, or that it cannot give, are nobody's */
  receive({ update }: StreamMessageResponse, schema: Schema | undefined): void {
    if (update?.$case === "packet" && schema?.packetIn !== undefined) {
      const packet = decodePacketIn(schema, update.value);
      // Its own octets: the message that it came in would be kept as well.
      this.packets.push({ ...packet, payload: Uint8Array.from(packet.payload) });
    } else if (update?.$case === "digest") {
      this.digests.push(update.value);
    } else if (update?.$case === "idleTimeoutNotification") {
      this.idle.push(update.value);
    }
  }
}
