// What the packets of the tests reach of the program, on the soft switch: each test file leaves a list behind, and
// coverage/reached.test.ts, which runs after all of them, holds the lists against the program.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { projectRoot } from "./pipeline.js";

const FOLDER = join(projectRoot, "bmv2-tests/dist/reached");

/** In place of an action: nothing matched. */
export const MISS = "(no match)";

const reached = new Set<string>();

/** As {@link reachedBy} has it. */
export function lookUpName(table: string, action = MISS): string {
  return `${table} ${action}`;
}

export function dropName(reason: string): string {
  return `drop ${reason}`;
}

/** A listener for {@link SoftSwitchOptions.onLookUp}. */
export function noteLookUp(table: string, action: string | undefined): void {
  reached.add(lookUpName(table, action));
}

export function noteDrops(reasons: Iterable<string>): void {
  for (const reason of reasons) reached.add(dropName(reason));
}

/** Forgets what an earlier run left. */
export function clearReached(): void {
  rmSync(FOLDER, { recursive: true, force: true });
}

/** Leaves what the tests of a file have reached. */
export function saveReached(testFile: string): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${basename(testFile)}.json`), JSON.stringify([...reached]));
}

/** By test file. */
export function reachedBy(): Map<string, Set<string>> {
  mkdirSync(FOLDER, { recursive: true });
  return new Map(
    readdirSync(FOLDER).map((file) => [
      file.replace(/\.json$/, ""),
      new Set(JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as string[]),
    ]),
  );
}
