// Round after round until the parts hold what is desired. Each begins with a look at what they hold, so it does not matter who has made
// the rounds before.
import { setTimeout as sleep } from "node:timers/promises";
import { idsOf } from "../compile/index.js";
import { type Pipeline, Schema } from "../p4runtime/index.js";
import type { DesiredState } from "../state/index.js";
import { type Applied, executePlan } from "./execute.js";
import { ApplyError } from "./failures.js";
import { type ClusterMove, copyingOf, goesOn, movesOf } from "./ld_moves.js";
import { MAP_TABLES, regionEntries } from "./meaning.js";
import type { LdPart, Parts } from "./parts.js";
import { holdingsOf, isEmpty, makePlan, type Plan, type PlanOptions } from "./plan.js";
import type { SwitchPlan } from "./switch_plan.js";

/** LDs say how they are once a second (WatchStatus); a bucket's sessions take a small part of that. */
const COPY_LOOK_MS = 50;

type OnMoves = (moves: readonly ClusterMove[]) => void;

export interface ConvergeOptions {
  /** Carries a plan out by `run`, and shows how it goes: `onWritten` is told of each batch of updates that a switch has taken. */
  write?: (plan: Plan, run: (onWritten?: (updates: number) => void) => Promise<Applied>) => Promise<Applied>;
  /** Waits for sessions to be copied by `run`, and shows how it goes. */
  wait?: (run: (onMoves?: OnMoves) => Promise<boolean>) => Promise<boolean>;
  /** Ends after the first round. */
  once?: boolean;
  /** How long sessions may take to come without any progress, in ms. */
  patienceMs: number;
}

export interface Outcome extends Applied {
  /** The last plan, which has been carried out. */
  plan: Plan;
}

const NOTHING: Applied = { pipelines: 0, inserted: 0, modified: 0, deleted: 0, ldConfigs: 0 };

function sum(a: Applied, b: Applied): Applied {
  const keys = Object.keys(NOTHING) as (keyof Applied)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as Applied;
}

function progressOf(moves: readonly ClusterMove[]): string {
  return JSON.stringify(moves.map(({ waiting }) => waiting));
}

/**
 * Waits until the LDs of a cluster have copied what they copy: what other clusters wait for keeps it from nothing.
 *
 * @param copying - the clusters that do
 * @param goOn - asked again and again; false ends the waiting
 * @returns whether one of them copies nothing any more
 */
export async function whileCopying(
  state: DesiredState,
  lds: readonly LdPart[],
  copying: readonly ClusterMove[],
  goOn: (moves: readonly ClusterMove[]) => boolean,
): Promise<boolean> {
  const ids = idsOf(state);
  for (;;) {
    const moves = movesOf(state, (await holdingsOf(lds)).holdings, ids);
    const still = new Set(copyingOf(moves).map(({ cluster }) => cluster.name));
    if (copying.some(({ cluster }) => !still.has(cluster.name))) {
      return true;
    }
    if (!goOn(moves)) {
      return false;
    }
    await sleep(COPY_LOOK_MS);
  }
}

/** False when nothing has come for so long. */
function patience(ms: number): (moves: readonly ClusterMove[]) => boolean {
  let [last, since] = ["", performance.now()];
  return (moves) => {
    const now = progressOf(moves);
    if (now !== last) {
      [last, since] = [now, performance.now()];
    }
    return performance.now() - since < ms;
  };
}

/** The clusters that go on after a round: where a switch has failed, none. */
function movesAfter({ moves, switches }: Plan, failure: ApplyError | undefined): ClusterMove[] {
  if (failure === undefined) {
    return moves;
  }
  const hasFailed = ({ part }: SwitchPlan) => failure.reasons.has(part.spec.name);
  return switches.some(hasFailed)
    ? []
    : moves.filter(({ cluster }) => cluster.lds.every(({ name }) => failure.isDone(name)));
}

/**
 * Makes the parts hold what is desired, as far as they can be reached.
 *
 * @throws UnreachableError when a switch cannot be reached
 * @throws ApplyError when a part refused, or was lost, in the middle; the buckets of clusters without it have moved, when it was no switch
 * @throws CapacityError | EntryError when what is desired does not fit the program
 */
export async function converge(parts: Parts, pipeline: Pipeline, options: ConvergeOptions): Promise<Outcome> {
  const { once = false, patienceMs, write = (_, run) => run(), wait = (run) => run() } = options;
  const shared = regionEntries(parts.state, new Schema(pipeline.p4info));
  let done = NOTHING;
  // The first round makes all tables right but for those that tell maps.
  for (let look: PlanOptions = { shared }; ; look = { shared, tables: MAP_TABLES }) {
    const plan = await makePlan(parts, pipeline, look);
    let failure: ApplyError | undefined;
    try {
      done = sum(done, await write(plan, (onWritten) => executePlan(plan, onWritten)));
    } catch (error) {
      if (!(error instanceof ApplyError)) throw error;
      failure = error;
    }
    const moves = once ? [] : movesAfter(plan, failure);
    if (goesOn(moves) && !isEmpty(plan)) {
      continue;
    }
    const copying = copyingOf(moves);
    const isPatient = patience(patienceMs);
    const copied =
      copying.length > 0 &&
      (await wait((onMoves) =>
        whileCopying(parts.state, parts.lds, copying, (now) => {
          onMoves?.(now);
          return isPatient(now);
        }),
      ));
    if (copied) {
      continue;
    }
    if (failure !== undefined) {
      throw failure;
    }
    return { ...done, plan };
  }
}
