// Which networks are the fabric: the ones that LDs and the hosts of VMs are on. All others are upstream networks.
import { BlockSet } from "./blocks.js";
import type { DesiredState, SwitchSpec } from "./document.js";

/** Tunnel endpoints of LDs and of hosts. */
function tunnelEnds(state: DesiredState): Set<string> {
  const ends = new Set<string>();
  for (const { lds } of state.clusters) {
    for (const { address } of lds) {
      ends.add(address.split("/")[0]!);
    }
  }
  for (const { real_servers } of state.services) {
    for (const { host } of real_servers) {
      if (host !== undefined) {
        ends.add(host);
      }
    }
  }
  for (const { vm } of state.eips) {
    if (vm !== undefined) {
      ends.add(vm.host);
    }
  }
  for (const { vms } of state.vpcs) {
    for (const { host } of vms) {
      ends.add(host);
    }
  }
  return ends;
}

function networksWith(item: SwitchSpec, ends: ReadonlySet<string>, where: BlockSet): string[] {
  const networkOf = (port: number, vlan: number | undefined) =>
    item.ports.find((candidate) => candidate.port === port && (vlan ?? candidate.vlan) === candidate.vlan)
      ?.network;
  const attached = item.ports.filter(({ address, address_v6 }) =>
    [address, address_v6].some((own) => own !== undefined && where.meets(own)),
  );
  return [
    ...attached.map(({ network }) => network),
    ...item.neighbors
      .filter(({ address }) => ends.has(address))
      .flatMap(({ port, vlan }) => networkOf(port, vlan) ?? []),
  ];
}

function networksWithEnds(state: DesiredState): Set<string> {
  const ends = tunnelEnds(state);
  const where = new BlockSet(ends);
  return new Set(state.switches.flatMap((item) => networksWith(item, ends, where)));
}

/**
 * The networks whose `kind` is fabric, and those without a kind that have an LD or a host of VMs as a neighbor. Tunnels are
 * taken from the fabric only: from an upstream network they could be anybody's.
 */
export function fabricNetworks(state: DesiredState): ReadonlySet<string> {
  const isSaid = state.networks.every(({ kind }) => kind !== undefined);
  const found = isSaid ? new Set<string>() : networksWithEnds(state); // all hosts of a million VMs are looked at for that
  return new Set(
    state.networks
      .filter(({ name, kind }) => (kind === undefined ? found.has(name) : kind === "fabric"))
      .map(({ name }) => name),
  );
}
