// How a service treats its sessions: sluice.yaml -> what LDs are told. Pure.
import { type LdConfig, Scheduler, type Service, Timeouts } from "@sluice/proto/ld";
import type { ClusterSpec, ServiceSpec } from "../state/index.js";

const SCHEDULERS = {
  wrr: Scheduler.WEIGHTED_ROUND_ROBIN,
  wlc: Scheduler.WEIGHTED_LEAST_CONNECTIONS,
  "source-hash": Scheduler.SOURCE_HASH,
  "flow-hash": Scheduler.FLOW_HASH,
} as const;

export function timeouts(given: ClusterSpec["timeouts"]): LdConfig["timeouts"] {
  return given === undefined
    ? undefined
    : Timeouts.fromPartial({
        synSentMs: given.syn_sent_ms,
        synRecvMs: given.syn_recv_ms,
        establishedMs: given.established_ms,
        finWaitMs: given.fin_wait_ms,
        closeWaitMs: given.close_wait_ms,
        lastAckMs: given.last_ack_ms,
        timeWaitMs: given.time_wait_ms,
        closeMs: given.close_ms,
        udpMs: given.udp_ms,
      });
}

export type ServicePolicy = Omit<Service, "name" | "vni" | "vip" | "protocol" | "port" | "realServers">;

export function servicePolicy(item: ServiceSpec): ServicePolicy {
  return {
    scheduler: SCHEDULERS[item.scheduler],
    sourcePrefixLen: item.source_prefix,
    sourcePrefixLenV6: item.source_prefix_v6,
    timeouts: timeouts(item.timeouts),
  };
}
