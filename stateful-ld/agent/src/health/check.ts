// One check of one RS, of any kind, and what it has found.
import { type HealthCheck, HealthCheck_Kind } from "@sluice/proto/ld";
import { checkHttp } from "./check_http.js";
import { checkIcmp } from "./check_icmp.js";
import { checkTcp } from "./check_tcp.js";
import { checkUdp } from "./check_udp.js";

/** Where the check goes: addresses that the data plane translates for this RS alone. */
export interface CheckTarget {
  /** Of the VIP's family: translated as the service's own packets are. */
  address: string;
  /** Of the RS's family, for pings. */
  pingAddress: string;
  port: number;
}

/**
 * `good`: the RS is well. `bad`: it is not. `undecided`: the check could not be made, for reasons that are not the RS's, so
 * nothing follows from it.
 */
export type Finding =
  | { verdict: "good"; latencyMs: number }
  | { verdict: "bad" | "undecided"; error: string };

/** Errors of this host, not of the one that is checked. */
const OWN_ERRORS = new Set([
  "EACCES",
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EAGAIN",
  "EINVAL",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENODEV",
  "ENOENT",
  "ENOMEM",
  "EPERM",
]);

export function fromError(error: unknown): Finding {
  const { code, message } = error as NodeJS.ErrnoException;
  return { verdict: OWN_ERRORS.has(code ?? "") ? "undecided" : "bad", error: code ?? message };
}

/** When a timer is so much late, this process was not running: what it has missed is not known. */
const LATE_MS = 500;

/**
 * A finding that a timeout may come before.
 *
 * @param begin - starts the check, calls `found` when it knows, and returns what ends it, whatever has come of it
 * @param silence - what it means when nothing has been found in time
 */
export function within(
  timeoutMs: number,
  begin: (found: (finding: Finding) => void, elapsedMs: () => number) => () => void,
  silence: (elapsedMs: number) => Finding = () => ({
    verdict: "bad",
    error: `no answer within ${timeoutMs} ms`,
  }),
): Promise<Finding> {
  return new Promise((resolve) => {
    const start = performance.now();
    const elapsedMs = () => performance.now() - start;
    let end: (() => void) | undefined;
    let over = false;
    const found = (finding: Finding) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      end?.();
      resolve(finding);
    };
    const timer = setTimeout(() => {
      const lateMs = elapsedMs() - timeoutMs;
      found(
        lateMs > LATE_MS
          ? { verdict: "undecided", error: `the agent stood still for ${Math.round(lateMs)} ms` }
          : silence(elapsedMs()),
      );
    }, timeoutMs);
    try {
      end = begin(found, elapsedMs);
    } catch (error) {
      found(fromError(error));
    }
    if (over) end?.();
  });
}

/** Makes one check. Never rejects. */
export function runCheck(check: HealthCheck, target: CheckTarget): Promise<Finding> {
  switch (check.kind) {
    case HealthCheck_Kind.HTTP:
      return checkHttp(check, target, false);
    case HealthCheck_Kind.HTTPS:
      return checkHttp(check, target, true);
    case HealthCheck_Kind.UDP:
      return checkUdp(check, target);
    case HealthCheck_Kind.ICMP:
      return checkIcmp(check, target);
    default:
      return checkTcp(check, target);
  }
}
