// Neighbours whose MACs nobody declared. What is learned is observed state: it is in no document and in no store.
//
//   frames  ARP and neighbour discovery;  table  those of one switch;  held  what a switch holds already
//   keeper  those of a region, while a controller runs
export { type Asker, heard, question } from "./frames.js";
export { heldNeighbors, knownAddresses, withHeldNeighbors, withNeighbors } from "./held.js";
export { NeighborKeeper } from "./keeper.js";
export {
  hasUnknown,
  MAX_LEARNED,
  type NeighborState,
  NeighborTable,
  type ObservedNeighbor,
  TICK_MS,
} from "./table.js";
