// A switch for packet tests: the soft switch, or with SLUICE_TARGET=bmv2 the real simple_switch_grpc.
import { loadPipeline } from "../pipeline.js";
import { startBmv2 } from "./bmv2.js";
import { startSoftSwitch } from "./softswitch.js";
import type { Target, TargetName } from "./target.js";

export { isBmv2OnPath } from "./bmv2.js";
export * from "./target.js";

/** @throws Error for a name that is no target */
export function targetName(text = process.env.SLUICE_TARGET ?? "softswitch"): TargetName {
  if (text === "softswitch" || text === "bmv2") return text;
  throw new Error(`SLUICE_TARGET=${text}: no such target (softswitch or bmv2)`);
}

export async function startTarget(name = targetName()): Promise<Target> {
  const pipeline = await loadPipeline();
  return name === "bmv2" ? startBmv2(pipeline) : startSoftSwitch(pipeline);
}
