// The numbers that tables know things by, for a whole document, and back.
import type { Ipv6, Uint } from "../p4runtime/index.js";
import { type DesiredState, hostsOverIpv6, MAX_EIP_INDEX } from "../state/index.js";
import { assignIds, byName, numbersOf } from "./ids.js";
import { once } from "./once.js";

/** Of what has a number of 16 bits; 0 is nothing. */
export const MAX_ID = 0xffff;

/** The numbers that entries of EIPs name. */
export interface EipNumbers {
  networks: ReadonlyMap<string, Uint<16>>;
  /** Hosts that are reached over IPv6, by address. */
  hosts: Pick<ReadonlyMap<Ipv6, Uint<16>>, "get">;
}

export interface Ids extends EipNumbers {
  clusters: ReadonlyMap<string, Uint<16>>;
  lds: ReadonlyMap<string, Uint<16>>;
  /** None where tunnels go over IPv4. */
  hosts: ReadonlyMap<Ipv6, Uint<16>>;
  /** The index of an EIP: its cells of limits and counters. Made when it is asked for. */
  readonly eips: ReadonlyMap<string, Uint<20>>;
  /** The same, in the order of the document. */
  eipIndices: Uint32Array;
}

function hostIds(state: DesiredState): Map<Ipv6, Uint<16>> {
  const hosts = [...hostsOverIpv6(state).keys()].map((name) => ({ name }));
  return assignIds(hosts, MAX_ID) as Map<string, Uint<16>> as Map<Ipv6, Uint<16>>;
}

export const idsOf: (state: DesiredState) => Ids = once((state) => {
  const eipIndices = numbersOf(state.eips, MAX_EIP_INDEX);
  let eips: Map<string, Uint<20>> | undefined;
  return {
    networks: assignIds(state.networks, MAX_ID),
    clusters: assignIds(state.clusters, MAX_ID),
    lds: assignIds(
      state.clusters.flatMap((cluster) => cluster.lds),
      MAX_ID,
    ),
    hosts: hostIds(state),
    get eips() {
      eips ??= byName<typeof MAX_EIP_INDEX>(state.eips, eipIndices);
      return eips;
    },
    eipIndices,
  };
});

/** The name of a number, or `#number` for one that the document does not know. */
export function nameOf(ids: ReadonlyMap<string, number>, id: number): string {
  for (const [name, value] of ids) {
    if (value === id) {
      return name;
    }
  }
  return `#${id}`;
}
