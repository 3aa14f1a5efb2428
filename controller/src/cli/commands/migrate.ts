// `sluice migrate`: a service moves to another cluster of LDs, and its connections go on (docs/failover.md).
import type { Command } from "commander";
import { type ApiClient, ApiError } from "../../api/index.js";
import type { MigrationNumbers } from "../../measure/index.js";
import { type Io, print } from "../context.js";
import { carryOut, change, existing, type Json } from "../deeds.js";
import { UsageError } from "../exit.js";
import { type Progress, withProgress } from "../progress.js";
import { type ChangeOptions, clientOf, renderResult, scopeOfService, withChangeOptions } from "../server.js";
import { afterChange, countdown, isAway, pollUntil } from "../waiting.js";

const POLL_MS = 200;
/** LDs may be away for a moment. */
const MAX_FAILURES = 50;
const COPYING = { doing: "copying", units: "buckets" };

const keyOf = (service: string) => `services/${service}`;

interface Migration {
  from: string;
  to: string;
}

/** The service, and where it is on its way. */
function readService(
  name: string,
  before: Json | undefined,
): { found: Json; cluster: string; migration?: Migration } {
  const found = existing("service", name, before, `sluice service create ${name} …`);
  return {
    found,
    cluster: found.cluster as string,
    ...(found.migration !== undefined && { migration: found.migration as Migration }),
  };
}

/** Both clusters get the service and copy its sessions. */
function begin(name: string, to: string): (before: Json | undefined) => Json {
  return (before) => {
    const { found, cluster, migration } = readService(name, before);
    if (migration !== undefined && migration.to !== to) {
      throw new UsageError(
        `service ${name} migrates from ${migration.from} to ${migration.to} (sluice migrate finish ${name} or sluice migrate abort ${name} comes first)`,
      );
    }
    return cluster === to || migration !== undefined ? found : { ...found, migration: { from: cluster, to } };
  };
}

/** The switches turn to one of the two clusters. */
function turn(name: string, which: keyof Migration): (before: Json | undefined) => Json {
  return (before) => {
    const { found, migration } = readService(name, before);
    if (migration === undefined) {
      throw new UsageError(`service ${name} does not migrate (sluice get migrations lists those that do)`);
    }
    return { ...found, cluster: migration[which] };
  };
}

/** The cluster that gets its packets. */
async function placeOf(client: ApiClient, service: string): Promise<unknown> {
  return (await client.get<Json>(`/v1/services/${encodeURIComponent(service)}`)).body.cluster;
}

async function numbersOf(client: ApiClient, service: string): Promise<MigrationNumbers | undefined> {
  const { body } = await client.get<{ items: MigrationNumbers[] }>("/v1/measurements/migrations");
  return body.items.find((item) => item.service === service);
}

function endedMeanwhile(service: string): UsageError {
  return new UsageError(
    `service ${service} does not migrate any more (somebody has ended it: sluice history shows who)`,
  );
}

/** Resolves when all sessions are in both clusters. @throws ApiError when the LDs cannot be asked for a while */
function untilCopied(client: ApiClient, service: string, progress: Progress): Promise<MigrationNumbers> {
  const show = countdown(progress);
  return pollUntil(
    async () => {
      const numbers = await numbersOf(client, service);
      if (numbers === undefined) {
        throw endedMeanwhile(service);
      }
      show(numbers.buckets - numbers.buckets_copied);
      return numbers.copied ? numbers : undefined;
    },
    POLL_MS,
    MAX_FAILURES,
  );
}

interface MigrateOptions extends ChangeOptions {
  to: string;
}

