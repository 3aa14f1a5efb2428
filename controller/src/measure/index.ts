// What switches and LDs count, with the names of the desired state put to it.
//
//   measure  services, buckets, LDs, sessions, drops, counters;  eips  elastic IPs
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
