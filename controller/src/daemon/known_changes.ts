// Changes whose entries are known without looking at what the parts hold: those of EIPs, and of neighbors that are observed. They cost
// the same however much else there is.
import type { Logger } from "pino";
import type { NeighborKeeper } from "../neighbors/index.js";
import type { Pipeline } from "../p4runtime/index.js";
import { type EntryChange, executePlan, type SwitchPart, type SwitchPlan } from "../reconcile/index.js";
import type { Connections } from "./connections.js";
import type { PartStates } from "./part_states.js";
import type { Targets } from "./targets.js";

/** A change of EIPs. */
export interface Known {
  revision: number;
  /** The one before. */
  after: number;
  targets: Targets;
  /** Of `targets`. */
  changes: EntryChange[];
}

export interface KnownChangesOptions {
  pipeline: Pipeline;
  log: Logger;
  connections: Connections;
  states: PartStates;
  neighbors: NeighborKeeper;
}

export class KnownChanges {
  readonly #options: KnownChangesOptions;
  #eips: Known[] = [];

  constructor(options: KnownChangesOptions) {
    this.#options = options;
  }

  get wait(): boolean {
    return this.#eips.length > 0 || this.#options.neighbors.hasNews;
  }

  add(known: Known): void {
    this.#eips.push(known);
  }

  /** There is a new state as a whole, which has them. */
  clear(): void {
    this.#eips = [];
  }

  /** Makes the changes of EIPs that wait a part of their targets, for a look to write them. */
  accept(targets: Targets): void {
    for (const item of this.#eips.splice(0)) {
      if (item.targets === targets) {
        targets.accept(item.changes);
      }
    }
  }

  /**
   * Writes what waits to the switches, one change after the other.
   *
   * @param onEips - told of each change of EIPs that all switches hold
   * @returns false when a look has to write it: a switch may not hold all the rest, or it has failed
   */
  async write(targets: Targets, onEips: (change: Known) => void): Promise<boolean> {
    const switches = this.#readySwitches(targets);
    if (switches === undefined) {
      return false;
    }
    try {
      for (let change = this.#eips[0]; change !== undefined; change = this.#eips[0]) {
        const { changes } = change;
        if (change.targets !== targets) {
          return false;
        }
        this.#eips.shift();
        targets.accept(changes);
        await this.#execute(
          targets,
          switches.map((part) => ({ part, push: false, changes })),
        );
        onEips(change);
      }
      return !this.#options.neighbors.hasNews || (await this.#writeNeighbors(targets, switches));
    } catch (error) {
      this.#options.log.warn({ event: "write_failed", reason: (error as Error).message });
      return false;
    }
  }

  /** All switches, when each is known to hold what it should. */
  #readySwitches({ state }: Targets): SwitchPart[] | undefined {
    const { connections, states } = this.#options;
    const ready = state.switches.flatMap((spec): SwitchPart[] => {
      const connection = connections.openSwitch(spec.name);
      const isGood = states.get(spec.name)?.state === "in sync" && connection?.state === "primary";
      return isGood && connection !== undefined ? [{ spec, connection }] : [];
    });
    return ready.length === state.switches.length ? ready : undefined;
  }

  async #writeNeighbors(targets: Targets, switches: readonly SwitchPart[]): Promise<boolean> {
    const { neighbors, log } = this.#options;
    const observed = neighbors.observed(targets.state);
    const changes = targets.neighborChanges(observed);
    if (changes === undefined) {
      return false;
    }
    neighbors.hasNews = false;
    try {
      const plans = switches.map((part, i) => ({ part, push: false, changes: changes[i]! }));
      const written = await this.#execute(targets, plans);
      log.info({ event: "written", revision: targets.revision, ...written });
      targets.observe(observed);
      return true;
    } catch (error) {
      neighbors.hasNews = true; // the look that follows sees them too: what it writes is no drift
      throw error;
    }
  }

  async #execute({ schema }: Targets, switches: SwitchPlan[]) {
    const { pipeline, states } = this.#options;
    const written = await executePlan({ pipeline, schema, compiled: undefined, switches, lds: [] });
    for (const { part, changes } of switches) {
      states.get(part.spec.name)!.written += changes.length;
    }
    return written;
  }
}
