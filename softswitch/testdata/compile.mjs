#!/usr/bin/env node
// Compiles the P4 programs of the soft switch's tests, and records of what: SHA256SUMS lists sources and artifacts
// (`sha256sum -c SHA256SUMS` in this folder checks it). Needs p4c-bm2-ss; who changes no program needs it not.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const folder = dirname(fileURLToPath(import.meta.url));
export const sumsFile = join(folder, "SHA256SUMS");

export function programs() {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".p4"))
    .map((file) => file.slice(0, -".p4".length))
    .sort();
}

/** The content that SHA256SUMS must have now. */
export function currentSums() {
  return programs()
    .flatMap((name) => [`${name}.p4`, `${name}.json`, `${name}.p4info.txtpb`])
    .map((file) => {
      const digest = createHash("sha256")
        .update(readFileSync(join(folder, file)))
        .digest("hex");
      return `${digest}  ${file}\n`;
    })
    .join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of programs()) {
    // Relative paths only, so that no path of this machine gets into the artifacts.
    const options = ["--std=p4-16", `${name}.p4`, "-o", `${name}.json`];
    const { error, status } = spawnSync(
      "p4c-bm2-ss",
      [...options, "--p4runtime-files", `${name}.p4info.txtpb`],
      {
        cwd: folder,
        stdio: "inherit",
      },
    );
    if (error !== undefined) {
      console.error("p4c-bm2-ss is not on PATH: build it from the p4lang/p4c sources");
      process.exit(1);
    }
    if (status !== 0) process.exit(1);
  }
  writeFileSync(sumsFile, currentSums());
}
