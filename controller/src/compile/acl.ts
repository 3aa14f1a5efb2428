// The block list, a table for each address family.
import type { Entry } from "../p4runtime/index.js";
import { type AclRuleSpec, isIpv6 } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { Region } from "./site.js";

const ICMP = 1;
const ICMPV6 = 58;
const PROTOCOLS: Record<string, number> = { tcp: 6, udp: 17 };

function protocolNumber(protocol: string, icmp: number): number {
  return protocol === "icmp" ? icmp : (PROTOCOLS[protocol] ?? Number(protocol));
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what matches anything: a field without a value. */
function given<T extends object>(match: T): Given<T> {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)) as Given<T>;
}

function ruleEntries({ ids }: Region, rule: AclRuleSpec): Entry[] {
  const { src, dst, protocol, priority } = rule;
  const families = [src, dst].flatMap((prefix) => (prefix === undefined ? [] : [isIpv6(prefix)]));
  const match = (icmp: number) =>
    given({
      network_id: rule.network === undefined ? undefined : ids.networks.get(rule.network)!,
      src,
      dst,
      protocol: protocol === undefined ? undefined : protocolNumber(protocol, icmp),
      src_port: rule.src_port,
      dst_port: rule.dst_port,
    });
  const deny = rule.action === "deny";
  return [
    ...(families.includes(true)
      ? []
      : [deny ? tables.acl.acl_deny(match(ICMP), priority) : tables.acl.acl_allow(match(ICMP), priority)]),
    ...(families.includes(false)
      ? []
      : [
          deny
            ? tables.acl_v6.acl_deny_v6(match(ICMPV6), priority)
            : tables.acl_v6.acl_allow_v6(match(ICMPV6), priority),
        ]),
  ];
}

export function compileAcl(region: Region): Entry[] {
  return region.state.acl.flatMap((rule) => ruleEntries(region, rule));
}
