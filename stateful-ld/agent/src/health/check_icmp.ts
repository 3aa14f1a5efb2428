// An RS is well when it answers a ping. Node.js has no ICMP, so ping(8) sends it: a process a check.
import { execFile } from "node:child_process";
import type { HealthCheck } from "@sluice/proto/ld";
import { type CheckTarget, type Finding, within } from "./check.js";

/** For ping to end by itself before it is ended. */
const GRACE_MS = 200;
/** Its exit code when nobody has answered; any other is a failure of its own. */
const NO_ANSWER = 1;

export function checkIcmp({ timeoutMs }: HealthCheck, { pingAddress }: CheckTarget): Promise<Finding> {
  return within(timeoutMs + GRACE_MS, (found) => {
    const wait = `${timeoutMs / 1000}`;
    const child = execFile("ping", ["-n", "-c", "1", "-W", wait, pingAddress], (error, stdout, stderr) => {
      const latencyMs = /time[=<]([\d.]+) ms/.exec(stdout)?.[1];
      if (error === null && latencyMs !== undefined) {
        found({ verdict: "good", latencyMs: Number(latencyMs) });
      } else if (error?.code === NO_ANSWER) {
        found({ verdict: "bad", error: `no answer within ${timeoutMs} ms` });
      } else {
        found({ verdict: "undecided", error: `ping: ${stderr.trim() || `${error?.message}`}` });
      }
    });
    return () => void child.kill("SIGKILL");
  });
}
