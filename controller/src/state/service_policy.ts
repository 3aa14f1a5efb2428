// How a service treats its sessions: the keys of a service beside its address and its real servers.
import { healthCheck } from "./health_check.js";
import type { Place } from "./problems.js";
import { ipPrefix, name, rate } from "./scalars.js";
import { checked, flag, type Infer, integer, list, object, oneOf, optional, required } from "./shapes.js";

const MAX_UINT32 = 0xffff_ffff;
const MAX_TIMEOUT_MS = 7 * 24 * 3600 * 1000;
const timeout = integer("a timeout in ms", 1, MAX_TIMEOUT_MS);

/** Of a cluster, and of a service. */
export const timeouts = object("timeouts", {
  syn_sent_ms: optional(timeout, 0),
  syn_recv_ms: optional(timeout, 0),
  established_ms: optional(timeout, 0),
  fin_wait_ms: optional(timeout, 0),
  close_wait_ms: optional(timeout, 0),
  last_ack_ms: optional(timeout, 0),
  time_wait_ms: optional(timeout, 0),
  close_ms: optional(timeout, 0),
  udp_ms: optional(timeout, 0),
  syn_ack_ms: optional(timeout, 0),
});

export const SCHEDULERS = ["wrr", "wlc", "source-hash", "flow-hash"] as const;

export const servicePolicy = {
  scheduler: optional(oneOf("a scheduler", SCHEDULERS), "wrr"),
  source_prefix: optional(integer("a prefix length", 1, 32), 0),
  source_prefix_v6: optional(integer("a prefix length", 1, 128), 0),
  timeouts: optional(timeouts),
  limit: optional(name),
  new_sessions_per_client_per_s: optional(integer("a number of sessions", 1, MAX_UINT32), 0),
  allow: optional(list("prefix", ipPrefix), []),
  block: optional(list("prefix", ipPrefix), []),
  reset: optional(flag, false),
  syn_cookie_threshold_per_s: optional(integer("a number of sessions", 1, MAX_UINT32), 0),
  client_address: optional(oneOf("a way to tell the client's address", ["toa", "proxy-v2"])),
  health_check: optional(healthCheck),
};

/** What the services that name it may take in together. */
export const limit = checked(
  object("limit", {
    name: required(name),
    bandwidth: optional(object("bandwidth", { in: optional(rate), out: optional(rate) })),
    new_sessions_per_s: optional(integer("a number of sessions", 1, MAX_UINT32), 0),
    sessions: optional(integer("a number of sessions", 1, MAX_UINT32), 0),
  }),
  (value, at) =>
    value.bandwidth?.in === undefined &&
    value.bandwidth?.out === undefined &&
    value.new_sessions_per_s === 0 &&
    value.sessions === 0
      ? [
          {
            place: at(),
            message: `limit ${value.name}: it limits nothing (give bandwidth, new_sessions_per_s or sessions, or leave it out)`,
          },
        ]
      : [],
);

type Fields = { [K in keyof typeof servicePolicy]: Infer<(typeof servicePolicy)[K]["shape"]> };
type Policy = Partial<Fields> & { name: string; protocol: "tcp" | "udp" };

/** What the keys of one service say against each other. */
export function checkServicePolicy(
  service: Policy,
  at: (field?: string) => Place,
): { place: Place; message: string }[] {
  const problems: { place: Place; message: string }[] = [];
  const report = (field: string, message: string): void => {
    problems.push({ place: at(field), message: `service ${service.name}: ${field}: ${message}` });
  };
  for (const field of ["source_prefix", "source_prefix_v6"] as const) {
    if (service[field] !== 0 && service.scheduler !== "source-hash") {
      report(field, `only clients hashed by their address have one (set "scheduler: source-hash")`);
    }
  }
  if (service.client_address === "toa" && service.protocol !== "tcp") {
    report("client_address", "TOA is an option of TCP (use proxy-v2)");
  }
  if (service.syn_cookie_threshold_per_s !== 0 && service.protocol !== "tcp") {
    report("syn_cookie_threshold_per_s", "only TCP has SYNs (leave it out)");
  }
  if (service.health_check?.passive !== undefined && service.protocol !== "tcp") {
    report("health_check", "passive: only TCP has SYN-ACKs (leave it out)");
  }
  for (const prefix of (service.block ?? []).filter((item) => (service.allow ?? []).includes(item))) {
    report("block", `${prefix} is listed under allow: too (take it out of one of them)`);
  }
  for (const field of ["allow", "block"] as const) {
    const prefixes = service[field] ?? [];
    for (const prefix of prefixes.filter((item, i) => prefixes.indexOf(item) < i)) {
      report(field, `${prefix} is listed twice`);
    }
  }
  return problems;
}
