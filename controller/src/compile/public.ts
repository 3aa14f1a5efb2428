// The public addresses of the region, as few prefixes: packets from a VM to one of them come back in (hairpin), and none of
// them is believed as a source from upstream.
import type { Ip, IpPrefix } from "../p4runtime/index.js";
import { aggregate, BlockSet, type DesiredState } from "../state/index.js";
import { once } from "./once.js";
import type { Site } from "./site.js";

export interface PublicPrefix {
  prefix: IpPrefix;
  network: string;
}

/** The upstream networks that a switch has ports in, by name. */
export function upstreamNetworks({ item, fabric }: Site): string[] {
  const names = new Set(item.ports.map(({ network }) => network).filter((name) => !fabric.has(name)));
  return [...names].sort();
}

/**
 * The networks' own prefixes, then the EIPs and VIPs outside them. A VIP that is in no network's prefixes is reached in
 * whichever upstream network is the first.
 */
export const publicPrefixes: (site: Site) => PublicPrefix[] = once((site) => {
  const { state } = site;
  const upstream = upstreamNetworks(site);
  const networks = state.networks.filter(({ name }) => upstream.includes(name));
  const declared = networks.flatMap(({ name, prefixes }) =>
    prefixes.map((prefix) => ({ prefix, network: name })),
  );
  const eips = upstream.flatMap((network) =>
    aggregate(eipsOutside(state).get(network) ?? []).map((prefix) => ({ prefix, network })),
  );
  const everywhere = new BlockSet(declared.map(({ prefix }) => prefix));
  const vips = new Set<Ip>();
  for (const { vpc, vip } of state.services) {
    if (vpc === undefined && !everywhere.meets(vip)) {
      vips.add(vip);
    }
  }
  const [first] = upstream;
  const rest = first === undefined ? [] : aggregate(vips).map((prefix) => ({ prefix, network: first }));
  return [...declared, ...eips, ...rest];
});

/** The addresses of EIPs that are in none of their network's prefixes, by network. */
const eipsOutside = once((state: DesiredState): Map<string, Ip[]> => {
  const prefixes = new Map(state.networks.map(({ name, prefixes }) => [name, new BlockSet(prefixes)]));
  const outside = new Map(state.networks.map(({ name }) => [name, [] as Ip[]]));
  for (const { network, address } of state.eips) {
    if (prefixes.get(network)?.meets(address) === false) {
      outside.get(network)!.push(address);
    }
  }
  return outside;
});
