#!/usr/bin/env node
// Compiles the P4 program into build/ and records what was compiled: build/SHA256SUMS lists every source and artifact
// (`sha256sum -c build/SHA256SUMS` at the project's root checks it). Needs p4c-bm2-ss; users who change no P4 need it not.
//
// The Tofino program is compiled where p4c's Tofino back end, p4c-barefoot, is on PATH; $TOFINO_P4INCLUDE are
// the folders of core.p4 and t2na.p4 (as in $PATH), where the back end is not installed. Only the P4Info is kept. `npm run p4 -- --tofino-out DIR` runs the back end to its
// end, which may take long, and leaves its output and logs in DIR (docs/tofino.md).
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
export const sumsFile = "build/SHA256SUMS";
const program = "gateway_v1model";
const tofinoProgram = "gateway_tna";
const tofinoP4Info = `build/${tofinoProgram}.p4info.txtpb`;
export const artifacts = [`build/${program}.json`, `build/${program}.p4info.txtpb`, tofinoP4Info];

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

/**
 * What every run of the Tofino back end is told.
 *
 * @param {"tofino" | "tofino2"} target
 * @param {string} outDir
 */
export function tofinoArguments(target, outDir) {
  const [arch, generation] = target === "tofino" ? ["tna", 1] : ["t2na", 2];
  const include = process.env.TOFINO_P4INCLUDE?.split(":") ?? [];
  return [
    ...["--target", target, "--arch", arch, "--std", "p4-16", `-D__TARGET_TOFINO__=${generation}`],
    ...include.flatMap((folder) => ["-I", folder]),
    ...["-g", "--verbose=2", "-o", outDir],
  ];
}

/**
 * The P4Info of the Tofino program, into build/. The back end writes it before it begins to place anything, and is stopped then
 * unless `outDir` is given.
 *
 * @param {string | undefined} outDir - where the back end's own output is to stay
 * @returns {Promise<{status: "ok"} | {status: "no-compiler"} | {status: "failed", output: string}>}
 */
export function compileTofino(outDir) {
  const scratch = outDir ?? mkdtempSync(join(tmpdir(), "sluice-tofino-"));
  const p4info = join(scratch, `${tofinoProgram}.p4info.txtpb`);
  mkdirSync(scratch, { recursive: true });
  rmSync(p4info, { force: true });
  const compiler = spawn(
    "p4c-barefoot",
    [
      ...tofinoArguments("tofino2", scratch),
      ...["--p4runtime-force-std-externs", "--p4runtime-files", p4info, `p4src/${tofinoProgram}.p4`],
    ],
    { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const isWritten = () => existsSync(p4info) && readFileSync(p4info, "utf8").trimEnd().endsWith("}");
  const stopWhenWritten =
    outDir === undefined && setInterval(() => isWritten() && compiler.kill("SIGKILL"), 500);
  for (const stream of [compiler.stdout, compiler.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  return new Promise((done) => {
    compiler.on("error", () => done({ status: "no-compiler" }));
    compiler.on("close", (code) => {
      if (isWritten()) copyFileSync(p4info, join(projectRoot, tofinoP4Info));
      done(isWritten() && (code === 0 || stopWhenWritten) ? { status: "ok" } : { status: "failed", output });
    });
  }).finally(() => {
    clearInterval(stopWhenWritten);
    if (outDir === undefined) rmSync(scratch, { recursive: true, force: true });
  });
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
  const { values } = parseArgs({ options: { "tofino-out": { type: "string" } } });
  const tofino = await compileTofino(values["tofino-out"]);
  if (tofino.status === "no-compiler") console.log(`${tofinoP4Info}: skipped, p4c-barefoot is not on PATH`);
  if (tofino.status === "failed") process.stderr.write(tofino.output);
  writeFileSync(join(projectRoot, sumsFile), currentSums());
  console.log(`${artifacts.join(", ")}: compiled from ${sources().length} sources`);
  if (tofino.status === "failed") process.exit(1);
}
