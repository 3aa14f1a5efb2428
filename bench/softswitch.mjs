// The soft switch's own bench, which is a program by itself.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** @param options its command line: how many runs */
export async function run(options) {
  const program = new URL("../softswitch/bench/pipeline.mjs", import.meta.url).pathname;
  const [status] = await once(spawn(process.execPath, [program, ...options], { stdio: "inherit" }), "exit");
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
}
