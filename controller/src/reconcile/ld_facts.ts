// An LD's configuration as a list of facts: two configurations are the same when their facts are, whatever the order of their
// lists, and the difference is what people want to see.
import { createHash } from "node:crypto";
import {
  type BucketAssignment,
  IpProtocol,
  type LdConfig,
  Limit,
  type Peer,
  type RealServer,
  Scheduler,
  Service,
} from "@sluice/proto/ld";
import { formatRanges, joinRanges } from "../compile/index.js";
import { formatAddress } from "../p4runtime/index.js";

const BUCKET_MAP = "bucket map";

/** `203.0.113.10:80/tcp` */
export function formatEndpoint(address: Uint8Array, port: number, protocol?: IpProtocol): string {
  const host = address.length === 16 ? `[${formatAddress(address)}]` : formatAddress(address);
  return `${host}:${port}${protocol === undefined ? "" : `/${IpProtocol[protocol]?.toLowerCase() ?? protocol}`}`;
}

/** The key of a service on the wire: what tells it from any other. */
export function serviceKey({ vni, vip, protocol, port }: Service): string {
  return `${vni === 0 ? "" : `VNI ${vni} `}${formatEndpoint(vip, port, protocol)}`;
}

function realServerFact({ address, port, weight, vpc }: RealServer): string {
  const place = vpc && ` VNI ${vpc.vni} host ${formatAddress(vpc.hostVtep)} MAC ${formatAddress(vpc.mac)}`;
  return `${formatEndpoint(address, port)} weight ${weight}${place ?? ""}`;
}

/** A key is shown by what cannot be turned back into it. */
function fingerprint(...keys: Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const key of keys) {
    hash.update(key);
  }
  return hash.digest("hex").slice(0, 8);
}

function heartbeatFacts({ heartbeat }: LdConfig): [string, string][] {
  if (heartbeat === undefined) {
    return [];
  }
  const { ldId, intervalMs, holdMs, switches, previousEpoch } = heartbeat;
  const also = previousEpoch === 0 ? "" : `, for epoch ${previousEpoch} too`;
  const to = switches.map(formatAddress).sort().join(" and ");
  return [["heartbeat", `LD ${ldId} every ${intervalMs} ms, held ${holdMs} ms, to ${to}${also}`]];
}

function peerList(lds: readonly Peer[]): string {
  return lds
    .map(({ ldId, vtep }) => `${ldId} at ${formatAddress(vtep)}`)
    .sort()
    .join(", ");
}

/** One line for each run of buckets: what it says of ports that are not given out yet is not of the map, and may cut its ranges. */
function mapText(buckets: readonly BucketAssignment[]): string {
  const runs: { first: number; last: number; holders: string }[] = [];
  for (const { first, last, ldId, backupLdId, shares } of buckets) {
    const divided = shares === undefined ? "" : ` ${shares.primary} ${shares.backup}`;
    const holders = `${ldId} ${backupLdId}${divided}`;
    const run = runs.at(-1);
    if (run !== undefined && run.last + 1 === first && run.holders === holders) {
      run.last = last;
    } else {
      runs.push({ first, last, holders });
    }
  }
  return runs.map(({ first, last, holders }) => `${first} ${last} ${holders}`).join("\n");
}

function clusterFacts({ cluster, heartbeat }: LdConfig): [string, string][] {
  if (cluster === undefined) {
    return [];
  }
  const { ldId, lds, buckets, replicationKey } = cluster;
  const backed = buckets.filter(({ backupLdId }) => backupLdId === ldId);
  const withheld = buckets.filter(({ withheldShares }) => withheldShares !== 0);
  const left = buckets.filter(({ formerLdId }) => formerLdId !== 0);
  const former = [...new Set(left.map(({ formerLdId }) => formerLdId))].map((id) => {
    const ranges = joinRanges(left.filter(({ formerLdId }) => formerLdId === id));
    return `${id} of ${formatRanges(ranges)}`;
  });
  // A heartbeat's 32 bits could be found by trying; together with the longer key they cannot.
  const keys = [replicationKey, Buffer.from(`${heartbeat?.key ?? 0}`)];
  return [
    ["LDs", peerList(lds)],
    ...(backed.length === 0
      ? []
      : [["backup of buckets", formatRanges(joinRanges(backed))] as [string, string]]),
    [BUCKET_MAP, fingerprint(Buffer.from(mapText(buckets)))],
    ...(withheld.length === 0
      ? []
      : [["ports withheld in buckets", formatRanges(joinRanges(withheld))] as [string, string]]),
    ...(former.length === 0 ? [] : [["former LDs", former.sort().join("; ")] as [string, string]]),
    ["replication", replicationKey.length === 0 ? "off" : `on, keys ${fingerprint(...keys)}`],
  ];
}

