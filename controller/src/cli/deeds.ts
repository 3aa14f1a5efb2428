// Changes of one object of the desired state, by the controller: read, edited, written, and waited for.
import { type ApiClient, ApiError } from "../api/index.js";
import { type Io, print } from "./context.js";
import { EXIT, UsageError } from "./exit.js";
import { leavingIn, warnOfLeaving } from "./leaving.js";
import {
  type ChangeOptions,
  type ChangeResult,
  clientOf,
  renderResult,
  type Status,
  waitFor,
} from "./server.js";

export type Json = Record<string, unknown>;

/** How often a change is made anew when somebody else was faster. */
const ATTEMPTS = 5;
const CONFLICT = 412;

export interface Deed {
  /** `eips/vm1` */
  key: string;
  /** For the audit trail: `eip move vm1`. */
  action: string;
  /** What the object becomes; undefined: it goes. */
  edit(before: Json | undefined): Json | undefined;
}

async function read(client: ApiClient, key: string): Promise<{ revision: number; value: Json | undefined }> {
  try {
    const { revision, body } = await client.get<Json>(`/v1/${pathOf(key)}`);
    return { revision: revision ?? 0, value: body };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      const { body } = await client.get<{ revision: number }>("/v1/status");
      return { revision: body.revision, value: undefined };
    }
    throw error;
  }
}

function pathOf(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

/** Reads, edits, writes; again when somebody else has changed something in between. */
async function attempt(
  client: ApiClient,
  { key, action, edit }: Deed,
  dryRun: boolean,
): Promise<ChangeResult> {
  const path = `/v1/${pathOf(key)}${dryRun ? "?dry_run=true" : ""}`;
  for (let left = ATTEMPTS; ; left--) {
    const { revision, value } = await read(client, key);
    const after = edit(value);
    try {
      const { body } =
        after === undefined
          ? await client.delete<ChangeResult>(path, action, revision)
          : await client.put<ChangeResult>(path, after, action, revision);
      return body;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === CONFLICT) || left === 1) {
        throw error;
      }
    }
  }
}

/** Makes the change and waits for the parts, as the options say. */
export async function change(
  client: ApiClient,
  io: Io,
  options: ChangeOptions,
  deed: Deed,
): Promise<{ result: ChangeResult; settled: Status | undefined }> {
  const result = await attempt(client, deed, options.dryRun === true);
  warnOfLeaving(io, leavingIn(result.changes));
  const settled =
    options.wait && options.dryRun !== true ? await waitFor(client, result.revision, options) : undefined;
  if (settled?.settled === false) {
    io.exitCode = EXIT.unsettled;
  }
  return { result, settled };
}

/** Does one deed and says what came of it. */
export async function carryOut(io: Io, options: ChangeOptions, deed: Deed): Promise<void> {
  const { result, settled } = await change(clientOf(options), io, options, deed);
  print(io, options, { ...result, ...(settled && { settled: settled.settled, parts: settled.parts }) }, () =>
    renderResult(result, options, settled, io),
  );
}

/** @throws UsageError with what would make it */
export function existing(kind: string, name: string, value: Json | undefined, create: string): Json {
  if (value === undefined) {
    throw new UsageError(`${kind} ${name} does not exist (${create})`);
  }
  return value;
}

/** Leaves out what was not given. */
export function given(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
