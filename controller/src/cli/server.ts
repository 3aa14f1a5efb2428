// Commands that speak to a controller (`sluice serve`) instead of to the parts themselves.
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { ApiClient, MAX_WAIT_MS } from "../api/index.js";
import type { CommonOptions, Io } from "./context.js";
import { withOutputOption, withPkiOption } from "./context.js";
import { Unconfirmed, UsageError } from "./exit.js";
import { milliseconds } from "./numbers.js";
import { painter } from "./output.js";
import { isAway } from "./waiting.js";

const RETRY_MS = 200;

export interface ServerOptions {
  server?: string;
  pki?: string;
  output: CommonOptions["output"];
  timeout: number;
}

export interface ChangeOptions extends ServerOptions {
  dryRun?: boolean;
  yes?: boolean;
  wait: boolean;
}

export interface Change {
  key: string;
  before?: unknown;
  after?: unknown;
}

export interface ChangeResult {
  revision: number;
  changes: Change[];
}

export interface Status {
  revision: number;
  applied_revision: number;
  settled: boolean;
  parts: {
    name: string;
    kind: string;
    state: string;
    reason?: string;
    /** Of an LD. */
    health?: { state: string; reason: string };
    mended: number;
    written: number;
  }[];
  /** Clusters whose buckets move. */
  moves: {
    cluster: string;
    buckets_left: number;
    sessions_copied: number;
    sessions_to_copy: number;
    waits_for: string[];
  }[];
}

/** Adds the option that says where the controller is. */
export function withControllerOption(command: Command): Command {
  return command.addOption(
    new Option("--server <address>", "the controller: unix:/path or host:port; several with commas").env(
      "SLUICE_SERVER",
    ),
  );
}

/** Adds the options of commands that ask the controller. */
export function withServerOptions(command: Command): Command {
  return withControllerOption(withPkiOption(withOutputOption(command))).addOption(
    new Option("--timeout <ms>", "for each call, and for the parts to follow")
      .default(10_000)
      .argParser(milliseconds),
  );
}

/** Adds the options of commands that show what they change before they do. */
export function withConsentOptions(command: Command): Command {
  return command
    .option("--dry-run", "show what would change, and change nothing")
    .option("-y, --yes", "do not ask, also on a terminal");
}

/** Adds the options of commands that change the desired state. */
export function withChangeOptions(command: Command): Command {
  return withConsentOptions(withServerOptions(command)).option(
    "--no-wait",
    "do not wait until the switches and LDs have it",
  );
}

export function clientOf({ server, pki, timeout }: ServerOptions): ApiClient {
  if (server === undefined || server === "") {
    throw new UsageError("which controller? (give --server ADDRESS, or set SLUICE_SERVER)");
  }
  return new ApiClient({ server, timeoutMs: timeout, ...(pki !== undefined && { pki }) });
}

/** `{ vm: { host } }` -> `vm.host` = value, for a comparison line by line. */
function flatten(value: unknown, prefix = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) {
    return new Map(value === undefined ? [] : [[prefix, JSON.stringify(value)]]);
  }
  const label = (key: string, item: unknown) =>
    Array.isArray(value)
      ? `[${(item as { name?: string } | null)?.name ?? key}]`
      : prefix === ""
        ? key
        : `.${key}`;
  return new Map(
    Object.entries(value).flatMap(([key, item]) => [...flatten(item, `${prefix}${label(key, item)}`)]),
  );
}

/** One line a field that changes, under its object. */
export function renderChanges(changes: readonly Change[], paint: ReturnType<typeof painter>): string {
  return changes
    .map(({ key, before, after }) => {
      const old = flatten(before);
      const now = flatten(after);
      const [sign, colour] =
        before === undefined
          ? (["+", "green"] as const)
          : after === undefined
            ? (["-", "red"] as const)
            : (["~", "yellow"] as const);
      const lines = [...new Set([...old.keys(), ...now.keys()])].flatMap((field) => {
        const [a, b] = [old.get(field), now.get(field)];
        if (a === b) {
          return [];
        }
        const text = a === undefined ? b : b === undefined ? a : `${a} -> ${b}`;
        return [
          paint(a === undefined ? "green" : b === undefined ? "red" : "yellow", `    ${field}: ${text}`),
        ];
      });
      return [paint(colour, `  ${sign} ${key}`), ...lines].join("\n");
    })
    .join("\n");
}

/** What a change came to, for people. @param isShown - they have seen it already */
export function renderResult(
  { revision, changes }: ChangeResult,
  options: ChangeOptions,
  settled: Status | undefined,
  io: Io,
  isShown = false,
): string {
  if (changes.length === 0) {
    return `Nothing to change: it is so already (revision ${revision}).\n`;
  }
  const diff = isShown ? "" : `${renderChanges(changes, painter(io.stdout))}\n`;
  if (options.dryRun === true) {
    return `${diff}Nothing was changed (--dry-run).\n`;
  }
  const late = (settled?.parts ?? []).filter(({ state }) => state !== "in sync");
  const parts =
    settled === undefined
      ? "the parts follow"
      : settled.settled
        ? settled.parts.length === 1
          ? "its one part has it"
          : `all ${settled.parts.length} parts have it`
        : `not everywhere yet: ${late.map(({ name, state, reason }) => `${name} is ${state}${reason === undefined ? "" : ` (${reason})`}`).join("; ")}`;
  return `${diff}Revision ${revision}; ${parts}.\n`;
}

/**
 * Waits until all parts hold a revision that the controller has stored, or the time is up.
 *
 * @throws Unconfirmed when the controller could not be asked until then
 */
export async function waitFor(
  client: ApiClient,
  revision: number,
  { timeout }: ServerOptions,
): Promise<Status> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const left = Math.max(0, Math.ceil(deadline - performance.now()));
    const wait = Math.min(left, MAX_WAIT_MS);
    const path = `/v1/status?revision=${revision}&wait_ms=${wait}`;
    try {
      const { body } = await client.get<Status>(path, wait + 5_000);
      if (body.settled || wait === left) {
        return body;
      }
    } catch (error) {
      if (!isAway(error)) {
        throw error;
      }
      if (left === 0) {
        throw new Unconfirmed(revision, error);
      }
      await sleep(Math.min(RETRY_MS, left));
    }
  }
}
