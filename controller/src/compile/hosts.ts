// The hosts that are reached over IPv6: they are known by numbers, by which tunnels are sent to them, and theirs believed.
import type { Entry, Ipv6, Uint } from "../p4runtime/index.js";
import * as tables from "../tables/gateway.js";
import { fabricOf, type Region } from "./site.js";

/** The entries of one host: they depend on no other one. */
export function hostEntries({ state, ids }: Region, address: Ipv6, host_id: Uint<16>): Entry[] {
  return [
    tables.host_v6.set_host_v6({ host_id }, { address }),
    ...[...fabricOf(state)].map((network) =>
      tables.host_source_v6.known_host({ network_id: ids.networks.get(network)!, address }, { host_id }),
    ),
  ];
}

export function* compileHosts(region: Region): Generator<Entry> {
  for (const [address, number] of region.ids.hosts) {
    yield* hostEntries(region, address, number);
  }
}
