// What each EIP is bound to and has carried, as the switches say.
import { EIP_DIRECTIONS, nameOf } from "../compile/index.js";
import type { CounterValue, Entry } from "../p4runtime/index.js";
import { allOrReasons, type Parts, type SwitchPart } from "../reconcile/index.js";
import { type DesiredState, type EipSpec, ownerOf } from "../state/index.js";

type Direction = keyof typeof EIP_DIRECTIONS;

export interface EipNumbers {
  name: string;
  address: string;
  network: string;
  vpc: string;
  /** The VM's address or the internal VIP. */
  owner: string;
  kind: "vm" | "vip";
  limit_in_bps: number | undefined;
  limit_out_bps: number | undefined;
  switches: {
    switch: string;
    /** What the switch holds: `192.168.0.10 in blue at 10.0.5.2`; undefined when it does not know the EIP. */
    bound: string | undefined;
    in: CounterValue;
    out: CounterValue;
  }[];
}

const NOTHING: CounterValue = { packets: 0n, bytes: 0n };

interface Held {
  /** By network id and address. */
  bindings: Map<string, Entry>;
  cells: Map<number, CounterValue>;
}

async function heldBy({ connection }: SwitchPart, indices: readonly number[]): Promise<Held> {
  const bindings = new Map<string, Entry>();
  for await (const entry of connection.read(["eip_in", "eip_in_v6"])) {
    bindings.set(`${entry.match.network_id} ${entry.match.eip}`, entry);
  }
  return { bindings, cells: await cellsOf(connection, indices) };
}

function cellsOf(
  connection: SwitchPart["connection"],
  indices: readonly number[],
): Promise<Map<number, CounterValue>> {
  const cells = indices.flatMap((index) => Object.values(EIP_DIRECTIONS).map(({ cell }) => 2 * index + cell));
  return connection.readCounter("eip_packets", cells);
}

/** What one switch counts of some EIPs, by name: without a look at what they are bound to. @throws P4RuntimeError */
export async function countEips(
  { connection }: SwitchPart,
  indices: ReadonlyMap<string, number>,
): Promise<Map<string, Record<Direction, CounterValue>>> {
  const cells = await cellsOf(connection, [...indices.values()]);
  const counted = (index: number, direction: Direction) =>
    cells.get(2 * index + EIP_DIRECTIONS[direction].cell) ?? NOTHING;
  return new Map(
    [...indices].map(([name, index]) => [name, { in: counted(index, "in"), out: counted(index, "out") }]),
  );
}

/** @param hosts - by number, those that are reached over IPv6 */
function describeBinding(
  state: DesiredState,
  hosts: ReadonlyMap<number, string>,
  entry: Entry | undefined,
): string | undefined {
  if (entry?.params === undefined) {
    return undefined;
  }
  const { vni, address, vip, host_id } = entry.params;
  const host = host_id === undefined ? entry.params.host : (hosts.get(Number(host_id)) ?? `host #${host_id}`);
  const vpcs = new Map(state.vpcs.map((vpc) => [vpc.name, vpc.vni]));
  const at = host === undefined ? "" : ` at ${host}`;
  return `${address ?? vip} in ${nameOf(vpcs, Number(vni))}${at}`;
}

/** @throws UnreachableError */
export async function measureEips({ state, ids, switches }: Parts): Promise<EipNumbers[]> {
  const indices = state.eips.map(({ name }) => ids.eips.get(name)!);
  const held = await allOrReasons(switches.map((part) => heldBy(part, indices)));
  const hosts = new Map([...ids.hosts].map(([host, id]) => [id, host]));
  return state.eips.map((eip: EipSpec) => {
    const counted = ({ cells }: Held, direction: Direction) =>
      cells.get(2 * ids.eips.get(eip.name)! + EIP_DIRECTIONS[direction].cell) ?? NOTHING;
    const owner = ownerOf(eip);
    return {
      name: eip.name,
      address: eip.address,
      network: eip.network,
      vpc: owner.vpc,
      owner: owner.address,
      kind: eip.vm === undefined ? "vip" : "vm",
      limit_in_bps: eip.limit?.in,
      limit_out_bps: eip.limit?.out,
      switches: switches.map(({ connection }, i) => ({
        switch: connection.name,
        bound: describeBinding(
          state,
          hosts,
          held[i]!.bindings.get(`${ids.networks.get(eip.network)} ${eip.address}`),
        ),
        in: counted(held[i]!, "in"),
        out: counted(held[i]!, "out"),
      })),
    };
  });
}
