// Before the first test file of a run (vitest's globalSetup).
import { clearReached } from "./reached.js";
import { targetName } from "./target/index.js";

export default function setup(): void {
  if (targetName() === "softswitch") clearReached();
}