function migrationFacts({ migration }: LdConfig): [string, string][] {
  if (migration === undefined) {
    return [];
  }
  const { services, lds, buckets, key, epoch } = migration;
  const map = buckets.map((item) => `${item.first} ${item.last} ${item.ldId}`).join("\n");
  return [
    ["migration of", services.join(", ")],
    ["migration LDs", peerList(lds)],
    ["migration map", fingerprint(Buffer.from(`${epoch}\n${map}`), key)],
  ];
}

function plain(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value).replaceAll('"', "") : `${value}`;
}

/** What services may take in together, as far as it is limited. */
function limitFacts({ limits, priorityPorts }: LdConfig): [string, string][] {
  const facts = limits.map((limit): [string, string] => {
    const { name, ...rest } = Limit.toJSON(limit) as Record<string, unknown>;
    return [`limit ${name}`, plain(rest)];
  });
  const ports = priorityPorts.map(({ protocol, port }) => `${port}/${IpProtocol[protocol]?.toLowerCase()}`);
  return ports.length === 0 ? facts : [...facts, ["priority ports", ports.sort().join(", ")]];
}

/** What a service's sessions are treated by, as far as it is not the default. */
function policyFacts(service: Service): [string, string][] {
  const { name, vni, vip, protocol, port, scheduler, realServers, ...policy } = service;
  const fields = Service.toJSON(Service.fromPartial(policy)) as Record<string, unknown>;
  for (const list of ["allow", "block"] as const) {
    if (service[list].length > 0) {
      fields[list] = service[list]
        .map(({ address, len }) => `${formatAddress(address)}/${len}`)
        .sort()
        .join(", ");
    }
  }
  return Object.entries(fields).map(([field, value]) => [field, plain(value)]);
}

function serviceFacts(service: Service): [string, string][] {
  const { name } = service;
  const scheduler = Scheduler[service.scheduler] ?? `${service.scheduler}`;
  return [
    [`service ${name}`, `${serviceKey(service)} ${scheduler.toLowerCase()}`],
    ...policyFacts(service).map(([field, value]): [string, string] => [`service ${name} ${field}`, value]),
    ...service.realServers.map((rs): [string, string] => [
      `service ${name} RS ${rs.name}`,
      realServerFact(rs),
    ]),
  ];
}

/** @returns name -> value, both for people; the epoch is a fact too */
export function factsOf(config: LdConfig | undefined): Map<string, string> {
  const facts = new Map(headFacts(config));
  for (const service of config?.services ?? []) {
    for (const [fact, value] of serviceFacts(service)) {
      facts.set(fact, value);
    }
  }
  return facts;
}

/** Configurations do not change, and each is compared with many. */
const headsKnown = new WeakMap<LdConfig, ReadonlyMap<string, string>>();

/** {@link factsOf} without the services, of which there may be many thousands. */
export function headFacts(config: LdConfig | undefined): ReadonlyMap<string, string> {
  if (config === undefined) {
    return new Map();
  }
  let facts = headsKnown.get(config);
  if (facts === undefined) {
    facts = findHeadFacts(config);
    headsKnown.set(config, facts);
  }
  return facts;
}

