// A warning before real servers leave with the sessions they have, and before a document ends what is under way and not in it.
import type { LeavingServer } from "../reconcile/index.js";
import type { Io } from "./context.js";
import { painter } from "./output.js";
import type { Change } from "./server.js";

const SHOWN = 5;

interface Server {
  name: string;
  address: string;
  port: number;
  weight?: number;
  drain?: boolean;
}

/** Those that changes of the desired state take away, and that were not drained. */
export function leavingIn(changes: readonly Change[]): LeavingServer[] {
  const serversOf = (value: unknown) =>
    (value as { real_servers?: Server[] } | undefined)?.real_servers ?? [];
  return changes
    .filter(({ key, after }) => key.startsWith("services/") && after !== undefined)
    .flatMap(({ key, before, after }) => {
      const endpoint = ({ address, port }: Server) => `${address} ${port}`;
      const stays = new Set(serversOf(after).map(endpoint));
      return serversOf(before)
        .filter((server) => server.drain !== true && server.weight !== 0 && !stays.has(endpoint(server)))
        .map(({ name }) => ({ service: key.slice("services/".length), rs: name }));
    });
}

/** Says on standard error which real servers leave undrained. */
export function warnOfLeaving(io: Pick<Io, "stderr">, leaving: readonly LeavingServer[]): void {
  warn(
    io,
    leaving.map(
      ({ service, rs }) =>
        `real server ${rs} of service ${service} leaves with the sessions it has: they end (sluice drain rs ${service} ${rs} lets them go on)`,
    ),
  );
}

function warn(io: Pick<Io, "stderr">, warnings: readonly string[]): void {
  const lines = new Set(warnings);
  const paint = painter(io.stderr);
  for (const line of [...lines].slice(0, SHOWN)) {
    io.stderr.write(`${paint("yellow", "warning:")} ${line}\n`);
  }
  if (lines.size > SHOWN) {
    io.stderr.write(`${paint("yellow", "warning:")} … and ${lines.size - SHOWN} more\n`);
  }
}

interface Migrating {
  migration?: { from: string; to: string };
}

interface Lds {
  lds?: { name: string; drained?: boolean }[];
}

/** What a whole document ends that does not know of it, of what takes commands their time. */
function endedBy({ key, before, after }: Change): string[] {
  const [section, name] = key.split("/", 2);
  if (section === "services" && after !== undefined) {
    const [was, is] = [before, after].map((value) => (value as Migrating | undefined)?.migration);
    return was === undefined || (is?.from === was.from && is.to === was.to)
      ? []
      : [
          `the migration of service ${name} from ${was.from} to ${was.to} ends, with the sessions that have begun at the other cluster (sluice migrate finish ${name} waits for them)`,
        ];
  }
  if (section === "clusters" && after !== undefined) {
    const stay = new Set(((after as Lds).lds ?? []).map((ld) => ld.name));
    return ((before as Lds | undefined)?.lds ?? [])
      .filter((ld) => ld.drained !== true && !stay.has(ld.name))
      .map(
        (ld) =>
          `LD ${ld.name} of cluster ${name} leaves with its buckets: those are their backups' at once (sluice cluster scale ${name} --remove ${ld.name} empties it first)`,
      );
  }
  return [];
}

/** Says on standard error what a whole document ends. */
export function warnOfEnds(io: Pick<Io, "stderr">, changes: readonly Change[]): void {
  warn(io, changes.flatMap(endedBy));
}
