// A WriteRequest without its updates. Who may write, and how, is decided here; the updates are decoded where they are applied, which
// may be another thread: to decode them here as well, and encode them again, would be most of the work of a write.
import { WriteRequest } from "@sluice/proto/p4runtime";

const UPDATES_FIELD = 4;

/** The head of a WriteRequest (its `updates` are empty), and the bytes of all of it. */
export interface UndecodedWrite {
  head: WriteRequest;
  bytes: Uint8Array;
}

/** @returns the position after the varint @throws RangeError when there is none */
function skipVarint(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end]! > 0x7f) end++;
  if (end >= bytes.length) throw new RangeError("the message is cut off");
  return end + 1;
}

function varint(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at, scale = 1; ; i++, scale *= 128) {
    value += (bytes[i]! & 0x7f) * scale;
    if (bytes[i]! < 0x80) return value;
  }
}

/** Where the value of a field of this wire type ends. */
function endOfValue(bytes: Uint8Array, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return skipVarint(bytes, at);
    case 1:
      return at + 8;
    case 2:
      return skipVarint(bytes, at) + varint(bytes, at);
    case 5:
      return at + 4;
    default:
      throw new RangeError(`wire type ${wireType}`);
  }
}

/** @throws Error when the bytes are no message; updates may still turn out to be none */
export function decodeWriteHead(bytes: Uint8Array): UndecodedWrite {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const at = skipVarint(bytes, start);
    const tag = varint(bytes, start);
    const end = endOfValue(bytes, at, tag & 7);
    if (end > bytes.length) throw new RangeError("the message is cut off");
    if (tag >>> 3 !== UPDATES_FIELD) parts.push(bytes.subarray(start, end));
    start = end;
  }
  return { head: WriteRequest.decode(Buffer.concat(parts)), bytes };
}
