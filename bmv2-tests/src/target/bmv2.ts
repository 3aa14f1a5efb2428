// The real simple_switch_grpc as a process of its own.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Pipeline } from "@sluice/controller/p4runtime";
import { startDriver } from "./driver.js";
import { makeScratch } from "./scratch.js";
import { CPU_PORT, DEVICE_ID, type Target } from "./target.js";

const PROGRAM = "simple_switch_grpc";
const OUTPUT_KEPT = 8192;

export function isBmv2OnPath(): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, PROGRAM), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

let knownThriftOptions: string[] | undefined;

/** Its Thrift server is not used, but the default port may be another simple_switch's. A build without Thrift refuses the option. */
function thriftOptions(): string[] {
  knownThriftOptions ??= spawnSync(PROGRAM, ["--help"], { encoding: "utf8" }).stdout.includes("--thrift-port")
    ? ["--thrift-port", "0"]
    : [];
  return knownThriftOptions;
}

export async function startBmv2(pipeline: Pipeline): Promise<Target> {
  if (!isBmv2OnPath()) throw new Error(`${PROGRAM} is not on PATH (build it from p4lang/behavioral-model)`);
  let child: ChildProcess | undefined;
  const scratch = await makeScratch("bmv2", () => child?.kill("SIGKILL"));
  const p4runtimeAddress = scratch.socket("p4runtime.sock");
  const dataplaneAddress = scratch.socket("packets.sock");
  const started = spawn(
    PROGRAM,
    [
      "--no-p4",
      "--device-id",
      `${DEVICE_ID}`,
      ...thriftOptions(),
      "--log-level",
      "warn",
      "--log-console",
      "--",
      "--cpu-port",
      `${CPU_PORT}`,
      "--grpc-server-addr",
      p4runtimeAddress,
      "--dp-grpc-server-addr",
      dataplaneAddress,
    ],
    { cwd: scratch.folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  child = started;
  const output = keepOutput(started);
  const exited = new Promise<void>((resolve) => {
    started.once("error", () => resolve());
    started.once("exit", () => resolve());
  });
  let stopping = false;
  const stop = async () => {
    stopping = true;
    started.kill("SIGKILL"); // it holds nothing that a clean end would save
    await exited;
    scratch.remove();
  };
  const early = new Promise<never>((_, reject) => {
    void exited.then(() => {
      const how = `exit code ${started.exitCode}, signal ${started.signalCode}`;
      if (!stopping) reject(new Error(`${PROGRAM} ended (${how}):\n${output()}`));
    });
  });
  early.catch(() => {}); // after the start its end shows in the calls that it breaks
  return await Promise.race([
    startDriver({ name: "bmv2", p4runtimeAddress, dataplaneAddress, pipeline, stop }),
    early,
  ]);
}

function keepOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_KEPT);
    });
  }
  return () => text;
}
