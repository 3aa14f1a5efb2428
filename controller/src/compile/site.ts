// One switch in its surroundings: what all parts of its compilation ask for.
import { type Interface, type Ip, type Ipv4, type Ipv6, type Uint, uint } from "../p4runtime/index.js";
import {
  blockOf,
  type DesiredState,
  fabricNetworks,
  type NeighborSpec,
  overlap,
  type SwitchSpec,
} from "../state/index.js";
import type { BucketMap } from "./bucket_map.js";
import type { Ids } from "./names.js";
import { once } from "./once.js";

/** The VRF of the fabric: tunnels are routed in it (p4src/controls/tunnel.p4). */
export const FABRIC_VRF = uint(16, 0);
const OUTSIDE_ANY_VPC = uint(24, 0);

export type PortSpec = SwitchSpec["ports"][number];

/** What is the same for every switch of a region. */
export interface Region {
  state: DesiredState;
  ids: Ids;
}

export interface Site extends Region {
  item: SwitchSpec;
  /** By cluster. */
  maps: ReadonlyMap<string, BucketMap>;
  /** Names of the networks from which tunnels are taken. */
  fabric: ReadonlySet<string>;
  /** Those that are listed, and the LDs on the switch's own subnets. */
  neighbors: readonly NeighborSpec[];
}

/** `10.0.2.1/24` -> `10.0.2.1` */
export function hostOf<Address>(interfaceText: Interface<Address>): Address;
export function hostOf(interfaceText: Interface<Ipv4> | Interface<Ipv6>): Ip;
export function hostOf<Address>(interfaceText: Interface<Address>): Address {
  return interfaceText.split("/")[0] as Address;
}

const vnis = once((vpcs: DesiredState["vpcs"]) => new Map(vpcs.map(({ name, vni }) => [name, vni])));
const vrfs = once(
  (networks: DesiredState["networks"]) => new Map(networks.map(({ name, vrf }) => [name, vrf])),
);

export function vniOf(state: DesiredState, vpc: string | undefined): Uint<24> {
  return (vpc === undefined ? undefined : vnis(state.vpcs).get(vpc)) ?? OUTSIDE_ANY_VPC;
}

export function vrfOf(state: DesiredState, network: string): Uint<16> {
  return vrfs(state.networks).get(network) ?? FABRIC_VRF;
}

/** The port on whose subnet an address is. */
function portOn(item: SwitchSpec, address: string): PortSpec | undefined {
  return item.ports.find(({ address: own, address_v6: ownV6 }) =>
    [own, ownV6].some((text) => text !== undefined && overlap(blockOf(text), blockOf(address))),
  );
}

/** The port, on its VLAN, that a neighbor is behind. */
export function portOf(item: SwitchSpec, neighbor: NeighborSpec): PortSpec {
  return item.ports.find(({ port, vlan }) => port === neighbor.port && (neighbor.vlan ?? vlan) === vlan)!;
}

/** LDs that are on a switch's own subnets are its neighbors, also when nobody lists them. */
export function neighborsOf(state: DesiredState, item: SwitchSpec): NeighborSpec[] {
  const listed = new Set(item.neighbors.map(({ address }) => address));
  const attached = state.clusters
    .flatMap((cluster) => cluster.lds)
    .flatMap((ld): NeighborSpec[] => {
      const address = hostOf(ld.address);
      const port = portOn(item, address);
      return port === undefined || listed.has(address)
        ? []
        : [{ address, mac: ld.mac, port: port.port, vlan: port.vlan }];
    });
  return [...item.neighbors, ...attached];
}

/** Where tunnels from region entries come from, and answers to their clients go: each address once. */
export const entryTunnelsOf = once((state: DesiredState): Ip[] =>
  [
    ...new Set(
      state.switches.filter((item) => item.region_entry).map(({ tunnel_address }) => tunnel_address),
    ),
  ].sort(),
);

/** Names of the networks from which tunnels are taken. */
export const fabricOf = once(fabricNetworks);

export function siteOf(
  state: DesiredState,
  item: SwitchSpec,
  ids: Ids,
  maps: ReadonlyMap<string, BucketMap> = new Map(),
): Site {
  return { state, item, ids, maps, fabric: fabricOf(state), neighbors: neighborsOf(state, item) };
}

/** The fabric ports by which packets from an address come in: those by which it is reached. */
export function fabricPortsToward({ item, neighbors, fabric }: Site, address: string): PortSpec[] {
  const block = blockOf(address);
  const lengthOf = (prefix: string) => Number(prefix.split("/")[1]);
  const routes = item.routes.filter(({ prefix }) => overlap(blockOf(prefix), block));
  const longest = Math.max(...routes.map(({ prefix }) => lengthOf(prefix)));
  const vias = routes.filter(({ prefix }) => lengthOf(prefix) === longest).flatMap(({ via }) => via ?? []);
  const direct = neighbors.filter((neighbor) => neighbor.address === address);
  const next = direct.length > 0 ? direct : neighbors.filter((neighbor) => vias.includes(neighbor.address));
  const attached = portOn(item, address);
  const ports =
    direct.length === 0 && attached?.learn === true
      ? [attached]
      : next.map((neighbor) => portOf(item, neighbor));
  return [...new Set(ports.filter(({ network }) => fabric.has(network)))];
}
