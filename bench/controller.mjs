// The controller: compile and diff of a large region, and entries a second to the soft switch over P4Runtime, beside a client in
// Python that writes the same entries in the same run. docs/bench.md says what exactly is measured.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeEip } from "../controller/bench/region.mjs";
import { MAX_UPDATES_PER_WRITE, pipelineFromFiles, Switch } from "../controller/dist/p4runtime/index.js";
import * as tables from "../controller/dist/tables/gateway.js";
import { against, summarise } from "./lib/statistics.mjs";
import { table } from "./lib/text.mjs";

const root = new URL("..", import.meta.url).pathname;
const program = `${root}softswitch/dist/main.js`;
const START_MS = 20_000;
/** What the project holds itself to: times the peer's rate, at the same size of batch. */
const BAR = 3;
const NETWORK = 1;

/** A soft switch without interfaces, as a process of its own. */
async function withSwitch(folder, work, name = "p4runtime") {
  const socket = join(folder, `${name}.sock`);
  const child = spawn(process.execPath, [program, "--grpc-addr", `unix:${socket}`, "--log-level", "error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    for (let waited = 0; !existsSync(socket); waited += 50) {
      if (waited > START_MS || child.exitCode !== null) throw new Error("the soft switch did not start");
      await sleep(50);
    }
    return await work(`unix:${socket}`);
  } finally {
    child.kill();
    await ended;
  }
}

async function pushPipeline(address, electionId) {
  const pipeline = await pipelineFromFiles(
    `${root}build/gateway_v1model.json`,
    `${root}build/gateway_v1model.p4info.txtpb`,
  );
  const connection = await Switch.connect({
    name: "bench",
    address,
    deviceId: 1n,
    electionId,
    timeoutMs: 60_000,
  });
  await connection.setPipeline(pipeline);
  return connection;
}

function entriesOf(count) {
  return Array.from({ length: count }, (_, i) => {
    const { address, vm } = makeEip(i);
    return tables.eip_in.bind_vm(
      { network_id: NETWORK, eip: address },
      { index: i + 1, vni: (i % 1000) + 1, address: vm.address, mac: vm.mac, host: vm.host },
    );
  });
}

const insertsOf = (entries) => entries.map((entry) => ({ type: "insert", entry }));

async function held(connection) {
  let count = 0;
  for await (const _ of connection.readMessages(["eip_in"])) count++;
  return count;
}

/** Entries a second of this project's client, from entries by name to the last answer. */
async function ours(folder, count) {
  return withSwitch(folder, async (address) => {
    const connection = await pushPipeline(address);
    const entries = entriesOf(count);
    const start = performance.now();
    await connection.write(insertsOf(entries.splice(0)));
    const rate = count / ((performance.now() - start) / 1000);
    const found = await held(connection);
    connection.close();
    if (found !== count) throw new Error(`${found} of ${count} entries arrived`);
    return rate;
  });
}

/** Entries a second to several switches at once, out of this one process: all entries, divided by the time of the slowest. */
async function severalSwitches(folder, switches, countEach) {
  const opened = [];
  const openRest = async (n) => {
    if (n === switches) return writeToAll();
    return withSwitch(
      folder,
      async (address) => {
        opened.push({ connection: await pushPipeline(address), entries: entriesOf(countEach) });
        return openRest(n + 1);
      },
      `p4runtime${n}`,
    );
  };
  const writeToAll = async () => {
    const start = performance.now();
    await Promise.all(
      opened.map(({ connection, entries }) => connection.write(insertsOf(entries.splice(0)))),
    );
    const rate = (switches * countEach) / ((performance.now() - start) / 1000);
    for (const { connection } of opened) {
      const found = await held(connection);
      connection.close();
      if (found !== countEach) throw new Error(`${found} of ${countEach} entries arrived`);
    }
    return rate;
  };
  return openRest(0);
}

/** The same of the peer. @param batch updates in a request */
async function peer(folder, python, count, batch) {
  return withSwitch(folder, async (address) => {
    (await pushPipeline(address, 1n)).close();
    const out = execFileSync(
      python,
      [`${root}bench/lib/p4runtime_writer.py`, join(folder, "gen"), address, `${count}`, `${batch}`],
      { encoding: "utf8", maxBuffer: 1 << 24 },
    );
    return count / JSON.parse(out).seconds;
  });
}

/** Debian's own python3 has python3-grpcio and python3-protobuf; the one on PATH may be another. */
const PYTHON = "/usr/bin/python3";

function generate(folder) {
  const gen = join(folder, "gen");
  execFileSync("mkdir", ["-p", gen]);
  const protos = [
    "p4/v1/p4runtime.proto",
    "p4/v1/p4data.proto",
    "p4/config/v1/p4info.proto",
    "p4/config/v1/p4types.proto",
  ];
  execFileSync("protoc", ["-I", `${root}proto`, `--python_out=${gen}`, ...protos, "google/rpc/status.proto"]);
}

export async function run(options) {
  const { values } = parseArgs({
    args: options,
    options: {
      entries: { type: "string", default: "100000" },
      runs: { type: "string", default: "3" },
      switches: { type: "string", default: "16" },
      eips: { type: "string", default: "1000000" },
      services: { type: "string", default: "64000" },
    },
  });
  const [entries, runs, switches] = [values.entries, values.runs, values.switches].map(Number);
  if (Number(values.eips) > 0) {
    execFileSync(process.execPath, [`${root}controller/bench/compile.mjs`, values.eips, values.services], {
      stdio: "inherit",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    generate(folder);
    const rates = { ours: [], batches: [], singles: [], several: [] };
    const entriesEach = Math.ceil(entries / switches);
    for (let i = 0; i < runs; i++) {
      rates.ours.push(await ours(folder, entries));
      rates.batches.push(await peer(folder, PYTHON, entries, MAX_UPDATES_PER_WRITE));
      rates.singles.push(await peer(folder, PYTHON, Math.min(entries, 5_000), 1));
      rates.several.push(await severalSwitches(folder, switches, entriesEach));
    }
    const row = (what, values) => {
      const { median, least, most } = summarise(values);
      return [what, ...[median, least, most].map((rate) => Math.round(rate).toLocaleString("en-US"))];
    };
    console.log(
      `\nEntries a second to the soft switch, ${entries.toLocaleString("en-US")} entries of eip_in, ${runs} runs`,
    );
    for (const line of table([
      ["", "median", "least", "most"],
      row(`sluice, batches of ${MAX_UPDATES_PER_WRITE}`, rates.ours),
      row(`Python grpcio, batches of ${MAX_UPDATES_PER_WRITE}`, rates.batches),
      row("Python grpcio, one entry a request", rates.singles),
      row(`sluice, ${switches} switches at once, ${entriesEach} entries each`, rates.several),
    ])) {
      console.log(line);
    }
    const { ratio, met } = against(summarise(rates.ours).median / summarise(rates.batches).median, BAR);
    console.log(
      `${ratio.toFixed(1)} times the peer with batches; the bar is ${BAR}: ${met ? "met" : "NOT met"}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
