// Numbers, read from the switches and LDs themselves, with the names of the document put to them. Nothing is estimated here.
import {
  type BucketRange,
  type Counters,
  IpProtocol,
  LdConfig,
  type RsCounters,
  type Session,
  type SessionFilter,
  SessionState,
} from "@sluice/proto/ld";
import { fromRanges, NO_LD, nameOf, PROTOCOL_NUMBERS, toRanges, vniOf } from "../compile/index.js";
import { type CounterValue, describeKey, type Entry } from "../p4runtime/index.js";
import {
  allOrReasons,
  formatEndpoint,
  healthOf,
  type LdPart,
  type Parts,
  type SwitchPart,
} from "../reconcile/index.js";
import { endpointOf, serviceAddress } from "../state/index.js";
import { DROP_REASONS } from "../tables/constants.js";

async function entriesOf(part: SwitchPart, tables?: string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of part.connection.read(tables, { counters: true })) {
    entries.push(entry);
  }
  return entries;
}

const NOTHING: CounterValue = { packets: 0n, bytes: 0n };

// ---- Services ----------------------------------------------------------------------------------------------------------

interface RsNumbers {
  sessions_total: bigint;
  sessions_active: bigint;
  packets_in: bigint;
  bytes_in: bigint;
  packets_out: bigint;
  bytes_out: bigint;
}

export interface ServiceNumbers {
  name: string;
  vip: string;
  cluster: string;
  /** As the switches count them, on their way to the LDs. */
  packets: bigint;
  bytes: bigint;
  switches: ({ switch: string } & CounterValue)[];
  real_servers: ({
    name: string;
    address: string;
    weight: number;
    lds: ({ ld: string } & RsNumbers)[];
  } & RsNumbers)[];
}

function rsNumbers(counters: readonly RsCounters[]): RsNumbers {
  const sum = (field: Exclude<keyof RsCounters, "rs">) =>
    counters.reduce((total, item) => total + item[field], 0n);
  return {
    sessions_total: sum("sessionsTotal"),
    sessions_active: sum("sessionsActive"),
    packets_in: sum("packetsIn"),
    bytes_in: sum("bytesIn"),
    packets_out: sum("packetsOut"),
    bytes_out: sum("bytesOut"),
  };
}

function serviceKey({ match }: Entry): string {
  return [match.vni, match.vip, match.protocol, match.port].join(" ");
}

/** @throws UnreachableError */
export async function measureServices({ state, switches, lds }: Parts): Promise<ServiceNumbers[]> {
  const [tables, counters] = await Promise.all([
    allOrReasons(switches.map((part) => entriesOf(part, ["service", "service_v6"]))),
    allOrReasons(lds.map(({ connection }) => connection.getCounters())),
  ]);
  const counted = tables.map(
    (entries) => new Map(entries.map((entry) => [serviceKey(entry), entry.counter])),
  );
  const byService = counters.map(
    (item) => new Map((item?.services ?? []).map((service) => [service.service, service.realServers])),
  );
  return state.services.map((service) => {
    const vni = vniOf(state, service.vpc);
    const key = [vni, service.vip, PROTOCOL_NUMBERS[service.protocol], service.port].join(" ");
    const perSwitch = switches.map(({ connection }, i) => ({
      switch: connection.name,
      ...(counted[i]!.get(key) ?? NOTHING),
    }));
    return {
      name: service.name,
      vip: serviceAddress(service),
      cluster: service.cluster,
      packets: perSwitch.reduce((sum, { packets }) => sum + packets, 0n),
      bytes: perSwitch.reduce((sum, { bytes }) => sum + bytes, 0n),
      switches: perSwitch,
      real_servers: service.real_servers.map((rs) => {
        const perLd = lds.flatMap(({ cluster, connection }, i) => {
          const found = byService[i]!.get(service.name)?.find((item) => item.rs === rs.name);
          return cluster.name !== service.cluster || found === undefined
            ? []
            : [{ ld: connection.name, found }];
        });
        return {
          name: rs.name,
          address: endpointOf(rs),
          weight: rs.weight,
          ...rsNumbers(perLd.map(({ found }) => found)),
          lds: perLd.map(({ ld, found }) => ({ ld, ...rsNumbers([found]) })),
        };
      }),
    };
  });
}

