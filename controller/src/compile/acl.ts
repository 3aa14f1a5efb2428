// The block list, a table for each address family.
import { type Entry, type Ipv4, type Ipv6, type Prefix, type Uint, uint } from "../p4runtime/index.js";
import { type AclRuleSpec, isIpv6 } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { Region } from "./site.js";

const ICMP = uint(8, 1);
const ICMPV6 = uint(8, 58);
const PROTOCOLS: Record<string, number> = { tcp: 6, udp: 17 };

function protocolNumber(protocol: string, icmp: Uint<8>): Uint<8> {
  return protocol === "icmp" ? icmp : uint(8, PROTOCOLS[protocol] ?? Number(protocol));
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what matches anything: a field without a value. */
function given<T extends object>(match: T): Given<T> {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)) as Given<T>;
}

function ruleEntries({ ids }: Region, rule: AclRuleSpec): Entry[] {
  const { src, dst, protocol, priority } = rule;
  const families = [src, dst].flatMap((prefix) => (prefix === undefined ? [] : [isIpv6(prefix)]));
  const matchIn = <Address extends Ipv4 | Ipv6>(icmp: Uint<8>) =>
    given({
      network_id: rule.network === undefined ? undefined : ids.networks.get(rule.network)!,
      // Both of one family: state/document.ts. A rule without addresses is one of both.
      src: src as Prefix<Address> | undefined,
      dst: dst as Prefix<Address> | undefined,
      protocol: protocol === undefined ? undefined : protocolNumber(protocol, icmp),
      src_port: rule.src_port,
      dst_port: rule.dst_port,
    });
  const match = matchIn<Ipv4>(ICMP);
  const matchV6 = matchIn<Ipv6>(ICMPV6);
  const deny = rule.action === "deny";
  return [
    ...(families.includes(true)
      ? []
      : [deny ? tables.acl.acl_deny(match, priority) : tables.acl.acl_allow(match, priority)]),
    ...(families.includes(false)
      ? []
      : [
          deny ? tables.acl_v6.acl_deny_v6(matchV6, priority) : tables.acl_v6.acl_allow_v6(matchV6, priority),
        ]),
  ];
}

export function compileAcl(region: Region): Entry[] {
  return region.state.acl.flatMap((rule) => ruleEntries(region, rule));
}
