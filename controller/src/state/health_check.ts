// How a service's real servers are checked: the key health_check of a service.

import { ValueError } from "../p4runtime/index.js";
import type { Place } from "./problems.js";
import {
  checked,
  type Infer,
  integer,
  object,
  oneOf,
  optional,
  required,
  type Shape,
  scalar,
} from "./shapes.js";

export const CHECK_TYPES = ["tcp", "http", "https", "udp", "icmp", "none"] as const;
const TEXT_MAX = 1024;
const SEND_MAX_BYTES = 512;
const DEFAULT_STATUS = { min: 200, max: 399 };

const path: Shape<string> = scalar("a path", { pattern: "^/[!-~]*$", maxLength: TEXT_MAX }, (text) => {
  if (!/^\/[\x21-\x7e]*$/.test(text) || text.length > TEXT_MAX) {
    throw new ValueError(`"${text}" is not a path (it begins with a slash, and has no blanks)`);
  }
  return text;
});

const host: Shape<string> = scalar("a host", { pattern: "^[!-~]+$", maxLength: TEXT_MAX }, (text) => {
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > TEXT_MAX) {
    throw new ValueError(`"${text}" is not the name of a host`);
  }
  return text;
});

/** `200`, or `200-399` */
const status: Shape<{ min: number; max: number }> = scalar(
  "a range of statuses",
  { type: ["string", "integer"], pattern: "^[1-5]\\d{2}(-[1-5]\\d{2})?$" },
  (text) => {
    const [, first, last] = /^(\d{3})(?:-(\d{3}))?$/.exec(text) ?? [];
    const [min, max] = [Number(first), Number(last ?? first)];
    if (!(min >= 100 && min <= max && max <= 599)) {
      throw new ValueError(`"${text}" is not a range of HTTP statuses (write it like 200-399)`);
    }
    return { min, max };
  },
);

const send: Shape<string> = scalar("a text", { minLength: 1, maxLength: SEND_MAX_BYTES }, (text) => {
  if (text === "" || Buffer.byteLength(text) > SEND_MAX_BYTES) {
    throw new ValueError(`it has ${Buffer.byteLength(text)} bytes (1 to ${SEND_MAX_BYTES})`);
  }
  return text;
});

const passive = object("passive", {
  unanswered: optional(integer("a number of sessions", 1, 1000), 5),
  suspect_ms: optional(integer("a time in ms", 1000, 600_000), 10_000),
});

const fields = object("health check", {
  type: required(oneOf("a type of check", CHECK_TYPES)),
  port: optional(integer("a port", 1, 65_535), 0),
  interval_ms: optional(integer("an interval in ms", 100, 600_000), 2000),
  timeout_ms: optional(integer("a timeout in ms", 50, 60_000), 1000),
  rise: optional(integer("a number of checks", 1, 100), 2),
  fall: optional(integer("a number of checks", 1, 100), 3),
  path: optional(path),
  host: optional(host),
  status: optional(status),
  send: optional(send),
  slow_start_ms: optional(integer("a time in ms", 0, 3_600_000), 0),
  panic_percent: optional(integer("a percentage", 0, 100), 0),
  passive: optional(passive),
});

export type HealthCheckSpec = NonNullable<Infer<typeof fields>>;

const HTTP_KEYS = ["path", "host", "status"] as const;

function wrong(value: HealthCheckSpec, at: (field?: string) => Place) {
  const problems: { place: Place; message: string }[] = [];
  const report = (field: string, message: string) =>
    problems.push({ place: at(field), message: `health check: ${field}: ${message}` });
  if (value.type !== "http" && value.type !== "https") {
    for (const key of HTTP_KEYS.filter((item) => value[item] !== undefined)) {
      report(key, `only HTTP has one (set "type: http" or https)`);
    }
  }
  if (value.send !== undefined && value.type !== "udp") {
    report("send", `only UDP is sent something (set "type: udp")`);
  }
  if (value.type === "icmp" && value.port !== 0) report("port", "ICMP has no ports (leave it out)");
  if (value.type === "none" && value.passive === undefined) {
    report("type", "it checks nothing (choose a type, or add passive:)");
  }
  return problems;
}

export const healthCheck: Shape<HealthCheckSpec> = checked(fields, wrong);

/** What an HTTP check asks for that does not say otherwise. */
export function httpOf(
  check: HealthCheckSpec,
  vip: string,
): { path: string; host: string; min: number; max: number } {
  const { min, max } = check.status ?? DEFAULT_STATUS;
  return { path: check.path ?? "/", host: check.host ?? (vip.includes(":") ? `[${vip}]` : vip), min, max };
}
