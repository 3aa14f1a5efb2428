// Where the VMs of a VPC are: whom the gateway hears from each host, and to which host it brings what LDs answer a VM.
import type { Entry, Uint } from "../p4runtime/index.js";
import { type DesiredState, isIpv6, type VpcSpec } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { Ids } from "./names.js";
import { once } from "./once.js";
import type { Region } from "./site.js";

type Vm = VpcSpec["vms"][number];

function add(byVpc: Map<string, Map<string, Vm>>, vpc: string, vm: Vm): void {
  const vms = byVpc.get(vpc) ?? new Map<string, Vm>();
  vms.set(vm.address, vm);
  byVpc.set(vpc, vms);
}

/** By VPC and address: real servers answer local IPs. */
const realServers = once((state: DesiredState) => {
  const byVpc = new Map<string, Map<string, Vm>>();
  for (const { real_servers } of state.services) {
    for (const { address, vpc, mac, host } of real_servers) {
      if (vpc !== undefined && mac !== undefined && host !== undefined) {
        add(byVpc, vpc, { address, mac, host });
      }
    }
  }
  return byVpc;
});

/** By VPC and address, where a VIP may have them as clients. What else they send, their EIPs vouch for. */
const ownersOfEips = once((state: DesiredState) => {
  const withVip = new Set(state.services.map(({ vpc }) => vpc));
  const byVpc = new Map<string, Map<string, Vm>>();
  for (const { vm } of state.eips) {
    if (vm !== undefined && withVip.has(vm.vpc)) {
      add(byVpc, vm.vpc, vm);
    }
  }
  return byVpc;
});

function vmEntry(vni: Uint<24>, { address, mac, host }: Vm, { hosts }: Ids): Entry {
  if (isIpv6(host)) {
    const params = { mac, host_id: hosts.get(host)! };
    return isIpv6(address)
      ? tables.vm_v6.to_host_by_id({ vni, address }, params)
      : tables.vm.to_host_by_id({ vni, address }, params);
  }
  const params = { mac, host };
  return isIpv6(address)
    ? tables.vm_v6.to_host({ vni, address }, params)
    : tables.vm.to_host({ vni, address }, params);
}

/** Where state/check_vpcs.ts has seen to it that no two speak differently of one address. */
export function* compileVpcs({ state, ids }: Region): Generator<Entry> {
  for (const { name, vni, vms } of state.vpcs) {
    const known = new Map(vms.map((vm) => [vm.address, vm]));
    for (const others of [realServers(state).get(name), ownersOfEips(state).get(name)]) {
      for (const vm of others?.values() ?? []) {
        known.set(vm.address, vm);
      }
    }
    for (const vm of known.values()) {
      yield vmEntry(vni, vm, ids);
    }
  }
}
