import type { SessionState } from "@sluice/proto/ld";
import type { Command } from "commander";
import { MEASUREMENTS } from "../../api/index.js";
import { formatRanges } from "../../compile/index.js";
import {
  measureBuckets,
  measureCounters,
  measureDrops,
  measureEips,
  measureLds,
  measureMigrations,
  measureNeighbors,
  measureServices,
  measureSessions,
} from "../../measure/index.js";
import { type Parts, readDrains, readRealServers } from "../../reconcile/index.js";
import { DROP_REASONS } from "../../tables/constants.js";
import { type CommonOptions, type Io, withCommonOptions, withParts } from "../context.js";
import { wholeNumber } from "../numbers.js";
import { type Cell, renderTable } from "../output.js";
import { DROP_RATES, EIP_RATES, LD_RATES, SERVICE_RATES } from "../rates.js";
import { clientOf, type ServerOptions, withControllerOption } from "../server.js";
import {
  type SessionFilterOptions,
  sessionFilterOf,
  sessionState,
  withSessionFilter,
} from "../session_filter.js";
import { type Rates, report, withWatchOptions } from "../watch.js";

const RANGES_SHOWN = 4;
/** What a controller can be asked for instead of the parts. */
const MEASURED: ReadonlySet<string> = new Set(MEASUREMENTS);

function seconds(ms: bigint): string {
  const total = Number(ms) / 1000;
  return total < 120
    ? `${total.toFixed(0)} s`
    : total < 7200
      ? `${(total / 60).toFixed(0)} min`
      : `${(total / 3600).toFixed(0)} h`;
}

/** `100Mbps`, as the document has it. */
function formatRate(rateBps: number | undefined): string | undefined {
  if (rateBps === undefined) {
    return undefined;
  }
  const units = ["bps", "kbps", "Mbps", "Gbps"];
  const step = Math.min(3, Math.floor(Math.log10(rateBps) / 3));
  return `${rateBps / 1000 ** step}${units[step]}`;
}

/** Adds `sluice get NAME`, which reads by `measure` and prints by `render`; with `rates` it can be watched. */
function addReport<O extends CommonOptions & Pick<ServerOptions, "server">, T>(
  parent: Command,
  io: Io,
  name: string,
  description: string,
  measure: (parts: Parts, options: O) => Promise<T>,
  render: (value: T, options: O) => string,
  rates?: Rates<T>,
): Command {
  const command = withCommonOptions(parent.command(name)).description(description);
  if (MEASURED.has(name)) {
    withControllerOption(command);
  }
  return (rates === undefined ? command : withWatchOptions(command)).action(async (options: O) => {
    const show = (read: () => Promise<T>) =>
      report(io, options, read, (value) => render(value, options), rates);
    if (MEASURED.has(name) && options.server !== undefined) {
      const client = clientOf(options);
      // What are bigints here are numbers there: they are shown alike.
      await show(async () => (await client.get<{ items: T }>(`/v1/measurements/${name}`)).body.items);
    } else {
      await withParts(options, false, (parts) => show(() => measure(parts, options)));
    }
  });
}

