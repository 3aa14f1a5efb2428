// The controller as a library, by its layers; each uses only those before it.

export * as compile from "./compile/index.js";
export * as p4runtime from "./p4runtime/index.js";
export * as reconcile from "./reconcile/index.js";
export * as state from "./state/index.js";
