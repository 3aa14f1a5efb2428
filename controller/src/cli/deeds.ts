// Changes of one object of the desired state, by the controller: read, edited, written, and waited for.
import { type ApiClient, ApiError } from "../api/index.js";
import { askWhetherTo, canAsk } from "./consent.js";
import { type Io, print } from "./context.js";
import { EXIT, UsageError } from "./exit.js";
import { leavingIn, warnOfLeaving } from "./leaving.js";
import { painter } from "./output.js";
import {
  type ChangeOptions,
  type ChangeResult,
  clientOf,
  renderChanges,
  renderResult,
  type Scope,
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
  /** What is waited for; left out: the whole region. */
  scope?: Scope;
  /** It takes something away from somebody: on a terminal it is shown first, and asked about. */
  isRisky?: boolean;
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

/**
 * Reads, edits, writes; again when somebody else has changed something in between.
 *
 * @param onlyAt - instead: the one revision at which it is right
 */
async function attempt(
  client: ApiClient,
  { key, action, edit }: Deed,
  dryRun: boolean,
  onlyAt?: number,
): Promise<ChangeResult> {
  const path = `/v1/${pathOf(key)}${dryRun ? "?dry_run=true" : ""}`;
  for (let left = onlyAt === undefined ? ATTEMPTS : 1; ; left--) {
    const { revision: present, value } = await read(client, key);
    const revision = onlyAt ?? present;
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

/**
 * Shows what a deed would change and asks, where somebody is there to answer and there is something to change.
 *
 * @returns the revision of which that is true; undefined when nobody was asked
 * @throws Declined
 */
export async function agreeTo(io: Io, options: ChangeOptions, deed: Deed): Promise<number | undefined> {
  if (!canAsk(io, options)) {
    return undefined;
  }
  const { revision, changes } = await attempt(clientOf(options), deed, true);
  if (changes.length === 0) {
    return undefined;
  }
  warnOfLeaving(io, leavingIn(changes));
  io.stdout.write(`${renderChanges(changes, painter(io.stdout))}\n`);
  await askWhetherTo(io, deed.action);
  return revision;
}

/**
 * Makes the change and waits for the parts, as the options say.
 *
 * @param shownAt - the revision at which it was shown, and agreed to: it is that, or nothing
 */
export async function change(
  client: ApiClient,
  io: Io,
  options: ChangeOptions,
  deed: Deed,
  shownAt?: number,
): Promise<{ result: ChangeResult; settled: Status | undefined }> {
  const result = await attempt(client, deed, options.dryRun === true, shownAt);
  if (shownAt === undefined) {
    warnOfLeaving(io, leavingIn(result.changes));
  }
  const settled =
    options.wait && options.dryRun !== true
      ? await waitFor(client, result.revision, options, deed.scope)
      : undefined;
  if (settled?.settled === false) {
    io.exitCode = EXIT.unsettled;
  }
  return { result, settled };
}

/** Does one deed and says what came of it. */
export async function carryOut(io: Io, options: ChangeOptions, deed: Deed): Promise<void> {
  const shownAt = deed.isRisky === true ? await agreeTo(io, options, deed) : undefined;
  const { result, settled } = await change(clientOf(options), io, options, deed, shownAt);
  print(io, options, { ...result, ...(settled && { settled: settled.settled, parts: settled.parts }) }, () =>
    renderResult(result, options, settled, io, shownAt !== undefined),
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
