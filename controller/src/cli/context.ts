// What every command has in common: its options, the document, the pipeline, and connections that are closed at the end.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { type Pipeline, pipelineFromFiles } from "../p4runtime/index.js";
import { openParts, type Parts } from "../reconcile/index.js";
import { loadState } from "../state/index.js";
import { UsageError } from "./exit.js";
import { milliseconds } from "./numbers.js";
import { toJson, toYaml } from "./output.js";

/** The P4 artifacts of this repository (build/). */
const BUILD = fileURLToPath(new URL("../../../build/", import.meta.url));

export interface OutputStream {
  isTTY?: boolean;
  write(text: string): unknown;
  on?(what: "error", listener: () => void): unknown;
}

/** Where a command prints, and is answered. `process` is one. */
export interface Io {
  stdout: OutputStream;
  stderr: OutputStream;
  /** Left out: there is nobody to ask. */
  stdin?: NodeJS.ReadableStream & { isTTY?: boolean };
  /** What the command ends with when it does not fail. */
  exitCode?: number | string | null | undefined;
}

export interface CommonOptions {
  file: string;
  output: "table" | "json" | "yaml";
  timeout: number;
  pki?: string;
}

export interface PipelineOptions {
  build: string;
}

export function withOutputOption(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to print").choices(["table", "json", "yaml"]).default("table"),
  );
}

/** Adds the option that says which certificates are shown. */
export function withPkiOption(command: Command): Command {
  return command.addOption(
    new Option(
      "--pki <directory>",
      "certificates, as sluice pki makes them, for what is not on a Unix socket",
    ).env("SLUICE_PKI"),
  );
}

/** Adds the options that every command has that works by the file. */
export function withCommonOptions(command: Command): Command {
  return withPkiOption(withOutputOption(command))
    .addOption(new Option("-f, --file <path>", "the desired state").env("SLUICE_FILE").default("sluice.yaml"))
    .addOption(
      new Option("--timeout <ms>", "for each call to a part").default(10_000).argParser(milliseconds),
    );
}

/** Adds the option of the commands that compare or push the pipeline. */
export function withPipelineOptions(command: Command): Command {
  return command.option("--build <directory>", "where the P4 artifacts are", BUILD);
}

/** @throws UsageError when there are none */
export async function loadPipeline({ build }: PipelineOptions): Promise<Pipeline> {
  try {
    return await pipelineFromFiles(
      join(build, "gateway_v1model.json"),
      join(build, "gateway_v1model.p4info.txtpb"),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the P4 artifacts cannot be read: ${reason} (give their directory by --build)`);
  }
}

/** Opens all parts of the document, runs `work`, closes them. */
export async function withParts<T>(
  options: CommonOptions,
  write: boolean,
  work: (parts: Parts) => Promise<T>,
): Promise<T> {
  const state = loadState(options.file);
  const { pki, timeout: timeoutMs } = options;
  const parts = await openParts(state, { write, timeoutMs, ...(pki !== undefined && { pki }) });
  try {
    return await work(parts);
  } finally {
    parts.close();
  }
}

/** Prints `value` as JSON or YAML, or what `table` makes of it. */
export function print<T>(
  io: Io,
  { output }: Pick<CommonOptions, "output">,
  value: T,
  table: (value: T) => string,
): void {
  switch (output) {
    case "json":
      io.stdout.write(`${toJson(value)}\n`);
      break;
    case "yaml":
      io.stdout.write(toYaml(value));
      break;
    case "table":
      io.stdout.write(table(value));
  }
}
