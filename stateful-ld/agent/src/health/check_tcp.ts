// An RS is well when it accepts a connection. It is ended by a reset, so that neither end keeps it in TIME-WAIT.
import { connect } from "node:net";
import type { HealthCheck } from "@sluice/proto/ld";
import { type CheckTarget, type Finding, fromError, within } from "./check.js";

export function checkTcp({ timeoutMs }: HealthCheck, { address, port }: CheckTarget): Promise<Finding> {
  return within(timeoutMs, (found, elapsedMs) => {
    const socket = connect({ host: address, port });
    socket.once("connect", () => found({ verdict: "good", latencyMs: elapsedMs() }));
    socket.on("error", (error) => found(fromError(error)));
    return () => socket.resetAndDestroy();
  });
}
