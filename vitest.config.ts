import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** One run for all workspaces; each is a project of its own (`npx vitest run --project @sluice/controller`). */
export default defineConfig({
  test: {
    // Vitest would leave one CPU to itself, and of two that is half. Tests of real programs mostly wait.
    maxWorkers: availableParallelism(),
    projects: [
      "proto",
      "softswitch",
      "controller",
      "stateful-ld/agent",
      "bmv2-tests",
      "bmv2-tests/coverage",
      "bench",
    ],
  },
});
