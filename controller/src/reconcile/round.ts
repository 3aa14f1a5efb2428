// What of a state's meaning is done now, and what has to wait. A cluster's LDs take a map first; the switches learn it when all
// sessions are where it says; when every switch has, the LDs stop speaking for the one before; then comes the next map.
import type { Entry } from "../p4runtime/index.js";
import type { EntryChange } from "./entry_diff.js";
import { type ClusterMove, copyingOf, goesOn, isUnsettled, type Waiting } from "./ld_moves.js";
import type { LdSteps } from "./ld_steps.js";
import { BUCKETS_TABLE, HEARTBEAT_TABLES, type Meaning } from "./meaning.js";
import type { SwitchPlan } from "./switch_plan.js";

export interface Round {
  /** Without LDs that have to wait. */
  steps: LdSteps[];
  /** LDs that take no configuration now, because one of their cluster cannot be reached. */
  held: LdSteps[];
  switches: SwitchPlan[];
  /** Where the clusters stand; those begin that are told to. */
  moves: ClusterMove[];
  /** When this is done there is more to do, now or when sessions have been copied. */
  more: boolean;
}

/**
 * Which changes of a switch tell it a new map of a cluster: which LD has a bucket, and of which epoch an LD's heartbeats are
 * believed.
 */
function tellsMapOf({ compiled }: Meaning, { cluster }: ClusterMove): (change: EntryChange) => boolean {
  const clusterId = compiled.ids.clusters.get(cluster.name);
  const ldIds = new Set<number | undefined>(cluster.lds.map(({ name }) => compiled.ids.lds.get(name)));
  return (change) => {
    if (change.type !== "modify" || (change.table !== BUCKETS_TABLE && !HEARTBEAT_TABLES.has(change.table))) {
      return false;
    }
    const { match, params } = change.entry as Entry;
    return change.table === BUCKETS_TABLE
      ? Number(match?.cluster_id) === clusterId
      : ldIds.has(Number(params?.ld_id));
  };
}

/** A cluster's move, when a switch that cannot be reached, or does not hold the map yet, is also taken into account. */
function withSwitches(
  meaning: Meaning,
  move: ClusterMove,
  switches: readonly SwitchPlan[],
  unreachable: readonly string[],
): ClusterMove {
  const { begins, cluster, waiting } = move;
  if (waiting !== undefined || cluster.failover === undefined) {
    return move;
  }
  const stay = { ...move, taken: move.told, begins: undefined };
  if (unreachable.length > 0) {
    const isMoving =
      begins !== undefined ||
      meaning.steps.some(
        ({ target, held, take }) => target.cluster === cluster && (isUnsettled(held) || isUnsettled(take)),
      );
    const why: Waiting = {
      why: "switch",
      reasons: [`${unreachable.join(" and ")} cannot be reached`],
      copied: 0,
      toCopy: 0,
    };
    return isMoving ? { ...stay, waiting: why } : move;
  }
  const tells = tellsMapOf(meaning, move);
  const isBehind = switches.some(({ push, changes }) => push || changes.some(tells));
  return isBehind ? stay : move;
}

/** What the LDs of a cluster are told now. */
function stepsOf(meaning: Meaning, { cluster, begins, waiting }: ClusterMove): LdSteps[] {
  const steps = begins === undefined ? meaning.steps : meaning.beginning;
  return steps
    .filter(({ target }) => target.cluster === cluster)
    .map((step) => {
      const now = step.take ?? step.release ?? step.held;
      // As long as a switch may know the map before, the LDs speak for it as well.
      const staysUnsettled = (begins !== undefined || waiting !== undefined) && isUnsettled(now);
      return staysUnsettled ? { ...step, settle: undefined } : step;
    });
}

/**
 * @param switches - all that `meaning` says of those that can be reached
 * @param unreachable - names of the others
 */
export function roundOf(
  meaning: Meaning,
  switches: readonly SwitchPlan[],
  unreachable: readonly string[] = [],
): Round {
  const moves = meaning.moves.map((move) => withSwitches(meaning, move, switches, unreachable));
  const steps = moves.flatMap((move) =>
    stepsOf(meaning, move).map((step) => ({
      step,
      waits: move.waiting?.why === "lost" && step.held?.epoch !== step.final.epoch,
    })),
  );
  const heldBack = moves
    .filter(({ waiting }) => waiting !== undefined && waiting.why !== "switch")
    .map((move) => tellsMapOf(meaning, move));
  return {
    steps: steps.filter(({ waits }) => !waits).map(({ step }) => step),
    held: steps.filter(({ waits }) => waits).map(({ step }) => step),
    switches: switches.map((plan) => ({
      ...plan,
      changes:
        heldBack.length === 0
          ? plan.changes
          : plan.changes.filter((change) => !heldBack.some((tells) => tells(change))),
    })),
    moves,
    more: goesOn(moves) || copyingOf(moves).length > 0,
  };
}
