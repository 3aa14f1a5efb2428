// The soft switch, in this process.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pipeline } from "@sluice/controller/p4runtime";
import { SoftSwitch, serve } from "@sluice/softswitch";
import { startDriver } from "./driver.js";
import { CPU_PORT, DEVICE_ID, type Target } from "./target.js";

export async function startSoftSwitch(pipeline: Pipeline): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-softswitch-"));
  const p4runtimeAddress = `unix:${join(folder, "p4runtime.sock")}`;
  const dataplaneAddress = `unix:${join(folder, "packets.sock")}`;
  const softSwitch = new SoftSwitch({ deviceId: DEVICE_ID, cpuPort: CPU_PORT });
  const server = await serve(softSwitch, { grpcAddr: p4runtimeAddress, dpGrpcAddr: dataplaneAddress });
  const stop = async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return startDriver({ name: "softswitch", p4runtimeAddress, dataplaneAddress, pipeline, stop });
}
