// Where the VMs of a VPC are: LDs send the answers of an internal VIP to the gateway, which brings them to the client's host.
import type { Entry } from "../p4runtime/index.js";
import { type DesiredState, type EipSpec, isIpv6, type VpcSpec } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { once } from "./once.js";
import type { Region } from "./site.js";

const vmsOfEips = once((state: DesiredState) => {
  const byVpc = new Map<string, NonNullable<EipSpec["vm"]>[]>();
  for (const { vm } of state.eips) {
    if (vm !== undefined) {
      const vms = byVpc.get(vm.vpc) ?? [];
      vms.push(vm);
      byVpc.set(vm.vpc, vms);
    }
  }
  return byVpc;
});

/** The VMs that are listed, and those that EIPs belong to. */
function vmsOf(state: DesiredState, vpc: VpcSpec): VpcSpec["vms"] {
  const ofEips = vmsOfEips(state).get(vpc.name) ?? [];
  return [...new Map([...vpc.vms, ...ofEips].map((vm) => [vm.address, vm])).values()];
}

/** Only VPCs with a VIP have clients inside. */
export function compileVpcs({ state }: Region): Entry[] {
  const withVip = new Set(state.services.map(({ vpc }) => vpc));
  return state.vpcs
    .filter(({ name }) => withVip.has(name))
    .flatMap((vpc) =>
      vmsOf(state, vpc).map(({ address, mac, host }) =>
        isIpv6(address)
          ? tables.vm_v6.to_host({ vni: vpc.vni, address }, { mac, host })
          : tables.vm.to_host({ vni: vpc.vni, address }, { mac, host }),
      ),
    );
}
