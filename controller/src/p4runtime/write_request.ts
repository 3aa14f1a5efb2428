// The updates of WriteRequests put together out of packed items: their octets are copied into place, and nothing is encoded again.
import { Update_Type } from "@sluice/proto/p4runtime";
import { isPackedGroup } from "./packed.js";
import type { PackedBytes } from "./packed_store.js";

export type UpdateType = "insert" | "modify" | "delete";

export const UPDATE_TYPES: Record<UpdateType, Update_Type> = {
  insert: Update_Type.INSERT,
  modify: Update_Type.MODIFY,
  delete: Update_Type.DELETE,
};

export interface PackedUpdate {
  type: UpdateType;
  /** Read at once, and not kept. */
  octets: PackedBytes;
}

/** Updates that go into one request. */
export interface Batch {
  /** Position of its first update among all that are written. */
  first: number;
  count: number;
  /** The field `updates` of a WriteRequest, as often as there are updates; the other fields come before or after it. */
  octets: Buffer;
}

/** Tags of length-delimited fields: `WriteRequest.updates`, `Update.entity`; of a varint: `Update.type`. */
const UPDATES_TAG = (4 << 3) | 2;
const ENTITY_TAG = (2 << 3) | 2;
const TYPE_TAG = 1 << 3;
/** Around an item: three tags and lengths, and the type. */
const MAX_FRAME_OCTETS = 3 * 5 + 2;
const FIRST_OCTETS_AN_UPDATE = 128;

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

class BatchWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(octets: number) {
    this.#buffer = Buffer.allocUnsafe(octets);
  }

  get octets(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Of a delete only the key counts, and some servers refuse more; a group is named by all of it. */
  add({ type, octets: { bytes, start, keyLength, length } }: PackedUpdate): void {
    const kind = bytes[start]!;
    const end = type === "delete" && !isPackedGroup(kind) ? keyLength : length;
    const item = end - 1; // the first octet is the entity's kind: the number of its field
    const entity = 1 + varintLength(item) + item;
    this.#reserve(MAX_FRAME_OCTETS + item);
    this.#octet(UPDATES_TAG);
    this.#varint(2 + 1 + varintLength(entity) + entity);
    this.#octet(TYPE_TAG);
    this.#octet(UPDATE_TYPES[type]);
    this.#octet(ENTITY_TAG);
    this.#varint(entity);
    this.#octet((kind << 3) | 2);
    this.#varint(item);
    this.#buffer.set(bytes.subarray(start + 1, start + end), this.#length);
    this.#length += item;
  }

  #reserve(octets: number): void {
    if (this.#length + octets > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + octets));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
  }

  #octet(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#octet((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.#octet(rest);
  }
}

/**
 * Encodes updates, a batch each time one is asked for.
 *
 * @param updateAt - asked once for each of `total` updates, in order
 * @param size - updates in a batch
 */
export function* batchesOf(
  total: number,
  updateAt: (i: number) => PackedUpdate,
  size: number,
): Generator<Batch> {
  for (let first = 0; first < total; first += size) {
    const count = Math.min(size, total - first);
    const writer = new BatchWriter(count * FIRST_OCTETS_AN_UPDATE);
    for (let i = first; i < first + count; i++) {
      writer.add(updateAt(i));
    }
    yield { first, count, octets: writer.octets };
  }
}
