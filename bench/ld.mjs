// The LD's data plane on memory-only ports, beside dpdk-testpmd's macswap on ports of the same kind in the same run.
// docs/bench.md says what exactly is measured.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { withHugePages } from "./lib/huge_pages.mjs";
import { machineLine } from "./lib/machine.mjs";
import { against, summarise } from "./lib/statistics.mjs";
import { lineChart } from "./lib/svg.mjs";
import { macswap } from "./lib/testpmd.mjs";
import { barChart, shortCount, table } from "./lib/text.mjs";

const root = new URL("..", import.meta.url).pathname;
const dataplane = `${root}stateful-ld/dataplane`;
const results = `${root}bench/results`;

/** What the project holds itself to. `established`: part of testpmd's packet rate, by number of sessions. */
const BARS = {
  established: { 1000000: 0.25, 10000000: 0.15 },
  connections: 0.6,
  replicated: 0.85,
  migrationSeconds: 2,
  bytesPerSession: 192,
  twoCores: 1.9,
};
const SESSIONS = [1_000, 10_000, 100_000, 1_000_000, 4_000_000, 10_000_000];
/** Where the other measurements stand beside the established ones. */
const REFERENCE_SESSIONS = 1_000_000;
/** Where what the memory allows is measured as well. */
const MEMORY_SESSIONS = [1_000_000, 10_000_000];
/** Room for those that linger 3 s after their end, at 2 M connections a second. */
const CONNECTION_SESSIONS = 6_000_000;
const MIGRATED_SESSIONS = 100_000;
/** The wire between the two LDs of a migration: one way, and one packet of so many is lost. */
const MIGRATION_WIRES = [
  { delayUs: 0, loss: 0 },
  { delayUs: 500, loss: 0 },
  { delayUs: 500, loss: 100 },
];
const FRAME_BYTES = 110;
const DPDK_MEMORY_MB = 128;
const HUGE_PAGES = DPDK_MEMORY_MB / 2 + 32;

/** A run that had less of its cores than this says little. */
const UNDISTURBED_SHARE = 0.98;

/** The control thread sleeps, so it may share a core with the second worker. */
const LCORES = { 1: "0@0,1@1", 2: "0@0,1@1,2@0" };

function eal({ hugePages }, workers) {
  const memory = hugePages ? ["--in-memory"] : ["--no-huge", "--no-shconf"];
  const quiet = ["--no-telemetry", "--log-level=error"];
  return ["--lcores", LCORES[workers], "--no-pci", ...quiet, "-m", `${DPDK_MEMORY_MB}`, ...memory];
}

/** One ld-bench process. Returns what it printed. @param cores that its workers have */
function runBench(context, measure, options, cores, ports = 1) {
  const child = spawnSync(
    context.program,
    [
      ...eal(context, cores),
      ...Array.from({ length: ports }, (_, i) => `--vdev=net_null${i},size=${FRAME_BYTES}`),
      "--",
      measure,
      ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ],
    { encoding: "utf8", maxBuffer: 1 << 24 },
  );
  const what = `ld-bench ${measure}, ${shortCount(options.sessions)} sessions`;
  if (child.status !== 0) throw new Error(`${what}: ${child.error?.message ?? child.signal ?? child.stderr}`);
  const report = JSON.parse(child.stdout.trim().split("\n").at(-1));
  // A ring between two cores may run over when one of them is taken away; what comes out is counted all the same.
  if (report.drops !== 0 && measure !== "handoff")
    throw new Error(`${what}: packets were dropped, the rate means nothing\n${child.stderr}`);
  return report;
}

/** The samples by `rates`. @param workers of the data plane that is measured */
function ldBench(context, measure, sessions, { workers = 1, lds = 1 } = {}) {
  const options = { sessions, workers, runs: context.runs, "run-ms": context.runMs };
  const report = runBench(context, measure, options, Math.max(workers, lds), lds);
  return {
    ...report,
    packets: rates(report.samples, workers, ({ packets }) => packets),
    connections: rates(report.samples, workers, ({ connections }) => connections),
  };
}

/**
 * Millions a second, by the CPU time the workers had: on an idle machine that is the wall clock's, on a busy one still
 * indicative. `share`: the least part of their cores that the workers had in a run.
 */
