// A switch's ports, its own addresses on them, and where tunnels begin and end.
import type { Entry, Interface } from "../p4runtime/index.js";
import { isIpv6 } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import { hostOf, type PortSpec, type Site, vrfOf } from "./site.js";

const UDP_PORT_VXLAN = 4789;
/** Of the one entry that answers in all VNIs of a network. */
const ANY_VNI_PRIORITY = 1;

function portEntries({ state, item, ids }: Site): Entry[] {
  return item.ports.flatMap(({ port, vlan, network, address, address_v6 }) => {
    const network_id = ids.networks.get(network)!;
    const belongs = tables.network.set_network(
      { port, vlan_id: vlan },
      { network_id, vrf_id: vrfOf(state, network) },
    );
    const { mac } = item;
    return [
      belongs,
      ...(address === undefined
        ? []
        : [tables.my_address.own_address({ network_id, address: hostOf(address) }, { mac })]),
      ...(address_v6 === undefined
        ? []
        : [tables.my_address_v6.own_address_v6({ network_id, address: hostOf(address_v6) }, { mac })]),
    ];
  });
}

/** A switch's first address of a family in each network. */
function firstAddresses<Address>(
  { item }: Site,
  addressOf: (port: PortSpec) => Interface<Address> | undefined,
): Map<string, Address> {
  const first = new Map<string, Address>();
  for (const port of item.ports) {
    const { network } = port;
    const address = addressOf(port);
    if (address !== undefined && !first.has(network)) {
      first.set(network, hostOf(address));
    }
  }
  return first;
}

/** What traceroute shows: the switch's address in the network that a packet came from. */
function icmpSources(site: Site): Entry[] {
  const key = (network: string) => ({ network_id: site.ids.networks.get(network)! });
  return [
    ...[...firstAddresses(site, ({ address }) => address)].map(([network, address]) =>
      tables.icmp_source.answer_from(key(network), { address }, ANY_VNI_PRIORITY),
    ),
    ...[...firstAddresses(site, ({ address_v6 }) => address_v6)].map(([network, address]) =>
      tables.icmp_source_v6.answer_from_v6(key(network), { address }, ANY_VNI_PRIORITY),
    ),
  ];
}

/** Tunnels end where they come from the fabric; they begin for the EIPs of any network. */
function tunnelEntries({ item, ids, fabric }: Site): Entry[] {
  const { tunnel_address: address } = item;
  const networks = [...new Set(item.ports.map(({ network }) => network))];
  return networks.flatMap((network) => {
    const network_id = ids.networks.get(network)!;
    const end = { udp_port: UDP_PORT_VXLAN, network_id } as const;
    const [source, ends] = isIpv6(address)
      ? [
          tables.tunnel_source_v6.set_tunnel_source_v6({ network_id }, { address }),
          tables.my_tunnel_v6.terminate_tunnel({ address, ...end }),
        ]
      : [
          tables.tunnel_source.set_tunnel_source({ network_id }, { address }),
          tables.my_tunnel.terminate_tunnel({ address, ...end }),
        ];
    return fabric.has(network) ? [source, ends] : [source];
  });
}

export function compilePorts(site: Site): Entry[] {
  return [
    tables.my_mac.accept_mac({ mac: site.item.mac }),
    ...portEntries(site),
    ...icmpSources(site),
    ...tunnelEntries(site),
  ];
}
