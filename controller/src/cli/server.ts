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
/** The controller answers by itself when all parts are settled, not when some are. */
const SCOPE_LOOK_MS = 200;

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
  /** That all parts have which can be reached, but for what waits for buckets that move. */
  written_revision: number;
  settled: boolean;
  parts: {
    name: string;
    kind: string;
    state: string;
    reason?: string;
    /** While it waits for parts that come first: their names. */
    waits_for?: string[];
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

/** `ld3 is unreachable (…)` */
function namesOf(late: Status["parts"]): string {
  return late
    .map(({ name, state, reason }) => `${name} is ${state}${reason === undefined ? "" : ` (${reason})`}`)
    .join("; ");
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
      : settled.settled && late.length > 0
        ? `what it is about has it; not everywhere else yet: ${namesOf(late)}`
        : settled.settled
          ? settled.parts.length === 1
            ? "its one part has it"
            : `all ${settled.parts.length} parts have it`
          : `not everywhere yet: ${namesOf(late)}`;
  return `${diff}Revision ${revision}; ${parts}.\n`;
}

/** What a change is about: some clusters, and all switches. */
export interface Scope {
  clusters: ReadonlySet<string>;
  lds: ReadonlySet<string>;
}

export async function scopeOf(client: ApiClient, names: readonly string[]): Promise<Scope> {
  const { body } = await client.get<{ items: { name: string; lds: { name: string }[] }[] }>("/v1/clusters");
  const clusters = new Set(names);
  const own = body.items.filter(({ name }) => clusters.has(name));
  return { clusters, lds: new Set(own.flatMap(({ lds }) => lds.map(({ name }) => name))) };
}

interface ServiceItem {
  name: string;
  cluster: string;
  migration?: { from: string; to: string };
}

/** @param more - clusters that it is to come to */
export async function scopeOfService(client: ApiClient, service: string, ...more: string[]): Promise<Scope> {
  const { body } = await client.get<{ items: ServiceItem[] }>("/v1/services");
  const { cluster, migration } = body.items.find(({ name }) => name === service) ?? {};
  const names = [cluster, migration?.from, migration?.to, ...more];
  return scopeOf(
    client,
    names.flatMap((name) => name ?? []),
  );
}

/** A switch that waits for others' LDs has all that the scope is about. */
export function isIn({ lds }: Scope, { name, kind, waits_for }: Status["parts"][0]): boolean {
  return kind === "LD" ? lds.has(name) : (waits_for?.some((part) => lds.has(part)) ?? true);
}

/** Whether all parts hold a revision, or at least those of a scope, and no buckets move there: what is late elsewhere is no matter of its. */
export function isSettled(status: Status, revision: number, scope: Scope | undefined): boolean {
  const { settled, written_revision, parts, moves } = status;
  return (
    settled ||
    (scope !== undefined &&
      written_revision >= revision &&
      moves.every(({ cluster }) => !scope.clusters.has(cluster)) &&
      parts.every((part) => part.state === "in sync" || !isIn(scope, part)))
  );
}

/**
 * Waits until all parts hold a revision that the controller has stored, or those of a scope, or the time is up.
 *
 * @returns `settled`: they do
 * @throws Unconfirmed when the controller could not be asked until then
 */
export async function waitFor(
  client: ApiClient,
  revision: number,
  { timeout }: ServerOptions,
  scope?: Scope,
): Promise<Status> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const left = Math.max(0, Math.ceil(deadline - performance.now()));
    const wait = Math.min(left, scope === undefined ? MAX_WAIT_MS : SCOPE_LOOK_MS);
    const path = `/v1/status?revision=${revision}&wait_ms=${wait}`;
    try {
      const { body } = await client.get<Status>(path, wait + 5_000);
      const settled = isSettled(body, revision, scope);
      if (settled || wait === left) {
        return { ...body, settled };
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