// ---- Buckets -----------------------------------------------------------------------------------------------------------

export interface BucketNumbers {
  switch: string;
  cluster: string;
  ld: string;
  buckets: number;
  ranges: BucketRange[];
  /** Buckets that go to it when their own LD is late. */
  backup_of: number;
  backup_ranges: BucketRange[];
}

/** Which LD each switch sends each bucket to, and which one stands in for it. @throws UnreachableError */
export async function measureBuckets({ ids, switches }: Parts): Promise<BucketNumbers[]> {
  const tables = await allOrReasons(switches.map((part) => entriesOf(part, ["ld_of_bucket"])));
  return switches.flatMap(({ connection }, i) => {
    const groups = new Map<string, { cluster: string; ld: string; own: number[]; others: number[] }>();
    const groupOf = (clusterId: number, ldId: number) => {
      const key = `${clusterId} ${ldId}`;
      const group = groups.get(key) ?? {
        cluster: nameOf(ids.clusters, clusterId),
        ld: nameOf(ids.lds, ldId),
        own: [],
        others: [],
      };
      groups.set(key, group);
      return group;
    };
    for (const { match, params } of tables[i]!) {
      const [cluster, ld, backup] = [match.cluster_id, params?.ld_id, params?.backup_ld_id].map(Number);
      groupOf(cluster!, ld!).own.push(Number(match.bucket));
      if (backup !== Number(NO_LD)) {
        groupOf(cluster!, backup!).others.push(Number(match.bucket));
      }
    }
    return [...groups.values()]
      .map(({ cluster, ld, own, others }) => ({
        switch: connection.name,
        cluster,
        ld,
        buckets: own.length,
        ranges: toRanges(own),
        backup_of: others.length,
        backup_ranges: toRanges(others),
      }))
      .sort((a, b) => a.cluster.localeCompare(b.cluster) || a.ld.localeCompare(b.ld));
  });
}

// ---- LDs ---------------------------------------------------------------------------------------------------------------

export interface LdNumbers {
  name: string;
  cluster: string;
  agent: string;
  up: boolean;
  /** It is up, and switches may send it packets: it has all sessions of its buckets. */
  ready: boolean;
  /** Why it is not. */
  reason: string;
  version: string;
  uptime_ms: bigint;
  worker_cores: number;
  epoch: bigint;
  buckets: number;
  sessions_total: bigint;
  sessions_active: bigint;
  sessions_capacity: bigint;
  packets_in: bigint;
  packets_out: bigint;
  port: Record<string, bigint>;
  drops: Record<string, bigint>;
}

function byName(counters: Counters["port"]): Record<string, bigint> {
  return Object.fromEntries(counters.map(({ name, value }) => [name, value]));
}

