// Next hops and routes of a switch.
import type { Entry } from "../p4runtime/index.js";
import * as tables from "../tables/gateway.js";
import { assignIds } from "./ids.js";
import { FABRIC_VRF, portOf, type Site, vrfOf } from "./site.js";

const MAX_NEXTHOP_ID = 0xffff;

export function compileRoutes({ state, item, neighbors }: Site): Entry[] {
  const hops = neighbors.map((neighbor) => {
    const port = portOf(item, neighbor);
    return { ...neighbor, vlan: port.vlan, vrf: vrfOf(state, port.network) };
  });
  const ids = assignIds(
    hops.map(({ address }) => ({ name: address })),
    MAX_NEXTHOP_ID,
  );
  const hopEntries = hops.flatMap((hop) => {
    const nexthop_id = ids.get(hop.address)!;
    return [
      tables.nexthop.forward(
        { nexthop_id },
        { port: hop.port, vlan_id: hop.vlan, src_mac: item.mac, dst_mac: hop.mac },
      ),
      tables.route.set_nexthop({ vrf_id: hop.vrf, prefix: `${hop.address}/32` }, { nexthop_id }),
    ];
  });
  const listed = item.routes.map(({ prefix, via, vrf }) => {
    const hop = hops.find(({ address }) => address === via);
    const key = { vrf_id: vrf ?? hop?.vrf ?? FABRIC_VRF, prefix };
    return hop === undefined
      ? tables.route.discard(key)
      : tables.route.set_nexthop(key, { nexthop_id: ids.get(hop.address)! });
  });
  return [...hopEntries, ...listed];
}
