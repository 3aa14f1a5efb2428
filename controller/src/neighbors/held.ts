// Neighbours in the desired state as if they had been declared, and those that a switch holds already: what was learned is in the switch
// itself, so that a controller that starts, or `sluice apply` beside it, takes nothing away that is right.
import { type Entry, ip, mac, type Switch, uint } from "../p4runtime/index.js";
import type { DesiredState, NeighborSpec, SwitchSpec } from "../state/index.js";
import type { TableName } from "../tables/gateway.js";
import { hasUnknown, NeighborTable } from "./table.js";

const NEXTHOPS: TableName = "nexthop";
const ROUTES: readonly TableName[] = ["route", "route_v6"];
const HOST_ROUTE = /\/(?:32|128)$/;

/** Addresses that are known without asking: those of LDs. */
export function knownAddresses({ clusters }: DesiredState): Set<string> {
  return new Set(
    clusters.flatMap(({ lds }) =>
      lds.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((text) => (text === undefined ? [] : [text.split("/")[0]!])),
      ),
    ),
  );
}

/**
 * The stations that a switch holds a next hop and a route for.
 *
 * @throws P4RuntimeError
 */
export async function heldNeighbors(connection: Switch): Promise<NeighborSpec[]> {
  if ((await connection.runningCookie()) === undefined) {
    return [];
  }
  const hops = new Map<number, Entry>();
  const routes: Entry[] = [];
  for await (const entry of connection.read([NEXTHOPS, ...ROUTES])) {
    if (entry.table === NEXTHOPS) {
      hops.set(Number(entry.match.nexthop_id), entry);
    } else if (entry.action === "set_nexthop" && HOST_ROUTE.test(`${entry.match.prefix}`)) {
      routes.push(entry);
    }
  }
  return routes.flatMap(({ match, params }): NeighborSpec[] => {
    const hop = hops.get(Number(params?.nexthop_id))?.params;
    return hop === undefined
      ? []
      : [
          {
            address: ip(`${match.prefix}`.split("/")[0]!),
            mac: mac(`${hop.dst_mac}`),
            port: uint(16, Number(hop.port)),
            vlan: uint(12, Number(hop.vlan_id)),
          },
        ];
  });
}

function withResolved(spec: SwitchSpec, resolved: readonly NeighborSpec[]): SwitchSpec {
  const macs = new Map(resolved.map((neighbor) => [neighbor.address, neighbor.mac]));
  const declared = spec.neighbors.map((neighbor): NeighborSpec => {
    const found = neighbor.mac ?? macs.get(neighbor.address);
    return found === undefined ? neighbor : { ...neighbor, mac: found };
  });
  const names = new Set(declared.map(({ address }) => address));
  const learned = resolved.filter(({ address }) => !names.has(address));
  return { ...spec, neighbors: [...declared, ...learned] };
}

/**
 * The state with neighbours as they were observed.
 *
 * @param resolved - with their MACs, by switch
 */
export function withNeighbors(
  state: DesiredState,
  resolved: ReadonlyMap<string, readonly NeighborSpec[]>,
): DesiredState {
  return resolved.size === 0
    ? state
    : {
        ...state,
        switches: state.switches.map((spec) => withResolved(spec, resolved.get(spec.name) ?? [])),
      };
}

/** {@link withNeighbors} of what the switches hold. @throws P4RuntimeError */
export async function withHeldNeighbors(
  state: DesiredState,
  switches: readonly { spec: SwitchSpec; connection: Switch }[],
): Promise<DesiredState> {
  const known = knownAddresses(state);
  const resolved = await Promise.all(
    switches
      .filter(({ spec }) => hasUnknown(spec))
      .map(async ({ spec, connection }) => {
        const table = new NeighborTable({ spec, known, send: () => {}, onChange: () => {} });
        table.adopt(await heldNeighbors(connection));
        return [spec.name, table.resolved] as const;
      }),
  );
  return withNeighbors(state, new Map(resolved));
}