async function measureLd({ cluster, spec, connection }: LdPart): Promise<LdNumbers> {
  const down = {
    name: connection.name,
    cluster: cluster.name,
    agent: spec.agent,
    up: false,
    ready: false,
    reason: "",
    version: "",
    uptime_ms: 0n,
    worker_cores: 0,
    epoch: 0n,
    buckets: 0,
    sessions_total: 0n,
    sessions_active: 0n,
    sessions_capacity: 0n,
    packets_in: 0n,
    packets_out: 0n,
    port: {},
    drops: {},
  };
  try {
    const status = await connection.getStatus();
    const { state, reason } = healthOf(status);
    if (state === "down") {
      return { ...down, reason };
    }
    const [config = LdConfig.create(), counters] = await Promise.all([
      connection.getConfig(),
      connection.getCounters(),
    ]);
    const total = rsNumbers((counters?.services ?? []).flatMap(({ realServers }) => realServers));
    return {
      ...down,
      up: true,
      ready: state === "ready",
      reason,
      version: status.version,
      uptime_ms: status.dataPlaneUptimeMs,
      worker_cores: status.workerCores,
      epoch: config.epoch,
      buckets: fromRanges(config.ownedBuckets).size,
      sessions_total: total.sessions_total,
      sessions_active: counters?.sessionsActive ?? 0n,
      sessions_capacity: counters?.sessionsCapacity ?? 0n,
      packets_in: total.packets_in,
      packets_out: total.packets_out,
      port: byName(counters?.port ?? []),
      drops: byName(counters?.drops ?? []),
    };
  } catch (error) {
    return { ...down, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** One that is down is listed with the reason. */
export function measureLds({ lds }: Parts): Promise<LdNumbers[]> {
  return Promise.all(lds.map(measureLd));
}

// ---- Sessions ----------------------------------------------------------------------------------------------------------

export interface SessionNumbers {
  ld: string;
  service: string;
  vni: number;
  protocol: string;
  client: string;
  vip: string;
  local: string;
  rs: string;
  rs_address: string;
  state: string;
  bucket: number;
  core: number;
  age_ms: bigint;
  expires_in_ms: bigint;
  packets_in: bigint;
  packets_out: bigint;
}

function sessionNumbers(ld: string, session: Session): SessionNumbers {
  return {
    ld,
    service: session.service,
    vni: session.vni,
    protocol: (IpProtocol[session.protocol] ?? `${session.protocol}`).toLowerCase(),
    client: formatEndpoint(session.clientIp, session.clientPort),
    vip: formatEndpoint(session.vip, session.vipPort),
    local: formatEndpoint(session.localIp, session.localPort),
    rs: session.rs,
    rs_address: formatEndpoint(session.rsIp, session.rsPort),
    state: SessionState[session.state] ?? `${session.state}`,
    bucket: session.bucket,
    core: session.core,
    age_ms: session.ageMs,
    expires_in_ms: session.expiresInMs,
    packets_in: session.packetsIn,
    packets_out: session.packetsOut,
  };
}

/** @param filter - asked of each LD, its limit too. @throws UnreachableError */
export async function measureSessions({ lds }: Parts, filter: SessionFilter): Promise<SessionNumbers[]> {
  const lists = await allOrReasons(
    lds.map(async ({ connection }) => {
      const sessions: SessionNumbers[] = [];
      for await (const session of connection.sessions(filter)) {
        sessions.push(sessionNumbers(connection.name, session));
      }
      return sessions;
    }),
  );
  return lists.flat();
}

// ---- Drops and counters ------------------------------------------------------------------------------------------------

export interface DropNumbers {
  part: string;
  kind: "switch" | "ld";
  /** Packets by reason; every reason that the part knows is listed. */
  drops: Record<string, bigint>;
}

/** @throws UnreachableError */
export async function measureDrops({ switches, lds }: Parts): Promise<DropNumbers[]> {
  const [cells, counters] = await Promise.all([
    allOrReasons(switches.map(({ connection }) => connection.readCounter("drops"))),
    allOrReasons(lds.map(({ connection }) => connection.getCounters())),
  ]);
  return [
    ...switches.map(
      ({ connection }, i): DropNumbers => ({
        part: connection.name,
        kind: "switch",
        drops: Object.fromEntries(
          DROP_REASONS.map(({ index, name }) => [name, cells[i]!.get(index)?.packets ?? 0n]),
        ),
      }),
    ),
    ...lds.map(
      ({ connection }, i): DropNumbers => ({
        part: connection.name,
        kind: "ld",
        drops: byName(counters[i]?.drops ?? []),
      }),
    ),
  ];
}

export interface CounterNumbers {
  part: string;
  counter: string;
  packets: bigint | undefined;
  bytes: bigint | undefined;
  /** Of an LD's counter, whose unit is in its name. */
  value: bigint | undefined;
}

/** The direct counters of each switch's entries, and each LD's port. @throws UnreachableError */
export async function measureCounters({ switches, lds }: Parts): Promise<CounterNumbers[]> {
  const [tables, counters] = await Promise.all([
    allOrReasons(switches.map((part) => entriesOf(part))),
    allOrReasons(lds.map(({ connection }) => connection.getCounters())),
  ]);
  return [
    ...switches.flatMap(({ connection }, i) =>
      tables[i]!.flatMap((entry) =>
        entry.counter === undefined
          ? []
          : [{ part: connection.name, counter: describeKey(entry), ...entry.counter, value: undefined }],
      ),
    ),
    ...lds.flatMap(({ connection }, i) =>
      (counters[i]?.port ?? []).map(({ name, value }) => ({
        part: connection.name,
        counter: name,
        packets: undefined,
        bytes: undefined,
        value,
      })),
    ),
  ];
}
