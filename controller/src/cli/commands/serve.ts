// sluice serve: the controller as a daemon; sluice status and history: what it says of itself.
import { type Command, Option } from "commander";
import { METRICS_LIMIT } from "../../api/index.js";
import { type Io, print, withPipelineOptions } from "../context.js";
import { milliseconds, wholeNumber, wholeNumberIn } from "../numbers.js";
import { painter, renderTable } from "../output.js";
import {
  type Change,
  clientOf,
  renderChanges,
  type ServerOptions,
  type Status,
  withServerOptions,
} from "../server.js";
import type { ServeOptions } from "../serving.js";

/** Of one answer (api/server.ts). */
const MAX_REVISIONS = 1000;
/** The longest that etcd makes a lease is years; a region should not be without a leader for longer than this. */
const MAX_LEASE_S = 60;

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
        .argParser(wholeNumberIn(1, MAX_LEASE_S)),
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
    .action(async (options: ServeOptions) => {
      const { serve } = await import("../serving.js");
      await serve(io, options);
    });

  withServerOptions(program.command("status"))
    .description("whether the switches and LDs hold what is desired, as the controller sees them")
    .action(async (options: ServerOptions) => {
      const { body } = await clientOf(options).get<Status>("/v1/status");
      print(io, options, body, (status) => {
        const rows = status.parts.map(({ name, kind, state, reason, health, written, mended }) => [
          name,
          kind,
          [
            reason === undefined ? state : `${state}: ${reason}`,
            ...(health?.state === "not ready" ? [`not ready: ${health.reason}`] : []),
          ].join("; "),
          written,
          mended,
        ]);
        const head = `Revision ${status.revision}, applied ${status.applied_revision}.\n`;
        return head + renderTable(["PART", "KIND", "STATE", "WRITTEN", "MENDED"], rows, "no parts");
      });
    });

  withServerOptions(program.command("history [revision]"))
    .description("who changed what when; with a revision: what it changed")
    .option("--limit <number>", "at most so many revisions", wholeNumberIn(1, MAX_REVISIONS), 20)
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
