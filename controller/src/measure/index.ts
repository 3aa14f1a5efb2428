// What switches and LDs count, with the names of the desired state put to it.
//
//   measure  services, buckets, LDs, sessions, drops, counters;  eips  elastic IPs;  neighbors  stations beside the switches;
//   migrations  services between clusters
export { countEips, type EipNumbers, measureEips } from "./eips.js";
export {
  type BucketNumbers,
  type CounterNumbers,
  type DropNumbers,
  type LdNumbers,
  measureBuckets,
  measureCounters,
  measureDrops,
  measureLds,
  measureServices,
  measureSessions,
  type ServiceNumbers,
  type SessionNumbers,
} from "./measure.js";
export { type MigrationNumbers, measureMigrations } from "./migrations.js";
export { knownNeighbors, measureNeighbors, type NeighborNumbers } from "./neighbors.js";
