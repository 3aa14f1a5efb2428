// What a switch holds because of its neighbors: their next hops, and the routes that lead over them.
import {
  type Entry,
  type Ip,
  type IpPrefix,
  ipPrefix,
  type ProfileGroup,
  type ProfileMember,
  type Uint,
} from "../p4runtime/index.js";
import { isIpv6, type NeighborSpec, type RouteSpec, type SwitchSpec } from "../state/index.js";
import { ECMP_SLOTS } from "../tables/constants.js";
import * as tables from "../tables/gateway.js";
import { assignIds } from "./ids.js";
import { publicPrefixes } from "./public.js";
import { rendezvous } from "./rendezvous.js";
import { FABRIC_VRF, portOf, type Site, vrfOf } from "./site.js";

const MAX_NEXTHOP_ID = 0xffff;
/** Of ecmp_group (p4src/sizes.p4). */
const MAX_GROUPS = 256;

/** What of a site decides about next hops. */
export type HopSite = Pick<Site, "state" | "item" | "neighbors">;

interface Hop extends NeighborSpec {
  id: Uint<16>;
  vlan: Uint<12>;
  vrf: Uint<16>;
}

export interface RouteKey {
  vrf_id: Uint<16>;
  prefix: IpPrefix;
}

/** Both families' tables of routes, each for keys of its own. */
interface RouteTable {
  set_nexthop(match: RouteKey, params: tables.SetNexthopParams): Entry;
  set_group(match: RouteKey, params: tables.SetGroupParams): Entry;
  hairpin(match: RouteKey, params: tables.HairpinParams): Entry;
  discard(match: RouteKey): Entry;
  unresolved(match: RouteKey): Entry;
}

export const routeTable = ({ prefix }: RouteKey): RouteTable =>
  isIpv6(prefix) ? tables.route_v6 : tables.route;

function hopsOf({ state, item, neighbors }: HopSite): Hop[] {
  const ids = assignIds(
    neighbors.map(({ address }) => ({ name: address })),
    MAX_NEXTHOP_ID,
  );
  return neighbors.map((neighbor) => {
    const port = portOf(item, neighbor);
    return { ...neighbor, id: ids.get(neighbor.address)!, vlan: port.vlan, vrf: vrfOf(state, port.network) };
  });
}

function hostRoute({ id, vrf, address }: Hop): Entry {
  const key = { vrf_id: vrf, prefix: ipPrefix(address) };
  return routeTable(key).set_nexthop(key, { nexthop_id: id });
}

/** One whose MAC is not known has none until it has answered (neighbors/). */
function nextHop({ item }: HopSite, { id, port, vlan, mac }: Hop): Entry[] {
  return mac === undefined
    ? []
    : [tables.nexthop.forward({ nexthop_id: id }, { port, vlan_id: vlan, src_mac: item.mac, dst_mac: mac })];
}

/** What a route becomes: its entry, and for several neighbors a group of slots. */
interface Compiled {
  entry: Entry;
  group?: { id: Uint<16>; members: ProfileMember[] };
}

/**
 * A group has a fixed number of slots, and a slot is a member of its own: when a neighbor comes or goes, members of its
 * slots are modified, each by itself, and nothing else is: no flow of another neighbor moves. One whose MAC is not known has none
 * while there is another.
 */
function slotsOf(group: number, hops: readonly Hop[]): ProfileMember[] {
  const resolved = hops.filter(({ mac }) => mac !== undefined);
  const ids = new Map((resolved.length === 0 ? hops : resolved).map(({ address, id }) => [address, id]));
  return rendezvous([...ids.keys()], ECMP_SLOTS).map((address, slot) =>
    tables.ecmp_members.select_nexthop((group - 1) * ECMP_SLOTS + slot + 1, {
      nexthop_id: ids.get(address)!,
    }),
  );
}

/** The groups of routes by several neighbors. Each route has its own, so that it stays while its neighbors change. */
function groupsOf({ routes }: SwitchSpec): Map<string, Uint<16>> {
  const names = routes.filter(({ via }) => via !== undefined && via.length > 1).map(routeName);
  return assignIds(
    names.map((name) => ({ name })),
    MAX_GROUPS,
  );
}

function routeName({ prefix, vrf }: RouteSpec): string {
  return `${vrf ?? ""} ${prefix}`;
}

function listedRoute(
  hops: readonly Hop[],
  groups: ReadonlyMap<string, Uint<16>>,
  route: RouteSpec,
): Compiled {
  const { prefix, via, vrf } = route;
  const next = hops.filter(({ address }) => via?.includes(address));
  const key = { vrf_id: vrf ?? next[0]?.vrf ?? FABRIC_VRF, prefix };
  const id = groups.get(routeName(route));
  if (id !== undefined) {
    const entry = routeTable(key).set_group(key, { group_id: id });
    return { entry, group: { id, members: slotsOf(id, next) } };
  }
  const [hop] = next;
  return {
    entry:
      hop === undefined
        ? routeTable(key).discard(key)
        : routeTable(key).set_nexthop(key, { nexthop_id: hop.id }),
  };
}

/** Next hops, and the routes that somebody has listed. */
export interface Hops {
  routes: Entry[];
  /** Next hops and groups of them. */
  hops: Entry[];
  profiles: (ProfileMember | ProfileGroup)[];
}

/** @param wanted - only what these neighbors take part in; default: all */
export function compileHops(site: HopSite, wanted?: ReadonlySet<Ip>): Hops {
  const all = hopsOf(site);
  const groupIds = groupsOf(site.item);
  const isWanted = (address: Ip) => wanted === undefined || wanted.has(address);
  const listed = site.item.routes
    .filter(({ via }) => wanted === undefined || via?.some(isWanted) === true)
    .map((route) => listedRoute(all, groupIds, route));
  const groups = listed.flatMap(({ group }) => group ?? []);
  const own = all.filter(({ address }) => isWanted(address));
  return {
    routes: [...own.map(hostRoute), ...listed.map(({ entry }) => entry)],
    hops: [
      ...own.flatMap((hop) => nextHop(site, hop)),
      ...groups.map(({ id }) => tables.ecmp_group.group({ group_id: id }, id)),
    ],
    profiles: groups.flatMap(({ id, members }) => [
      ...members,
      tables.ecmp_members.group(
        id,
        members.map(({ member }) => ({ member, weight: 1 })),
      ),
    ]),
  };
}

/** Neighbors for which a switch holds something else than before: those that have come, gone or moved, or got another number. */
export function touchedNeighbors(before: HopSite, after: HopSite): Set<Ip> {
  const textOf = ({ id, port, vlan, mac }: Hop) => `${id} ${port} ${vlan} ${mac}`;
  const old = new Map(hopsOf(before).map((hop) => [hop.address, textOf(hop)]));
  const touched = new Set<Ip>();
  for (const hop of hopsOf(after)) {
    if (old.get(hop.address) !== textOf(hop)) {
      touched.add(hop.address);
    }
    old.delete(hop.address);
  }
  return new Set([...touched, ...old.keys()]);
}

/**
 * Whether nothing but the neighbors themselves decides about their routes: no route is listed, and none leads back in (hairpin), for
 * the address of one of them.
 */
export function neighborsStandAlone(site: Site, neighbors: ReadonlySet<Ip>): boolean {
  const others = new Set<IpPrefix>([
    ...site.item.routes.map(({ prefix }) => prefix),
    ...publicPrefixes(site).map(({ prefix }) => prefix),
  ]);
  return [...neighbors].every((address) => !others.has(ipPrefix(address)));
}
