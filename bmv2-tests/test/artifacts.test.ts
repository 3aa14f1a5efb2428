// build/ is what p4src/ compiles to, and nothing else.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../src/pipeline.js";

interface Compile {
  sumsFile: string;
  artifacts: string[];
  sources(): string[];
  currentSums(): string;
  compile(
    outDir: string,
  ): { status: "ok" } | { status: "no-compiler" } | { status: "failed"; output: string };
}

let p4: Compile;
beforeAll(async () => {
  p4 = (await import(join(projectRoot, "p4src/compile.mjs"))) as Compile;
});

const read = (file: string) => readFileSync(join(projectRoot, file));

describe("the P4 artifacts", () => {
  test("were made from the sources as they are now (else: npm run p4)", () => {
    expect(read(p4.sumsFile).toString()).toBe(p4.currentSums());
  });

  test("are listed with every source", () => {
    const listed = read(p4.sumsFile)
      .toString()
      .split("\n")
      .flatMap((line) => line.split("  ").slice(1));
    expect(listed).toEqual([...p4.sources(), ...p4.artifacts]);
    expect(p4.sources().length).toBeGreaterThan(10);
    for (const file of listed) expect(existsSync(join(projectRoot, file))).toBe(true);
  });

  test("hold no absolute path", () => {
    for (const file of p4.artifacts) {
      const text = read(file).toString();
      expect(text).not.toMatch(/"\/[^"]*"/); // a quoted text that begins with a slash
      expect(text).not.toContain(projectRoot);
    }
    const { program } = JSON.parse(read(p4.artifacts[0]!).toString()) as { program: string };
    expect(program).toMatch(/^p4src\//);
  });

  test("are byte by byte what the compiler makes now, where there is one", (context) => {
    const folder = mkdtempSync(join(projectRoot, "build-check-"));
    try {
      const outDir = relative(projectRoot, folder);
      const result = p4.compile(outDir);
      if (result.status === "no-compiler") {
        console.log("skipped: p4c-bm2-ss is not on PATH");
        context.skip();
      }
      expect(result).toEqual({ status: "ok" });
      for (const file of p4.artifacts.filter((file) => file.includes("v1model"))) {
        const fresh = readFileSync(join(folder, basename(file)));
        expect(fresh.equals(read(file)), `${file} differs from a fresh compile (npm run p4)`).toBe(true);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
