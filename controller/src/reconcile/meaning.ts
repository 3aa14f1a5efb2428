// What a state means for parts that hold what they hold. Pure.
import { type BucketMap, type Compiled, compile, compileRegion, idsOf } from "../compile/index.js";
import { type Item, isEntry, type Schema } from "../p4runtime/index.js";
import type { DesiredState } from "../state/index.js";
import type { TableName } from "../tables/gateway.js";
import { DesiredEntries } from "./entry_diff.js";
import { type ClusterMove, type LdHolding, movesOf } from "./ld_moves.js";
import { type LdSteps, planLds } from "./ld_steps.js";

/** Of which epoch an LD's heartbeats are believed. */
export const HEARTBEAT_TABLES: ReadonlySet<string> = new Set<TableName>(["ld_source", "ld_source_v6"]);
/** Which LD has a bucket. */
export const BUCKETS_TABLE: TableName = "ld_of_bucket";
/** What switches are told of maps. All other tables are the same whichever map is in force. */
export const MAP_TABLES: ReadonlySet<string> = new Set<string>([
  BUCKETS_TABLE,
  ...HEARTBEAT_TABLES,
  "previous_ld_of_bucket" satisfies TableName,
]);

export interface Meaning {
  compiled: Compiled;
  moves: ClusterMove[];
  /** To the maps that the switches should hold; in the order of the document's LDs, without those that are lost. */
  steps: LdSteps[];
  /** To the maps that LDs are told to begin with: the same where nothing begins. */
  beginning: LdSteps[];
  /** What a switch should hold; of some tables alone, when they are named. @throws EntryError | CapacityError */
  desired(index: number, tables?: ReadonlySet<string>): DesiredEntries;
}

/** The switches believe heartbeats of the epoch that each LD will have. */
function* withEpochs(items: readonly Item[], epochs: ReadonlyMap<number, bigint>): Generator<Item> {
  for (const item of items) {
    yield isEntry(item) && HEARTBEAT_TABLES.has(item.table)
      ? {
          ...item,
          params: { ...item.params, epoch: Number(epochs.get(Number(item.params?.ld_id)) ?? 0n) },
        }
      : item;
  }
}

function stepsTo(compiled: Compiled, lds: readonly LdHolding[]): LdSteps[] {
  return planLds(
    compiled.lds.flatMap((target, i) => (lds[i]!.lost === true ? [] : [{ target, held: lds[i]!.held }])),
  );
}

/** By LD id. An LD that is lost has the epoch of its cluster. */
function epochsOf(compiled: Compiled, steps: readonly LdSteps[]): Map<number, bigint> {
  const ofClusters = new Map(steps.map(({ target, final }) => [target.cluster.name, final.epoch]));
  return new Map(
    compiled.lds.flatMap(({ cluster, config: { heartbeat } }) =>
      heartbeat === undefined ? [] : [[heartbeat.ldId, ofClusters.get(cluster.name) ?? 0n] as const],
    ),
  );
}

/**
 * @param lds - in the order of the document
 * @param shared - of {@link regionEntries}
 * @param atOnce - every map as it shall be at last: what all moves together come to
 */
export function meaningOf(
  state: DesiredState,
  lds: readonly LdHolding[],
  shared: DesiredEntries,
  atOnce = false,
): Meaning {
  const moves = movesOf(state, lds, idsOf(state));
  const compileWith = (mapOfMove: (move: ClusterMove) => BucketMap) =>
    compile(state, new Map(moves.map((move) => [move.cluster.name, mapOfMove(move)])));
  const compiled = compileWith(({ told, final }) => (atOnce ? final : told));
  const steps = stepsTo(compiled, lds);
  const begins = !atOnce && moves.some((move) => move.begins !== undefined);
  const epochs = epochsOf(compiled, steps);
  return {
    compiled,
    moves,
    steps,
    beginning: begins
      ? stepsTo(
          compileWith(({ taken }) => taken),
          lds,
        )
      : steps,
    desired: (index, tables) => {
      const { profiles, entries } = compiled.switches[index]!;
      if (tables !== undefined) {
        const some = new DesiredEntries(shared.schema);
        some.addAll(
          withEpochs(
            entries.filter(({ table }) => tables.has(table)),
            epochs,
          ),
        );
        return some;
      }
      const desired = new DesiredEntries(shared.schema, shared);
      desired.addAll(profiles);
      desired.addAll(withEpochs(entries, epochs));
      desired.checkCapacity();
      return desired;
    },
  };
}

/** What all switches hold alike, whatever the parts hold now. @throws EntryError */
export function regionEntries(state: DesiredState, schema: Schema): DesiredEntries {
  const shared = new DesiredEntries(schema);
  for (const part of compileRegion({ state, ids: idsOf(state) })) {
    shared.addAll(part);
  }
  return shared;
}
