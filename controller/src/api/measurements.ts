// GET /v1/measurements/WHAT: what the parts count, as `sluice get WHAT -o json` prints it, by the controller's own connections.
import type { RegionController } from "../daemon/index.js";
import {
  knownNeighbors,
  measureBuckets,
  measureDrops,
  measureEips,
  measureLds,
  measureServices,
} from "../measure/index.js";
import { type Parts, UnreachableError } from "../reconcile/index.js";

const MEASURES: Readonly<Record<string, (parts: Parts) => Promise<unknown>>> = {
  buckets: measureBuckets,
  drops: measureDrops,
  eips: measureEips,
  lds: measureLds,
  services: measureServices,
};

const NEIGHBORS = "neighbors";

export const MEASUREMENTS: readonly string[] = [...Object.keys(MEASURES), NEIGHBORS];

/** @throws UnreachableError with the reason of each part that cannot be asked */
export async function measurement({ region, reconciler }: RegionController, what: string): Promise<unknown> {
  if (what === NEIGHBORS) {
    return knownNeighbors(region.state, reconciler.neighbors); // known without asking
  }
  const { parts, lost } = reconciler.partsOf(what === "eips" ? region.state : region.withoutEips);
  if (lost.size > 0 && what !== "lds") {
    throw new UnreachableError([...lost.values()]);
  }
  return MEASURES[what]!(parts);
}
