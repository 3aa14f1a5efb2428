export * as p4runtime from "./p4runtime/index.js";
