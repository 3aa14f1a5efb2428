// `sluice ld`: an LD out of use and back, without any connection noticing: its buckets go to the others by copy.
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "commander";
import type { ApiClient } from "../../api/index.js";
import { type Io, print } from "../context.js";
import { change, type Deed, type Json } from "../deeds.js";
import { EXIT, UsageError } from "../exit.js";
import { painter } from "../output.js";
import { type Progress, withProgress } from "../progress.js";
import {
  type ChangeOptions,
  type ChangeResult,
  clientOf,
  isIn,
  isSettled,
  renderResult,
  type Status,
  scopeOf,
  withChangeOptions,
} from "../server.js";
import { afterChange, countdown, pollUntil } from "../waiting.js";

const POLL_MS = 200;
/** Two clocks, and what is rounded. */
const CLOCK_SLACK_MS = 50;
/** A controller may be away for a moment, or another one take over. */
const MAX_FAILURES = 50;
/** A part that has just been restarted is unreachable until the controller has found it, and one that refuses is asked again. */
const RETURN_MS = 5_000;
const MOVING = { doing: "moving", units: "buckets" };

interface UpgradeOptions extends ChangeOptions {
  command?: string;
}

interface ClusterItem {
  name: string;
  lds: Json[];
}

/** The cluster that has an LD. @throws UsageError */
async function clusterOf(client: ApiClient, ld: string): Promise<ClusterItem> {
  const { items } = (await client.get<{ items: ClusterItem[] }>("/v1/clusters")).body;
  const found = items.find(({ lds }) => lds.some(({ name }) => name === ld));
  if (found === undefined) {
    const names = items.flatMap(({ lds }) => lds.map(({ name }) => name)).join(", ");
    throw new UsageError(`no cluster has an LD ${ld} (there are ${names === "" ? "none" : names})`);
  }
  return found;
}

/** What is waited for does not come when somebody else has changed it. @throws UsageError */
async function checkDrained(client: ApiClient, ld: string, drained: boolean): Promise<void> {
  const { lds } = await clusterOf(client, ld);
  if ((lds.find(({ name }) => name === ld)?.drained === true) !== drained) {
    throw new UsageError(
      `${ld} is ${drained ? "not drained any more" : "drained again"}: somebody else has changed that meanwhile (sluice history shows who)`,
    );
  }
}

function withDrained(ld: string, drained: boolean): (before: Json | undefined) => Json | undefined {
  return (before) =>
    before && {
      ...before,
      lds: ((before.lds as Json[] | undefined) ?? []).map(({ drained: was, ...item }) =>
        item.name !== ld
          ? { ...item, ...(was !== undefined && { drained: was }) }
          : drained
            ? { ...item, drained }
            : item,
      ),
    };
}

function lateness({ parts, moves }: Status): string {
  const refused = parts.filter(({ state }) => state === "refusing");
  const waits = [
    ...refused.flatMap(({ reason }) => reason ?? []),
    ...moves.flatMap((move) => move.waits_for),
  ];
  return waits[0] ?? parts.find(({ reason }) => reason !== undefined)?.reason ?? "the parts follow";
}

/**
 * Waits until a cluster and the switches hold a revision, for as long as buckets move; not for one of them that cannot be reached and does
 * not come back, or that refuses what it is told.
 */
async function untilSettled(
  client: ApiClient,
  cluster: string,
  revision: number,
  progress: Progress,
): Promise<Status> {
  const scope = await scopeOf(client, [cluster]);
  const show = countdown(progress);
  let lostAtMs = Infinity;
  return pollUntil(
    async () => {
      // The controller answers as soon as all parts have it, so nothing is waited for in between.
      const { body } = await client.get<Status>(`/v1/status?revision=${revision}&wait_ms=${POLL_MS}`);
      if (isSettled(body, revision, scope)) {
        return { ...body, settled: true };
      }
      const nowMs = performance.now();
      const isLost = body.parts.some(
        (part) => isIn(scope, part) && (part.state === "unreachable" || part.state === "refusing"),
      );
      lostAtMs = isLost ? Math.min(lostAtMs, nowMs) : Infinity;
      if (nowMs >= lostAtMs + RETURN_MS) {
        return body;
      }
      show(body.moves.reduce((sum, move) => sum + (move.cluster === cluster ? move.buckets_left : 0), 0));
      return undefined;
    },
    0,
    MAX_FAILURES,
  );
}

/**
 * Makes a change by which buckets of a cluster move, and waits until they are where they belong.
 *
 * @returns `settled`: the cluster is, and the switches are
 */
export async function changeAndMove(
  io: Io,
  options: ChangeOptions,
  cluster: string,
  deed: Omit<Deed, "key">,
): Promise<{ result: ChangeResult; settled: Status | undefined }> {
  const client = clientOf(options);
  const { result } = await change(
    client,
    io,
    { ...options, wait: false },
    { ...deed, key: `clusters/${cluster}` },
  );
  const after = result.changes[0]?.after as Json | undefined;
  if (after !== undefined && after.failover === undefined) {
    io.stderr.write(
      `${painter(io.stderr)("yellow", "warning:")} cluster ${cluster} has no failover: the connections of the buckets that move end ` +
        "(failover: of the cluster lets them go on)\n",
    );
  }
  if (!options.wait || options.dryRun === true) {
    return { result, settled: undefined };
  }
  const settled = await afterChange(result.revision, () =>
    withProgress(io, options, MOVING, (progress) => untilSettled(client, cluster, result.revision, progress)),
  );
  if (!settled.settled) {
    io.exitCode = EXIT.unsettled;
    io.stderr.write(`Not all buckets have moved yet: ${lateness(settled)}\n`);
  }
  return { result, settled };
}