function rates(samples, workers, count) {
  return {
    ...summarise(samples.map((sample) => (count(sample) / sample.cpuSeconds) * workers * 1e-6)),
    share: Math.min(...samples.map(({ cpuSeconds, wallSeconds }) => cpuSeconds / wallSeconds / workers)),
  };
}

async function measure(context) {
  const say = (what) => console.log(`bench: ${what}`);
  say("dpdk-testpmd, macswap");
  const samples = await macswap({ ...context, eal: eal(context, 1), frameBytes: FRAME_BYTES });
  const limit = rates(samples, 1, ({ packets }) => packets);
  say("the bench's own frames, macswap");
  const frames = ldBench(context, "macswap", 1_000).packets;
  const established = context.sessions.map((sessions) => {
    say(`established, ${shortCount(sessions)} sessions`);
    return ldBench(context, "established", sessions);
  });
  say("new connections (some seconds until as many sessions end as begin)");
  const connections = ldBench(context, "connections", CONNECTION_SESSIONS);
  const memory = MEMORY_SESSIONS.filter((sessions) => context.sessions.includes(sessions)).map((sessions) => {
    say(`the memory of ${shortCount(sessions)} sessions alone`);
    return ldBench(context, "memory", sessions);
  });
  const result = { machine: machineLine(), ...context, limit, frames, established, connections, memory };
  if (cpus().length < 2) return result;
  say("dpdk-testpmd, macswap on two cores");
  const both = { ...context, cores: 2, eal: eal(context, 2), frameBytes: FRAME_BYTES };
  const twoCoresLimit = rates(await macswap(both), 2, ({ packets }) => packets);
  const replication = inTurns(context, say);
  say("sessions move to another cluster");
  const migrations = MIGRATION_WIRES.map((wire) => migration(context, wire));
  say("two cores");
  const twoCores = ldBench(context, "established", REFERENCE_SESSIONS, { workers: 2 });
  say("two cores, the memory of their sessions alone");
  const twoCoresMemory = ldBench(context, "memory", REFERENCE_SESSIONS, { workers: 2 });
  say("two cores, every packet on the wrong one");
  const handoff = ldBench(context, "handoff", REFERENCE_SESSIONS, { workers: 2 });
  const onTwoCores = { twoCoresLimit, twoCores, twoCoresMemory, handoff };
  return { ...result, replication, migrations, ...onTwoCores };
}

/**
 * What replication costs, in turns: a machine whose speed changes between two processes has it change for all of them, and
 * the median of the turns' ratios does not see it.
 */
function inTurns(context, say) {
  const turns = Array.from({ length: context.turns }, (_, i) => {
    say(`new connections beside another LD, told to it, and kept by it: turn ${i + 1} of ${context.turns}`);
    return Object.fromEntries(
      ["unreplicated", "replicated", "installed"].map((what) => [
        what,
        ldBench(context, what, CONNECTION_SESSIONS, { lds: 2 }).connections,
      ]),
    );
  });
  const of = (what) => ({
    ...summarise(turns.map((turn) => turn[what].median)),
    share: Math.min(...turns.map((turn) => turn[what].share)),
    ratios: summarise(turns.map((turn) => turn[what].median / turn.unreplicated.median)),
  });
  return { unreplicated: of("unreplicated"), replicated: of("replicated"), installed: of("installed") };
}

