// Reads what every part holds and finds what has to change. Nothing is written here.
import type { Compiled } from "../compile/index.js";
import { type Pipeline, Schema } from "../p4runtime/index.js";
import type { DesiredEntries } from "./entry_diff.js";
import type { ClusterMove, LdHolding } from "./ld_moves.js";
import { isTold, type LdSteps } from "./ld_steps.js";
import { meaningOf, regionEntries } from "./meaning.js";
import { allOrReasons, type LdPart, type Parts } from "./parts.js";
import { roundOf } from "./round.js";
import { planSwitch, type SwitchPlan } from "./switch_plan.js";

export interface LdPlan extends LdSteps {
  part: LdPart;
}

/** What is to be written. */
export interface Writes {
  pipeline: Pipeline;
  schema: Schema;
  /** Which says whose LDs are, and what the clusters' numbers are; undefined: nothing of it is of any, and no LD is told anything. */
  compiled: Compiled | undefined;
  switches: SwitchPlan[];
  lds: LdPlan[];
}

export interface Plan extends Writes {
  /** Where the clusters stand; those begin their next step that say so. */
  moves: ClusterMove[];
  /** When it is carried out, another plan has to follow. */
  more: boolean;
  /** Why LDs could not be asked, by name. What they hold does not change, nor who has the buckets of their clusters. */
  lost: ReadonlyMap<string, string>;
}

/** What an LD holds; and how far it is with its sessions, where they move. @throws LdError */
export async function holdingOf({ cluster, spec, connection }: LdPart): Promise<LdHolding> {
  const [held, status] = await Promise.all([
    connection.getConfig(),
    cluster.failover === undefined ? undefined : connection.getStatus(),
  ]);
  return { cluster, spec, held, state: status?.state };
}

/** Asks all LDs. `lost`: why one does not answer, by its name. */
export async function holdingsOf(
  lds: readonly LdPart[],
): Promise<{ holdings: LdHolding[]; lost: Map<string, string> }> {
  const lost = new Map<string, string>();
  const holdings = await Promise.all(
    lds.map(async (part): Promise<LdHolding> => {
      try {
        return await holdingOf(part);
      } catch (error) {
        const { cluster, spec } = part;
        lost.set(spec.name, (error as Error).message);
        return { cluster, spec, held: undefined, lost: true };
      }
    }),
  );
  return { holdings, lost };
}

export interface PlanOptions {
  /** What all rounds together come to: to be shown, not to be carried out. */
  atOnce?: boolean;
  /** What {@link regionEntries} says of the state, where it is known. */
  shared?: DesiredEntries;
  /** The tables of switches that are looked at; the others are known to be right. Default: all. */
  tables?: ReadonlySet<string>;
}

/**
 * The next round of what leads the parts to the desired state.
 *
 * @throws UnreachableError with the reason of each switch that did not tell what it holds
 * @throws CapacityError | EntryError when what is desired does not fit the program
 */
export async function makePlan(
  parts: Parts,
  pipeline: Pipeline,
  {
    atOnce = false,
    shared = regionEntries(parts.state, new Schema(pipeline.p4info)),
    tables,
  }: PlanOptions = {},
): Promise<Plan> {
  const [{ holdings, lost }] = await Promise.all([
    holdingsOf(parts.lds),
    allOrReasons(parts.switches.map(({ connection }) => connection.runningCookie())),
  ]);
  const meaning = meaningOf(parts.state, holdings, shared, atOnce);
  const desired = parts.switches.map((_, i) => meaning.desired(i, tables));
  const plans = await allOrReasons(
    parts.switches.map((part, i) =>
      planSwitch(part, pipeline, desired[i]!, tables && { tables, whole: () => meaning.desired(i) }),
    ),
  );
  const round = atOnce
    ? { steps: meaning.steps, switches: plans, moves: meaning.moves, more: false }
    : roundOf(meaning, plans);
  const partOf = new Map(parts.lds.map((part) => [part.spec, part]));
  return {
    pipeline,
    schema: shared.schema,
    compiled: meaning.compiled,
    switches: round.switches,
    lds: round.steps.map((step) => ({ ...step, part: partOf.get(step.target.spec)! })),
    moves: round.moves,
    more: round.more,
    lost,
  };
}

export function isEmpty({ switches, lds }: Writes): boolean {
  return switches.every(({ push, changes }) => !push && changes.length === 0) && !lds.some(isTold);
}
