// Writes on their way to a switch: in batches, a few of them under way at once, and what was refused by its name.
import { status } from "@grpc/grpc-js";
import { type Entity, Update_Type, WriteRequest, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import { type Client, WriteFailure } from "./client.js";
import { codeName, P4RuntimeError, rpcError, type UpdateError } from "./errors.js";
import { decodeItem, describeItem } from "./items.js";
import type { Schema } from "./schema.js";
import type { Session } from "./session.js";
import type { Batch } from "./write_request.js";

/**
 * Updates in one Write. The per-update errors of a failed write travel in one HTTP/2 trailer; a trailer that is too long
 * for the HTTP/2 library arrives as nothing but an expired deadline. 250 errors fit when their messages have 100 bytes each,
 * which is more than those of BMv2 have; the soft switch shortens its own.
 */
export const MAX_UPDATES_PER_WRITE = 250;

/** While the switch carries one batch out, the next ones are encoded and on their way. */
export const WRITES_IN_FLIGHT = 4;

const ERRORS_SHOWN = 10;

interface Failure {
  error: unknown;
  batch: Batch;
}

/**
 * Sends batches as the switch's primary. After one with refused updates no further one is begun.
 *
 * @param total - updates in all batches
 * @param onProgress - told how many of the updates are written, after each batch
 * @throws P4RuntimeError with `updates`: each refused one by name
 */
export async function sendBatches(
  client: Client,
  session: Session,
  schema: Schema | undefined,
  batches: Iterable<Batch>,
  total: number,
  onProgress: (written: number) => void,
): Promise<void> {
  const waiting = batches[Symbol.iterator]();
  let begun = 0;
  let written = 0;
  let failure: Failure | undefined;
  const sendAll = async () => {
    while (failure === undefined) {
      const { value: batch, done } = waiting.next();
      if (done) {
        return;
      }
      begun += batch.count;
      try {
        await session.primary();
        await client.write(Buffer.concat([head(client, session), batch.octets]));
      } catch (error) {
        failure ??= { error, batch };
        return;
      }
      written += batch.count;
      onProgress(written);
    }
  };
  await Promise.all(Array.from({ length: WRITES_IN_FLIGHT }, sendAll));
  if (failure !== undefined) {
    throw writeError(client.who, schema, failure, total - begun);
  }
}

function head(client: Client, session: Session): Uint8Array {
  return WriteRequest.encode({
    deviceId: client.deviceId,
    roleId: 0n,
    role: "",
    electionId: session.electionId,
    updates: [],
    atomicity: WriteRequest_Atomicity.CONTINUE_ON_ERROR,
  }).finish();
}

function subjectOf(schema: Schema, item: Entity): string {
  return item.entity?.$case === "digestEntry"
    ? `digest ${schema.digests.get(item.entity.value.digestId).alias}`
    : describeItem(decodeItem(schema, item));
}

function writeError(
  who: string,
  schema: Schema | undefined,
  { error, batch }: Failure,
  unsent: number,
): P4RuntimeError {
  if (!(error instanceof WriteFailure)) {
    return rpcError(who, "Write", error);
  }
  const { updates } = WriteRequest.decode(batch.octets);
  const refused = error.statuses.flatMap(({ canonicalCode: code, message }, i): UpdateError[] => {
    const update = updates[i];
    if (code === status.OK || update === undefined) {
      return [];
    }
    const { type, entity } = update;
    const subject = schema === undefined || entity === undefined ? "" : subjectOf(schema, entity);
    return [{ index: batch.first + i, code, message, subject: `${Update_Type[type]} ${subject}` }];
  });
  if (refused.length === 0) {
    return rpcError(who, "Write", error.cause);
  }
  const lines = refused
    .slice(0, ERRORS_SHOWN)
    .map(
      ({ subject, code, message }) =>
        `  ${subject}: ${codeName(code)}${message === "" ? "" : `: ${message}`}`,
    );
  return new P4RuntimeError(
    [
      `${who} refused ${refused.length} of ${batch.count} updates${unsent > 0 ? ` (${unsent} more were not sent)` : ""}:`,
      ...lines,
      ...(refused.length > lines.length ? [`  … and ${refused.length - lines.length} more`] : []),
    ].join("\n"),
    error.cause.code,
    refused,
  );
}
