// The events that the controller logs are those that docs/api.md tells of.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { repositoryFile } from "./support/program.js";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** `{ event: "x" }`, also where one of two is chosen. */
function loggedEvents(): string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => [...readFileSync(join(source, path), "utf8").matchAll(/\bevent: ([^,}]+)/g)])
    .flatMap(([, value]) => [...value!.replace(/=== "\w+"/, "").matchAll(/"([a-z_]+)"/g)])
    .map(([, event]) => event!);
}

it("every event that is logged is in the table of the page, and no other", () => {
  const page = repositoryFile("docs/api.md");
  const table = page.slice(page.indexOf("| event | fields |"), page.indexOf("## How it keeps the parts"));
  const told = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, events]) => [
    ...events!.matchAll(/`(\w+)`/g),
  ]);
  expect(new Set(told.map(([, event]) => event))).toEqual(new Set(loggedEvents()));
});
