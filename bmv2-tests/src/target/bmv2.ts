// The real simple_switch_grpc as a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Pipeline } from "@sluice/controller/p4runtime";
import { startDriver } from "./driver.js";
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

export async function startBmv2(pipeline: Pipeline): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bmv2-"));
  const p4runtimeAddress = `unix:${join(folder, "p4runtime.sock")}`;
  const dataplaneAddress = `unix:${join(folder, "packets.sock")}`;
  const child = spawn(
    PROGRAM,
    [
      "--no-p4",
      "--device-id",
      `${DEVICE_ID}`,
      // Its Thrift server is not used, but the default port may be another simple_switch's.
      "--thrift-port",
      "0",
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
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output = keepOutput(child);
  const killOnExit = () => child.kill("SIGKILL");
  process.once("exit", killOnExit);
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  let stopping = false;
  const stop = async () => {
    stopping = true;
    child.kill("SIGKILL"); // it holds nothing that a clean end would save
    await exited;
    process.off("exit", killOnExit);
    await rm(folder, { recursive: true, force: true });
  };
  const early = new Promise<never>((_, reject) => {
    void exited.then(() => {
      const how = `exit code ${child.exitCode}, signal ${child.signalCode}`;
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
