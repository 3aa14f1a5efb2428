// The rules of EIPs.
import type { Ip } from "../p4runtime/index.js";
import { BlockSet, blockOf, isIpv6, overlap } from "./blocks.js";
import type { DesiredState, EipSpec, ServiceSpec } from "./document.js";
import { type Claim, reference, unique, uniqueIds, uniqueNames } from "./rules.js";
import type { Source } from "./source.js";

/** The address inside the VPC that an EIP stands for. */
export function ownerOf(eip: EipSpec): { vpc: string; address: Ip } {
  return (eip.vm ?? eip.vip)!;
}

/** What an EIP may collide with, made once for a million of them. */
interface Others {
  own: readonly Claim[];
  claimed: BlockSet;
  pools: BlockSet;
  /** Services by VPC (or none) and VIP. */
  services: ReadonlyMap<string, ServiceSpec>;
}

function vipKey(vpc: string | undefined, vip: string): string {
  return `${vpc ?? ""} ${vip}`;
}

function othersOf(state: DesiredState, own: readonly Claim[]): Others {
  const services = new Map<string, ServiceSpec>();
  for (const service of state.services) {
    const key = vipKey(service.vpc, service.vip);
    if (!services.has(key)) {
      services.set(key, service);
    }
  }
  return {
    own,
    claimed: new BlockSet(own.map(({ block }) => block)),
    pools: new BlockSet(state.clusters.flatMap(({ local_ips }) => local_ips)),
    services,
  };
}

function checkAddress(source: Source, state: DesiredState, others: Others, eip: EipSpec): void {
  const place = source.at(eip, "address");
  const subject = `EIP ${eip.name}: ${eip.address}`;
  if (others.pools.meets(eip.address)) {
    const block = blockOf(eip.address);
    for (const cluster of state.clusters) {
      const pool = cluster.local_ips.find((text) => overlap(blockOf(text), block));
      if (pool !== undefined) {
        source.report(
          place,
          `${subject} is inside the local IPs ${pool} of cluster ${cluster.name} (choose another address)`,
        );
      }
    }
  }
  const service = others.services.get(vipKey(undefined, eip.address));
  if (service !== undefined) {
    source.report(place, `${subject} is the VIP of service ${service.name} (choose another address)`);
  }
  if (others.claimed.meets(eip.address)) {
    const block = blockOf(eip.address);
    for (const { what } of others.own.filter((claim) => overlap(claim.block, block))) {
      source.report(place, `${subject} is ${what} (choose another address)`);
    }
  }
}

function checkOwner(source: Source, state: DesiredState, others: Others, eip: EipSpec): void {
  const owner = ownerOf(eip);
  const kind = eip.vm === undefined ? "VIP" : "VM";
  const subject = `EIP ${eip.name}: ${kind} ${owner.address}`;
  reference(source, owner, "vpc", "VPC", "vpcs", owner.vpc, subject);
  const service = others.services.get(vipKey(owner.vpc, owner.address));
  if (isIpv6(owner.address) !== isIpv6(eip.address)) {
    source.report(
      source.at(owner, "address"),
      `${subject} is not of the address family of ${eip.address} (an EIP is translated within its family)`,
    );
  } else if (kind === "VIP" && service === undefined && source.isComplete(state.services)) {
    source.report(
      source.at(owner, "address"),
      `${subject} is no VIP in VPC ${owner.vpc} (declare a service with it under services:)`,
    );
  } else if (kind === "VM" && service !== undefined) {
    source.report(
      source.at(owner, "address"),
      `${subject} is the VIP of service ${service.name} (bind the EIP by "vip:" instead of "vm:")`,
    );
  }
}

/** @param own - addresses that parts of the gateway have themselves */
export function checkEips(source: Source, state: DesiredState, own: readonly Claim[]): void {
  uniqueNames(source, "EIP", state.eips);
  uniqueIds(source, "EIP", state.eips);
  unique(
    source,
    state.eips,
    "address",
    ({ network, address }) => `${address} in network ${network}`,
    ({ name }, key, line) =>
      `EIP ${name}: ${key} is the EIP in line ${line} already (an address belongs to one VM or VIP)`,
  );
  // Those whose owner is wrong have been reported for that.
  const owned = state.eips.filter(({ vm, vip }) => vm !== undefined || vip !== undefined);
  unique(
    source,
    owned,
    "vm",
    (eip) => `${ownerOf(eip).address} in VPC ${ownerOf(eip).vpc}`,
    ({ name }, key, line) =>
      `EIP ${name}: ${key} has the EIP in line ${line} already (give the VM another address for another EIP: what it sends must tell which one)`,
  );
  const others = othersOf(state, own);
  for (const eip of state.eips) {
    reference(source, eip, "network", "network", "networks", eip.network, `EIP ${eip.name}`);
    checkAddress(source, state, others, eip);
  }
  for (const eip of owned) {
    checkOwner(source, state, others, eip);
  }
}
