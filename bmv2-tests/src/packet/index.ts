// Test frames: built field by field, taken apart again, compared in words.
export { build, fragments, fragmentsV6, padded, quote } from "./build.js";
export * from "./bytes.js";
export { describeFrame, diffFrames, fieldsOf } from "./diff.js";
export { dissect } from "./dissect.js";
export * from "./layers.js";
