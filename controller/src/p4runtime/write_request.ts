// A WriteRequest put together out of packed items: their octets are copied into place, and nothing is encoded again.
import { Update_Type, WriteRequest } from "@sluice/proto/p4runtime";
import { isPackedGroup, type Packed } from "./packed.js";

export type UpdateType = "insert" | "modify" | "delete";

export const UPDATE_TYPES: Record<UpdateType, Update_Type> = {
  insert: Update_Type.INSERT,
  modify: Update_Type.MODIFY,
  delete: Update_Type.DELETE,
};

export interface PackedUpdate extends Packed {
  type: UpdateType;
}

/** Tags of length-delimited fields: `WriteRequest.updates`, `Update.entity`; of a varint: `Update.type`. */
const UPDATES_TAG = (4 << 3) | 2;
const ENTITY_TAG = (2 << 3) | 2;
const TYPE_TAG = 1 << 3;

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

function putVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7f) {
    buffer[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[end++] = rest;
  return end;
}

/** Of a delete only the key counts, and some servers refuse more; a group is named by all of it. */
function effectOf(update: PackedUpdate, key: string): string {
  return update.type === "delete" && !isPackedGroup(key) ? "" : update.effect;
}

/**
 * @param head - the request without its updates
 * @returns the request's bytes
 */
export function encodeWrite(head: WriteRequest, updates: readonly PackedUpdate[]): Buffer {
  const start = WriteRequest.encode(head).finish();
  // key[0] is the tag's field number: the octets of the item are one fewer than key and effect have.
  const sizes = updates.map((update) => {
    const { key } = update;
    const effect = effectOf(update, key);
    const item = key.length - 1 + effect.length;
    const entity = 1 + varintLength(item) + item;
    return { key, effect, item, entity, update: 2 + 1 + varintLength(entity) + entity };
  });
  const total = sizes.reduce((sum, { update }) => sum + 1 + varintLength(update) + update, start.length);
  const buffer = Buffer.allocUnsafe(total);
  buffer.set(start);
  let at = start.length;
  for (const [i, { type }] of updates.entries()) {
    const { key, effect, ...size } = sizes[i]!;
    buffer[at++] = UPDATES_TAG;
    at = putVarint(buffer, at, size.update);
    buffer[at++] = TYPE_TAG;
    buffer[at++] = UPDATE_TYPES[type];
    buffer[at++] = ENTITY_TAG;
    at = putVarint(buffer, at, size.entity);
    const tag = at++;
    at = putVarint(buffer, at, size.item);
    const last = buffer[at - 1]!;
    buffer.write(key, at - 1, "latin1"); // its first octet is no part of the item
    buffer[at - 1] = last;
    buffer[tag] = (key.charCodeAt(0) << 3) | 2;
    at += key.length - 1;
    at += buffer.write(effect, at, "latin1");
  }
  return buffer;
}
