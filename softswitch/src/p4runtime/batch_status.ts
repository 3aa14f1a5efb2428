// How a batch of updates or read requests that failed in part is told to the client: one p4.v1.Error for each, in order, in
// the trailer `grpc-status-details-bin` (P4Runtime specification, sections 10, 12.3 and 13.3).
import { Metadata, type ServerErrorResponse, type StatusObject, status } from "@grpc/grpc-js";
import { Error as P4Error } from "@sluice/proto/p4runtime";
import { Status } from "@sluice/proto/status";
import type { UpdateResult } from "../types.js";

const KEY = "grpc-status-details-bin";
const TYPE_URL = "type.googleapis.com/p4.v1.Error";

/**
 * A trailer that is larger does not arrive at all: the HTTP/2 library drops the whole block of 65,536 bytes or more, in the
 * form in which it goes out (base64), and the client waits until its deadline.
 */
const MAX_TRAILER_BYTES = 60_000;
/** How long the single messages may be, tried from the longest. */
const MESSAGE_CHARACTERS = [400, 120, 60, 30, 0];
const SUMMARY_CHARACTERS = 400;

type Failure = ServerErrorResponse & Partial<StatusObject>;

/** @returns undefined when all succeeded */
export function batchFailure(results: readonly UpdateResult[], noun: string): Failure | undefined {
  const failed = results.filter((result) => result.code !== status.OK);
  if (failed.length === 0) return undefined;
  const message = summary(results, failed.length, noun);
  for (const characters of MESSAGE_CHARACTERS) {
    const metadata = trailer(message, results, characters);
    if (metadata !== undefined) return failure(message, metadata);
  }
  return failure(
    `${message}; the list of all results is too long for a trailer: send fewer ${noun}s at once`,
    new Metadata(),
  );
}

function failure(message: string, metadata: Metadata): Failure {
  return Object.assign(new Error(message), { code: status.UNKNOWN, details: message, metadata });
}

function summary(results: readonly UpdateResult[], failed: number, noun: string): string {
  const first = results.findIndex((result) => result.code !== status.OK);
  const { code, message } = results[first]!;
  return cut(
    `${failed} of ${results.length} ${noun}s failed; first: ${noun} ${first}: ${status[code]}: ${message}`,
    SUMMARY_CHARACTERS,
  );
}

function trailer(
  message: string,
  results: readonly UpdateResult[],
  characters: number,
): Metadata | undefined {
  const details = results.map((result) => ({
    typeUrl: TYPE_URL,
    value: P4Error.encode(
      P4Error.fromPartial({ canonicalCode: result.code, message: cut(result.message, characters) }),
    ).finish(),
  }));
  const bytes = Buffer.from(Status.encode({ code: status.UNKNOWN, message, details }).finish());
  const base64Bytes = 4 * Math.ceil(bytes.length / 3);
  if (base64Bytes + encodeURI(message).length > MAX_TRAILER_BYTES) return undefined;
  const metadata = new Metadata();
  metadata.set(KEY, bytes);
  return metadata;
}

function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  return characters === 0 ? "" : `${text.slice(0, characters - 1)}…`;
}
