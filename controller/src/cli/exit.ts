// How a command ends. The codes are part of the command line's contract (docs/sluice-yaml.md).

import { ApiError } from "../api/index.js";
import { EntryError, P4RuntimeError, SchemaError } from "../p4runtime/index.js";
import { ApplyError, CapacityError, LdError, UnreachableError } from "../reconcile/index.js";
import { InvalidDocument } from "../state/index.js";
import { StoreError } from "../store/types.js";
import { Declined } from "./consent.js";

export const EXIT = {
  ok: 0,
  /** `diff`: something differs. */
  differs: 1,
  /** The document is wrong. Nothing was changed. */
  invalid: 2,
  /** A switch cannot be reached, or the controller. Nothing was changed. */
  unreachable: 3,
  /** A part refused, or was lost, in the middle. Apply again. */
  failed: 4,
  /** Done as far as it can be now: an LD cannot be reached, buckets still move, or the parts have not taken it from the controller yet. */
  unsettled: 5,
  /** Somebody else has changed the desired state in between. Nothing was changed. */
  conflict: 6,
  /** The caller's role does not allow it. Nothing was changed. */
  denied: 7,
  /** The user was asked, and said no. Nothing was changed. */
  declined: 8,
  usage: 64,
} as const;

/** A wrong option or argument that the parser cannot see. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A change that is stored, by a controller that then could not be asked any more how far the parts are with it. */
export class Unconfirmed extends Error {
  override name = "Unconfirmed";

  constructor(revision: number, cause: ApiError) {
    super(
      `Revision ${revision} is stored; how far the parts are with it is not known (sluice status tells)`,
      {
        cause,
      },
    );
  }
}

/** An apply that ended before its first write. */
export class NothingChanged extends Error {
  override name = "NothingChanged";

  constructor(cause: unknown) {
    super("nothing was changed", { cause });
  }
}

function apiExit(status: number): number {
  const known = new Map([
    [0, EXIT.unreachable],
    [403, EXIT.denied],
    [404, EXIT.usage],
    [412, EXIT.conflict],
    [422, EXIT.invalid],
    [503, EXIT.unreachable],
  ]);
  return known.get(status) ?? EXIT.failed;
}

/** @returns the exit code and what to print, without a stack: those are for mistakes of the program itself */
export function explain(error: unknown): { code: number; text: string } {
  if (error instanceof NothingChanged) {
    const { code, text } = explain(error.cause);
    return { code, text: `${text}\nNothing was changed.` };
  }
  if (error instanceof Unconfirmed) {
    return { code: EXIT.unsettled, text: `${explain(error.cause).text}\n${error.message}` };
  }
  if (error instanceof InvalidDocument) {
    const { length } = error.problems;
    return {
      code: EXIT.invalid,
      text: `${error.message}\n${length === 1 ? "1 problem" : `${length} problems`} in the file.`,
    };
  }
  if (error instanceof CapacityError || error instanceof EntryError) {
    return { code: EXIT.invalid, text: error.message };
  }
  if (error instanceof UnreachableError) {
    return { code: EXIT.unreachable, text: error.message };
  }
  if (error instanceof ApplyError) {
    return {
      code: EXIT.failed,
      text: `${error.message}\nNot everything was written. When the reason is gone, apply again.`,
    };
  }
  if (error instanceof ApiError) {
    return {
      code: apiExit(error.status),
      text: error.problems.length > 0 ? error.problems.join("\n") : error.message,
    };
  }
  if (error instanceof StoreError) {
    return { code: EXIT.unreachable, text: error.message };
  }
  if (error instanceof Declined) {
    return { code: EXIT.declined, text: error.message };
  }
  if (error instanceof UsageError || error instanceof SchemaError) {
    return { code: EXIT.usage, text: error.message };
  }
  if (error instanceof P4RuntimeError && error.updates.length > 0) {
    return { code: EXIT.failed, text: error.message };
  }
  if (error instanceof P4RuntimeError || error instanceof LdError) {
    return { code: EXIT.unreachable, text: error.message };
  }
  return { code: EXIT.failed, text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
