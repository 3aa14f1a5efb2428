// What the source of a packet may be, by where it comes from, and by which VRF an answer leaves.
import type { Entry } from "../p4runtime/index.js";
import { isIpv6 } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { publicPrefixes, upstreamNetworks } from "./public.js";
import { hostOf, type Site, vrfOf } from "./site.js";

/** Addresses that no packet from an upstream network can come from: the gateway's own, its LDs', the region's public ones. */
function ownPrefixes(site: Site): Set<string> {
  const { state } = site;
  const own = [
    ...state.switches.flatMap(({ tunnel_address, ports }) => [
      tunnel_address,
      ...ports.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((text) => (text === undefined ? [] : [hostOf(text)])),
      ),
    ]),
    ...state.clusters.flatMap(({ steering_address, local_ips, lds }) => [
      steering_address,
      ...local_ips,
      ...lds.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((text) => (text === undefined ? [] : [hostOf(text)])),
      ),
    ]),
  ].map((text) => (text.includes("/") ? text : `${text}/${isIpv6(text) ? 128 : 32}`));
  return new Set([...own, ...publicPrefixes(site).map(({ prefix }) => prefix)]);
}

function spoofedFromUpstream(site: Site): Entry[] {
  const own = [...ownPrefixes(site)];
  return upstreamNetworks(site).flatMap((network) =>
    own.map((prefix) => {
      const key = { network_id: site.ids.networks.get(network)!, vni: 0, prefix };
      return isIpv6(prefix)
        ? tables.source_policy_v6.deny_source_v6(key)
        : tables.source_policy.deny_source(key);
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
      const key = { network_id: ids.networks.get(network)!, vni: 0, prefix };
      if (vrf_id === vrfOf(state, network) || seen.has(`${network} ${prefix}`)) {
        return [];
      }
      seen.add(`${network} ${prefix}`);
      return [
        isIpv6(prefix)
          ? tables.source_policy_v6.route_in_vrf_v6(key, { vrf_id })
          : tables.source_policy.route_in_vrf(key, { vrf_id }),
      ];
    }),
  );
}

export function compileSources(site: Site): Entry[] {
  return [...spoofedFromUpstream(site), ...answersOfVips(site)];
}
