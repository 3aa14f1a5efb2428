#!/usr/bin/env -S node --max-semi-space-size=64
// sluice: the gateway's command line.
import { run } from "./run.js";

process.exitCode = await run(process.argv.slice(2), process);