async function migrate(io: Io, service: string, options: MigrateOptions): Promise<void> {
  const client = clientOf(options);
  const { to } = options;
  const scope = await scopeOfService(client, service, to);
  const first = await change(client, io, options, {
    key: keyOf(service),
    scope,
    action: `migrate service ${service} --to ${to}`,
    edit: begin(service, to),
  });
  if (options.dryRun === true || first.settled?.settled !== true) {
    print(io, options, { ...first.result, moved: false }, () =>
      renderResult(first.result, options, first.settled, io),
    );
    return;
  }
  const begun = await afterChange(first.result.revision, () => numbersOf(client, service));
  if (begun === undefined) {
    if ((await placeOf(client, service)) !== to) {
      throw endedMeanwhile(service);
    }
    print(io, options, { ...first.result, moved: true, sessions_copied: 0 }, () =>
      renderResult(first.result, options, first.settled, io),
    );
    return; // it has been there already
  }
  const copied = await afterChange(first.result.revision, () =>
    withProgress(io, options, COPYING, (progress) => untilCopied(client, service, progress)),
  );
  const second = await change(client, io, options, {
    key: keyOf(service),
    scope,
    action: `migrate service ${service} --to ${to}: turn the switches`,
    edit: turn(service, "to"),
  });
  const moved = second.settled?.settled === true;
  const left = await afterChange(second.result.revision, async () => {
    const cluster = await placeOf(client, service);
    if (cluster !== to) {
      throw new UsageError(
        `service ${service} is at ${cluster} again: somebody else has changed that meanwhile (sluice history shows who)`,
      );
    }
    return (await numbersOf(client, service))?.sessions_left ?? 0;
  });
  print(io, options, { ...second.result, moved, sessions_copied: copied.sessions_copied }, () =>
    moved
      ? `Moved: service ${service} is at ${to}, with ${copied.sessions_copied} sessions that were copied.\n` +
        `About ${left} of them get their answers by way of the old cluster until they end: sluice get migrations shows how many are left, sluice migrate finish ${service} ends the migration.\n`
      : renderResult(second.result, options, second.settled, io),
  );
}

/** Who has begun at the other cluster would end with the migration. */
async function checkNobodyIsLeft(client: ApiClient, service: string, force: boolean): Promise<void> {
  const left = force ? 0 : ((await numbersOf(client, service))?.sessions_left ?? 0);
  if (left > 0) {
    throw new UsageError(
      `about ${left} sessions of service ${service} have begun at the other cluster and would end (wait until sluice get migrations shows 0, or give --force)`,
    );
  }
}

/**
 * Sessions that have begun at the cluster that a service was to move to, where the switches have turned back from it, or not turned yet.
 *
 * @throws ApiError with what ends the migration all the same
 */
async function begunThere(client: ApiClient, service: string): Promise<number> {
  const { items } = (await client.get<{ items: Json[] }>("/v1/services")).body;
  const { cluster, migration } = items.find(({ name }) => name === service) ?? {};
  if (migration === undefined || cluster !== (migration as Migration).from) {
    return 0;
  }
  try {
    return (await numbersOf(client, service))?.sessions_left ?? 0;
  } catch (error) {
    throw isAway(error)
      ? new ApiError(error.status, error.message, [
          ...(error.problems.length > 0 ? error.problems : [error.message]),
          `whether sessions are left that have begun at the other cluster is not known (sluice migrate finish ${service} --force ends the migration, and those)`,
        ])
      : error;
  }
}

/** Before the switches have turned nobody has begun there, and it is over: also for a command that waits for its copies. */
async function abort(io: Io, service: string, options: ChangeOptions): Promise<void> {
  const left = await begunThere(clientOf(options), service);
  await carryOut(io, options, {
    key: keyOf(service),
    scope: await scopeOfService(clientOf(options), service),
    action: `migrate abort ${service}`,
    edit: (before) => {
      const { found, cluster, migration } = readService(service, before);
      const isBack = migration !== undefined && cluster === migration.from;
      return !isBack ? turn(service, "from")(before) : left === 0 ? finish(service)(before) : found;
    },
  });
}

function finish(name: string): (before: Json | undefined) => Json {
  return (before) => {
    const { migration: _, ...rest } = readService(name, before).found;
    return rest;
  };
}

export function addMigrate(program: Command, io: Io): void {
  const command = program
    .command("migrate")
    .description("services move from one cluster of LDs to another, with their connections");
  withChangeOptions(command.command("service <name>"))
    .description(
      "copy a service's sessions to another cluster and turn the switches to it; what was interrupted goes on",
    )
    .requiredOption("--to <cluster>")
    .action((name: string, options: MigrateOptions) => migrate(io, name, options));
  withChangeOptions(command.command("finish <service>"))
    .description("the service leaves the cluster that does not get its packets")
    .option("--force", "also while sessions are left that have begun there: they end")
    .action(async (name: string, options: ChangeOptions & { force?: boolean }) => {
      await checkNobodyIsLeft(clientOf(options), name, options.force === true);
      await carryOut(io, options, {
        key: keyOf(name),
        scope: await scopeOfService(clientOf(options), name),
        action: `migrate finish ${name}`,
        isRisky: options.force === true,
        edit: finish(name),
      });
    });
  withChangeOptions(command.command("abort <service>"))
    .description(
      "packets go to the cluster that the service has come from again; its connections go on there",
    )
    .action((name: string, options: ChangeOptions) => abort(io, name, options));
}
