// How a service treats its sessions: sluice.yaml -> what LDs are told. Pure.
import {
  ClientAddress,
  IpProtocol,
  type LdConfig,
  type Prefix,
  Scheduler,
  type Service,
  Timeouts,
} from "@sluice/proto/ld";
import { parseIpPrefix } from "../p4runtime/index.js";
import type { ClusterSpec, DesiredState, ServiceSpec } from "../state/index.js";
import { BUCKETS } from "../tables/constants.js";
import { compileHealthCheck } from "./health_check.js";
import { once } from "./once.js";

/** LDs refuse less. */
const MIN_BANDWIDTH_BPS = 2000;

const SCHEDULERS = {
  wrr: Scheduler.WEIGHTED_ROUND_ROBIN,
  wlc: Scheduler.WEIGHTED_LEAST_CONNECTIONS,
  "source-hash": Scheduler.SOURCE_HASH,
  "flow-hash": Scheduler.FLOW_HASH,
} as const;

const CLIENT_ADDRESSES = { toa: ClientAddress.TOA, "proxy-v2": ClientAddress.PROXY_V2 } as const;

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
        synAckMs: given.syn_ack_ms,
      });
}

export type ServicePolicy = Omit<Service, "name" | "vni" | "vip" | "protocol" | "port" | "realServers">;

export function servicePolicy(item: ServiceSpec): ServicePolicy {
  return {
    scheduler: SCHEDULERS[item.scheduler],
    sourcePrefixLen: item.source_prefix,
    sourcePrefixLenV6: item.source_prefix_v6,
    timeouts: timeouts(item.timeouts),
    limit: item.limit ?? "",
    newSessionsPerSourcePerS: item.new_sessions_per_client_per_s,
    allow: item.allow.map(prefix),
    block: item.block.map(prefix),
    reset: item.reset,
    synCookieThresholdPerS: item.syn_cookie_threshold_per_s,
    clientAddress:
      item.client_address === undefined
        ? ClientAddress.CLIENT_ADDRESS_NOT_TOLD
        : CLIENT_ADDRESSES[item.client_address],
    healthCheck: compileHealthCheck(item),
  };
}

function prefix(text: string): Prefix {
  const { address, prefixLen } = parseIpPrefix(text);
  return { address, len: prefixLen };
}

/** An LD's part of what the cluster may do, by its part of the buckets; never 0, which would be no limit at all. */
function part(whole: number | undefined, ofBuckets: number, least: number): number {
  return whole === undefined || whole === 0 ? 0 : Math.max(least, Math.ceil((whole * ofBuckets) / BUCKETS));
}

/** Names of the limits that services share; all LDs of a cluster have the same services. */
const limitsOf = once((services: readonly Service[]) => new Set(services.map(({ limit }) => limit)));

/** What an LD may take in, of the limits that the services of its cluster name. */
export function limits(
  state: DesiredState,
  services: readonly Service[],
  ownBuckets: number,
): Pick<LdConfig, "limits" | "priorityPorts"> {
  const named = limitsOf(services);
  const own = state.limits.filter(({ name }) => named.has(name));
  return {
    limits: own.map((item) => ({
      name: item.name,
      bandwidthInBps: BigInt(part(item.bandwidth?.in, ownBuckets, MIN_BANDWIDTH_BPS)),
      bandwidthOutBps: BigInt(part(item.bandwidth?.out, ownBuckets, MIN_BANDWIDTH_BPS)),
      newSessionsPerS: part(item.new_sessions_per_s, ownBuckets, 1),
      sessions: part(item.sessions, ownBuckets, 1),
    })),
    priorityPorts:
      own.length === 0
        ? []
        : state.priority_ports.map(({ protocol, port }) => ({
            protocol: protocol === "tcp" ? IpProtocol.TCP : IpProtocol.UDP,
            port,
          })),
  };
}
