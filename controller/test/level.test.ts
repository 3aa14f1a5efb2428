// The embedded store where the disk fails it. Needs `npm run build`: a process of its own is given a limit for its files.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { LevelStore } from "../src/store/index.js";
import { useFolder } from "./support/folder.js";

const folder = useFolder();
const stores = fileURLToPath(new URL("../dist/store/index.js", import.meta.url));

/** Commits while its files may not grow, and again when they may. Prints what was acknowledged, and what was said else. */
const COMMITTER = `
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
const { LevelStore } = await import(process.argv[2]);
const directory = process.argv[3];
const store = await LevelStore.open(directory);
const outcome = { done: [], refused: [] };
let revision = 0;
async function commit(name) {
  const after = { name, text: "x".repeat(3000) };
  const head = { time: "2026-11-26T00:00:00.000Z", actor: "ann", action: name };
  try {
    await store.commit(revision, { ...head, changes: [{ key: "eips/" + name, before: undefined, after }] });
    revision++;
    outcome.done.push(name);
  } catch (error) {
    outcome.refused.push([name, error.name, error.message]);
  }
}
const limit = (bytes) => execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":unlimited"]);
await commit("before1");
await commit("before2");
const log = readdirSync(directory).find((name) => name.endsWith(".log"));
limit(statSync(directory + "/" + log).size + 1000);
await commit("full1");
limit("unlimited");
for (const name of ["after1", "after2", "after3"]) await commit(name);
process.stdout.write(JSON.stringify(outcome));
process.exit(); // as a crash: nothing is closed
`;

it("has every commit that it has acknowledged, though the disk was full in between", async () => {
  const script = folder.path("committer.mjs");
  writeFileSync(script, COMMITTER);
  const { stdout } = await promisify(execFile)(process.execPath, [script, stores, folder.path("store")]);
  const { done, refused } = JSON.parse(stdout) as { done: string[]; refused: [string, string, string][] };
  expect(refused.find(([name]) => name === "full1")).toEqual([
    "full1",
    "StoreError",
    expect.stringContaining("make room on its disk"),
  ]);
  const store = await LevelStore.open(folder.path("store"));
  const { objects } = await store.load();
  expect([...objects.keys()]).toEqual(done.map((name) => `eips/${name}`).sort());
  expect((await store.history(10)).map(({ action }) => action)).toEqual(done.toReversed());
  await store.close();
});
