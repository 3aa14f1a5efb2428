// A folder for a switch's sockets, and what has to end with this process.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Scratch {
  /** `unix:` address of a socket in the folder. */
  socket(name: string): string;
  folder: string;
  /** Removes the folder. */
  remove(): void;
}

/**
 * Makes a folder that is gone after {@link Scratch.remove}, or when this process ends, also by a signal.
 *
 * @param before - what to end first then; a call must not wait
 */
export async function makeScratch(name: string, before: () => void = () => {}): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  const clean = () => {
    before();
    rmSync(folder, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    remove();
    process.kill(process.pid, signal); // now with its usual effect
  };
  const remove = () => {
    process.off("exit", clean);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    clean();
  };
  process.once("exit", clean);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return { folder, remove, socket: (socket) => `unix:${join(folder, socket)}` };
}
