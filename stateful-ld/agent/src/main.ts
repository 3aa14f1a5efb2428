#!/usr/bin/env node
// sluice-ld-agent: the controller's way to one LD. It stands before the data plane's socket and speaks gRPC.
import { Command } from "commander";
import pino from "pino";
import { startAgent } from "./agent.js";

const program = new Command("sluice-ld-agent")
  .description("gRPC API of one LD, in front of its data plane")
  .requiredOption("--listen <address>", "where the controller connects: unix:/path or host:port")
  .requiredOption("--dataplane <path>", "the data plane's control socket")
  .option("--state <directory>", "keep the last configuration there, for a data plane that starts anew")
  .option("--pki <directory>", "TLS: ca.pem, server.pem and server.key")
  .option("--metrics <host:port>", "serve counters to Prometheus at http://host:port/metrics")
  .option("--log-level <level>", "debug, info, warn, error", "info")
  .parse();

const options = program.opts<{
  listen: string;
  dataplane: string;
  metrics?: string;
  state?: string;
  logLevel: string;
  pki?: string;
}>();
const logger = pino({ name: "sluice-ld-agent", level: options.logLevel });

const started = startAgent({ ...options, logger });
// Before the agent says that it listens: whoever waits for that may send the signal at once.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    started
      .then((agent) => agent.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  });
}
try {
  await started;
} catch (error) {
  logger.fatal(
    { event: "start_failed", reason: error instanceof Error ? error.message : String(error) },
    "LD agent cannot start",
  );
  process.exitCode = 1;
}
