// A switch's ports, its own addresses on them, and where tunnels begin and end.
import type { Entry } from "../p4runtime/index.js";
import * as tables from "../tables/gateway.js";
import { hostOf, type Site, vrfOf } from "./site.js";

const UDP_PORT_VXLAN = 4789;
/** Of the one entry that answers in all VNIs of a network. */
const ANY_VNI_PRIORITY = 1;

function portEntries({ state, item, ids }: Site): Entry[] {
  return item.ports.flatMap(({ port, vlan, network, address }) => {
    const network_id = ids.networks.get(network)!;
    const belongs = tables.network.set_network(
      { port, vlan_id: vlan },
      { network_id, vrf_id: vrfOf(state, network) },
    );
    return address === undefined
      ? [belongs]
      : [belongs, tables.my_address.own_address({ network_id, address: hostOf(address) }, { mac: item.mac })];
  });
}

/** What traceroute shows: a switch's first address in the network that a packet came from. */
function icmpSources({ item, ids }: Site): Entry[] {
  const first = new Map<string, string>();
  for (const { network, address } of item.ports) {
    if (address !== undefined && !first.has(network)) {
      first.set(network, hostOf(address));
    }
  }
  return [...first].map(([network, address]) =>
    tables.icmp_source.answer_from({ network_id: ids.networks.get(network)! }, { address }, ANY_VNI_PRIORITY),
  );
}

function tunnelEntries({ item, ids, fabric }: Site): Entry[] {
  const networks = [...new Set(item.ports.map(({ network }) => network))];
  return networks.map((network) => {
    const network_id = ids.networks.get(network)!;
    // Tunnels end where they come from the fabric; they begin for the EIPs of the upstream networks.
    return fabric.has(network)
      ? tables.my_tunnel.terminate_tunnel({
          address: item.tunnel_address,
          udp_port: UDP_PORT_VXLAN,
          network_id,
        })
      : tables.tunnel_source.set_tunnel_source({ network_id }, { address: item.tunnel_address });
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
