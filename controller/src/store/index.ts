// Where the desired state of a region is kept: objects by kind and name, as they were written, each change a revision with who
// made it and what was there before.
//
//   types  what a store is;  level  the embedded one, in a directory;  etcd  the one that several controllers share
//   election  which of them leads;  lease  what ties the lead to a living process;  place  what --store names
export { campaign, type Leadership } from "./election.js";
export { EtcdStore } from "./etcd.js";
export { LevelStore } from "./level.js";
export { type EtcdPlace, isEtcd, openEtcd } from "./place.js";
export {
  type Change,
  type Commit,
  type CommitHead,
  ConflictError,
  type Snapshot,
  type Store,
  StoreError,
  TooLargeError,
} from "./types.js";
