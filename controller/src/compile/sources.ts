// What the source of a packet may be, by where it comes from.
import type { Entry } from "../p4runtime/index.js";
import * as tables from "../tables/gateway.js";
import { hostOf, type Site } from "./site.js";

/** Addresses that no packet from an upstream network can come from: the gateway's own, its LDs', its services'. */
function ownPrefixes({ state }: Site): Set<string> {
  const own = [
    ...state.switches.flatMap(({ tunnel_address, ports }) => [
      tunnel_address,
      ...ports.flatMap(({ address }) => (address === undefined ? [] : [hostOf(address)])),
    ]),
    ...state.clusters.flatMap(({ steering_address, local_ips, lds }) => [
      steering_address,
      ...local_ips,
      ...lds.map(({ address }) => hostOf(address)),
    ]),
    ...state.services.filter(({ vpc }) => vpc === undefined).map(({ vip }) => vip),
  ];
  return new Set(own.map((prefix) => (prefix.includes("/") ? prefix : `${prefix}/32`)));
}

function spoofedFromUpstream(site: Site): Entry[] {
  const { item, ids, fabric } = site;
  const upstream = new Set(item.ports.map(({ network }) => network).filter((name) => !fabric.has(name)));
  const own = [...ownPrefixes(site)];
  return [...upstream].flatMap((network) =>
    own.map((prefix) =>
      tables.source_policy.deny_source({ network_id: ids.networks.get(network)!, vni: 0, prefix }),
    ),
  );
}

export function compileSources(site: Site): Entry[] {
  return spoofedFromUpstream(site);
}
