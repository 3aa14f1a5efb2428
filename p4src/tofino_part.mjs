#!/usr/bin/env node
// Compiles one of the four parts of the Tofino program alone, to the end of p4c's back end, and leaves its output and logs in a
// folder: what a part takes, or where it stops (docs/tofino.md has the results).
//
//   node p4src/tofino_part.mjs arrival|admission|decision|departure FOLDER [tofino|tofino2]
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { projectRoot, tofinoArguments } from "./compile.mjs";

const PARTS = ["arrival", "admission", "decision", "departure"];
const TARGETS = ["tofino", "tofino2"];

const [part, folder, target = "tofino2"] = process.argv.slice(2);
if (!PARTS.includes(part) || folder === undefined || !TARGETS.includes(target)) {
  console.error(`usage: node p4src/tofino_part.mjs ${PARTS.join("|")} FOLDER [${TARGETS.join("|")}]`);
  process.exit(2);
}
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const run = spawnSync(
  "p4c-barefoot",
  [...tofinoArguments(target, out), "-DONE_PART", `-DONE_PART_${part.toUpperCase()}`, "p4src/gateway_tna.p4"],
  { cwd: projectRoot, stdio: "inherit" },
);
if (run.error) {
  console.error(`p4c-barefoot: ${run.error.message}; docs/tofino.md says how it is built`);
  process.exit(1);
}
process.exit(run.status ?? 1);
