// Where the desired state of a region is kept: objects by kind and name, as they were written, each change a revision with who
// made it and what was there before.
//
//   types  what a store is;  level  the embedded one, in a directory
export { LevelStore } from "./level.js";
export {
  type Change,
  type Commit,
  type CommitHead,
  ConflictError,
  type Snapshot,
  type Store,
  StoreError,
} from "./types.js";
