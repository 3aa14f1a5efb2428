// Where the VMs of a VPC are: whom the gateway hears from each host, and to which host it brings what LDs answer a VM.
import type { Entry, Uint } from "../p4runtime/index.js";
import { type DesiredState, type EipSpec, isIpv6, type VpcSpec } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { EipNumbers } from "./names.js";
import { once } from "./once.js";
import { type Region, vniOf } from "./site.js";

type Vm = VpcSpec["vms"][number];

/** What the entries of an EIP depend on. */
export interface EipSite {
  state: DesiredState;
  ids: EipNumbers;
}

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

/** By VPC and address: those that somebody has listed. */
const listed = once(
  (vpcs: DesiredState["vpcs"]) =>
    new Map(vpcs.map(({ name, vms }) => [name, new Map(vms.map((vm) => [vm.address, vm]))])),
);

const vpcsWithVip = once((services: DesiredState["services"]) => new Set(services.map(({ vpc }) => vpc)));

/**
 * The VM that has an EIP, where a VIP may have it as a client, and nobody else speaks of it. What else it sends, its EIP vouches for.
 */
export function ownerEntry({ state, ids }: EipSite, { vm }: EipSpec): Entry | undefined {
  if (vm === undefined || !vpcsWithVip(state.services).has(vm.vpc)) {
    return undefined;
  }
  const { vpc, address } = vm;
  const isKnown =
    listed(state.vpcs).get(vpc)?.has(address) === true || realServers(state).get(vpc)?.has(address) === true;
  return isKnown ? undefined : vmEntry(vniOf(state, vpc), vm, ids);
}

function vmEntry(vni: Uint<24>, { address, mac, host }: Vm, { hosts }: EipNumbers): Entry {
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

/** Those that have EIPs are not among them. state/check_vpcs.ts has seen to it that no two speak differently of one address. */
export function* compileVpcs({ state, ids }: Region): Generator<Entry> {
  for (const { name, vni } of state.vpcs) {
    const vms = new Map([...listed(state.vpcs).get(name)!, ...(realServers(state).get(name) ?? [])]);
    for (const vm of vms.values()) {
      yield vmEntry(vni, vm, ids);
    }
  }
}
