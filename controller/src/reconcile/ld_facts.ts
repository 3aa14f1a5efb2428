// An LD's configuration as a list of facts: two configurations are the same when their facts are, whatever the order of their
// lists, and the difference is what people want to see.
import { IpProtocol, type LdConfig, type RealServer, Scheduler, type Service } from "@sluice/proto/ld";
import { formatRanges, fromRanges, toRanges } from "../compile/index.js";
import { formatAddress } from "../p4runtime/index.js";

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

/** @returns name -> value, both for people; the epoch is a fact too */
export function factsOf(config: LdConfig | undefined): Map<string, string> {
  const facts = new Map<string, string>();
  if (config === undefined) {
    return facts;
  }
  facts.set("tunnel endpoint", `${formatAddress(config.vtep)}/${config.prefixLen}`);
  facts.set("gateway", formatAddress(config.gateway));
  facts.set("gateway tunnel", formatAddress(config.gatewayVtep));
  facts.set("MTU", config.mtuBytes === 0 ? "default" : `${config.mtuBytes} bytes`);
  facts.set("local IPs", config.localIps.map(formatAddress).sort().join(", "));
  facts.set("buckets", formatRanges(toRanges(fromRanges(config.ownedBuckets))));
  facts.set("epoch", `${config.epoch}`);
  for (const [name, value] of Object.entries(config.timeouts ?? {})) {
    if (value !== 0) {
      facts.set(`timeout ${name}`, `${value} ms`);
    }
  }
  for (const service of config.services) {
    const scheduler = Scheduler[service.scheduler] ?? `${service.scheduler}`;
    facts.set(`service ${service.name}`, `${serviceKey(service)} ${scheduler.toLowerCase()}`);
    for (const rs of service.realServers) {
      facts.set(`service ${service.name} RS ${rs.name}`, realServerFact(rs));
    }
  }
  return facts;
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

export function sameConfig(a: LdConfig | undefined, b: LdConfig | undefined): boolean {
  return (a === undefined) === (b === undefined) && diffFacts(factsOf(a), factsOf(b)).length === 0;
}
