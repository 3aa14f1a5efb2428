#!/usr/bin/env node
// npm run test:bmv2: the packet tests on the real simple_switch_grpc, where it is installed. Arguments go to vitest.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectRoot } from "./pipeline.js";
import { isBmv2OnPath } from "./target/bmv2.js";

if (isBmv2OnPath()) {
  const vitest = join(dirname(fileURLToPath(import.meta.resolve("vitest/package.json"))), "vitest.mjs");
  const run = spawnSync(
    process.execPath,
    [vitest, "run", "--root", join(projectRoot, "bmv2-tests"), ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, SLUICE_TARGET: "bmv2" } },
  );
  process.exitCode = run.status ?? 1;
} else {
  console.log("skipped: simple_switch_grpc is not on PATH");
}
