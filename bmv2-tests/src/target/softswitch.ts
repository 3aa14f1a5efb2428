// The soft switch, in this process.
import type { Pipeline } from "@sluice/controller/p4runtime";
import { SoftSwitch, serve } from "@sluice/softswitch";
import { loadPipeline } from "../pipeline.js";
import { noteLookUp } from "../reached.js";
import { startDriver } from "./driver.js";
import { makeScratch } from "./scratch.js";
import { CPU_PORT, DEVICE_ID, type Target } from "./target.js";

async function start(
  pipeline: Pipeline,
  clockUs?: () => number,
): Promise<{ target: Target; softSwitch: SoftSwitch }> {
  const scratch = await makeScratch("softswitch");
  const p4runtimeAddress = scratch.socket("p4runtime.sock");
  const dataplaneAddress = scratch.socket("packets.sock");
  const softSwitch = new SoftSwitch({
    deviceId: DEVICE_ID,
    cpuPort: CPU_PORT,
    onLookUp: noteLookUp,
    ...(clockUs && { clockUs }),
  });
  const server = await serve(softSwitch, { grpcAddr: p4runtimeAddress, dpGrpcAddr: dataplaneAddress });
  const stop = async () => {
    await server.close();
    scratch.remove();
  };
  const options = { name: "softswitch", p4runtimeAddress, dataplaneAddress, pipeline, stop } as const;
  return { target: await startDriver(options), softSwitch };
}

export async function startSoftSwitch(pipeline: Pipeline): Promise<Target> {
  return (await start(pipeline)).target;
}

/** A soft switch whose time goes by as the test says. */
export interface Simulated {
  readonly target: Target;
  /** Sends a frame in at this time, in microseconds. @returns how many frames come out */
  at(timeUs: number, port: number, frame: Uint8Array): number;
}

export async function startSimulated(): Promise<Simulated> {
  let nowUs = 0;
  const { target, softSwitch } = await start(await loadPipeline(), () => nowUs);
  return {
    target,
    at: (timeUs, port, frame) => {
      nowUs = timeUs;
      return softSwitch.inject(port, frame).length;
    },
  };
}
