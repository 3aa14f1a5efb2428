// Neighbours of the switches: declared ones, and those that a controller has learned.
import { heldNeighbors, type NeighborKeeper, type NeighborState } from "../neighbors/index.js";
import type { Parts } from "../reconcile/index.js";
import type { DesiredState, NeighborSpec, SwitchSpec } from "../state/index.js";

export interface NeighborNumbers {
  switch: string;
  address: string;
  /** Undefined while it is not known. */
  mac: string | undefined;
  port: number;
  vlan: number;
  network: string;
  /** `declared` with its MAC; `held` by the switch, where nobody knows more. */
  state: NeighborState | "declared" | "held";
  /** How long ago it last answered. */
  answered_s?: number;
}

function placeOf({ ports }: SwitchSpec, { port, vlan }: Pick<NeighborSpec, "port" | "vlan">) {
  const found = ports.find((one) => one.port === port && (vlan ?? one.vlan) === one.vlan);
  return { port, vlan: found?.vlan ?? vlan ?? 0, network: found?.network ?? "" };
}

const byPlace = (a: NeighborNumbers, b: NeighborNumbers) =>
  a.switch < b.switch ? -1 : a.switch > b.switch ? 1 : a.address < b.address ? -1 : 1;

/** What the switches hold. @throws P4RuntimeError */
export async function measureNeighbors({ switches }: Parts): Promise<NeighborNumbers[]> {
  const lists = await Promise.all(
    switches.map(async ({ spec, connection }) => {
      const held = await heldNeighbors(connection);
      const names = new Set(held.map(({ address }) => address));
      const missing = spec.neighbors.filter(({ address }) => !names.has(address));
      return [...held, ...missing.map((neighbor) => ({ ...neighbor, mac: undefined }))].map(
        (neighbor): NeighborNumbers => ({
          switch: spec.name,
          address: neighbor.address,
          mac: neighbor.mac,
          ...placeOf(spec, neighbor),
          state: neighbor.mac === undefined ? "incomplete" : "held",
        }),
      );
    }),
  );
  return lists.flat().sort(byPlace);
}

/** What a controller knows. */
export function knownNeighbors({ switches }: DesiredState, keeper: NeighborKeeper): NeighborNumbers[] {
  const declared = switches.flatMap((spec) =>
    spec.neighbors
      .filter(({ mac }) => mac !== undefined)
      .map(
        (neighbor): NeighborNumbers => ({
          switch: spec.name,
          address: neighbor.address,
          mac: neighbor.mac,
          ...placeOf(spec, neighbor),
          state: "declared",
        }),
      ),
  );
  const observed = keeper.list.map(
    ({ answeredMs, declared: _, ...neighbor }): NeighborNumbers => ({
      ...neighbor,
      ...(answeredMs !== undefined && { answered_s: Math.round((performance.now() - answeredMs) / 1000) }),
    }),
  );
  return [...declared, ...observed].sort(byPlace);
}
