// What Prometheus reads: of the controller, of its parts, and of what the parts count. Names are as Prometheus advises: base units,
// `_total` for what only grows. Nothing is kept between two scrapes.
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { idsOf } from "../compile/index.js";
import type { Lead, RegionController } from "../daemon/index.js";
import { countEips, measureDrops, measureLds, measureServices } from "../measure/index.js";
import type { NeighborState } from "../neighbors/index.js";
import type { Parts } from "../reconcile/index.js";

const STATES = ["in sync", "changing", "refusing", "unreachable", "waiting"] as const;

const NEIGHBOR_STATES: readonly NeighborState[] = ["incomplete", "reachable", "probing"];

let ownProcess: Registry | undefined;

/** CPU, memory, event loop of this process: counted from the first scrape on. */
function processMetrics(): Registry {
  if (ownProcess === undefined) {
    ownProcess = new Registry();
    collectDefaultMetrics({ register: ownProcess });
  }
  return ownProcess;
}

type Labels = Record<string, string>;

/** What an LD's port has lost, as the LD names it; its own metrics have the same names. */
const LOSSES = [
  ["rx_missed", "Packets for which an LD's port had no room left: its workers were too slow"],
  ["rx_no_mbuf", "Packets for which an LD had no buffer left"],
  ["rx_errors", "Packets that an LD's port found damaged"],
] as const;

/** Metrics of one scrape. */
class Scrape {
  readonly registry = new Registry();

  gauge(
    name: string,
    help: string,
    labelNames: string[] = [],
  ): (labels: Labels, value: number | bigint) => void {
    const metric = new Gauge({ name: `sluice_${name}`, help, labelNames, registers: [this.registry] });
    return (labels, value) => metric.set(labels, Number(value));
  }

  counter(
    name: string,
    help: string,
    labelNames: string[] = [],
  ): (labels: Labels, value: number | bigint) => void {
    const metric = new Counter({ name: `sluice_${name}`, help, labelNames, registers: [this.registry] });
    return (labels, value) => metric.inc(labels, Number(value));
  }
}

function controllerMetrics(scrape: Scrape, { region, reconciler }: RegionController): void {
  scrape.gauge("desired_revision", "Revision of the desired state")({}, region.revision);
  scrape.gauge("applied_revision", "Newest revision that all switches and LDs hold")(
    {},
    Math.max(0, reconciler.applied),
  );
  const objects = scrape.gauge("objects", "Objects of the desired state", ["section"]);
  for (const [section, count] of region.counts()) {
    objects({ section }, count);
  }
  const of = ["part", "kind"];
  const state = scrape.gauge("part_state", "1 for the state that a switch or LD is in", [...of, "state"]);
  const mended = scrape.counter(
    "part_mended_updates_total",
    "Changes behind the controller's back, mended",
    of,
  );
  const written = scrape.counter(
    "part_written_updates_total",
    "Updates written since the controller began",
    of,
  );
  const neighbors = scrape.gauge("neighbors", "Neighbors whose MACs nobody declared", ["switch", "state"]);
  for (const { name } of region.state.switches) {
    const own = reconciler.neighbors.list.filter((neighbor) => neighbor.switch === name);
    for (const which of NEIGHBOR_STATES) {
      neighbors({ switch: name, state: which }, own.filter((neighbor) => neighbor.state === which).length);
    }
  }
  for (const part of reconciler.parts) {
    const labels = { part: part.name, kind: part.kind };
    for (const name of STATES) {
      state({ ...labels, state: name.replace(" ", "_") }, part.state === name ? 1 : 0);
    }
    mended(labels, part.mended);
    written(labels, part.written);
  }
}

/** Everything of one part is left out when it cannot be asked: `sluice_part_state` says so. */
async function orNothing<T>(reading: Promise<T[]>): Promise<T[]> {
  return reading.catch(() => []);
}

async function dropMetrics(scrape: Scrape, parts: Parts): Promise<void> {
  const drops = scrape.counter("drops_total", "Packets dropped, by reason", ["part", "kind", "reason"]);
  const each = [
    ...parts.switches.map((part) => ({ ...parts, switches: [part], lds: [] })),
    ...parts.lds.map((part) => ({ ...parts, switches: [], lds: [part] })),
  ];
  for (const found of await Promise.all(each.map((one) => orNothing(measureDrops(one))))) {
    for (const { part, kind, drops: byReason } of found) {
      for (const [reason, packets] of Object.entries(byReason)) {
        drops({ part, kind, reason }, packets);
      }
    }
  }
}

