// The command line in this process.
import { PassThrough } from "node:stream";
import { run } from "../../src/cli/run.js";

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs a command where nothing is a terminal. */
export async function runSluice(...argv: string[]): Promise<Outcome> {
  const io = { out: "", err: "" };
  const code = await run(argv, {
    stdout: { write: (text) => (io.out += text) },
    stderr: { write: (text) => (io.err += text) },
  });
  // How far a write is may be said, where it takes long.
  return { code, out: io.out, err: io.err.replace(/^writing: .*\n/gm, "") };
}

/**
 * Runs a command on a terminal.
 *
 * @param typed - what is typed there from the beginning; undefined: standard input is no terminal, and never says anything
 */
export async function runOnTerminal(typed: string | undefined, ...argv: string[]): Promise<Outcome> {
  const io = { out: "", err: "" };
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  if (typed !== undefined) {
    stdin.end(typed);
  }
  const code = await run(argv, {
    stdin,
    stdout: { isTTY: true, write: (text) => (io.out += text) },
    stderr: { isTTY: true, write: (text) => (io.err += text) },
  });
  return { code, ...io };
}
