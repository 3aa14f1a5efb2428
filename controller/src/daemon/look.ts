// A look at everything: reads what the parts hold, and writes the difference. A part that cannot be reached keeps no other one waiting,
// except where buckets move: no LD takes a bucket while the one that has it cannot be told to give it up.
import type { Logger } from "pino";
import { hasUnknown, type NeighborKeeper } from "../neighbors/index.js";
import type { Pipeline } from "../p4runtime/index.js";
import {
  ApplyError,
  type ClusterMove,
  copyingOf,
  executePlan,
  goesOn,
  holdingsOf,
  isEmpty,
  type LdPart,
  type LdPlan,
  type Meaning,
  planSwitch,
  roundOf,
  type SwitchPlan,
  type Writes,
  whileCopying,
} from "../reconcile/index.js";
import type { DesiredState } from "../state/index.js";
import type { Connections } from "./connections.js";
import type { PartStates } from "./part_states.js";
import type { Targets } from "./targets.js";

/** All parts hold what is desired; there is more to do at once; or it has to be tried again. */
export type Found = "good" | "more" | "bad";

export interface LookerOptions {
  pipeline: Pipeline;
  log: Logger;
  /** The longest that a look waits for sessions to be copied. */
  auditMs: number;
  connections: Connections;
  states: PartStates;
  neighbors: NeighborKeeper;
  /** Whether there is something else to do than to wait for sessions. */
  hasNews: () => boolean;
}

export class Looker {
  readonly #options: LookerOptions;
  #readingMs = 0;

  constructor(options: LookerOptions) {
    this.#options = options;
  }

  /** How long the last look took to find out what the parts hold, and what is to be done. */
  get readingMs(): number {
    return this.#readingMs;
  }

  /**
   * @param wasGood - all parts have held this state before: what differs now is drift, unless neighbors have changed
   * @throws EntryError when the state does not fit the program
   */
  async look(targets: Targets, revision: number, wasGood: boolean): Promise<Found> {
    const { pipeline, connections, states } = this.#options;
    const { state, schema } = targets;
    const start = performance.now();
    connections.forgetOthers(state);
    states.forgetOthers(state);
    const isObservedAnew = await this.#observeNeighbors(targets);
    const lds = connections.ldsOf(state);
    const { holdings, lost } = await holdingsOf(lds);
    for (const [name, reason] of lost) {
      states.note(name, "LD", "unreachable", reason);
    }
    const meaning = targets.meaning(holdings);
    const looked = await this.#lookAtSwitches(targets, meaning);
    const reached = new Set(looked.map(({ part }) => part.spec));
    const unreachable = state.switches.filter((spec) => !reached.has(spec)).map(({ name }) => name);
    const round = roundOf(meaning, looked, unreachable);
    this.#readingMs = performance.now() - start;
    const ldPlans = round.steps.map(
      (step): LdPlan => ({ ...step, part: lds.find(({ spec }) => spec === step.target.spec)! }),
    );
    states.noteChanges(isObservedAnew ? [] : round.switches, ldPlans, wasGood);
    const { compiled } = meaning;
    const writes = { pipeline, schema, compiled, switches: round.switches, lds: ldPlans };
    const failure = await this.#write(writes, revision);
    states.noteRound(round, ldPlans, failure);
    if (failure !== undefined) {
      return "bad";
    }
    if (goesOn(round.moves) && !isEmpty(writes)) {
      return "more";
    }
    const copying = copyingOf(round.moves);
    if (copying.length > 0) {
      await this.#whileCopying(state, lds, copying);
      return "more";
    }
    return !round.more && states.list.every((part) => part.state === "in sync") ? "good" : "bad";
  }

  /** @returns why it has not all been written */
  async #write(writes: Writes, revision: number): Promise<ApplyError | undefined> {
    const { log } = this.#options;
    try {
      const written = await executePlan(writes);
      if (!isEmpty(writes)) {
        log.info({ event: "written", revision, ...written });
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof ApplyError)) {
        throw error;
      }
      log.error({ event: "reconcile_failed", reason: error.message });
      return error;
    }
  }

  /** Until the LDs of a cluster have copied what they copy, or there is something else to do. */
  async #whileCopying(
    state: DesiredState,
    lds: readonly LdPart[],
    copying: readonly ClusterMove[],
  ): Promise<void> {
    const { auditMs, hasNews, states } = this.#options;
    const deadline = performance.now() + auditMs;
    await whileCopying(state, lds, copying, (moves) => {
      states.noteMoves(moves);
      return !hasNews() && performance.now() < deadline;
    });
  }

  /** @returns whether neighbors have come, moved or gone since they were observed last */
  async #observeNeighbors(targets: Targets): Promise<boolean> {
    const { neighbors, connections } = this.#options;
    const { state } = targets;
    neighbors.forgetOthers(state);
    // Why one cannot be reached, the look at the switches says.
    await Promise.allSettled(
      state.switches.filter(hasUnknown).map(async (spec) => {
        const connection = await connections.switchOf(spec);
        await connection.primary();
        await neighbors.attach(state, spec, connection);
      }),
    );
    const { hasNews } = neighbors;
    neighbors.hasNews = false;
    targets.observe(neighbors.observed(state));
    return hasNews;
  }

  async #lookAtSwitches({ state }: Targets, meaning: Meaning): Promise<SwitchPlan[]> {
    const { pipeline, connections, states } = this.#options;
    const plans = await Promise.all(
      state.switches.map(async (spec, i) => {
        try {
          const connection = await connections.switchOf(spec);
          await connection.primary();
          return await planSwitch({ spec, connection }, pipeline, meaning.desired(i));
        } catch (error) {
          states.note(spec.name, "switch", "unreachable", (error as Error).message);
          return undefined;
        }
      }),
    );
    return plans.filter((plan) => plan !== undefined);
  }
}
