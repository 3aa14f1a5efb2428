#!/usr/bin/env node
// sluice: the gateway's command line.
import { run } from "./run.js";

process.exitCode = await run(process.argv.slice(2), process);
