// `sluice capture`: packets of chosen sessions, from the LDs that carry them, into pcapng files.
import { closeSync, openSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Command } from "commander";
import type { LdClient } from "../../reconcile/index.js";
import { type CommonOptions, type Io, print, withCommonOptions, withParts } from "../context.js";
import { UsageError } from "../exit.js";
import { wholeNumberIn } from "../numbers.js";
import { renderTable } from "../output.js";
import { type SessionFilterOptions, sessionFilterOf, withSessionFilter } from "../session_filter.js";

interface CaptureOptions extends CommonOptions, SessionFilterOptions {
  write: string;
  ld?: string;
  packets: number;
  bytes: number;
  seconds: number;
}

/** What one LD has sent. */
export interface Captured {
  ld: string;
  file: string;
  bytes: number;
  /** Packets the LD had no room for. */
  missed: bigint;
}

/** `flow.pcapng` for one LD; `flow.ld1.pcapng` where there are several. */
function fileOf(path: string, ld: string, several: boolean): string {
  const extension = extname(path);
  return several ? join(dirname(path), `${basename(path, extension)}.${ld}${extension}`) : path;
}

async function captureTo(
  connection: LdClient,
  file: string,
  options: CaptureOptions,
  stop: AbortSignal,
): Promise<Captured> {
  const { packets, bytes, seconds } = options;
  const captured: Captured = { ld: connection.name, file, bytes: 0, missed: 0n };
  const request = {
    filter: sessionFilterOf(options),
    packets,
    bytes: BigInt(bytes),
    durationMs: seconds * 1000,
    snapBytes: 0,
  };
  const handle = openSync(file, "w", 0o600);
  try {
    for await (const { pcapng, missed } of connection.capture(request, stop)) {
      writeFileSync(handle, pcapng);
      captured.bytes += pcapng.length;
      captured.missed = missed;
    }
  } finally {
    closeSync(handle);
  }
  return captured;
}

/** Runs `work` with a signal that Ctrl-C aborts: what there is by then is kept. */
async function untilInterrupted<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
  }
}

export function addCapture(program: Command, io: Io): void {
  const command = withCommonOptions(program.command("capture"))
    .description("packets of chosen sessions, as they come to the LDs and as they leave, into pcapng files")
    .requiredOption("-w, --write <file>", "where to; with several LDs a file for each, named after it")
    .option("--ld <name>", "only from one LD")
    .option("--packets <number>", "at most so many of each LD", wholeNumberIn(1, 1_000_000), 10_000)
    .option("--bytes <number>", "at most so many, about, of each LD", wholeNumberIn(1, 2 ** 30), 64 * 2 ** 20)
    .option("--seconds <number>", "at most so long", wholeNumberIn(1, 3600), 60);
  withSessionFilter(command).action(async (options: CaptureOptions) => {
    await withParts(options, false, async ({ lds }) => {
      const chosen = lds.filter(({ connection }) => [connection.name, undefined].includes(options.ld));
      if (chosen.length === 0) {
        throw new UsageError(`LD "${options.ld}" is not in ${options.file}`);
      }
      const results = await untilInterrupted((stop) =>
        Promise.all(
          chosen.map(({ connection }) =>
            captureTo(connection, fileOf(options.write, connection.name, chosen.length > 1), options, stop),
          ),
        ),
      );
      print(io, options, results, (captured) =>
        renderTable(
          ["LD", "FILE", "BYTES", "MISSED PACKETS"],
          captured.map(({ ld, file, bytes, missed }) => [ld, file, bytes, missed]),
          "no LDs",
        ),
      );
    });
  });
}
