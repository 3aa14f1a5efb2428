// How a service's real servers are checked: sluice.yaml -> what LDs are told. Pure.
import { HealthCheck, HealthCheck_Kind } from "@sluice/proto/ld";
import { httpOf, type ServiceSpec } from "../state/index.js";

const KINDS = {
  tcp: HealthCheck_Kind.TCP,
  http: HealthCheck_Kind.HTTP,
  https: HealthCheck_Kind.HTTPS,
  udp: HealthCheck_Kind.UDP,
  icmp: HealthCheck_Kind.ICMP,
  none: HealthCheck_Kind.NONE,
} as const;

export function compileHealthCheck({ health_check: given, vip }: ServiceSpec): HealthCheck | undefined {
  if (given === undefined) return undefined;
  const { type, passive } = given;
  const http = httpOf(given, vip);
  return HealthCheck.fromPartial({
    kind: KINDS[type],
    port: given.port,
    ...(type !== "none" && {
      intervalMs: given.interval_ms,
      timeoutMs: given.timeout_ms,
      rise: given.rise,
      fall: given.fall,
    }),
    ...((type === "http" || type === "https") && {
      http: { path: http.path, host: http.host, statusMin: http.min, statusMax: http.max },
    }),
    send: Buffer.from(given.send ?? ""),
    slowStartMs: given.slow_start_ms,
    panicPercent: given.panic_percent,
    passive: passive && { unanswered: passive.unanswered, suspectMs: passive.suspect_ms },
  });
}
