// The soft switch, in this process.
import type { Pipeline } from "@sluice/controller/p4runtime";
import { SoftSwitch, serve } from "@sluice/softswitch";
import { noteLookUp } from "../reached.js";
import { startDriver } from "./driver.js";
import { makeScratch } from "./scratch.js";
import { CPU_PORT, DEVICE_ID, type Target } from "./target.js";

export async function startSoftSwitch(pipeline: Pipeline): Promise<Target> {
  const scratch = await makeScratch("softswitch");
  const p4runtimeAddress = scratch.socket("p4runtime.sock");
  const dataplaneAddress = scratch.socket("packets.sock");
  const softSwitch = new SoftSwitch({ deviceId: DEVICE_ID, cpuPort: CPU_PORT, onLookUp: noteLookUp });
  const server = await serve(softSwitch, { grpcAddr: p4runtimeAddress, dpGrpcAddr: dataplaneAddress });
  const stop = async () => {
    await server.close();
    scratch.remove();
  };
  return startDriver({ name: "softswitch", p4runtimeAddress, dataplaneAddress, pipeline, stop });
}
