// Next hops and routes of a switch.
import type { Entry } from "../p4runtime/index.js";
import { isIpv6, type NeighborSpec, type RouteSpec } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { assignIds } from "./ids.js";
import { publicPrefixes } from "./public.js";
import { FABRIC_VRF, portOf, type Site, vrfOf } from "./site.js";

const MAX_NEXTHOP_ID = 0xffff;

interface Hop extends NeighborSpec {
  id: number;
  vlan: number;
  vrf: number;
}

interface RouteKey {
  vrf_id: number;
  prefix: string;
}

const routeTable = ({ prefix }: RouteKey) => (isIpv6(prefix) ? tables.route_v6 : tables.route);

function hopsOf({ state, item, neighbors }: Site): Hop[] {
  const ids = assignIds(
    neighbors.map(({ address }) => ({ name: address })),
    MAX_NEXTHOP_ID,
  );
  return neighbors.map((neighbor) => {
    const port = portOf(item, neighbor);
    return { ...neighbor, id: ids.get(neighbor.address)!, vlan: port.vlan, vrf: vrfOf(state, port.network) };
  });
}

function hopEntries({ item }: Site, hop: Hop): Entry[] {
  const key = { vrf_id: hop.vrf, prefix: `${hop.address}/${isIpv6(hop.address) ? 128 : 32}` };
  return [
    tables.nexthop.forward(
      { nexthop_id: hop.id },
      { port: hop.port, vlan_id: hop.vlan, src_mac: item.mac, dst_mac: hop.mac },
    ),
    routeTable(key).set_nexthop(key, { nexthop_id: hop.id }),
  ];
}

function listedRoute(hops: readonly Hop[], { prefix, via, vrf }: RouteSpec): Entry {
  const [hop] = hops.filter(({ address }) => via?.includes(address));
  const key = { vrf_id: vrf ?? hop?.vrf ?? FABRIC_VRF, prefix };
  return hop === undefined
    ? routeTable(key).discard(key)
    : routeTable(key).set_nexthop(key, { nexthop_id: hop.id });
}

/** The way back in for packets to the region's own public addresses, in every VRF of the switch. */
function hairpins(site: Site): { key: RouteKey; entry: Entry }[] {
  const { state, item, ids } = site;
  const vrfs = new Set(item.ports.map(({ network }) => vrfOf(state, network)));
  const prefixes = publicPrefixes(site);
  return [...vrfs].flatMap((vrf_id) => {
    // An address that two networks have is meant in the VRF's own network.
    const own = prefixes.filter(({ network }) => vrfOf(state, network) === vrf_id);
    const networkOf = new Map([...prefixes, ...own].map(({ prefix, network }) => [prefix, network]));
    return [...networkOf].map(([prefix, network]) => {
      const key = { vrf_id, prefix };
      return { key, entry: routeTable(key).hairpin(key, { network_id: ids.networks.get(network)! }) };
    });
  });
}

export function compileRoutes(site: Site): Entry[] {
  const hops = hopsOf(site);
  const explicit = [
    ...hops.flatMap((hop) => hopEntries(site, hop)),
    ...site.item.routes.map((route) => listedRoute(hops, route)),
  ];
  // What somebody has listed is meant: a route of the same prefix stays as it is.
  const listed = new Set(explicit.map(({ match }) => `${match.vrf_id} ${match.prefix}`));
  return [
    ...explicit,
    ...hairpins(site).flatMap(({ key, entry }) => (listed.has(`${key.vrf_id} ${key.prefix}`) ? [] : [entry])),
  ];
}
