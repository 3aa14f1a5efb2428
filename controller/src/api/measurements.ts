// GET /v1/measurements/WHAT: what the parts count, as `sluice get WHAT -o json` prints it, by the controller's own connections.
import type { RegionController } from "../daemon/index.js";
import {
  knownNeighbors,
  measureBuckets,
  measureDrops,
  measureEips,
  measureLds,
  measureMigrations,
  measureServices,
} from "../measure/index.js";
import { type Parts, readDrains, readRealServers, UnreachableError } from "../reconcile/index.js";

/** How many EIPs, and how many services, have metrics of their own by default. A thousand EIPs on two switches are 8,000 time series. */
export const METRICS_LIMIT = 1_000;

const MEASURES: Readonly<Record<string, (parts: Parts) => Promise<unknown>>> = {
  buckets: measureBuckets,
  drains: readDrains,
  drops: measureDrops,
  eips: measureEips,
  lds: measureLds,
  migrations: measureMigrations,
  rs: ({ lds }) => readRealServers(lds),
  services: measureServices,
};

/** What LDs alone are asked for. */
const OF_LDS: ReadonlySet<string> = new Set(["drains", "lds", "migrations", "rs"]);

const NEIGHBORS = "neighbors";

export const MEASUREMENTS: readonly string[] = [...Object.keys(MEASURES), NEIGHBORS];

/** @throws UnreachableError with the reason of each part that cannot be asked */
export async function measurement({ region, reconciler }: RegionController, what: string): Promise<unknown> {
  if (what === NEIGHBORS) {
    return knownNeighbors(region.state, reconciler.neighbors); // known without asking
  }
  const { parts, lost } = reconciler.partsOf(what === "eips" ? region.state : region.withoutEips);
  if (lost.size > 0 && !OF_LDS.has(what)) {
    throw new UnreachableError([...lost.values()]);
  }
  return MEASURES[what]!(parts);
}
