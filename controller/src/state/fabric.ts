// Which networks are the fabric: the ones that LDs and the hosts of VMs are on. All others are upstream networks.
import { blockOf, overlap } from "./blocks.js";
import type { DesiredState, SwitchSpec } from "./document.js";

/** Tunnel endpoints of LDs and of hosts. */
function tunnelEnds(state: DesiredState): Set<string> {
  return new Set([
    ...state.clusters.flatMap(({ lds }) => lds.map(({ address }) => address.split("/")[0]!)),
    ...state.services.flatMap((service) => service.real_servers.flatMap(({ host }) => host ?? [])),
    ...state.eips.flatMap(({ vm }) => vm?.host ?? []),
    ...state.vpcs.flatMap(({ vms }) => vms.map(({ host }) => host)),
  ]);
}

function networksWith(item: SwitchSpec, ends: ReadonlySet<string>): string[] {
  const networkOf = (port: number, vlan: number | undefined) =>
    item.ports.find((candidate) => candidate.port === port && (vlan ?? candidate.vlan) === candidate.vlan)
      ?.network;
  const attached = [...ends].flatMap((end) =>
    item.ports.filter(({ address }) => address !== undefined && overlap(blockOf(address), blockOf(end))),
  );
  return [
    ...attached.map(({ network }) => network),
    ...item.neighbors
      .filter(({ address }) => ends.has(address))
      .flatMap(({ port, vlan }) => networkOf(port, vlan) ?? []),
  ];
}

/**
 * The networks whose `kind` is fabric, and those without a kind that have an LD or a host of VMs as a neighbor. Tunnels are
 * taken from the fabric only: from an upstream network they could be anybody's.
 */
export function fabricNetworks(state: DesiredState): ReadonlySet<string> {
  const ends = tunnelEnds(state);
  const found = new Set(state.switches.flatMap((item) => networksWith(item, ends)));
  return new Set(
    state.networks
      .filter(({ name, kind }) => (kind === undefined ? found.has(name) : kind === "fabric"))
      .map(({ name }) => name),
  );
}
