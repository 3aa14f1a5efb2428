// Real servers that are being drained: how many sessions they have yet, and whether they can be taken away.
import { clustersOf, type DesiredState } from "../state/index.js";
import { allOrReasons, type LdPart, type Parts } from "./parts.js";
import { byServer, numbersOf, type RsNumbers } from "./real_servers.js";

export interface Drain {
  service: string;
  rs: string;
  address: string;
  /** Each counted once, also those that are idle. While an LD cannot say which are its own, each LD's copy counts. */
  sessions: number;
  /** No LD has a session of it, and none gives it new ones. */
  complete: boolean;
}

/** What one LD says of real servers. */
interface Report {
  cluster: string;
  /** By which its `sessions_primary` counts; 0: it cannot say. */
  epoch: bigint;
  realServers: Map<string, RsNumbers>;
}

const keyOf = ({ service, rs, address }: Pick<RsNumbers, "service" | "rs" | "address">) =>
  `${service}\n${rs}\n${address}`;

async function reportOf({ connection, cluster }: LdPart): Promise<Report> {
  const { realServers, countedEpoch } = await connection.realServers();
  const numbers = realServers.map((state) => numbersOf(connection.name, state));
  return {
    cluster: cluster.name,
    epoch: countedEpoch,
    realServers: new Map(numbers.map((item) => [keyOf(item), item])),
  };
}

/**
 * What is drained, by what all LDs say. One that cannot be asked counts when its cluster has a service of which one is to be drained.
 *
 * @throws UnreachableError
 */
export async function readDrains({ state, lds }: Pick<Parts, "state" | "lds">): Promise<Drain[]> {
  const drained = state.services.filter((service) =>
    service.real_servers.some(({ drain, weight }) => drain || weight === 0),
  );
  const clusters = new Set(drained.flatMap(clustersOf));
  const reports = await allOrReasons(
    lds.map((ld) =>
      reportOf(ld).catch((error: unknown): Report => {
        if (clusters.has(ld.cluster.name)) throw error;
        return { cluster: ld.cluster.name, epoch: 0n, realServers: new Map() };
      }),
    ),
  );
  return drainsOf(state, reports);
}

/** RSs that weigh nothing at an LD, in the order of service and RS. */
function drainsOf({ services }: DesiredState, reports: readonly Report[]): Drain[] {
  const numbers = reports.flatMap(({ realServers }) => [...realServers.values()]);
  const drained = new Map(numbers.filter(({ weight }) => weight === 0).map((item) => [keyOf(item), item]));
  return [...drained.values()].sort(byServer).map((item) => {
    const service = services.find(({ name }) => name === item.service);
    // A service that is gone is where it is still heard of.
    const clusters =
      service === undefined
        ? reports.filter(({ realServers }) => realServers.has(keyOf(item))).map(({ cluster }) => cluster)
        : clustersOf(service);
    return drainOf(
      item,
      reports.filter(({ cluster }) => clusters.includes(cluster)),
    );
  });
}

/** @param reports - of all LDs of the clusters that the service is at */
function drainOf({ service, rs, address }: RsNumbers, reports: readonly Report[]): Drain {
  const key = keyOf({ service, rs, address });
  const clusters = [...new Set(reports.map(({ cluster }) => cluster))].map((name) =>
    sessionsAt(
      key,
      reports.filter(({ cluster }) => cluster === name),
    ),
  );
  // While a service migrates, both clusters know its sessions.
  const sessions = Math.max(sum(key, reports, "sessions_active"), ...clusters);
  // An LD that does not know of the drain may open new ones; one that has no configuration yet does not know its sessions.
  const everywhere = reports.every(({ realServers }) => realServers.get(key)?.weight === 0);
  return { service, rs, address, sessions, complete: everywhere && sessions === 0 };
}

/** A session is the primary's of its bucket, as long as all LDs agree who that is, and have what they are the primary of. */
function sessionsAt(key: string, members: readonly Report[]): number {
  const epochs = new Set(members.map(({ epoch }) => epoch));
  return epochs.size === 1 && !epochs.has(0n)
    ? sum(key, members, "sessions_primary")
    : sum(key, members, "sessions_active") + sum(key, members, "sessions_standby");
}

function sum(
  key: string,
  reports: readonly Report[],
  what: "sessions_active" | "sessions_standby" | "sessions_primary",
): number {
  return reports.reduce((total, { realServers }) => total + (realServers.get(key)?.[what] ?? 0), 0);
}
