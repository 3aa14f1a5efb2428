// Compile and diff: a region of many EIPs and services, by size, and a change of one EIP.
//   node controller/bench/compile.mjs [EIPS [SERVICES]]
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { packedBytes, pipelineFromFiles, Schema } from "../dist/p4runtime/index.js";
import { EntryDiff, meaningOf, regionEntries } from "../dist/reconcile/index.js";
import { makeRegion } from "./region.mjs";

const [eips = 1_000_000, services = 64_000] = process.argv.slice(2).map(Number);
const build = new URL("../../build/", import.meta.url).pathname;
const { p4info } = await pipelineFromFiles(
  `${build}gateway_v1model.json`,
  `${build}gateway_v1model.p4info.txtpb`,
);
const schema = new Schema(p4info);

const seconds = (since) => (performance.now() - since) / 1000;
const peakBytes = () => process.resourceUsage().maxRSS * 1024;

const holdings = ({ clusters }) =>
  clusters.flatMap((cluster) => cluster.lds.map(() => ({ cluster, held: undefined })));

function measure(eipCount, serviceCount) {
  const state = makeRegion({ eips: eipCount, services: serviceCount });
  const start = performance.now();
  const cpu = process.cpuUsage();
  const { compiled, desired: desiredOf } = meaningOf(state, holdings(state), regionEntries(state, schema));
  if (compiled.lds.length === 0) throw new Error("no LD was compiled");
  const desired = desiredOf(0);
  const compileS = seconds(start);
  const diffStart = performance.now();
  // As they are held: packed again from messages would be the time of reading a switch.
  const diff = new EntryDiff(desired);
  for (const place of desired.places()) {
    for (const store of desired.layers(place)) {
      for (let number = 0; number < store.numbers; number++) {
        diff.seePacked(place, packedBytes(store.item(number)));
      }
    }
  }
  const changes = diff.changes();
  const diffS = seconds(diffStart);
  if (changes.length !== 0) throw new Error("a region differs from itself");
  const entries = [...desired.places()].reduce((sum, place) => sum + desired.count(place), 0);
  return {
    eips: eipCount,
    services: serviceCount,
    entries,
    compile_s: compileS,
    cpu_s: process.cpuUsage(cpu).user / 1e6,
    diff_s: diffS,
    peak_bytes: peakBytes(),
  };
}

// One size a process, so that no one's garbage is another's.
if (process.send === undefined) {
  for (const share of [0.1, 0.5, 1]) {
    const sizes = [Math.round(eips * share), Math.round(services * share)].map(String);
    const child = fork(fileURLToPath(import.meta.url), sizes, { execArgv: ["--max-semi-space-size=64"] });
    const [result] = await once(child, "message");
    console.log(JSON.stringify(result));
  }
} else {
  process.send(measure(eips, services));
  process.disconnect();
}
