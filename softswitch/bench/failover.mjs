#!/usr/bin/env node
import { encodeEntry, Schema } from "@sluice/controller/p4runtime";
// What the first failover costs the switch itself: packets of one LD, until it is late, and those of its backup from then on. V8 has made
// code for what it has seen, and has to make it anew for what it has not.
//
//   npm run build && node softswitch/bench/failover.mjs
//
// Prints how long the slowest packet took, and the first hundred and thousand after it, before and after the LD is late.
import { Update_Type } from "@sluice/proto/p4runtime";
import { SoftSwitch } from "@sluice/softswitch";
import { from, packet, toService } from "../../bmv2-tests/dist/frames.js";
import { build, HEARTBEAT_PORT, heartbeat, udp } from "../../bmv2-tests/dist/packet/index.js";
import { loadPipeline } from "../../bmv2-tests/dist/pipeline.js";
import {
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_TAGGED,
  LD1,
  LD2,
  STANDARD_ENTRIES,
  UPSTREAM,
} from "../../bmv2-tests/dist/standard.js";

const FLOWS = 1024;
const STEADY_PACKETS = 300_000;
const PACKETS_AFTER = 100_000;
const HOLD_US = 50_000;
const HEARTBEAT_EVERY = 100;

let nowUs = 1_000_000;
const { p4info, deviceConfig } = await loadPipeline();
const softSwitch = new SoftSwitch({ cpuPort: 510, clockUs: () => nowUs });
softSwitch.setPipeline(p4info, deviceConfig);
const schema = new Schema(p4info);
const write = (type, ...entries) =>
  softSwitch.write(
    entries.map((item) => ({
      type,
      entity: { entity: { $case: "tableEntry", value: encodeEntry(schema, item) } },
    })),
  );
for (const item of STANDARD_ENTRIES)
  write(item.isDefault === true ? Update_Type.MODIFY : Update_Type.INSERT, item);

const LDS = [
  { ld: { ...LD1, id: 101 }, side: FABRIC },
  { ld: { ...LD2, id: 102 }, side: FABRIC_TAGGED },
];
for (const { ld, side } of LDS) {
  write(
    Update_Type.INSERT,
    entry.ld(ld.id, ld.vtep, ld.mac),
    entry.ldSource(
      { port: side.port, networkId: side.networkId, vtep: ld.vtep },
      { ldId: ld.id, key: 7, epoch: 1, holdUs: HOLD_US },
    ),
  );
}
for (let bucket = 0; bucket < 1024; bucket++) {
  write(
    Update_Type.MODIFY,
    entry.bucket(CLUSTER, bucket, LDS[bucket & 1].ld.id, LDS[1 - (bucket & 1)].ld.id),
  );
}
let sequence = 1;
const beat = ({ ld, side }) =>
  build([
    ...from(side),
    ...packet(ld.vtep, side.address, [
      udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }),
      heartbeat({ key: 7, ldId: ld.id, flags: 0, epoch: 1, sequence: sequence++ }),
    ]),
  ]);
const frames = Array.from({ length: FLOWS }, (_, i) =>
  build([...from(UPSTREAM), ...toService({ srcPort: 2000 + i })]),
);

let left = 0;
const emit = () => left++;
function run(packets, alive) {
  const times = new Float64Array(packets);
  for (let i = 0; i < packets; i++) {
    if (i % HEARTBEAT_EVERY === 0) {
      nowUs += 10_000;
      for (const item of alive) {
        const frame = beat(item);
        softSwitch.process(item.side.port, frame, frame.length, emit);
      }
    }
    const frame = frames[i % FLOWS];
    const start = performance.now();
    softSwitch.process(UPSTREAM.port, frame, frame.length, emit);
    times[i] = performance.now() - start;
  }
  return times;
}
const sum = (times, from, to) => times.subarray(from, to).reduce((all, time) => all + time, 0);
function show(what, times) {
  const slowest = times.indexOf(Math.max(...times));
  // How long it is until a thousand packets take less than twice what they take in the end.
  const usual = sum(times, times.length - 20_000, times.length) / 20;
  let until = 0;
  while (until + 1000 <= times.length && sum(times, until, until + 1000) > 2 * usual) until += 1000;
  console.log(
    `${what}: slowest packet ${times[slowest].toFixed(1)} ms (number ${slowest}), first 1,000 ${sum(times, 0, 1000).toFixed(1)} ms, ` +
      `slow for ${sum(times, 0, until).toFixed(1)} ms (${until} packets), usually ${(usual).toFixed(2)} us a packet`,
  );
}
run(STEADY_PACKETS, LDS);
show("steady", run(PACKETS_AFTER, LDS));
show("LD 1 late", run(PACKETS_AFTER, [LDS[1]]));
show("LD 1 back", run(PACKETS_AFTER, LDS));
show("LD 1 late again", run(PACKETS_AFTER, [LDS[1]]));
