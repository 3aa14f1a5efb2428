// `sluice drain rs`: a real server gets no new sessions any more, and those that it has go on until they end.
import type { Command } from "commander";
import { type ApiClient, ApiError } from "../../api/index.js";
import type { Drain } from "../../reconcile/index.js";
import { type Io, print } from "../context.js";
import { change, existing, type Json } from "../deeds.js";
import { UsageError } from "../exit.js";
import { type Progress, withProgress } from "../progress.js";
import { type ChangeOptions, clientOf, renderResult, scopeOfService, withChangeOptions } from "../server.js";
import { afterChange, countdown, pollUntil } from "../waiting.js";

const POLL_MS = 500;
/** An LD may be away for a moment while sessions end for hours. */
const MAX_FAILURES = 20;
const DRAINING = { doing: "draining", units: "sessions" };

interface DrainOptions extends ChangeOptions {
  cancel?: boolean;
}

function withDrain(service: string, name: string, drain: boolean): (before: Json | undefined) => Json {
  return (before) => {
    const found = existing("service", service, before, `sluice service create ${service} …`);
    const servers = (found.real_servers as Json[] | undefined) ?? [];
    if (!servers.some((server) => server.name === name)) {
      const names = servers.map((server) => server.name).join(", ");
      throw new UsageError(
        `service ${service} has no real server ${name} (it has ${names === "" ? "none" : names})`,
      );
    }
    const changed = ({ drain: _, ...server }: Json) => (drain ? { ...server, drain } : server);
    return {
      ...found,
      real_servers: servers.map((server) => (server.name === name ? changed(server) : server)),
    };
  };
}

async function drainOf(client: ApiClient, service: string, name: string): Promise<Drain> {
  const { body } = await client.get<{ items: Drain[] }>("/v1/measurements/drains");
  const drain = body.items.find((item) => item.service === service && item.rs === name);
  if (drain === undefined) {
    throw new ApiError(
      404,
      `no LD says that ${name} of service ${service} is drained (somebody has undone it?)`,
    );
  }
  return drain;
}

/** Resolves when no LD has a session of it any more. @throws ApiError when the LDs cannot be asked for a while */
function untilDrained(client: ApiClient, service: string, name: string, progress: Progress) {
  const show = countdown(progress);
  return pollUntil(
    async () => {
      const { sessions, complete } = await drainOf(client, service, name);
      if (complete) {
        return true;
      }
      show(sessions);
      return undefined;
    },
    POLL_MS,
    MAX_FAILURES,
  );
}

export function addDrain(program: Command, io: Io): void {
  const drain = program.command("drain").description("take something out of use without ending what uses it");
  withChangeOptions(drain.command("rs <service> <name>"))
    .description(
      "a real server gets no new sessions; waits until its last one has ended (sluice get drains shows how many are left)",
    )
    .option("--cancel", "it gets new sessions again")
    .action(async (service: string, name: string, options: DrainOptions) => {
      const client = clientOf(options);
      const { result, settled } = await change(client, io, options, {
        key: `services/${service}`,
        scope: await scopeOfService(client, service),
        action: `drain rs ${service} ${name}${options.cancel === true ? " --cancel" : ""}`,
        edit: withDrain(service, name, options.cancel !== true),
      });
      const isOver = options.cancel === true || options.dryRun === true || settled?.settled !== true;
      if (!isOver) {
        await afterChange(result.revision, () =>
          withProgress(io, options, DRAINING, (progress) => untilDrained(client, service, name, progress)),
        );
      }
      print(
        io,
        options,
        { ...result, ...(settled && { settled: settled.settled }), complete: !isOver },
        () =>
          isOver
            ? renderResult(result, options, settled, io)
            : `Drained: no LD has a session of ${name} any more (sluice rs remove ${service} ${name} takes it away).\n`,
      );
    });
}
