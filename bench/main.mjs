#!/usr/bin/env node
// npm run bench -- NAME [OPTIONS]
//
// Each bench is a module with `run(arguments)`, which prints what it measures; files go to bench/results/.
import { machineLine } from "./lib/machine.mjs";

const benches = {
  ld: { what: "the LD's data plane beside dpdk-testpmd", load: () => import("./ld.mjs") },
  controller: {
    what: "compile and diff of a large region; entries a second over P4Runtime, beside a Python client",
    load: () => import("./controller.mjs"),
  },
  softswitch: {
    what: "the gateway's pipeline on the soft switch, in memory",
    load: () => import("./softswitch.mjs"),
  },
};

const [name, ...options] = process.argv.slice(2);
if (!Object.hasOwn(benches, name ?? "")) {
  console.error("usage: npm run bench -- NAME [OPTIONS]");
  for (const [known, { what }] of Object.entries(benches)) console.error(`  ${known.padEnd(12)}${what}`);
  process.exit(2);
}
console.log(machineLine());
const { run } = await benches[name].load();
try {
  await run(options);
} catch (error) {
  console.error(`bench ${name}: ${error.message}`);
  process.exitCode = 1;
}
