// A warning before real servers leave with the sessions they have.
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
  const lines = new Set(
    leaving.map(
      ({ service, rs }) =>
        `real server ${rs} of service ${service} leaves with the sessions it has: they end (sluice drain rs ${service} ${rs} lets them go on)`,
    ),
  );
  const paint = painter(io.stderr);
  for (const line of [...lines].slice(0, SHOWN)) {
    io.stderr.write(`${paint("yellow", "warning:")} ${line}\n`);
  }
  if (lines.size > SHOWN) {
    io.stderr.write(`${paint("yellow", "warning:")} … and ${lines.size - SHOWN} more\n`);
  }
}
