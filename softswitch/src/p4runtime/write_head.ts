// A WriteRequest without its updates. Who may write, and how, is decided here; the updates are decoded where they are applied, which
// may be another thread: to decode them here as well, and encode them again, would be most of the work of a write.
import { WriteRequest } from "@sluice/proto/p4runtime";
import { fieldsOf } from "../control/wire.js";

const UPDATES_FIELD = 4;

/** The head of a WriteRequest (its `updates` are empty), and the bytes of all of it. */
export interface UndecodedWrite {
  head: WriteRequest;
  bytes: Uint8Array;
}

/** @throws Error when the bytes are no message; updates may still turn out to be none */
export function decodeWriteHead(bytes: Uint8Array): UndecodedWrite {
  const parts: Uint8Array[] = [];
  for (const { number, start, end } of fieldsOf(bytes)) {
    if (number !== UPDATES_FIELD) parts.push(bytes.subarray(start, end));
  }
  return { head: WriteRequest.decode(Buffer.concat(parts)), bytes };
}
