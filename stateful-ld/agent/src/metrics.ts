// The data plane's counters for Prometheus, in its text exposition format 0.0.4. Each scrape asks the data plane.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Counters, type NamedCounter, RsHealth, type RsState } from "@sluice/proto/ld";
import type { DataplaneStatus } from "@sluice/proto/ld-dataplane";
import type { Logger } from "pino";
import type { Dataplane } from "./dataplane.js";
import type { HealthMonitor } from "./health/monitor.js";

type Labels = Record<string, string | number>;

/** Label values: backslash, quote and line feed are escaped. */
const escaped = (value: string | number) =>
  String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** Collects samples by metric: all of one metric have to be in one group, under its TYPE and HELP. */
class Exposition {
  readonly #metrics = new Map<string, string[]>();

  add(name: string, help: string, labels: Labels, value: bigint | number): void {
    let lines = this.#metrics.get(name);
    if (lines === undefined) {
      lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}`];
      this.#metrics.set(name, lines);
    }
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`);
  }

  toString(): string {
    return `${[...this.#metrics.values()].flat().join("\n")}\n`;
  }
}

function addNamed(exposition: Exposition, prefix: string, counters: NamedCounter[], labels: Labels): void {
  for (const { name, value } of counters) {
    exposition.add(`${prefix}${name}_total`, `Counter ${name} of the data plane.`, labels, value);
  }
}

function addServices(exposition: Exposition, { services }: Counters): void {
  for (const { service, realServers } of services) {
    for (const counters of realServers) {
      const labels = { service, rs: counters.rs };
      const add = (name: string, help: string, value: bigint, more: Labels = {}) =>
        exposition.add(`sluice_ld_rs_${name}`, help, { ...labels, ...more }, value);
      add("sessions_active", "Sessions held now.", counters.sessionsActive);
      add("sessions_total", "Sessions ever opened.", counters.sessionsTotal);
      const packets = "Packets: in from clients, out to them.";
      const bytes = "Bytes of IP packets without tunnels: in from clients, out to them.";
      add("packets_total", packets, counters.packetsIn, { direction: "in" });
      add("packets_total", packets, counters.packetsOut, { direction: "out" });
      add("bytes_total", bytes, counters.bytesIn, { direction: "in" });
      add("bytes_total", bytes, counters.bytesOut, { direction: "out" });
    }
  }
}

function addHealth(exposition: Exposition, realServers: readonly RsState[]): void {
  for (const { service, rs, health, sharePermille, lastLatencyUs } of realServers) {
    if (health === RsHealth.RS_HEALTH_UNKNOWN) continue;
    const labels = { service, rs };
    const add = (name: string, help: string, value: number) =>
      exposition.add(`sluice_ld_rs_${name}`, help, labels, value);
    add("up", "1 while health checks find the real server well.", health === RsHealth.UP ? 1 : 0);
    add("weight_share", "Part of its weight that new sessions count on.", sharePermille / 1000);
    if (lastLatencyUs > 0) {
      add("check_latency_seconds", "What the last good health check took.", lastLatencyUs / 1_000_000);
    }
  }
}

function addCores(exposition: Exposition, { workers }: Counters): void {
  for (const { core, port, drops, sessionsActive, sessionsCapacity } of workers) {
    addNamed(exposition, "sluice_ld_core_", port, { core });
    for (const { name, value } of drops) {
      const help = "Packets dropped by a core, by reason.";
      exposition.add("sluice_ld_core_drops_total", help, { core, reason: name }, value);
    }
    exposition.add("sluice_ld_core_sessions_active", "Sessions a core holds now.", { core }, sessionsActive);
    exposition.add(
      "sluice_ld_core_sessions_capacity",
      "Sessions a core can hold.",
      { core },
      sessionsCapacity,
    );
  }
}

export interface Held {
  counters: Counters;
  status: DataplaneStatus;
  realServers: readonly RsState[];
}

/** The page a scrape gets. @param held undefined when the data plane cannot be asked */
export function metricsPage(held: Held | undefined): string {
  const exposition = new Exposition();
  exposition.add("sluice_ld_up", "1 when the data plane answers.", {}, held === undefined ? 0 : 1);
  if (held === undefined) return exposition.toString();
  const { counters, status, realServers } = held;
  exposition.add("sluice_ld_info", "Version of the data plane.", { version: status.version }, 1);
  exposition.add(
    "sluice_ld_uptime_seconds",
    "Since the data plane was started.",
    {},
    Number(status.uptimeMs) / 1000,
  );
  exposition.add("sluice_ld_sessions_active", "Sessions held now.", {}, counters.sessionsActive);
  exposition.add("sluice_ld_sessions_capacity", "Sessions it can hold.", {}, counters.sessionsCapacity);
  addNamed(exposition, "sluice_ld_", counters.port, {});
  for (const { name, value } of counters.drops) {
    exposition.add("sluice_ld_drops_total", "Packets dropped, by reason.", { reason: name }, value);
  }
  addServices(exposition, counters);
  addHealth(exposition, realServers);
  addCores(exposition, counters);
  return exposition.toString();
}

export interface Metrics {
  /** Where it listens: host and port, also when 0 was asked for. */
  address: AddressInfo;
  stop(): Promise<void>;
}

/**
 * Serves `GET /metrics`.
 *
 * @param listen `host:port`, an IPv6 host in brackets
 * @throws Error when it cannot listen
 */
export async function serveMetrics(
  listen: string,
  { dataplane, health, logger }: { dataplane: Dataplane; health: HealthMonitor; logger: Logger },
): Promise<Metrics> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen);
  if (match === null) throw new Error(`--metrics ${listen}: not host:port (such as 127.0.0.1:9464)`);
  const page = async () => {
    try {
      const counters = await dataplane.ask({ $case: "getCounters", value: {} }, "counters");
      const status = await dataplane.ask({ $case: "getStatus", value: {} }, "status");
      const { realServers } = await health.states();
      return metricsPage({ counters, status, realServers });
    } catch (error) {
      logger.debug({ event: "scrape_failed", reason: String(error) }, "scraped while the data plane is down");
      return metricsPage(undefined);
    }
  };
  const server = createServer(async (request, response) => {
    if (request.url !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404).end("GET /metrics\n");
      return;
    }
    const text = await page();
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(match[3]), match[1] ?? match[2], resolve);
  });
  const address = server.address() as AddressInfo;
  logger.info(
    { event: "metrics_listening", address: address.address, port: address.port },
    "metrics are served",
  );
  return {
    address,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
