import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "@sluice/bmv2-tests-coverage",
    include: ["*.test.ts"],
    sequence: { groupOrder: 1 }, // after the packet tests, whose lists it reads
  },
});