/** Says that an LD is drained or not, and waits until its buckets are where they belong. */
export async function setDrained(
  io: Io,
  options: ChangeOptions,
  ld: string,
  drained: boolean,
): Promise<{ result: ChangeResult; settled: Status | undefined }> {
  const client = clientOf(options);
  const { name } = await clusterOf(client, ld);
  const done = await changeAndMove(io, options, name, {
    action: `ld ${drained ? "drain" : "undrain"} ${ld}`,
    edit: withDrained(ld, drained),
  });
  if (done.settled?.settled === true) {
    await afterChange(done.result.revision, () => checkDrained(client, ld, drained));
  }
  return done;
}

async function setAndShow(io: Io, options: ChangeOptions, ld: string, drained: boolean): Promise<void> {
  const { result, settled } = await setDrained(io, options, ld, drained);
  print(io, options, { ...result, ...(settled && { settled: settled.settled, parts: settled.parts }) }, () =>
    settled?.settled === true
      ? drained
        ? `Drained: ${ld} has no bucket and no session any more (sluice ld undrain ${ld} gives it some).\n`
        : `Back in use: ${ld} has its buckets and their sessions.\n`
      : renderResult(result, options, settled, io),
  );
}

interface LdItem {
  name: string;
  up: boolean;
  uptime_ms: number;
}

/** How long the data plane of an LD has run; undefined: it does not now. */
async function uptimeMs(client: ApiClient, ld: string): Promise<number | undefined> {
  const { body } = await client.get<{ items: LdItem[] }>("/v1/measurements/lds");
  return body.items.find((item) => item.name === ld && item.up)?.uptime_ms;
}

/** An LD's data plane as it is before an upgrade. */
interface Before {
  /** Undefined: it does not run. */
  uptimeMs: number | undefined;
  /** When that was known. */
  atMs: number;
}

/** Resolves when a data plane runs that was not there before, and the controller has found it. */
async function untilRestarted(client: ApiClient, ld: string, before: Before): Promise<void> {
  await pollUntil(
    async () => {
      // The one from before has run at least so much longer, however late the answer is.
      const longerMs = performance.now() - before.atMs;
      const now = await uptimeMs(client, ld);
      const isNew =
        now !== undefined &&
        (before.uptimeMs === undefined || now < before.uptimeMs + longerMs - CLOCK_SLACK_MS);
      await checkDrained(client, ld, true);
      if (!isNew) {
        return undefined;
      }
      const { body } = await client.get<Status>("/v1/status");
      return body.parts.some(({ name, state }) => name === ld && state === "unreachable") ? undefined : true;
    },
    POLL_MS,
    MAX_FAILURES,
  );
}

/** @throws UsageError when it fails: the LD stays drained */
async function runCommand(ld: string, command: string): Promise<void> {
  const [code, signal] = await once(spawn("sh", ["-c", command], { stdio: "inherit" }), "exit");
  if (code !== 0) {
    const how = signal === null ? `exit status ${code}` : signal;
    throw new UsageError(
      `"${command}" failed (${how}); ${ld} stays drained (sluice ld undrain ${ld} ends that)`,
    );
  }
}

async function upgrade(io: Io, options: UpgradeOptions, ld: string): Promise<void> {
  const client = clientOf(options);
  const { result, settled } = await setDrained(io, options, ld, true);
  if (settled?.settled !== true) {
    io.stderr.write(`Nothing was restarted; ${ld} stays drained (sluice ld undrain ${ld} ends that)\n`);
    print(io, options, { ...result, settled: false, parts: settled?.parts }, () =>
      renderResult(result, options, settled, io),
    );
    return;
  }
  const before = await afterChange(result.revision, async () => ({
    uptimeMs: await uptimeMs(client, ld),
    atMs: performance.now(),
  }));
  if (options.command === undefined) {
    io.stderr.write(
      `${ld} is empty: upgrade and restart its data plane; it gets its buckets when it is back.\n`,
    );
  } else {
    await runCommand(ld, options.command);
  }
  await afterChange(result.revision, () => untilRestarted(client, ld, before));
  await setAndShow(io, options, ld, false);
}

export function addLd(program: Command, io: Io): void {
  const ld = program.command("ld").description("LDs in and out of use, without any connection noticing");
  withChangeOptions(ld.command("drain <name>"))
    .description(
      "give its buckets, with their sessions, to the other LDs of its cluster; waits until it is empty",
    )
    .action((name: string, options: ChangeOptions) => setAndShow(io, options, name, true));
  withChangeOptions(ld.command("undrain <name>"))
    .description("let it have buckets again; waits until it has them")
    .action((name: string, options: ChangeOptions) => setAndShow(io, options, name, false));
  withChangeOptions(ld.command("upgrade <name>"))
    .description("drain it, wait for its data plane to be restarted, undrain it")
    .option("--command <command>", "what upgrades and restarts it: run by sh when the LD is empty")
    .action((name: string, options: UpgradeOptions) => {
      if (!options.wait || options.dryRun === true) {
        throw new UsageError("an upgrade waits (sluice ld drain has --no-wait and --dry-run)");
      }
      return upgrade(io, options, name);
    });
}
