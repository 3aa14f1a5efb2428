// How each part stands, as the API, metrics and log say it.
import type { Logger } from "pino";
import { describeItem } from "../p4runtime/index.js";
import type { ApplyError, ClusterMove, LdHealth, LdPlan, Round, SwitchPlan } from "../reconcile/index.js";
import type { DesiredState } from "../state/index.js";

export interface PartStatus {
  name: string;
  kind: "switch" | "LD";
  /** `refusing`: it does not take what it is told, and is told again; `waiting`: another part comes first. */
  state: "in sync" | "changing" | "refusing" | "unreachable" | "waiting";
  /** Why it is not in sync. */
  reason?: string;
  /** While it waits for parts that come first: their names. */
  waits_for?: readonly string[];
  /** Of an LD, as it says itself; absent: it has not said anything yet. */
  health?: LdHealth;
  /** Changes that were made behind the controller's back and mended, since it started. */
  mended: number;
  /** Updates written to it since the controller started. */
  written: number;
}

const DRIFT_SHOWN = 5;

/** Configurations that an LD is told. */
function configsOf({ release, take, settle }: LdPlan): number {
  return [release, take, settle].filter((config) => config !== undefined).length;
}

export class PartStates {
  readonly #log: Logger;
  readonly #parts = new Map<string, PartStatus>();
  readonly #health = new Map<string, LdHealth>();
  #moves: readonly ClusterMove[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** In the order of their names. */
  get list(): PartStatus[] {
    return [...this.#parts.values()]
      .map((part) => {
        const health = part.kind === "LD" ? this.#health.get(part.name) : undefined;
        return health === undefined ? part : { ...part, health };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where the clusters stand whose buckets move. */
  get moves(): ClusterMove[] {
    return this.#moves.filter(({ left, waiting }) => left > 0 || waiting !== undefined);
  }

  get(name: string): PartStatus | undefined {
    return this.#parts.get(name);
  }

  note(
    name: string,
    kind: PartStatus["kind"],
    state: PartStatus["state"],
    reason?: string,
    waitsFor?: readonly string[],
  ): PartStatus {
    const old = this.#parts.get(name);
    if (
      old !== undefined &&
      old.state !== state &&
      (state === "unreachable" || old.state === "unreachable")
    ) {
      this.#log.warn({ event: state === "unreachable" ? "part_lost" : "part_back", part: name, reason });
    }
    const status: PartStatus = { name, kind, state, mended: old?.mended ?? 0, written: old?.written ?? 0 };
    if (reason !== undefined) {
      status.reason = reason;
    }
    if (waitsFor !== undefined) {
      status.waits_for = waitsFor;
    }
    this.#parts.set(name, status);
    return status;
  }

  /** An LD says that it is otherwise than before, or says nothing any more. @returns how it was before */
  noteHealth(ld: string, health: LdHealth): LdHealth | undefined {
    const { state, reason } = health;
    const before = this.#health.get(ld);
    this.#health.set(ld, health);
    this.#log[state === "ready" ? "info" : "warn"]({ event: "ld_health", part: ld, state, reason });
    if ((state === "down" || state === "unreachable") && this.#parts.has(ld)) {
      this.note(ld, "LD", "unreachable", reason);
    }
    return before;
  }

  /**
   * What a round has come to, part by part.
   *
   * @param failure - it has ended in the middle: who has refused, or was lost, and who has not got all of it therefore
   */
  noteRound(round: Round, lds: readonly LdPlan[], failure?: ApplyError): void {
    for (const { part, changes } of round.switches) {
      this.#noteDone(part.spec.name, "switch", changes.length, failure);
    }
    for (const plan of lds) {
      this.#noteDone(plan.part.spec.name, "LD", configsOf(plan), failure);
    }
    for (const { target } of round.held) {
      const reason = `buckets of cluster ${target.cluster.name} move when all its LDs can be reached`;
      this.note(target.spec.name, "LD", "waiting", reason);
    }
    for (const { cluster, begins, left } of round.moves) {
      const isDone = cluster.lds.every(({ name }) => failure?.isDone(name) ?? true);
      if (begins !== undefined && isDone) {
        this.#log.info({ event: "buckets_move", cluster: cluster.name, ...begins, left });
      }
    }
    this.noteMoves(round.moves);
  }

  /** @param updates - that it was to be told */
  #noteDone(name: string, kind: PartStatus["kind"], updates: number, failure: ApplyError | undefined): void {
    const first = failure?.waiting.get(name);
    // One line, also of several updates.
    const own = failure?.reasons
      .get(name)
      ?.replaceAll(/(?<=:)\n\s*/g, " ")
      .replaceAll(/\n\s*/g, "; ");
    if (own !== undefined) {
      const isLost = failure!.lost.has(name) || this.#parts.get(name)?.state === "unreachable";
      this.note(name, kind, isLost ? "unreachable" : "refusing", own);
    } else if (first !== undefined) {
      const reason = `${first.join(" and ")} ${first.length === 1 ? "comes" : "come"} first`;
      this.note(name, kind, "waiting", reason, first);
    } else {
      this.note(name, kind, "in sync").written += updates;
    }
  }

  /** Says of LDs whose buckets move what they wait for. */
  noteMoves(moves: readonly ClusterMove[]): void {
    this.#moves = moves;
    for (const { cluster, waiting } of moves) {
      for (const { name } of waiting?.why === "copying" ? cluster.lds : []) {
        const { copied, toCopy, reasons } = waiting!;
        const state = this.#parts.get(name)?.state;
        if (state !== "unreachable" && state !== "refusing") {
          this.note(name, "LD", "changing", `${copied} of ${toCopy} sessions copied: ${reasons[0]}`);
        }
      }
    }
  }

  /**
   * Parts that are about to be changed.
   *
   * @param isDrift - all of them did hold what is desired: what differs was changed behind the controller's back
   */
  noteChanges(switches: readonly SwitchPlan[], lds: readonly LdPlan[], isDrift: boolean): void {
    for (const { part, push, changes } of switches) {
      const { name } = part.spec;
      const known = this.#parts.get(name);
      if (changes.length === 0 && !push) {
        continue;
      }
      if (known !== undefined && isDrift) {
        known.mended += changes.length;
        const first = changes
          .slice(0, DRIFT_SHOWN)
          .map(({ type, entry }) => `${type} ${describeItem(entry)}`);
        this.#log.warn({ event: "drift", part: name, restarted: push, changes: changes.length, first });
      }
      // What it has refused is tried again: it is refusing until it has taken it.
      if (known?.state !== "refusing") {
        this.note(name, "switch", "changing");
      }
    }
    for (const plan of lds) {
      const { name } = plan.part.spec;
      const changes = configsOf(plan);
      const known = this.#parts.get(name);
      if (changes > 0 && known !== undefined && isDrift) {
        known.mended += changes;
        this.#log.warn({ event: "drift", part: name, changes });
      }
    }
  }

  forgetOthers(state: DesiredState): void {
    const names = new Set(
      [...state.switches, ...state.clusters.flatMap(({ lds }) => lds)].map(({ name }) => name),
    );
    for (const map of [this.#parts, this.#health]) {
      for (const name of map.keys()) {
        if (!names.has(name)) map.delete(name);
      }
    }
  }
}
