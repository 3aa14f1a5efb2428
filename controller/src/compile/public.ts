// The public addresses of the region, as few prefixes: packets from a VM to one of them come back in (hairpin), and none of
// them is believed as a source from upstream.
import { aggregate, blockOf, contains } from "../state/index.js";
import type { Site } from "./site.js";

export interface PublicPrefix {
  prefix: string;
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
export function publicPrefixes(site: Site): PublicPrefix[] {
  const { state } = site;
  const upstream = upstreamNetworks(site);
  const networks = state.networks.filter(({ name }) => upstream.includes(name));
  const declared = networks.flatMap(({ name, prefixes }) =>
    prefixes.map((prefix) => ({ prefix, network: name, block: blockOf(prefix) })),
  );
  const outside = (address: string, network?: string) =>
    !declared.some(
      (item) => (network === undefined || item.network === network) && contains(item.block, blockOf(address)),
    );
  const eips = upstream.flatMap((network) =>
    aggregate(
      state.eips
        .filter((eip) => eip.network === network && outside(eip.address, network))
        .map(({ address }) => address),
    ).map((prefix) => ({ prefix, network })),
  );
  const vips = state.services
    .filter(({ vpc, vip }) => vpc === undefined && outside(vip))
    .map(({ vip }) => vip);
  const [first] = upstream;
  const rest = first === undefined ? [] : aggregate(vips).map((prefix) => ({ prefix, network: first }));
  return [...declared.map(({ prefix, network }) => ({ prefix, network })), ...eips, ...rest];
}
