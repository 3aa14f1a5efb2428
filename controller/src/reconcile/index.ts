// From what the parts hold to what they should hold.
//
//   ld_client, parts  connections;  ld_watch  how an LD is, as it says by itself;  order, entry_diff  a switch's tables;  ld_facts, ld_steps  an LD's configuration
//   real_servers  how LDs see real servers;  drains  which of them still have sessions;  ld_shares  which ports an LD gives out
//   ld_moves  where buckets stand that move;  meaning  what a state comes to for the parts;  round  what of it is done now
//   switch_plan, plan  what has to change;  tracks  what of it waits for what;  execute, failures  in which order it is written
//   converge  round after round

export { converge, type Outcome, whileCopying } from "./converge.js";
export { type Drain, readDrains } from "./drains.js";
export { CapacityError, DesiredEntries, diffEntries, EntryChange, EntryDiff } from "./entry_diff.js";
export { type Applied, executePlan } from "./execute.js";
export { ApplyError } from "./failures.js";
export { LdClient, LdError } from "./ld_client.js";
export { diffFacts, type FactChange, factsOf, formatEndpoint } from "./ld_facts.js";
export { type ClusterMove, copyingOf, goesOn, type LdHolding, movesOf, type Waiting } from "./ld_moves.js";
export { healthOf, type LdHealth } from "./ld_watch.js";
export { type Meaning, meaningOf, regionEntries } from "./meaning.js";
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
  holdingsOf,
  isEmpty,
  type LdPlan,
  makePlan,
  type Plan,
  type PlanOptions,
  type Writes,
} from "./plan.js";
export {
  type LeavingServer,
  leavingUndrained,
  type RsNumbers,
  readRealServers,
} from "./real_servers.js";
export { type Round, roundOf } from "./round.js";
export { planSwitch, type SwitchPlan } from "./switch_plan.js";
