// sluice serve: the controller as a daemon; sluice status and history: what it says of itself.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Logger, pino } from "pino";
import { ApiServer, METRICS_LIMIT, type TlsFiles } from "../../api/index.js";
import { type ControllerOptions, type Lead, Member, RegionController } from "../../daemon/index.js";
import { isEtcd, LevelStore, openEtcd } from "../../store/index.js";
import {
  type Io,
  loadPipeline,
  milliseconds,
  type PipelineOptions,
  print,
  withPipelineOptions,
} from "../context.js";
import { UsageError } from "../exit.js";
import { painter, renderTable } from "../output.js";
import {
  type Change,
  clientOf,
  renderChanges,
  type ServerOptions,
  type Status,
  withServerOptions,
} from "../server.js";
import { wholeNumber } from "../session_filter.js";

interface ServeOptions extends PipelineOptions {
  store: string;
  listen: string;
  advertise?: string;
  pki?: string;
  etcdPki?: string;
  lease: number;
  timeout: number;
  audit: number;
  logLevel: string;
  metricsLimit: number;
}

function tlsFiles(directory: string): TlsFiles {
  const read = (name: string) => readFileSync(join(directory, name));
  try {
    return { ca: read("ca.pem"), cert: read("server.pem"), key: read("server.key") };
  } catch (error) {
    throw new UsageError(
      `--pki ${directory}: ${(error as Error).message} (it needs ca.pem, server.pem and server.key)`,
    );
  }
}

/** The longest that etcd makes a lease is years; a region should not be without a leader for longer than this. */
const MAX_LEASE_S = 60;

function leaseSeconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_LEASE_S) {
    throw new InvalidArgumentError(`give a whole number of seconds from 1 to ${MAX_LEASE_S}`);
  }
  return value;
}

/** What answers requests, and how it ends. */
interface Running {
  lead: Lead;
  stop(): Promise<void>;
}

async function startAlone(place: string, options: Omit<ControllerOptions, "store">): Promise<Running> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  const controller = await RegionController.start({ ...options, store: await LevelStore.open(place) });
  return { lead: { controller, leader: undefined }, stop: () => controller.close() };
}

function startAmongOthers(
  { store, etcdPki, lease, listen, advertise = listen }: ServeOptions,
  options: Omit<ControllerOptions, "store">,
): Running {
  const etcd = openEtcd(store, etcdPki);
  const member = new Member({ ...options, etcd, api: advertise, leaseS: lease });
  const stop = new AbortController();
  const running = member.run(stop.signal);
  return {
    lead: member,
    async stop() {
      stop.abort();
      await running;
      etcd.client.close();
    },
  };
}

async function serve(io: Io, options: ServeOptions): Promise<void> {
  const unix = options.listen.startsWith("unix:");
  if (!unix && options.pki === undefined) {
    throw new UsageError(
      `--listen ${options.listen}: whoever reaches a TCP port could change the region (give --pki, or listen on unix:/path)`,
    );
  }
  const pipeline = await loadPipeline(options);
  // Written at once: what happened just before a crash is what one wants to read.
  const log: Logger = pino(
    { level: options.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: (line) => io.stdout.write(line),
    },
  );
  const common = {
    pipeline,
    log,
    timeoutMs: options.timeout,
    auditMs: options.audit,
    ...(options.pki !== undefined && { pki: options.pki }),
  };
  const running = isEtcd(options.store)
    ? startAmongOthers(options, common)
    : await startAlone(options.store, common);
  const server = new ApiServer(
    running.lead,
    log,
    unix ? undefined : tlsFiles(options.pki!),
    options.metricsLimit,
  );
  try {
    if (unix) {
      // An embedded store's lock says that no other controller of this region uses the socket.
      await unlink(options.listen.slice("unix:".length)).catch(() => {});
    }
    const address = await server.listen(options.listen);
    log.info({ event: "listening", address });
    const signal = await Promise.race(
      ["SIGINT", "SIGTERM"].map((name) => once(process, name).then(() => name)),
    );
    log.info({ event: "stopping", signal });
  } finally {
    await server.close().catch(() => {});
    await running.stop();
  }
}

interface CommitHead {
  revision: number;
  time: string;
  actor: string;
  action: string;
  changes: number;
}

export function addServe(program: Command, io: Io): void {
  withPipelineOptions(program.command("serve"))
    .description("keep a region as desired, for as long as it runs, with an API in front")
    .requiredOption(
      "--store <place>",
      "where the desired state and its history are kept: a directory, or etcd:HOST:PORT,…/PREFIX for several controllers",
    )
    .addOption(
      new Option("--listen <address>", "the API: unix:/path, or host:port with --pki").default(
        "unix:/run/sluice/controller.sock",
      ),
    )
    .option("--advertise <address>", "the API's address for others, where several controllers share etcd")
    .option(
      "--pki <directory>",
      "the controller's certificates (sluice pki init), for users and parts that are not on Unix sockets",
    )
    .option("--etcd-pki <directory>", "certificates for an etcds: store (ca.pem, client.pem, client.key)")
    .addOption(
      new Option("--lease <s>", "for how long a leader that is silent still leads")
        .default(5)
        .argParser(leaseSeconds),
    )
    .addOption(
      new Option("--metrics-limit <number>", "how many EIPs, and how many services, /metrics has one by one")
        .default(METRICS_LIMIT)
        .argParser(wholeNumber),
    )
    .addOption(
      new Option("--timeout <ms>", "for each call to a part").default(10_000).argParser(milliseconds),
    )
    .addOption(
      new Option("--audit <ms>", "how often the parts are looked at").default(2_000).argParser(milliseconds),
    )
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"))
    .action((options: ServeOptions) => serve(io, options));

  withServerOptions(program.command("status"))
    .description("whether the switches and LDs hold what is desired, as the controller sees them")
    .action(async (options: ServerOptions) => {
      const { body } = await clientOf(options).get<Status>("/v1/status");
      print(io, options, body, (status) => {
        const rows = status.parts.map(({ name, kind, state, reason, written, mended }) => [
          name,
          kind,
          reason === undefined ? state : `${state}: ${reason}`,
          written,
          mended,
        ]);
        const head = `Revision ${status.revision}, applied ${status.applied_revision}.\n`;
        return head + renderTable(["PART", "KIND", "STATE", "WRITTEN", "MENDED"], rows, "no parts");
      });
    });

  withServerOptions(program.command("history [revision]"))
    .description("who changed what when; with a revision: what it changed")
    .option("--limit <number>", "at most so many revisions", Number, 20)
    .action(async (revision: string | undefined, options: ServerOptions & { limit: number }) => {
      const client = clientOf(options);
      if (revision !== undefined) {
        const { body } = await client.get<CommitHead & { changes: Change[] }>(
          `/v1/history/${encodeURIComponent(revision)}`,
        );
        print(io, options, body, (commit) => {
          const head = `Revision ${commit.revision}, ${commit.time}, ${commit.actor}: ${commit.action}\n`;
          return `${head}${renderChanges(commit.changes, painter(io.stdout))}\n`;
        });
        return;
      }
      const { body } = await client.get<{ commits: CommitHead[] }>(`/v1/history?limit=${options.limit}`);
      print(io, options, body.commits, (commits) =>
        renderTable(
          ["REVISION", "TIME", "WHO", "WHAT", "OBJECTS"],
          commits.map(({ revision, time, actor, action, changes }) => [
            revision,
            time,
            actor,
            action,
            changes,
          ]),
          "no revisions",
        ),
      );
    });
}
