// sluice serve: the controller as a daemon; sluice status and history: what it says of itself.
import { readFileSync } from "node:fs";
import { mkdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { pino } from "pino";
import { ApiServer, type TlsFiles } from "../../api/index.js";
import { RegionController } from "../../daemon/index.js";
import { LevelStore } from "../../store/index.js";
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

interface ServeOptions extends PipelineOptions {
  store: string;
  listen: string;
  pki?: string;
  timeout: number;
  audit: number;
  logLevel: string;
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

async function serve(io: Io, options: ServeOptions): Promise<void> {
  const unix = options.listen.startsWith("unix:");
  if (!unix && options.pki === undefined) {
    throw new UsageError(
      `--listen ${options.listen}: whoever reaches a TCP port could change the region (give --pki, or listen on unix:/path)`,
    );
  }
  const pipeline = await loadPipeline(options);
  // Written at once: what happened just before a crash is what one wants to read.
  const log = pino(
    { level: options.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: (line) => io.stdout.write(line),
    },
  );
  await mkdir(options.store, { recursive: true, mode: 0o700 });
  const store = await LevelStore.open(options.store);
  const controller = await RegionController.start({
    store,
    pipeline,
    log,
    timeoutMs: options.timeout,
    auditMs: options.audit,
    ...(options.pki !== undefined && { pki: options.pki }),
  });
  const server = new ApiServer(controller, log, unix ? undefined : tlsFiles(options.pki!));
  try {
    if (unix) {
      // The store's lock says that no other controller of this region uses the socket.
      await unlink(options.listen.slice("unix:".length)).catch(() => {});
    }
    const address = await server.listen(options.listen);
    log.info({ event: "listening", address });
    const signal = await new Promise<string>((resolve) => {
      process.once("SIGINT", resolve).once("SIGTERM", resolve);
    });
    log.info({ event: "stopping", signal });
  } finally {
    await server.close().catch(() => {});
    await controller.close();
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
    .requiredOption("--store <directory>", "where the desired state and its history are kept")
    .addOption(
      new Option("--listen <address>", "the API: unix:/path, or host:port with --pki").default(
        "unix:/run/sluice/controller.sock",
      ),
    )
    .option(
      "--pki <directory>",
      "the controller's certificates (sluice pki init), for users and parts that are not on Unix sockets",
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
