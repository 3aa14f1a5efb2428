// The rules of VPCs and of the VMs in them: those that are listed, real servers, and the owners of EIPs.
import type { DesiredState } from "./document.js";
import { unique, uniqueNames } from "./rules.js";
import type { Source } from "./source.js";

/** Where somebody says that a VM is. */
interface Claim {
  mac: string;
  host: string;
  /** `service web: real server rs1` */
  by: string;
}

/** A packet is believed by the host that it comes from: nobody can be in two places. */
function checkPlaces(source: Source, state: DesiredState): void {
  /** By VPC and address. Of the EIPs, of which there may be a million, none gets in. */
  const claims = new Map<string, Map<string, Claim>>();
  const claimsOf = (vpc: string) => {
    const known = claims.get(vpc) ?? new Map<string, Claim>();
    claims.set(vpc, known);
    return known;
  };
  for (const vpc of state.vpcs) {
    for (const { address, mac, host } of vpc.vms) {
      claimsOf(vpc.name).set(address, { mac, host, by: `VPC ${vpc.name}: VM ${address}` });
    }
  }
  for (const service of state.services) {
    for (const rs of service.real_servers) {
      const { vpc, mac, host, address } = rs;
      if (vpc === undefined || mac === undefined || host === undefined) {
        continue;
      }
      const by = `service ${service.name}: real server ${rs.name}`;
      const earlier = claimsOf(vpc).get(address);
      if (earlier === undefined) {
        claimsOf(vpc).set(address, { mac, host, by });
      } else if (earlier.mac !== mac || earlier.host !== host) {
        source.report(
          source.at(rs, "host"),
          `${by}: ${address} in VPC ${vpc} is at ${host} as ${mac} here, but ${earlier.by} says ${earlier.host} and ${earlier.mac} (a VM is in one place: make them agree)`,
        );
      }
    }
  }
  for (const { name, vm } of state.eips) {
    const claim = vm && claims.get(vm.vpc)?.get(vm.address);
    if (vm !== undefined && claim !== undefined && (claim.mac !== vm.mac || claim.host !== vm.host)) {
      source.report(
        source.at(vm, "host"),
        `EIP ${name}: VM ${vm.address} in VPC ${vm.vpc} is at ${vm.host} as ${vm.mac} here, but ${claim.by} says ${claim.host} and ${claim.mac} (a VM is in one place: make them agree; one with an EIP need not be listed under vms:)`,
      );
    }
  }
}

export function checkVpcs(source: Source, state: DesiredState): void {
  uniqueNames(source, "VPC", state.vpcs);
  unique(
    source,
    state.vpcs,
    "vni",
    ({ vni }) => vni,
    ({ name }, vni, line) => `VPC ${name}: VNI ${vni} is used twice (first in line ${line})`,
  );
  for (const vpc of state.vpcs.filter(({ vms }) => vms.length > 0)) {
    unique(
      source,
      vpc.vms,
      "address",
      ({ address }) => address,
      (_, address, line) => `VPC ${vpc.name}: VM ${address} is listed twice (first in line ${line})`,
    );
    const vips = new Map(
      state.services
        .filter((service) => service.vpc === vpc.name)
        .map((service) => [service.vip, service.name]),
    );
    for (const vm of vpc.vms) {
      const service = vips.get(vm.address);
      if (service !== undefined) {
        source.report(
          source.at(vm, "address"),
          `VPC ${vpc.name}: VM ${vm.address} is the VIP of service ${service} (give the VM another address)`,
        );
      }
    }
  }
  checkPlaces(source, state);
}
