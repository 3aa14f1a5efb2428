// Next hops and routes of a switch.
import {
  type Entry,
  formatIpPrefix,
  type IpPrefix,
  ipPrefix,
  type ProfileGroup,
  type ProfileMember,
  parseIpInterface,
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

interface Hop extends NeighborSpec {
  id: Uint<16>;
  vlan: Uint<12>;
  vrf: Uint<16>;
}

interface RouteKey {
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

const routeTable = ({ prefix }: RouteKey): RouteTable => (isIpv6(prefix) ? tables.route_v6 : tables.route);

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
  const key = { vrf_id: hop.vrf, prefix: ipPrefix(hop.address) };
  const route = routeTable(key).set_nexthop(key, { nexthop_id: hop.id });
  const { id, port, vlan, mac } = hop;
  return mac === undefined
    ? [route] // its next hop comes when it has answered (neighbors/)
    : [
        tables.nexthop.forward({ nexthop_id: id }, { port, vlan_id: vlan, src_mac: item.mac, dst_mac: mac }),
        route,
      ];
}

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

function groupEntry({ id }: NonNullable<Compiled["group"]>): Entry {
  return tables.ecmp_group.group({ group_id: id }, id);
}

export function compileRoutes(site: Site): { entries: Entry[]; profiles: (ProfileMember | ProfileGroup)[] } {
  const hops = hopsOf(site);
  const groupIds = groupsOf(site.item);
  const routes = site.item.routes.map((route) => listedRoute(hops, groupIds, route));
  const groups = routes.flatMap(({ group }) => group ?? []);
  const listedEntries = [
    ...hops.flatMap((hop) => hopEntries(site, hop)),
    ...routes.map(({ entry }) => entry),
  ];
  const keyOf = ({ match }: Entry) => `${match.vrf_id} ${match.prefix}`;
  // What somebody has listed is meant: a route of the same prefix stays as it is.
  const meant = new Set(listedEntries.map(keyOf));
  const explicit = [...listedEntries, ...linkEntries(site).filter((entry) => !meant.has(keyOf(entry)))];
  const listed = new Set(explicit.map(keyOf));
  const own = hairpins(site).filter(({ key }) => !listed.has(`${key.vrf_id} ${key.prefix}`));
  return {
    entries: [...explicit, ...groups.map(groupEntry), ...own.map(({ entry }) => entry)],
    profiles: groups.flatMap(({ id, members }) => [
      ...members,
      tables.ecmp_members.group(
        id,
        members.map(({ member }) => ({ member, weight: 1 })),
      ),
    ]),
  };
}
