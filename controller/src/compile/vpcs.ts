// Where the VMs of a VPC are: LDs send the answers of an internal VIP to the gateway, which brings them to the client's host.
import type { Entry } from "../p4runtime/index.js";
import { type DesiredState, isIpv6, type VpcSpec } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { Site } from "./site.js";

/** The VMs that are listed, and those that EIPs belong to. */
function vmsOf(state: DesiredState, vpc: VpcSpec): VpcSpec["vms"] {
  const ofEips = state.eips.flatMap(({ vm }) => (vm?.vpc === vpc.name ? [vm] : []));
  return [...new Map([...vpc.vms, ...ofEips].map((vm) => [vm.address, vm])).values()];
}

/** Only VPCs with a VIP have clients inside. */
export function compileVpcs({ state }: Site): Entry[] {
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