function findHeadFacts(config: LdConfig): Map<string, string> {
  const facts = new Map<string, string>();
  facts.set("tunnel endpoint", `${formatAddress(config.vtep)}/${config.prefixLen}`);
  facts.set("gateway", formatAddress(config.gateway));
  if (config.ipv6 !== undefined) {
    const { address, prefixLen, gateway } = config.ipv6;
    facts.set("IPv6", `${formatAddress(address)}/${prefixLen} gateway ${formatAddress(gateway)}`);
  }
  facts.set("gateway tunnel", formatAddress(config.gatewayVtep));
  if (config.returnTunnels.length > 0) {
    facts.set("region entries", config.returnTunnels.map(formatAddress).join(", "));
  }
  facts.set("MTU", config.mtuBytes === 0 ? "default" : `${config.mtuBytes} bytes`);
  facts.set("local IPs", config.localIps.map(formatAddress).sort().join(", "));
  facts.set("buckets", formatRanges(joinRanges(config.ownedBuckets)));
  facts.set("epoch", `${config.epoch}`);
  for (const [fact, value] of [
    ...heartbeatFacts(config),
    ...clusterFacts(config),
    ...migrationFacts(config),
  ]) {
    facts.set(fact, value);
  }
  for (const [name, value] of Object.entries(config.timeouts ?? {})) {
    if (value !== 0) {
      facts.set(`timeout ${name}`, `${value} ms`);
    }
  }
  for (const [fact, value] of limitFacts(config)) {
    facts.set(fact, value);
  }
  return facts;
}

/** Whether both say the same of who has which bucket and which ports. */
export function sameMap(a: LdConfig, b: LdConfig): boolean {
  return headFacts(a).get(BUCKET_MAP) === headFacts(b).get(BUCKET_MAP);
}

export interface FactChange {
  type: "insert" | "modify" | "delete";
  fact: string;
  before?: string;
  after?: string;
}

export function diffFacts(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): FactChange[] {
  const changes: FactChange[] = [];
  for (const [fact, value] of after) {
    const old = before.get(fact);
    if (old === undefined) {
      changes.push({ type: "insert", fact, after: value });
    } else if (old !== value) {
      changes.push({ type: "modify", fact, before: old, after: value });
    }
  }
  for (const [fact, value] of before) {
    if (!after.has(fact)) {
      changes.push({ type: "delete", fact, before: value });
    }
  }
  return changes;
}

/** Whether two values of a message are the same, field by field. */
function alike(a: unknown, b: unknown): boolean {
  if (a === b) {
    return true;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return false;
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  const fields = Object.keys(a);
  return (
    fields.length === Object.keys(b).length &&
    fields.every((field) => alike(a[field as keyof typeof a], b[field as keyof typeof b]))
  );
}

/** The LDs of a cluster have the same list; else nearly all services are the same in every field, or by what people see of them. */
function sameServices(a: readonly Service[], b: readonly Service[]): boolean {
  if (a === b) {
    return true;
  }
  const others = new Map(b.map((service) => [service.name, service]));
  const same = (service: Service, other: Service | undefined) =>
    other !== undefined &&
    (alike(service, other) ||
      diffFacts(new Map(serviceFacts(service)), new Map(serviceFacts(other))).length === 0);
  return a.length === b.length && a.every((service) => same(service, others.get(service.name)));
}

/** Facts of how packets come from an LD to the switches and hosts beyond it. */
const WAY_FACTS = ["tunnel endpoint", "gateway", "IPv6", "gateway tunnel", "region entries"];

/** Whether an LD that has a configuration keeps its ways to the switches by another one. */
export function sameWays(held: LdConfig | undefined, config: LdConfig): boolean {
  if (held === undefined) {
    return true;
  }
  const [before, after] = [headFacts(held), headFacts(config)];
  const switchesOf = ({ heartbeat }: LdConfig) =>
    (heartbeat?.switches ?? []).map(formatAddress).sort().join();
  return (
    WAY_FACTS.every((fact) => before.get(fact) === after.get(fact)) && switchesOf(held) === switchesOf(config)
  );
}

export function sameConfig(a: LdConfig | undefined, b: LdConfig | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : diffFacts(headFacts(a), headFacts(b)).length === 0 && sameServices(a.services, b.services);
}
