// Real servers as the LDs see them: their health, their sessions, and which of them leave.
import { type LdConfig, RsHealth, type RsState } from "@sluice/proto/ld";
import { formatEndpoint } from "./ld_facts.js";
import { allOrReasons, type LdPart } from "./parts.js";

export interface RsNumbers {
  service: string;
  rs: string;
  address: string;
  ld: string;
  weight: number;
  health: "up" | "down" | "suspect" | "unchecked";
  /** Part of its weight that new sessions count on, in percent. */
  share_percent: number;
  since: string | undefined;
  last_error: string;
  last_latency_ms: number | undefined;
  sessions_active: number;
  sessions_standby: number;
  /** Of both, those that have begun at the cluster from which the service migrates. */
  sessions_guest: number;
  /** Of both, those of buckets that this LD is the primary of. */
  sessions_primary: number;
}

const HEALTH: Record<number, RsNumbers["health"]> = {
  [RsHealth.UP]: "up",
  [RsHealth.DOWN]: "down",
  [RsHealth.SUSPECT]: "suspect",
};

export function numbersOf(ld: string, state: RsState): RsNumbers {
  return {
    service: state.service,
    rs: state.rs,
    address: formatEndpoint(state.address, state.port),
    ld,
    weight: state.weight,
    health: HEALTH[state.health] ?? "unchecked",
    share_percent: state.sharePermille / 10,
    since: state.sinceMs === 0n ? undefined : new Date(Number(state.sinceMs)).toISOString(),
    last_error: state.lastError,
    last_latency_ms: state.lastLatencyUs === 0 ? undefined : state.lastLatencyUs / 1000,
    sessions_active: Number(state.sessionsActive),
    sessions_standby: Number(state.sessionsStandby),
    sessions_guest: Number(state.sessionsGuest),
    sessions_primary: Number(state.sessionsPrimary),
  };
}

export function byServer(a: RsNumbers, b: RsNumbers): number {
  return a.service.localeCompare(b.service) || a.rs.localeCompare(b.rs) || a.ld.localeCompare(b.ld);
}

/** In the order of service, RS and LD. @throws UnreachableError with the reason of each LD that cannot be asked */
export async function readRealServers(lds: readonly Pick<LdPart, "connection">[]): Promise<RsNumbers[]> {
  const all = await allOrReasons(
    lds.map(async ({ connection }) => {
      const { realServers } = await connection.realServers();
      return realServers.map((state) => numbersOf(connection.name, state));
    }),
  );
  return all.flat().sort(byServer);
}

/** Real servers that leave a service while they may have sessions: these end with them. */
export interface LeavingServer {
  service: string;
  rs: string;
}

/** Those that an LD's next configuration no longer has, and that were not drained in the one it holds. */
export function leavingUndrained(held: LdConfig | undefined, next: LdConfig): LeavingServer[] {
  const services = new Map(next.services.map((service) => [service.name, service]));
  return (held?.services ?? []).flatMap(({ name: service, realServers }) => {
    const after = services.get(service);
    const stays = new Set(after?.realServers.map(({ address, port }) => formatEndpoint(address, port)));
    return after === undefined
      ? []
      : realServers
          .filter(({ weight, address, port }) => weight > 0 && !stays.has(formatEndpoint(address, port)))
          .map(({ name }) => ({ service, rs: name }));
  });
}
