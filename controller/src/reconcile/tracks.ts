// What of a plan waits for what. The LDs of a cluster, and the entries that steer packets to them, are one track: each of its steps waits
// for the one before. Clusters between which something moves share a track. What is of no cluster is a track of each switch. No track waits
// for another one, but that of a cluster for those of its switches.
import type { Compiled } from "../compile/index.js";
import { type Item, isEntry, type Schema, type SchemaTable } from "../p4runtime/index.js";
import type { EntryChange } from "./entry_diff.js";
import { isTold } from "./ld_steps.js";
import type { LdPlan, Writes } from "./plan.js";
import type { SwitchPlan } from "./switch_plan.js";

/** Of a plan, without parts that are told nothing of it. */
export interface Track {
  switches: readonly SwitchPlan[];
  lds: readonly LdPlan[];
}

export interface Tracks {
  /** One for each switch that is told anything of no cluster: EIPs, access lists, the ways to neighbors and hosts. */
  switches: readonly Track[];
  clusters: readonly Track[];
}

/** Keys and parameters by which an entry names clusters and LDs; 0 is none. */
const CLUSTER_FIELDS = ["cluster_id", "previous_cluster_id"];
const LD_FIELDS = ["ld_id", "backup_ld_id"];

/** Clusters, by their ids, in groups of those that have to do with each other. */
class Groups {
  readonly #parents = new Map<number, number>();

  /** The cluster that stands for its whole group. */
  of(cluster: number): number {
    const parent = this.#parents.get(cluster);
    return parent === undefined ? cluster : this.of(parent);
  }

  join(clusters: readonly number[]): void {
    const [first, ...others] = new Set(clusters.map((cluster) => this.of(cluster)));
    for (const other of others) {
      this.#parents.set(other, first!);
    }
  }
}

/** The others, of which there may be millions of entries, name no cluster and no LD. */
function tablesOfClusters({ tables }: Schema): Set<string> {
  const fieldsOf = ({ fields, actions }: SchemaTable) => [
    ...fields,
    ...actions.flatMap(({ action }) => action.params),
  ];
  const names = new Set([...CLUSTER_FIELDS, ...LD_FIELDS]);
  return new Set(
    [...tables]
      .filter((table) => fieldsOf(table).some(({ name }) => names.has(name)))
      .map(({ alias }) => alias),
  );
}

/** The cluster of each LD, by id; also of LDs that are not in the document any more, where the others still know them. */
function clustersOfLds({ ids, lds }: Compiled, plans: readonly LdPlan[]): Map<number, number> {
  const clusters = new Map<number, number>();
  for (const { target, held } of plans) {
    for (const { ldId } of held?.cluster?.lds ?? []) {
      clusters.set(ldId, ids.clusters.get(target.cluster.name)!);
    }
  }
  for (const { cluster, config } of lds) {
    clusters.set(config.cluster!.ldId, ids.clusters.get(cluster.name)!);
  }
  return clusters;
}

/** Joins clusters between which services migrate, and those that have or had an LD, or a local IP, of each other's. */
function joinByLds(groups: Groups, plans: readonly LdPlan[], clusterOfLd: ReadonlyMap<number, number>): void {
  const byLocalIp = new Map<string, number>();
  for (const { target, held, final } of plans) {
    const own = clusterOfLd.get(target.config.cluster!.ldId)!;
    const known = [held?.cluster, held?.migration, final.migration].flatMap((group) => group?.lds ?? []);
    groups.join([own, ...known.flatMap(({ ldId }) => clusterOfLd.get(ldId) ?? [])]);
    for (const localIp of [...(held?.localIps ?? []), ...final.localIps]) {
      const key = Buffer.from(localIp).toString("latin1");
      groups.join([own, byLocalIp.get(key) ?? own]);
      byLocalIp.set(key, own);
    }
  }
}

function clustersNamed(item: Item | undefined, clusterOfLd: ReadonlyMap<number, number>): number[] {
  if (item === undefined || !isEntry(item)) {
    return [];
  }
  const fields: Record<string, unknown> = { ...item.match, ...item.params };
  const numbers = (names: readonly string[]) =>
    names.map((name) => Number(fields[name] ?? 0)).filter(Boolean);
  return [...numbers(CLUSTER_FIELDS), ...numbers(LD_FIELDS).flatMap((id) => clusterOfLd.get(id) ?? [])];
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [item]);
    } else {
      group.push(item);
    }
  }
  return groups;
}

/** A track for each of them. */
export function bySwitch(switches: readonly SwitchPlan[]): Track[] {
  return switches.map((plan) => ({ switches: [plan], lds: [] }));
}

/** Takes a plan apart. Pipelines are pushed before all tracks. */
export function tracksOf({ schema, compiled, switches, lds }: Writes): Tracks {
  if (compiled === undefined) {
    return { switches: bySwitch(switches), clusters: [] };
  }
  const told = lds.filter(isTold);
  const groups = new Groups();
  const clusterOfLd = clustersOfLds(compiled, lds);
  joinByLds(groups, told, clusterOfLd);
  const tables = tablesOfClusters(schema);
  const clusterOfChange = new Map<EntryChange, number>();
  for (const change of switches.flatMap(({ changes }) => changes.filter(({ table }) => tables.has(table)))) {
    // A service that goes from one cluster to another is of both.
    const named = [change.entry, change.before].flatMap((item) => clustersNamed(item, clusterOfLd));
    if (named.length > 0) {
      groups.join(named);
      clusterOfChange.set(change, named[0]!);
    }
  }
  const groupOfChange = (change: EntryChange) => {
    const cluster = clusterOfChange.get(change);
    return cluster === undefined ? undefined : groups.of(cluster);
  };
  const ldsOf = groupBy(told, ({ target }) => groups.of(clusterOfLd.get(target.config.cluster!.ldId)!));
  const changesOf = switches.map(({ changes }) => groupBy(changes, groupOfChange));
  const trackOf = (group: number | undefined): Track => ({
    switches: switches.flatMap((plan, i) => {
      const changes = changesOf[i]!.get(group);
      return changes === undefined ? [] : [{ ...plan, push: false, changes }];
    }),
    lds: group === undefined ? [] : (ldsOf.get(group) ?? []),
  });
  const all = new Set([...ldsOf.keys(), ...changesOf.flatMap((byGroup) => [...byGroup.keys()])]);
  all.delete(undefined);
  return { switches: bySwitch(trackOf(undefined).switches), clusters: [...all].map(trackOf) };
}
