import { Server } from "@grpc/grpc-js";
import { LdAgentService } from "@sluice/proto/ld-agent";
import { serverCredentials } from "@sluice/proto/tls";
import type { Logger } from "pino";
import { Dataplane } from "./dataplane.js";
import { removeStaleSocket } from "./listen.js";
import { type Metrics, serveMetrics } from "./metrics.js";
import { ldAgentService } from "./service.js";

export interface AgentOptions {
  /** Where the controller reaches the agent: `unix:/path` or `host:port`. */
  listen: string;
  /** Path of the data plane's Unix socket. It need not exist yet. */
  dataplane: string;
  /** Where Prometheus finds `/metrics`: `host:port`. Absent: nowhere. */
  metrics?: string;
  /** For each answer of the data plane. Default 5,000. */
  timeoutMs?: number;
  /** Directory of `sluice pki part`: only for clients of that authority. Default: no encryption. */
  pki?: string;
  logger: Logger;
}

export interface Agent {
  /** Where metrics are served, if they are. */
  metrics: Metrics["address"] | undefined;
  /** Lets running calls end, for at most a second, then closes. */
  stop(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const STOP_MS = 1_000;

/** Starts the agent. @throws Error when it cannot listen */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { listen, logger } = options;
  await removeStaleSocket(listen);
  const dataplane = new Dataplane({
    path: options.dataplane,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    logger,
  });
  const server = new Server();
  server.addService(LdAgentService, ldAgentService(dataplane, logger));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(listen, serverCredentials(options.pki), (error) => (error ? reject(error) : resolve()));
  });
  let metrics: Metrics | undefined;
  try {
    if (options.metrics !== undefined) metrics = await serveMetrics(options.metrics, dataplane, logger);
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  logger.info({ event: "listening", address: listen, dataplane: options.dataplane }, "LD agent is up");

  return {
    metrics: metrics?.address,
    async stop() {
      logger.info({ event: "stopping" }, "LD agent is stopping");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, STOP_MS);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      await metrics?.stop();
      dataplane.close();
    },
  };
}
