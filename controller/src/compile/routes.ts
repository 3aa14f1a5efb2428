// Routes of a switch: those over its neighbors, to the subnets that it learns them on, and back in.
import { type Entry, formatIpPrefix, type IpPrefix, parseIpInterface } from "../p4runtime/index.js";
import { compileHops, type RouteKey, routeTable } from "./hops.js";
import { publicPrefixes } from "./public.js";
import { type Site, vrfOf } from "./site.js";
import type { SwitchContents } from "./switch_entries.js";

/** `10.0.2.1/24` -> `10.0.2.0/24` */
function subnetOf(interfaceText: string): IpPrefix {
  return formatIpPrefix(parseIpInterface(interfaceText));
}

/** Packets for stations that are not known yet go to the controller, which asks for them. */
function linkEntries({ state, item }: Site): Entry[] {
  return item.ports
    .filter(({ learn }) => learn)
    .flatMap(({ network, address, address_v6 }) =>
      [address, address_v6].flatMap((text) => {
        if (text === undefined) {
          return [];
        }
        const key = { vrf_id: vrfOf(state, network), prefix: subnetOf(text) };
        return [routeTable(key).unresolved(key)];
      }),
    );
}

/** The way back in for packets to the region's own public addresses, in every VRF of the switch. */
function hairpins(site: Site): { key: RouteKey; entry: Entry }[] {
  const { state, item, ids } = site;
  const vrfs = new Set(item.ports.map(({ network }) => vrfOf(state, network)));
  const prefixes = publicPrefixes(site);
  return [...vrfs].flatMap((vrf_id) => {
    // An address that two networks have is meant in the VRF's own network.
    const own = prefixes.filter(({ network }) => vrfOf(state, network) === vrf_id);
    const networks = new Map([...prefixes, ...own].map(({ prefix, network }) => [prefix, network]));
    return [...networks].map(([prefix, network]) => {
      const key = { vrf_id, prefix };
      return { key, entry: routeTable(key).hairpin(key, { network_id: ids.networks.get(network)! }) };
    });
  });
}

export function compileRoutes(site: Site): SwitchContents {
  const { routes, hops, profiles } = compileHops(site);
  const keyOf = ({ match }: Entry) => `${match.vrf_id} ${match.prefix}`;
  // What somebody has listed is meant: a route of the same prefix stays as it is.
  const meant = new Set(routes.map(keyOf));
  const explicit = [...routes, ...linkEntries(site).filter((entry) => !meant.has(keyOf(entry)))];
  const listed = new Set(explicit.map(keyOf));
  const own = hairpins(site).filter(({ key }) => !listed.has(`${key.vrf_id} ${key.prefix}`));
  return { entries: [...explicit, ...hops, ...own.map(({ entry }) => entry)], profiles };
}
