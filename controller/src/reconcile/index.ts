// From what the parts hold to what they should hold.
//
//   ld_client, parts  connections;  order, entry_diff  a switch's tables;  ld_facts, ld_steps  an LD's configuration
//   real_servers  how LDs see real servers
//   plan  what has to change;  execute  in which order it is written
export { CapacityError, DesiredEntries, diffEntries, EntryChange, EntryDiff } from "./entry_diff.js";
export { type Applied, ApplyError, executePlan } from "./execute.js";
export { LdClient, LdError } from "./ld_client.js";
export { diffFacts, type FactChange, factsOf, formatEndpoint } from "./ld_facts.js";
export { writeOrder } from "./order.js";
export {
  allOrReasons,
  type LdPart,
  openParts,
  type Parts,
  type SwitchPart,
  UnreachableError,
} from "./parts.js";
export {
  isEmpty,
  type LdHolding,
  type LdPlan,
  type Meaning,
  makePlan,
  meaningOf,
  type Plan,
  planSwitch,
  regionEntries,
  type SwitchPlan,
} from "./plan.js";
export {
  type Drain,
  drainsOf,
  type LeavingServer,
  leavingUndrained,
  type RsNumbers,
  readRealServers,
} from "./real_servers.js";
