// Which EIPs are nothing but their own entries.
import { BlockSet, type DesiredState, type EipSpec, isIpv6 } from "../state/index.js";
import { once } from "./once.js";

const homes = once(
  (networks: DesiredState["networks"]) =>
    new Map(networks.map(({ name, prefixes }) => [name, new BlockSet(prefixes)])),
);
const vpcsWithVip = once((services: DesiredState["services"]) => new Set(services.map(({ vpc }) => vpc)));
/** Without a kind, a network is the fabric or not by the hosts of VMs too (state/fabric.ts). */
const kindsAreSaid = once((networks: DesiredState["networks"]) =>
  networks.every(({ kind }) => kind !== undefined),
);

/**
 * Whether an EIP comes and goes with the entries of `eipEntries` alone. It does not where its address is outside the prefixes of
 * its network (it is a route of its own then), where its VPC has a VIP (its VM may be a client of that), where its host decides
 * what the fabric is, or where that is reached over IPv6 and so has a number.
 */
export function standsAlone(
  { networks, services }: DesiredState,
  { network, address, vm }: EipSpec,
): boolean {
  return (
    kindsAreSaid(networks) &&
    homes(networks).get(network)?.meets(address) === true &&
    (vm === undefined || (!vpcsWithVip(services).has(vm.vpc) && !isIpv6(vm.host)))
  );
}
