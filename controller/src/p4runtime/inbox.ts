// What a switch says by itself, until somebody takes it: packets, digests, and which entries are idle.
import type { DigestList, IdleTimeoutNotification, StreamMessageResponse } from "@sluice/proto/p4runtime";
import { decodePacketIn, PacketQueue, type ReceivedPacket } from "./packets.js";
import type { Schema } from "./schema.js";

const PACKETS_KEPT = 1024;
const DIGESTS_KEPT = 1024;

export class Inbox {
  readonly packets = new PacketQueue<ReceivedPacket>(PACKETS_KEPT);
  readonly digests = new PacketQueue<DigestList>(DIGESTS_KEPT);
  readonly idle = new PacketQueue<IdleTimeoutNotification>(DIGESTS_KEPT);

  /** @param schema - of the program that runs; packets that come before it is known, or that it cannot give, are nobody's */
  receive({ update }: StreamMessageResponse, schema: Schema | undefined): void {
    if (update?.$case === "packet" && schema?.packetIn !== undefined) {
      this.packets.push(decodePacketIn(schema, update.value));
    } else if (update?.$case === "digest") {
      this.digests.push(update.value);
    } else if (update?.$case === "idleTimeoutNotification") {
      this.idle.push(update.value);
    }
  }
}
