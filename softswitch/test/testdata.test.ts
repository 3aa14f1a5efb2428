import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What testdata/compile.mjs offers: plain JavaScript, so that it runs without a build. */
interface Compile {
  folder: string;
  sumsFile: string;
  programs(): string[];
  currentSums(): string;
}

const path = new URL("../testdata/compile.mjs", import.meta.url).href;
const { currentSums, folder, programs, sumsFile } = (await import(path)) as Compile;

test("the programs' artifacts are of their sources as they are now (else: node softswitch/testdata/compile.mjs)", () => {
  expect(programs()).toEqual(["matching", "parsing", "traffic"]);
  expect(readFileSync(sumsFile, "utf8")).toBe(currentSums());
});

test.each(programs())("the artifacts of %s have no path of the machine that made them", (name) => {
  for (const file of [`${name}.json`, `${name}.p4info.txtpb`]) {
    const paths = readFileSync(`${folder}/${file}`, "utf8")
      .match(/"[^"]*"/g)!
      .filter((text) => text.startsWith('"/'));
    expect(paths).toEqual([]);
  }
});
