import { defineConfig } from "vitest/config";

// The limits are for machines that are busy with other things, not a measure of anything.
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
});
