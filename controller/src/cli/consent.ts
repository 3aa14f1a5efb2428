// Asks before something that is not easily taken back, where somebody is there to answer: on a terminal. In scripts nothing is asked,
// and nothing ever waits for an answer.
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { CommonOptions, Io } from "./context.js";

export interface ConsentOptions extends Pick<CommonOptions, "output"> {
  dryRun?: boolean;
  yes?: boolean;
}

/** The user has said no. Nothing was changed. */
export class Declined extends Error {
  override name = "Declined";

  constructor() {
    super("Nothing was changed.");
  }
}

/** Whether there is something to ask, and somebody who reads it and can answer. */
export function canAsk({ stdout, stdin }: Io, { output, dryRun, yes }: ConsentOptions): boolean {
  const isTerminal = stdout.isTTY === true && stdin?.isTTY === true;
  return isTerminal && output === "table" && dryRun !== true && yes !== true;
}

/**
 * Asks whether to go on. Everything but yes is no, the end of the input as well. Ctrl-C ends the command as ever.
 *
 * @throws Declined
 */
export async function askWhetherTo(io: Io, what: string): Promise<void> {
  const lines = createInterface({ input: io.stdin! });
  try {
    io.stderr.write(`${what}? [y/N] `);
    const [answer] = (await Promise.race([once(lines, "line"), once(lines, "close")])) as [string?];
    if (!/^\s*y(?:es)?\s*$/i.test(answer ?? "")) {
      throw new Declined();
    }
  } finally {
    lines.close();
  }
}