async function ldMetrics(scrape: Scrape, parts: Parts): Promise<void> {
  const of = ["ld", "cluster"];
  const up = scrape.gauge("ld_up", "Whether an LD's agent and data plane answer", of);
  const ready = scrape.gauge("ld_ready", "Whether an LD is up and has all sessions of its buckets", of);
  const uptime = scrape.gauge("ld_uptime_seconds", "Since the data plane started", of);
  const buckets = scrape.gauge("ld_buckets", "Buckets that an LD owns", of);
  const sessions = scrape.gauge("ld_sessions", "Sessions that are open", of);
  const capacity = scrape.gauge("ld_sessions_capacity", "Sessions that an LD can hold", of);
  const opened = scrape.counter(
    "ld_sessions_opened_total",
    "Sessions opened to the real servers there are",
    of,
  );
  const packets = scrape.counter("ld_packets_total", "Packets of an LD's port", [...of, "direction"]);
  const bytes = scrape.counter("ld_bytes_total", "Bytes of an LD's port", [...of, "direction"]);
  const losses = LOSSES.map(([name, help]) => ({ name, lost: scrape.counter(`ld_${name}_total`, help, of) }));
  for (const ld of await measureLds(parts)) {
    const labels = { ld: ld.name, cluster: ld.cluster };
    up(labels, ld.up ? 1 : 0);
    ready(labels, ld.ready ? 1 : 0);
    if (!ld.up) {
      continue;
    }
    uptime(labels, Number(ld.uptime_ms) / 1000);
    buckets(labels, ld.buckets);
    sessions(labels, ld.sessions_active);
    capacity(labels, ld.sessions_capacity);
    opened(labels, ld.sessions_total);
    for (const [side, direction] of [
      ["rx", "in"],
      ["tx", "out"],
    ]) {
      packets({ ...labels, direction: direction! }, ld.port[`${side}_packets`] ?? 0n);
      bytes({ ...labels, direction: direction! }, ld.port[`${side}_bytes`] ?? 0n);
    }
    for (const { name, lost } of losses) {
      lost(labels, ld.port[name] ?? 0n);
    }
  }
}

async function serviceMetrics(scrape: Scrape, parts: Parts): Promise<void> {
  const packets = scrape.counter("service_packets_total", "Packets to a service, as a switch counts them", [
    "service",
    "switch",
  ]);
  const bytes = scrape.counter("service_bytes_total", "Bytes to a service, as a switch counts them", [
    "service",
    "switch",
  ]);
  const bySwitch = parts.switches.map((part) =>
    orNothing(measureServices({ ...parts, switches: [part], lds: [] })),
  );
  for (const service of (await Promise.all(bySwitch)).flat()) {
    for (const item of service.switches) {
      const labels = { service: service.name, switch: item.switch };
      packets(labels, item.packets);
      bytes(labels, item.bytes);
    }
  }
}

async function eipMetrics(scrape: Scrape, parts: Parts, indices: ReadonlyMap<string, number>): Promise<void> {
  const of = ["eip", "switch", "direction"];
  const packets = scrape.counter("eip_packets_total", "Packets of an EIP, as a switch counts them", of);
  const bytes = scrape.counter("eip_bytes_total", "Bytes of an EIP, as a switch counts them", of);
  if (indices.size === 0) {
    return;
  }
  await Promise.all(
    parts.switches.map(async (part) => {
      const [counted = new Map()] = await orNothing(countEips(part, indices).then((found) => [found]));
      for (const [eip, directions] of counted) {
        for (const direction of ["in", "out"] as const) {
          const labels = { eip, switch: part.connection.name, direction };
          packets(labels, directions[direction].packets);
          bytes(labels, directions[direction].bytes);
        }
      }
    }),
  );
}

/** Of a controller as one of several. */
function leadMetrics(scrape: Scrape, { controller, leader }: Lead): void {
  scrape.gauge("leads", "Whether this controller leads")({}, controller === undefined ? 0 : 1);
  if (controller?.term !== undefined) {
    scrape.gauge("term", "Of this leader; it rises from leader to leader")({}, Number(controller.term));
  }
  const other = scrape.gauge("leader", "1 for the API of the other controller that leads", ["api"]);
  if (leader !== undefined) {
    other({ api: leader }, 1);
  }
}

/**
 * @param lead - one that stands by has metrics of itself alone
 * @param limit - at most so many EIPs, and so many services, have metrics of their own: the first by name
 * @returns the text of a scrape
 */
export async function renderMetrics(lead: Lead, limit: number): Promise<{ type: string; text: string }> {
  const scrape = new Scrape();
  leadMetrics(scrape, lead);
  if (lead.controller !== undefined) {
    await regionMetrics(scrape, lead.controller, limit);
  }
  const { registry } = scrape;
  return {
    type: registry.contentType,
    text: `${await registry.metrics()}\n${await processMetrics().metrics()}`,
  };
}

/** Of the region and its parts. */
async function regionMetrics(scrape: Scrape, controller: RegionController, limit: number): Promise<void> {
  controllerMetrics(scrape, controller);
  const { region, reconciler } = controller;
  const rest = region.withoutEips;
  const services = rest.services.toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
  const eips = region.firstEips(limit);
  const { parts } = reconciler.partsOf(rest);
  await dropMetrics(scrape, parts);
  await ldMetrics(scrape, parts);
  if (services.length > 0) {
    await serviceMetrics(scrape, { ...parts, state: { ...rest, services } });
  }
  await eipMetrics(scrape, parts, idsOf({ ...rest, eips }).eips);
  const left = scrape.gauge("unlisted_objects", "EIPs and services without metrics of their own", [
    "section",
  ]);
  const counts = region.counts();
  left({ section: "eips" }, (counts.get("eips") ?? 0) - eips.length);
  left({ section: "services" }, (counts.get("services") ?? 0) - services.length);
}