export function addGet(program: Command, io: Io): void {
  const get = program.command("get").description("what the switches and LDs say themselves");

  addReport(
    get,
    io,
    "services",
    "packets of each service (switches), sessions of each real server (LDs)",
    measureServices,
    (services) => {
      const rows = services.flatMap((service): Cell[][] =>
        service.switches.map((item) => [
          service.name,
          service.vip,
          service.cluster,
          item.switch,
          item.packets,
          item.bytes,
        ]),
      );
      const servers = services.flatMap((service) =>
        service.real_servers.flatMap((rs) =>
          rs.lds.map((item): Cell[] => [
            service.name,
            rs.name,
            rs.address,
            rs.weight,
            item.ld,
            item.sessions_total,
            item.sessions_active,
            item.packets_in,
            item.packets_out,
          ]),
        ),
      );
      return (
        renderTable(["SERVICE", "VIP", "CLUSTER", "SWITCH", "PACKETS", "BYTES"], rows, "no services") +
        (servers.length === 0
          ? ""
          : `\n${renderTable(["SERVICE", "RS", "ADDRESS", "WEIGHT", "LD", "SESSIONS", "NOW", "PACKETS IN", "PACKETS OUT"], servers)}`)
      );
    },
    SERVICE_RATES,
  );

  addReport(
    get,
    io,
    "eips",
    "what each EIP is bound to; its limits, packets and bytes",
    measureEips,
    (eips) =>
      renderTable(
        [
          "EIP",
          "ADDRESS",
          "NETWORK",
          "SWITCH",
          "BOUND TO",
          "LIMIT IN",
          "LIMIT OUT",
          "PACKETS IN",
          "BYTES IN",
          "PACKETS OUT",
          "BYTES OUT",
        ],
        eips.flatMap((eip) =>
          eip.switches.map((item): Cell[] => [
            eip.name,
            eip.address,
            eip.network,
            item.switch,
            item.bound ?? "(not on this switch)",
            formatRate(eip.limit_in_bps),
            formatRate(eip.limit_out_bps),
            item.in.packets,
            item.in.bytes,
            item.out.packets,
            item.out.bytes,
          ]),
        ),
        "no EIPs",
      ),
    EIP_RATES,
  );

  addReport(
    get,
    io,
    "buckets",
    "which LD each switch sends each bucket to, and which one stands in for how many",
    measureBuckets,
    (buckets) =>
      renderTable(
        ["SWITCH", "CLUSTER", "LD", "BUCKETS", "BACKUP OF", "RANGES"],
        buckets.map((item) => [
          item.switch,
          item.cluster,
          item.ld,
          item.buckets,
          item.backup_of,
          formatRanges(item.ranges, RANGES_SHOWN),
        ]),
        "no buckets",
      ),
  );

  addReport(
    get,
    io,
    "neighbors",
    "stations beside the switches, and whether they answer; from a controller also how long ago they did",
    measureNeighbors,
    (neighbors) =>
      renderTable(
        ["SWITCH", "ADDRESS", "MAC", "PORT", "VLAN", "NETWORK", "STATE", "ANSWERED"],
        neighbors.map((one): Cell[] => [
          one.switch,
          one.address,
          one.mac,
          one.port,
          one.vlan,
          one.network,
          one.state,
          one.answered_s === undefined ? undefined : `${seconds(BigInt(1000 * one.answered_s))} ago`,
        ]),
        "no neighbors",
      ),
  ).alias("neighbours");

  addReport(
    get,
    io,
    "lds",
    "whether each LD is up, and what it holds",
    measureLds,
    (lds) =>
      renderTable(
        [
          "LD",
          "CLUSTER",
          "STATE",
          "UP FOR",
          "CORES",
          "EPOCH",
          "BUCKETS",
          "SESSIONS",
          "NOW",
          "CAPACITY",
          "PACKETS IN",
          "PACKETS OUT",
        ],
        lds.map((ld) =>
          ld.up
            ? [
                ld.name,
                ld.cluster,
                ld.ready ? "up" : `NOT READY: ${ld.reason}`,
                seconds(ld.uptime_ms),
                ld.worker_cores,
                ld.epoch,
                ld.buckets,
                ld.sessions_total,
                ld.sessions_active,
                ld.sessions_capacity,
                ld.packets_in,
                ld.packets_out,
              ]
            : [ld.name, ld.cluster, `DOWN: ${ld.reason}`, ...new Array<undefined>(9).fill(undefined)],
        ),
        "no LDs",
      ),
    LD_RATES,
  );

  addReport(
    get,
    io,
    "rs",
    "how each LD sees each real server: health, share of its weight, sessions",
    ({ lds }) => readRealServers(lds),
    (realServers) =>
      renderTable(
        [
          "SERVICE",
          "RS",
          "ADDRESS",
          "LD",
          "HEALTH",
          "WEIGHT",
          "SHARE",
          "SESSIONS",
          "STANDBY",
          "LATENCY",
          "SINCE",
          "LAST ERROR",
        ],
        realServers.map((item) => [
          item.service,
          item.rs,
          item.address,
          item.ld,
          item.health,
          item.weight,
          `${item.share_percent}%`,
          item.sessions_active,
          item.sessions_standby,
          item.last_latency_ms === undefined ? "-" : `${item.last_latency_ms.toFixed(1)} ms`,
          item.since ?? "-",
          item.last_error,
        ]),
        "no real servers",
      ),
  );

  addReport(
    get,
    io,
    "drains",
    "real servers that get no new sessions, and the sessions they still have",
    readDrains,
    (drains) =>
      renderTable(
        ["SERVICE", "RS", "ADDRESS", "SESSIONS", "STATE"],
        drains.map((item) => [
          item.service,
          item.rs,
          item.address,
          item.sessions,
          item.complete ? "complete" : "draining",
        ]),
        "no real server is drained",
      ),
  );

  addReport(
    get,
    io,
    "migrations",
    "services on their way from one cluster to another",
    measureMigrations,
    (migrations) =>
      renderTable(
        [
          "SERVICE",
          "FROM",
          "TO",
          "PACKETS GO TO",
          "BUCKETS COPIED",
          "SESSIONS COPIED",
          "STATE",
          "SESSIONS LEFT",
        ],
        migrations.map((item) => [
          item.service,
          item.from,
          item.to,
          item.cluster,
          `${item.buckets_copied} of ${item.buckets}`,
          `${item.sessions_copied} of ${item.sessions_to_copy}`,
          item.copied ? "copied" : "copying",
          item.sessions_left,
        ]),
        "no service migrates",
      ),
  );

  const sessions = addReport(
    get,
    io,
    "sessions",
    "sessions as the LDs hold them",
    (parts, options: CommonOptions & SessionFilterOptions & { limit: number; state?: SessionState }) =>
      measureSessions(parts, sessionFilterOf(options, options)),
    (found) =>
      renderTable(
        ["CLIENT → VIP ⇒ LOCAL IP → RS", "RS", "PROTOCOL", "STATE", "BUCKET", "LD", "EXPIRES IN"],
        found.map((item) => [
          `${item.client} → ${item.vip} ⇒ ${item.local} → ${item.rs_address}`,
          item.rs,
          item.protocol,
          item.state,
          item.bucket,
          item.ld,
          seconds(item.expires_in_ms),
        ]),
        "no sessions",
      ),
  );
  withSessionFilter(sessions)
    .option("--state <state>", "only those in a state, such as ESTABLISHED", sessionState)
    .option("--limit <number>", "at most so many of each LD; 0: all", wholeNumber, 0);

  addReport(
    get,
    io,
    "drops",
    "dropped packets by reason",
    measureDrops,
    (parts, { all }: CommonOptions & { all?: boolean }) => {
      const meaning = new Map(DROP_REASONS.map((reason) => [reason.name, reason.meaning]));
      const rows = parts.flatMap(({ part, kind, drops }) =>
        Object.entries(drops)
          .filter(([, packets]) => all === true || packets > 0n)
          .map(([reason, packets]) => [
            part,
            reason,
            packets,
            kind === "switch" ? (meaning.get(reason) ?? "") : "",
          ]),
      );
      return renderTable(["PART", "REASON", "PACKETS", "MEANING"], rows, "nothing was dropped");
    },
    DROP_RATES,
  ).option("--all", "also reasons that never occurred");

  addReport(
    get,
    io,
    "counters",
    "the counters of the switches' entries and of the LDs' ports",
    measureCounters,
    (counters, { all }: CommonOptions & { all?: boolean }) =>
      renderTable(
        ["PART", "COUNTER", "PACKETS", "BYTES", "VALUE"],
        counters
          .filter(({ packets, value }) => all === true || (packets ?? value ?? 0n) > 0n)
          .map((item) => [item.part, item.counter, item.packets, item.bytes, item.value]),
        "nothing was counted",
      ),
  ).option("--all", "also counters at 0");
}
