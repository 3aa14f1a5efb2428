#!/usr/bin/env -S node --max-semi-space-size=64
// sluice: the gateway's command line.
import { run } from "./run.js";

// Whoever read has gone, like head: what was begun is completed, and nothing more is said.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") {
      throw error;
    }
  });
}

process.exitCode = await run(process.argv.slice(2), process);
