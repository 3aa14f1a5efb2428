import { defineConfig } from "vitest/config";

/** One run for all workspaces; each is a project of its own (`npx vitest run --project @sluice/controller`). */
export default defineConfig({
  test: {
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
