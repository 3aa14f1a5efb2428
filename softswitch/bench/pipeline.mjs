#!/usr/bin/env node
// Packets a second through the gateway's pipeline on one core, in memory: no interface, no thread, no copy but the switch's own.
//
//   npm run build && node softswitch/bench/pipeline.mjs [runs]
//
// Prints the median of the runs, the slowest and the fastest. The machine's load is printed, too: on a busy machine the numbers
// say little.
import { cpus, loadavg } from "node:os";
import { encodeEntry, Schema } from "@sluice/controller/p4runtime";
import { Update_Type } from "@sluice/proto/p4runtime";
import { SoftSwitch } from "@sluice/softswitch";
import { datagram, from, toService } from "../../bmv2-tests/dist/frames.js";
import { build } from "../../bmv2-tests/dist/packet/index.js";
import { loadPipeline } from "../../bmv2-tests/dist/pipeline.js";
import { CLIENT, SERVER, STANDARD_ENTRIES, UPSTREAM } from "../../bmv2-tests/dist/standard.js";

const PACKETS_A_RUN = 400_000;
const WARM_UP_PACKETS = 200_000;
/** Different flows, so that look-ups do not always touch the same entry. */
const FLOWS = 256;

const { p4info, deviceConfig } = await loadPipeline();
const softSwitch = new SoftSwitch({ cpuPort: 510 });
softSwitch.setPipeline(p4info, deviceConfig);
const schema = new Schema(p4info);
softSwitch.write(
  STANDARD_ENTRIES.map((entry) => ({
    type: entry.isDefault === true ? Update_Type.MODIFY : Update_Type.INSERT,
    entity: { entity: { $case: "tableEntry", value: encodeEntry(schema, entry) } },
  })),
);

const flows = (layersOf) =>
  Array.from({ length: FLOWS }, (_, i) => build([...from(UPSTREAM), ...layersOf(1024 + 7 * i)]));

const cases = {
  "steering: SYN to a service, in VXLAN to an LD": flows((srcPort) => toService({ srcPort })),
  "routing: longest prefix, next hop": flows((srcPort) => datagram(CLIENT, SERVER, srcPort, 6000)),
};

function run(frames, packets) {
  let left = 0;
  const emit = () => left++;
  const start = process.hrtime.bigint();
  for (let i = 0; i < packets; i++) {
    const frame = frames[i % FLOWS];
    softSwitch.process(UPSTREAM.port, frame, frame.length, emit);
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (left !== packets) throw new Error(`${packets} frames went in, ${left} came out`);
  return packets / seconds;
}

const runs = Number(process.argv[2] ?? 7);
console.log(
  `${cpus().length} x ${cpus()[0].model}, Node.js ${process.version}, load ${loadavg()[0].toFixed(1)}`,
);
for (const frames of Object.values(cases)) run(frames, WARM_UP_PACKETS);
for (const [name, frames] of Object.entries(cases)) {
  const rates = Array.from({ length: runs }, () => run(frames, PACKETS_A_RUN)).sort((a, b) => a - b);
  const kpps = (rate) => Math.round(rate / 1000);
  const median = rates[Math.floor(rates.length / 2)];
  console.log(`${name}: ${kpps(median)} kpps (${kpps(rates[0])} to ${kpps(rates.at(-1))} in ${runs} runs)`);
}
