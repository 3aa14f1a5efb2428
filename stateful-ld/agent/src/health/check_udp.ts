// With something to send, an RS is well when it answers, whatever it says. Without, an empty datagram goes to it, and only a
// refusal (ICMP port unreachable) tells that nobody is there.
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { HealthCheck } from "@sluice/proto/ld";
import { type CheckTarget, type Finding, fromError, within } from "./check.js";

export function checkUdp({ timeoutMs, send }: HealthCheck, { address, port }: CheckTarget): Promise<Finding> {
  return within(
    timeoutMs,
    (found, elapsedMs) => {
      const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
      socket.on("error", (error) => found(fromError(error)));
      socket.once("message", () => found({ verdict: "good", latencyMs: elapsedMs() }));
      // Not as connect()'s callback, which is called when it has failed, too.
      socket.once("connect", () => {
        socket.send(send, (error) => {
          if (error !== null) found(fromError(error));
        });
      });
      socket.connect(port, address);
      return () => socket.close();
    },
    (elapsed) =>
      send.length === 0
        ? { verdict: "good", latencyMs: elapsed }
        : { verdict: "bad", error: `no answer within ${timeoutMs} ms` },
  );
}
