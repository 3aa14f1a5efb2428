// The tunnels of a region are of one family: each of their ends has to reach the others.
import type { Ip, Ipv6 } from "../p4runtime/index.js";
import { isIpv6 } from "./blocks.js";
import type { DesiredState } from "./document.js";
import type { Source } from "./source.js";

/** Each has an entry in a switch's table host_v6 (p4src/sizes.p4). */
const MAX_HOSTS_OVER_IPV6 = 16_384;

/** A place in the document that says where tunnels end, or begin. */
interface End {
  owner: object;
  /** `switch gw1` */
  subject: string;
  field: string;
  address: string;
}

/** The ends of the gateway's own, of which there are few. */
function ownEnds(state: DesiredState): End[] {
  return [
    ...state.switches.map((owner) => ({
      owner,
      subject: `switch ${owner.name}`,
      field: "tunnel_address",
      address: owner.tunnel_address,
    })),
    ...state.clusters.flatMap((cluster) => [
      {
        owner: cluster,
        subject: `cluster ${cluster.name}`,
        field: "steering_address",
        address: cluster.steering_address,
      },
      ...cluster.lds.map((owner) => ({
        owner,
        subject: `LD ${owner.name}`,
        field: "address",
        address: owner.address,
      })),
    ]),
  ];
}

/** Hosts, one after the other: of the EIPs there may be a million. */
function* hostEnds(state: DesiredState): Generator<End & { address: Ip }> {
  for (const { name, vms } of state.vpcs) {
    for (const owner of vms) {
      const subject = `VPC ${name}: VM ${owner.address}`;
      yield { owner, subject, field: "host", address: owner.host };
    }
  }
  for (const { name, real_servers } of state.services) {
    for (const owner of real_servers) {
      if (owner.host !== undefined) {
        const subject = `service ${name}: real server ${owner.name}`;
        yield { owner, subject, field: "host", address: owner.host };
      }
    }
  }
  for (const { name, vm } of state.eips) {
    if (vm !== undefined) {
      yield { owner: vm, subject: `EIP ${name}`, field: "host", address: vm.host };
    }
  }
}

const familyOf = (address: string) => (isIpv6(address) ? "IPv6" : "IPv4");

/** The hosts that are reached over IPv6, and how many VMs each of them is named for; none where tunnels go over IPv4. */
export function hostsOverIpv6(state: DesiredState): Map<Ipv6, number> {
  const hosts = new Map<Ipv6, number>();
  // A million EIPs over IPv4 need not be looked at: all ends are of one family.
  const own = ownEnds(state)[0];
  if (own !== undefined && !isIpv6(own.address)) {
    return hosts;
  }
  for (const { address } of hostEnds(state)) {
    if (isIpv6(address)) {
      hosts.set(address, (hosts.get(address) ?? 0) + 1);
    }
  }
  return hosts;
}

export function checkUnderlay(source: Source, state: DesiredState): void {
  let first: End | undefined;
  for (const ends of [ownEnds(state), hostEnds(state)]) {
    for (const end of ends) {
      first ??= end;
      if (isIpv6(end.address) !== isIpv6(first.address)) {
        const { subject, field, address } = first;
        source.report(
          source.at(end.owner, end.field),
          `${end.subject}: ${end.field} ${end.address} is ${familyOf(end.address)}, but ${subject}'s ${field} ${address} is ${familyOf(address)} (the tunnels of a region are of one family: give all their ends addresses of the same)`,
        );
      }
    }
  }
  const hosts = hostsOverIpv6(state).size;
  if (hosts > MAX_HOSTS_OVER_IPV6) {
    source.report(
      source.at(state, "switches"),
      `${hosts} hosts are reached over IPv6, but a switch knows ${MAX_HOSTS_OVER_IPV6} (put fewer hosts behind it, or have the tunnels go over IPv4)`,
    );
  }
}
