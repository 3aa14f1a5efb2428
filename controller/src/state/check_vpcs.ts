// The rules of VPCs and of the VMs that are listed in them.
import type { DesiredState } from "./document.js";
import { unique, uniqueNames } from "./rules.js";
import type { Source } from "./source.js";

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
    const byEip = new Map(
      state.eips.flatMap(({ name, vm }) =>
        vm?.vpc === vpc.name ? [[vm.address, { name, vm }] as const] : [],
      ),
    );
    for (const vm of vpc.vms) {
      const subject = `VPC ${vpc.name}: VM ${vm.address}`;
      const service = vips.get(vm.address);
      if (service !== undefined) {
        const place = source.at(vm, "address");
        source.report(place, `${subject} is the VIP of service ${service} (give the VM another address)`);
      }
      const eip = byEip.get(vm.address);
      if (eip !== undefined && (eip.vm.mac !== vm.mac || eip.vm.host !== vm.host)) {
        source.report(
          source.at(vm, "host"),
          `${subject} is at ${vm.host} as ${vm.mac} here, but EIP ${eip.name} says ${eip.vm.host} and ${eip.vm.mac} (a VM with an EIP need not be listed)`,
        );
      }
    }
  }
}
