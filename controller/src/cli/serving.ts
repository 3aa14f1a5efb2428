// What `sluice serve` runs. Its modules (the stores, metrics) are what takes long to load, so no other command loads them.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { lstat, mkdir, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { ApiServer, type TlsFiles } from "../api/server.js";
import { type ControllerOptions, type Lead, Member, RegionController } from "../daemon/index.js";
import { isEtcd, LevelStore, openEtcd } from "../store/index.js";
import { type Io, loadPipeline, type PipelineOptions } from "./context.js";
import { UsageError } from "./exit.js";

export interface ServeOptions extends PipelineOptions {
  store: string;
  listen: string;
  advertise?: string;
  pki?: string;
  etcdPki?: string;
  lease: number;
  timeout: number;
  audit: number;
  logLevel: string;
  metricsLimit: number;
}

function tlsFiles(directory: string): TlsFiles {
  const read = (name: string) => readFileSync(join(directory, name));
  try {
    return { ca: read("ca.pem"), cert: read("server.pem"), key: read("server.key") };
  } catch (error) {
    throw new UsageError(
      `--pki ${directory}: ${(error as Error).message} (it needs ca.pem, server.pem and server.key)`,
    );
  }
}

/** Removes the socket of a controller that has died. @throws UsageError when one answers there, or it is no socket */
async function freeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) {
    return;
  }
  if (!found.isSocket()) {
    throw new UsageError(`--listen unix:${path}: this is there already, and no socket (give another path)`);
  }
  const socket = connect(path);
  const failure = await once(socket, "connect").then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  socket.destroy();
  if (failure === undefined) {
    throw new UsageError(
      `--listen unix:${path}: a controller answers there already (stop it, or listen elsewhere)`,
    );
  }
  if (failure === "ECONNREFUSED") {
    await unlink(path).catch(() => {});
  }
}

/** What answers requests, and how it ends. */
interface Running {
  lead: Lead;
  stop(): Promise<void>;
}

async function startAlone(place: string, options: Omit<ControllerOptions, "store">): Promise<Running> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  const controller = await RegionController.start({ ...options, store: await LevelStore.open(place) });
  return { lead: { controller, leader: undefined }, stop: () => controller.close() };
}

function startAmongOthers(
  { store, etcdPki, lease, listen, advertise = listen }: ServeOptions,
  options: Omit<ControllerOptions, "store">,
): Running {
  const etcd = openEtcd(store, etcdPki);
  const member = new Member({ ...options, etcd, api: advertise, leaseS: lease });
  const stop = new AbortController();
  const running = member.run(stop.signal);
  return {
    lead: member,
    async stop() {
      stop.abort();
      await running;
      etcd.client.close();
    },
  };
}

/** Runs until a signal. */
export async function serve(io: Io, options: ServeOptions): Promise<void> {
  const unix = options.listen.startsWith("unix:");
  if (!unix && options.pki === undefined) {
    throw new UsageError(
      `--listen ${options.listen}: whoever reaches a TCP port could change the region (give --pki, or listen on unix:/path)`,
    );
  }
  const tls = unix ? undefined : tlsFiles(options.pki!);
  if (unix) {
    await freeSocket(options.listen.slice("unix:".length));
  }
  const pipeline = await loadPipeline(options);
  // Written at once: what happened just before a crash is what one wants to read.
  const log: Logger = pino(
    { level: options.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: (line) => io.stdout.write(line),
    },
  );
  const common = {
    pipeline,
    log,
    timeoutMs: options.timeout,
    auditMs: options.audit,
    ...(options.pki !== undefined && { pki: options.pki }),
  };
  const running = isEtcd(options.store)
    ? startAmongOthers(options, common)
    : await startAlone(options.store, common);
  try {
    await answer(new ApiServer(running.lead, log, tls, options.metricsLimit), options.listen, log);
  } finally {
    await running.stop();
  }
}

async function answer(server: ApiServer, listen: string, log: Logger): Promise<void> {
  try {
    const address = await server.listen(listen).catch((error: Error) => {
      throw new UsageError(
        `--listen ${listen}: ${error.message} (write it like unix:/run/sluice/controller.sock or 192.0.2.1:8443)`,
      );
    });
    log.info({ event: "listening", address });
    const signal = await Promise.race(
      ["SIGINT", "SIGTERM"].map((name) => once(process, name).then(() => name)),
    );
    log.info({ event: "stopping", signal });
  } finally {
    await server.close().catch(() => {});
  }
}
