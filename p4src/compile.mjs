#!/usr/bin/env node
// Compiles the P4 program into build/ and records what was compiled: build/SHA256SUMS lists every source and artifact
// (`sha256sum -c build/SHA256SUMS` at the project's root checks it). Needs p4c-bm2-ss; users who change no P4 need it not.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
export const sumsFile = "build/SHA256SUMS";
const program = "gateway_v1model";
export const artifacts = [`build/${program}.json`, `build/${program}.p4info.txtpb`];

/** Every P4 source, relative to the project's root, in a fixed order. */
export function sources() {
  return readdirSync(join(projectRoot, "p4src"), { recursive: true })
    .filter((file) => file.endsWith(".p4"))
    .map((file) => `p4src/${file}`)
    .sort();
}

/** The content that build/SHA256SUMS must have now. */
export function currentSums() {
  return [...sources(), ...artifacts]
    .map((file) => {
      const digest = createHash("sha256")
        .update(readFileSync(join(projectRoot, file)))
        .digest("hex");
      return `${digest}  ${file}\n`;
    })
    .join("");
}

/**
 * Runs p4c with relative paths only, so that no path of this machine gets into the artifacts.
 *
 * @param {string} outDir - relative to the project's root
 * @returns {{status: "ok"} | {status: "no-compiler"} | {status: "failed", output: string}}
 */
export function compile(outDir) {
  mkdirSync(join(projectRoot, outDir), { recursive: true });
  const run = spawnSync(
    "p4c-bm2-ss",
    [
      "--std=p4-16",
      "--Werror",
      `p4src/${program}.p4`,
      "-o",
      `${outDir}/${program}.json`,
      "--p4runtime-files",
      `${outDir}/${program}.p4info.txtpb`,
    ],
    { cwd: projectRoot, encoding: "utf8" },
  );
  if (run.error?.code === "ENOENT") return { status: "no-compiler" };
  if (run.status !== 0) return { status: "failed", output: run.stderr + run.stdout };
  return { status: "ok" };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = compile("build");
  if (result.status === "no-compiler") {
    console.error(
      "p4c-bm2-ss is not on PATH: build it from the p4lang/p4c sources, or use the artifacts in build/",
    );
    process.exit(1);
  }
  if (result.status === "failed") {
    process.stderr.write(result.output);
    process.exit(1);
  }
  writeFileSync(join(projectRoot, sumsFile), currentSums());
  console.log(`${artifacts.join(", ")}: compiled from ${sources().length} sources`);
}
