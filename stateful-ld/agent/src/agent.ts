import { Server } from "@grpc/grpc-js";
import { LdAgentService } from "@sluice/proto/ld-agent";
import { serverCredentials } from "@sluice/proto/tls";
import type { Logger } from "pino";
import { Dataplane, DataplaneError, type Greeting } from "./dataplane.js";
import { HealthMonitor } from "./health/monitor.js";
import { LastConfig } from "./last_config.js";
import { removeStaleSocket } from "./listen.js";
import { type Metrics, serveMetrics } from "./metrics.js";
import { ldAgentService } from "./service.js";
import { StatusFeed } from "./status_feed.js";

export interface AgentOptions {
  /** Where the controller reaches the agent: `unix:/path` or `host:port`. */
  listen: string;
  /** Path of the data plane's Unix socket. It need not exist yet. */
  dataplane: string;
  /** Where Prometheus finds `/metrics`: `host:port`. Absent: nowhere. */
  metrics?: string;
  /** Directory where the last configuration is kept, for a data plane that starts without a controller. Absent: nowhere. */
  state?: string;
  /** Between two looks at the data plane. Default 1,000; 0: it is only looked at when somebody asks. */
  statusMs?: number;
  /** Check real servers, as the configuration says. Default: true. */
  checks?: boolean;
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
const DEFAULT_STATUS_MS = 1_000;
const STOP_MS = 1_000;

/**
 * Gives a data plane that holds no configuration the last one. What it refuses, or when it is lost meanwhile, is logged. What it
 * holds is the last one: it may have taken it after the agent had given up, or from an agent that could not write.
 */
async function restore(ask: Greeting, last: LastConfig, logger: Logger): Promise<void> {
  const { config: held } = await ask({ $case: "getConfig", value: {} }, "config");
  if (held !== undefined) {
    void last.keep(held); // nobody has to wait for the disk
    return;
  }
  const config = await last.load();
  if (config === undefined) return;
  const said = { epoch: config.epoch.toString(), services: config.services.length };
  try {
    await ask({ $case: "applyConfig", value: config }, undefined);
    logger.info({ event: "config_restored", ...said }, "the data plane has its last configuration again");
  } catch (error) {
    if (!(error instanceof DataplaneError)) throw error;
    logger.error(
      { event: "config_not_restored", ...said, reason: error.message },
      "the data plane refuses its last configuration",
    );
  }
}

/** Starts the agent. @throws Error when it cannot listen */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { listen, logger } = options;
  await removeStaleSocket(listen);
  const last = options.state === undefined ? undefined : new LastConfig(options.state, logger);
  const dataplane: Dataplane = new Dataplane({
    path: options.dataplane,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    logger,
    async greet(ask) {
      if (last !== undefined) await restore(ask, last, logger);
      await health.greet(ask);
    },
    onLost() {
      health.lost();
      feed.wake();
    },
  });
  const health = new HealthMonitor({ dataplane, checks: options.checks ?? true, logger });
  const everyMs = options.statusMs ?? DEFAULT_STATUS_MS;
  const feed = new StatusFeed({ dataplane, logger, everyMs, impaired: () => health.impaired });
  feed.subscribe(({ state }) => {
    void last?.again();
    if (state === undefined) return;
    health.look(state.online).catch((error: Error) => {
      logger.debug({ event: "look_failed", reason: error.message }, "real servers were not looked at");
    });
  });
  const openOwn = () =>
    new Dataplane({ path: options.dataplane, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS, logger });
  const server = new Server();
  server.addService(LdAgentService, ldAgentService({ dataplane, openOwn, feed, last, health, logger }));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(listen, serverCredentials(options.pki), (error) => (error ? reject(error) : resolve()));
  });
  let metrics: Metrics | undefined;
  try {
    if (options.metrics !== undefined)
      metrics = await serveMetrics(options.metrics, { dataplane, health, logger });
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  feed.start();
  logger.info({ event: "listening", address: listen, dataplane: options.dataplane }, "LD agent is up");

  return {
    metrics: metrics?.address,
    async stop() {
      logger.info({ event: "stopping" }, "LD agent is stopping");
      feed.stop();
      health.stop();
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
