// What the source of a packet may be, by where it comes from, and by which VRF an answer leaves.
import { type Entry, type Ip, type IpPrefix, ipPrefix, uint } from "../p4runtime/index.js";
import { isIpv6 } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { publicPrefixes, upstreamNetworks } from "./public.js";
import { hostOf, type Site, vrfOf } from "./site.js";

/** Of a packet that came in no tunnel. */
const NO_VNI = uint(24, 0);

/** Addresses that no packet from an upstream network can come from: the gateway's own, its LDs', the region's public ones. */
function ownPrefixes(site: Site): Set<IpPrefix> {
  const { state } = site;
  const own = [
    ...state.switches.flatMap(({ tunnel_address, ports }) => [
      tunnel_address,
      ...ports.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((text) => (text === undefined ? [] : [hostOf<Ip>(text)])),
      ),
    ]),
    ...state.clusters.flatMap(({ steering_address, local_ips, lds }) => [
      steering_address,
      ...local_ips,
      ...lds.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((text) => (text === undefined ? [] : [hostOf<Ip>(text)])),
      ),
    ]),
  ];
  return new Set([...own.map(ipPrefix), ...publicPrefixes(site).map(({ prefix }) => prefix)]);
}

function spoofedFromUpstream(site: Site): Entry[] {
  const own = [...ownPrefixes(site)];
  return upstreamNetworks(site).flatMap((network) =>
    own.map((prefix) => {
      const at = { network_id: site.ids.networks.get(network)!, vni: NO_VNI };
      return isIpv6(prefix)
        ? tables.source_policy_v6.deny_source_v6({ ...at, prefix })
        : tables.source_policy.deny_source({ ...at, prefix });
    }),
  );
}

/** LDs answer for a VIP from the fabric: its answers leave by the upstream network that it belongs to. */
function answersOfVips(site: Site): Entry[] {
  const { state, item, ids, fabric } = site;
  const seen = new Set<string>();
  const prefixes = publicPrefixes(site);
  const onFabric = new Set(item.ports.map(({ network }) => network).filter((name) => fabric.has(name)));
  return [...onFabric].flatMap((network) =>
    prefixes.flatMap(({ prefix, network: home }) => {
      const vrf_id = vrfOf(state, home);
      const at = { network_id: ids.networks.get(network)!, vni: NO_VNI };
      if (vrf_id === vrfOf(state, network) || seen.has(`${network} ${prefix}`)) {
        return [];
      }
      seen.add(`${network} ${prefix}`);
      return [
        isIpv6(prefix)
          ? tables.source_policy_v6.route_in_vrf_v6({ ...at, prefix }, { vrf_id })
          : tables.source_policy.route_in_vrf({ ...at, prefix }, { vrf_id }),
      ];
    }),
  );
}

export function compileSources(site: Site): Entry[] {
  return [...spoofedFromUpstream(site), ...answersOfVips(site)];
}
