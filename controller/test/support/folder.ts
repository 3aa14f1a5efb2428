import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";

/** A folder for the sockets of one test. */
export function useFolder(): { path(name: string): string; socket(name: string): string } {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  return { path: (name) => join(folder, name), socket: (name) => `unix:${join(folder, name)}` };
}
