// An RS is well when it answers a GET with a status of the range. Over TLS its certificate is not looked at: what is asked is
// whether it serves, not who it is, and inside a VPC it is often self-signed.
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import type { HealthCheck } from "@sluice/proto/ld";
import { type CheckTarget, type Finding, fromError, within } from "./check.js";

export function checkHttp(
  { timeoutMs, http }: HealthCheck,
  { address, port }: CheckTarget,
  tls: boolean,
): Promise<Finding> {
  const { path, host, statusMin, statusMax } = http!;
  const options = {
    host: address,
    port,
    path,
    agent: false as const,
    headers: { host, "user-agent": "sluice-health-check" },
  };
  return within(timeoutMs, (found, elapsedMs) => {
    const request = tls
      ? requestHttps({
          ...options,
          rejectUnauthorized: false,
          ...(isIP(host) === 0 && { servername: host.replace(/:\d+$/, "") }),
        })
      : requestHttp(options);
    request.on("error", (error) => found(fromError(error)));
    request.once("response", ({ statusCode = 0 }) =>
      found(
        statusCode >= statusMin && statusCode <= statusMax
          ? { verdict: "good", latencyMs: elapsedMs() }
          : { verdict: "bad", error: `HTTP status ${statusCode}` },
      ),
    );
    request.end();
    return () => request.destroy();
  });
}