/** Sessions in use move to the LD of another cluster: how long it takes until they are all there, in each run. */
function migration(context, { delayUs, loss }) {
  const options = { sessions: MIGRATED_SESSIONS, "delay-us": delayUs, loss };
  const runs = Array.from({ length: context.runs }, () => runBench(context, "migration", options, 2, 2));
  return {
    delayUs,
    loss,
    seconds: summarise(runs.map(({ copySeconds }) => copySeconds)),
    lost: runs.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Rows of the table: a rate, its ratio to what it stands beside, and where there is a bar for that ratio the verdict. */
function judge(result) {
  const { limit, frames, established, connections, memory, replication } = result;
  const reference = established.find(({ sessions }) => sessions === REFERENCE_SESSIONS);
  const ofLimit = (packets, bar) =>
    bar === undefined ? undefined : against(packets.median / limit.median, bar);
  const rows = [
    { what: "dpdk-testpmd macswap: the limit", rate: limit },
    { what: "macswap on the bench's frames", rate: frames, ratio: frames.median / limit.median },
    ...established.map(({ sessions, packets }) => ({
      what: `established, ${shortCount(sessions)} sessions`,
      rate: packets,
      ratio: packets.median / limit.median,
      verdict: ofLimit(packets, BARS.established[sessions]),
    })),
    {
      what: "new connections, packets",
      rate: connections.packets,
      ratio: reference && connections.packets.median / reference.packets.median,
      verdict: reference && against(connections.packets.median / reference.packets.median, BARS.connections),
    },
    { what: "new connections, connections", rate: connections.connections },
    ...memory.map(({ sessions, packets }) => ({
      what: `two cache lines of ${shortCount(sessions)} sessions, and no more`,
      rate: packets,
      ratio: packets.median / limit.median,
    })),
  ];
  if (replication !== undefined) rows.push(...replicationRows(replication, connections));
  if (reference !== undefined && result.twoCores !== undefined) rows.push(...twoCoresRows(result, reference));
  return rows;
}

/** Ratios are the median of the turns', with the least and the most. */
function replicationRows({ unreplicated, replicated, installed }, { connections }) {
  return [
    {
      what: "new connections beside another LD, on the other core",
      rate: unreplicated,
      ratio: unreplicated.median / connections.median,
    },
    {
      what: `new connections, replicated${inRange(replicated.ratios)}`,
      rate: replicated,
      ratio: replicated.ratios.median,
      verdict: against(replicated.ratios.median, BARS.replicated),
    },
    {
      what: `… and kept by the backup, on the other core${inRange(installed.ratios)}`,
      rate: installed,
      ratio: installed.ratios.median,
    },
  ];
}

function inRange({ least, most }) {
  return ` (ratios ${least.toFixed(2)}–${most.toFixed(2)})`;
}

/** Each beside the same on one core. */
function twoCoresRows({ limit, memory, twoCoresLimit, twoCores, twoCoresMemory, handoff }, { packets }) {
  const ratio = twoCores.packets.median / packets.median;
  const oneCoresMemory = memory.find(({ sessions }) => sessions === REFERENCE_SESSIONS).packets;
  return [
    {
      what: "two cores, dpdk-testpmd macswap",
      rate: twoCoresLimit,
      ratio: twoCoresLimit.median / limit.median,
    },
    {
      what: "two cores, two cache lines of 1 M sessions",
      rate: twoCoresMemory.packets,
      ratio: twoCoresMemory.packets.median / oneCoresMemory.median,
    },
    {
      what: "two cores, 1 M sessions",
      rate: twoCores.packets,
      ratio,
      verdict: against(ratio, BARS.twoCores),
    },
    {
      what: "two cores, each packet handed over",
      rate: handoff.packets,
      ratio: handoff.packets.median / packets.median,
    },
  ];
}

/** Bytes of resident memory that a session has cost, all-in: sessions, index, timers, ports, and what is there once. */
function memoryRows({ established }) {
  return established
    .filter(({ sessions }) => sessions >= REFERENCE_SESSIONS)
    .map(({ sessions, residentBytes }) => ({
      what: `bytes a session, ${shortCount(sessions)} sessions`,
      verdict: against(residentBytes / sessions, BARS.bytesPerSession, { atMost: true }),
    }));
}

function wireText({ delayUs, loss }) {
  const delay = delayUs === 0 ? "no delay" : `${(2 * delayUs) / 1000} ms there and back`;
  return `${delay}${loss === 0 ? "" : `, one packet of ${loss} lost`}`;
}

function migrationRows({ migrations = [] }) {
  return migrations.map((wire) => ({
    what: `${shortCount(MIGRATED_SESSIONS)} sessions, ${wireText(wire)}`,
    ...wire,
    verdict: against(wire.seconds.median, BARS.migrationSeconds, { atMost: true }),
  }));
}

function rateCells({ what, rate, ratio, verdict }) {
  return [
    what,
    rate.median.toFixed(2),
    `${rate.least.toFixed(2)}–${rate.most.toFixed(2)}`,
    ratio?.toFixed(2) ?? "",
    verdict === undefined ? "" : `≥ ${verdict.bar}`,
    verdict === undefined ? "" : verdict.met ? "met" : "MISSED",
  ];
}

/** Everything as lines for the terminal, which also read well in Markdown as a code block. */
function report(result) {
  const rows = judge(result);
  const marked = ({ sessions }) => BARS.established[sessions];
  return [
    result.machine,
    `${result.runs} runs of ${result.runMs} ms each; ${result.hugePages ? "2 MB pages" : "no 2 MB pages: buffers are in 4 KB pages"}`,
    "",
    ...table([["", "M/s", "least–most", "ratio", "bar", ""], ...rows.map(rateCells)]),
    "",
    ...table([
      ["memory", "bytes", "bar", ""],
      ...memoryRows(result).map(({ what, verdict: { ratio, bar, met } }) => [
        what,
        ratio.toFixed(1),
        `≤ ${bar}`,
        met ? "met" : "MISSED",
      ]),
    ]),
    "",
    ...table([
      ["to another cluster", "s", "least–most", "lost", "bar", ""],
      ...migrationRows(result).map(({ what, seconds, lost, verdict: { bar, met } }) => [
        what,
        seconds.median.toFixed(2),
        `${seconds.least.toFixed(2)}–${seconds.most.toFixed(2)}`,
        `${lost}`,
        `≤ ${bar}`,
        met && lost === 0 ? "met" : "MISSED",
      ]),
    ]),
    "",
    "Mpps by number of sessions (│: the bar)",
    ...barChart(
      result.established.map((point) => ({
        label: shortCount(point.sessions),
        value: point.packets.median,
        bar: marked(point) && marked(point) * result.limit.median,
      })),
    ),
    ...disturbances(rows),
  ];
}

function disturbances(rows) {
  const disturbed = rows.filter(({ rate }) => rate.share < UNDISTURBED_SHARE);
  if (disturbed.length === 0) return [];
  return [
    "",
    "The machine was busy: rates are per second of CPU time, caches and memory were shared. Share of their cores in the worst run:",
    ...disturbed.map(({ what, rate }) => `  ${what}: ${(rate.share * 100).toFixed(0)} %`),
  ];
}

function drawing({ limit, established }) {
  const points = established.map(({ sessions, packets }) => ({
    x: sessions,
    label: shortCount(sessions),
    ...packets,
  }));
  const bars = Object.entries(BARS.established).map(([sessions, part]) => ({
    from: Math.max(points[0].x, sessions / 3),
    to: Math.min(points.at(-1).x, sessions * 3),
    y: part * limit.median,
    label: `${part} of macswap`,
  }));
  return lineChart({
    title: "Established FULLNAT, one core, 64-byte frames in VXLAN",
    xLabel: "sessions, in random order, both directions",
    yLabel: "Mpps: median, least and most",
    points,
    bars,
  });
}

function readOptions(given) {
  const { values } = parseArgs({
    args: given,
    options: {
      runs: { type: "string", default: "5" },
      "run-ms": { type: "string", default: "1000" },
      turns: { type: "string", default: "5" },
      sessions: { type: "string", default: SESSIONS.join(",") },
      builddir: { type: "string", default: `${dataplane}/builddir` },
    },
  });
  const numbers = (name) =>
    values[name].split(",").map((text) => {
      if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} ${text}: not a number above 0`);
      return Number(text);
    });
  return {
    runs: numbers("runs")[0],
    runMs: numbers("run-ms")[0],
    turns: numbers("turns")[0],
    sessions: numbers("sessions"),
    builddir: values.builddir,
  };
}

/** @param given `--runs N`, `--run-ms N`, `--turns N` (of replication), `--sessions N,N,…`, `--builddir FOLDER` */
export async function run(given) {
  const { builddir, ...options } = readOptions(given);
  execFileSync("ninja", ["-C", builddir, "ld-bench"], { stdio: ["ignore", "ignore", "inherit"] });
  const result = await withHugePages(HUGE_PAGES, (hugePages) =>
    measure({ ...options, hugePages, program: `${builddir}/ld-bench` }),
  );
  const lines = report(result);
  console.log(`\n${lines.join("\n")}`);
  mkdirSync(results, { recursive: true });
  writeFileSync(`${results}/ld.json`, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(`${results}/ld.txt`, `${lines.join("\n")}\n`);
  writeFileSync(`${results}/ld.svg`, drawing(result));
  console.log("\nbench/results/: ld.txt, ld.json, ld.svg");
}
