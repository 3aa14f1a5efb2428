// A switch with its ports and its servers: the packet thread when it has interfaces, else all in one thread.
import type { SwitchControl } from "./control_port.js";
import { InProcessControl } from "./in_process.js";
import type { WorkerControl } from "./io/worker_control.js";
import { Losses } from "./losses.js";
import { type RunningServer, serve } from "./serve.js";
import { SoftSwitch } from "./switch.js";
import type { Log } from "./types.js";

/** A port of the switch and the network interface behind it. */
export interface SwitchPort {
  number: number;
  interface: string;
}

export interface RunOptions {
  deviceId: bigint;
  grpcAddr: string;
  dpGrpcAddr?: string;
  ports: SwitchPort[];
  cpuPort?: number;
  dropPort?: number;
  /** as {@link ServeOptions.pki} */
  pki?: string;
  log: Log;
}

export interface RunningSwitch {
  /** Logs what each port has received, sent and dropped, and what was lost elsewhere. */
  logCounters(): Promise<void>;
  close(): Promise<void>;
  /** Resolves when the switch has ended; with an error unless {@link close} ended it. */
  failed: Promise<Error | undefined>;
}

const COUNTERS_EVERY_MS = 10_000;

/** @throws Error that names what is missing and the remedy; nothing is left running then */
export async function runSwitch(options: RunOptions): Promise<RunningSwitch> {
  const { log, grpcAddr, dpGrpcAddr, ports } = options;
  const worker = ports.length > 0 ? await startWorker(options) : undefined;
  const control: SwitchControl = worker ?? new InProcessControl(new SoftSwitch(options));
  try {
    const server = await serve(control, {
      grpcAddr,
      log,
      ...(dpGrpcAddr === undefined ? {} : { dpGrpcAddr }),
      ...(options.pki === undefined ? {} : { pki: options.pki }),
    });
    log.info(
      { deviceId: String(options.deviceId), grpcAddr: server.grpcAddr, dpGrpcAddr: server.dpGrpcAddr, ports },
      "listening; waiting for a pipeline",
    );
    const losses = new Losses();
    const report = async (level: "debug" | "info") => {
      const counters = await countersOf(worker, server);
      if (counters === undefined) return;
      log[level](counters, "counters");
      const more = losses.since(counters);
      if (more !== undefined) log.warn(more, "frames were lost");
    };
    const timer = setInterval(() => void report("debug"), COUNTERS_EVERY_MS).unref();
    return {
      logCounters: () => report("info"),
      close: async () => {
        clearInterval(timer);
        await server.close();
        if (worker !== undefined) log.info({ ...(await worker.close()), ...server.dropped() }, "ended");
      },
      failed: worker?.ended ?? new Promise(() => {}),
    };
  } catch (error) {
    await worker?.close();
    throw error;
  }
}

/** koffi is loaded only when there are interfaces: a switch without them needs no C library. */
async function startWorker({ dpGrpcAddr, ...options }: RunOptions): Promise<WorkerControl> {
  const { WorkerControl } = await import("./io/worker_control.js");
  return WorkerControl.start({ ...options, tellFrames: dpGrpcAddr !== undefined });
}

/** @returns undefined when the switch is ending */
async function countersOf(worker: WorkerControl | undefined, server: RunningServer) {
  try {
    return { ...(await worker?.counters()), ...server.dropped() };
  } catch {
    return undefined;
  }
}
