// Which EIPs are nothing but their own entries.
import { BlockSet, type DesiredState, type EipSpec } from "../state/index.js";
import { once } from "./once.js";

const homes = once(
  (networks: DesiredState["networks"]) =>
    new Map(networks.map(({ name, prefixes }) => [name, new BlockSet(prefixes)])),
);
/** Without a kind, a network is the fabric or not by the hosts of VMs too (state/fabric.ts). */
const kindsAreSaid = once((networks: DesiredState["networks"]) =>
  networks.every(({ kind }) => kind !== undefined),
);

/**
 * Whether an EIP comes and goes with the entries of `eipEntries` and of its host alone. It does not where its address is outside the
 * prefixes of its network (it is a route of its own then), or where its host decides what the fabric is.
 */
export function standsAlone({ networks }: DesiredState, { network, address }: EipSpec): boolean {
  return kindsAreSaid(networks) && homes(networks).get(network)?.meets(address) === true;
}
