// What a P4Runtime server says when it refuses, as errors that name the switch, the entry and the reason.
import { type ServiceError, status } from "@grpc/grpc-js";
import { Error as UpdateStatus } from "@sluice/proto/p4runtime";
import { Status } from "@sluice/proto/status";

/** One refused update of a write. */
export interface UpdateError {
  /** Position in the list given to `write`. */
  index: number;
  /** gRPC status code. */
  code: number;
  message: string;
  /** `INSERT service[vni=0 …]`: what was refused, by name. */
  subject: string;
}

/** `ALREADY_EXISTS` for 6. */
export function codeName(code: number): string {
  return status[code] ?? `code ${code}`;
}

/** A call that a switch refused, or that never reached it. */
export class P4RuntimeError extends Error {
  override name = "P4RuntimeError";
  /** gRPC status code. */
  readonly code: number;
  /** Refused updates of a write; empty for other calls. */
  readonly updates: readonly UpdateError[];

  constructor(message: string, code: number, updates: readonly UpdateError[] = []) {
    super(message);
    this.code = code;
    this.updates = updates;
  }
}

const DETAILS_KEY = "grpc-status-details-bin";

/**
 * The per-update errors in a failed write's trailer: one for each update of the request, in order (section 12.3). None where the
 * trailer cannot be read: that the write was refused is known all the same.
 */
export function updateStatuses(error: ServiceError): UpdateStatus[] {
  const [details] = error.metadata?.get(DETAILS_KEY) ?? [];
  if (!(details instanceof Uint8Array)) {
    return [];
  }
  try {
    return Status.decode(details).details.map((any) => UpdateStatus.decode(any.value));
  } catch {
    return [];
  }
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as Partial<ServiceError>).code === "number";
}

/** The cause alone, out of the sentence that grpc-js makes of a connection that could not be made. */
export function plainReason(details: string): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1] ?? details;
}

/** Turns a failed call into an error that names the switch and says what to do where that is known. */
export function rpcError(who: string, call: string, error: unknown): P4RuntimeError {
  if (error instanceof P4RuntimeError) {
    return error;
  }
  if (!isServiceError(error)) {
    return new P4RuntimeError(
      `${who}: ${call}: ${error instanceof Error ? error.message : error}`,
      status.UNKNOWN,
    );
  }
  const reason = error.details === "" ? codeName(error.code) : plainReason(error.details);
  switch (error.code) {
    case status.UNAVAILABLE:
      return new P4RuntimeError(
        `${who} is down: ${reason} (is the switch running, and is its address right?)`,
        error.code,
      );
    case status.DEADLINE_EXCEEDED:
      return new P4RuntimeError(`${who} did not answer ${call} in time (${reason})`, error.code);
    default:
      return new P4RuntimeError(`${who} refused ${call}: ${codeName(error.code)}: ${reason}`, error.code);
  }
}
