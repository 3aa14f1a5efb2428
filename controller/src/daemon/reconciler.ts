// Keeps every part as desired: reads what the parts hold, writes the difference, and looks again, for as long as it runs. A part
// that cannot be reached keeps no other one waiting, except where buckets move: no LD takes a bucket while the one that has it
// cannot be told to give it up.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { idsOf } from "../compile/index.js";
import { hasUnknown, NeighborKeeper } from "../neighbors/index.js";
import { describeItem, type Pipeline } from "../p4runtime/index.js";
import {
  type ClusterMove,
  type EntryChange,
  executePlan,
  holdingsOf,
  isEmpty,
  type LdPart,
  type LdPlan,
  type Meaning,
  type Parts,
  planSwitch,
  type Round,
  roundOf,
  type SwitchPart,
  type SwitchPlan,
  type Writes,
  whileCopying,
} from "../reconcile/index.js";
import type { DesiredState } from "../state/index.js";
import { type ConnectionOptions, Connections } from "./connections.js";
import type { Targets } from "./targets.js";

export interface PartStatus {
  name: string;
  kind: "switch" | "LD";
  state: "in sync" | "changing" | "unreachable" | "waiting";
  /** Why it is not in sync. */
  reason?: string;
  /** Changes that were made behind the controller's back and mended, since it started. */
  mended: number;
  /** Updates written to it since the controller started. */
  written: number;
}

export interface ReconcilerOptions extends ConnectionOptions {
  pipeline: Pipeline;
  log: Logger;
  /** How often the parts are looked at, in ms; a look that takes long is repeated less often. */
  auditMs: number;
}

/** What a look has found: all parts hold what is desired; there is more to do at once; or it has to be tried again. */
type Found = "good" | "more" | "bad";

/** Changes that are known without looking: those of EIPs. */
interface Known {
  revision: number;
  targets: Targets;
  changes: EntryChange[];
}

/** After a look there is a pause of at least so many times its length. */
const AUDIT_SHARE = 2;
const DRIFT_SHOWN = 5;
const RETRY_MS = 500;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #connections: Connections;
  readonly #status = new Map<string, PartStatus>();
  readonly #settled = new Set<() => void>();
  /** What it observes is no drift. */
  readonly neighbors: NeighborKeeper;
  #observedNews = false;
  #targets: Targets | undefined;
  #moves: readonly ClusterMove[] = [];
  #known: Known[] = [];
  /** The newest revision that all parts hold. */
  #applied = -1;
  /** The newest revision there is. */
  #revision = -1;
  #wake = () => {};
  #closed = false;
  #running: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#connections = new Connections(options);
    this.neighbors = new NeighborKeeper({
      log: options.log,
      onChange: () => {
        this.#observedNews = true;
        this.#wake();
      },
    });
  }

  /** The revision that all parts hold; -1 before they do for the first time. */
  get applied(): number {
    return this.#applied;
  }

  /** Where the clusters stand whose buckets move. */
  get moves(): ClusterMove[] {
    return this.#moves.filter(({ left, waiting }) => left > 0 || waiting !== undefined);
  }

  get parts(): PartStatus[] {
    return [...this.#status.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Connections to the parts of a state, for reading what they count.
   *
   * @returns `lost`: why a switch is not among them, by its name
   */
  partsOf(state: DesiredState): { parts: Parts; lost: Map<string, string> } {
    const lost = new Map<string, string>();
    const switches = state.switches.flatMap((spec): SwitchPart[] => {
      const status = this.#status.get(spec.name);
      const connection = this.#connections.openSwitch(spec.name);
      if (connection === undefined || status?.state === "unreachable") {
        lost.set(spec.name, status?.reason ?? `switch ${spec.name} has not been reached yet`);
        return [];
      }
      return [{ spec, connection }];
    });
    return { parts: { state, ids: idsOf(state), switches, lds: this.#ldsOf(state), close: () => {} }, lost };
  }

  #ldsOf({ clusters }: DesiredState): LdPart[] {
    return clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({ cluster, spec, connection: this.#connections.ldOf(spec) })),
    );
  }

  start(targets: Targets): void {
    this.replace(targets);
    this.#running = this.#run();
  }

  /** A new state as a whole. */
  replace(targets: Targets): void {
    this.#targets = targets;
    this.#known = [];
    this.#revision = targets.revision;
    this.#wake();
  }

  /** A change whose entries are known. `changes` are of `targets`. */
  add(known: Known): void {
    this.#known.push(known);
    this.#revision = known.revision;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#running;
    this.neighbors.close();
    this.#connections.close();
  }

  /** Waits until all parts hold a revision. @returns whether they do */
  async settled(revision: number, timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (this.#applied < revision && Date.now() < deadline && !this.#closed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#settled.delete(done);
          resolve();
        };
        const timer = setTimeout(done, deadline - Date.now());
        this.#settled.add(done);
      });
    }
    return this.#applied >= revision;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const start = Date.now();
      const revision = this.#revision;
      let found: Found = "bad";
      try {
        found = this.#known.length > 0 ? await this.#writeKnown() : await this.#look();
      } catch (error) {
        this.#options.log.error({ event: "reconcile_failed", reason: (error as Error).message });
      }
      const news = this.#known.length > 0 || this.#revision !== revision || this.#observedNews;
      if (news || this.#closed || found === "more") {
        continue; // there is news since this round began, or another one has to follow
      }
      const pauseMs = Math.max(
        found === "good" ? this.#options.auditMs : RETRY_MS,
        AUDIT_SHARE * (Date.now() - start),
      );
      await this.#pause(pauseMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    await sleep(ms, undefined, { signal: awake.signal }).catch(() => {});
    this.#wake = () => {};
  }

  // ---- Known changes -------------------------------------------------------------------------------------------------

  /** Writes what is known to change to the switches that hold all the rest; the others are looked at. */
  async #writeKnown(): Promise<Found> {
    const known = this.#known.splice(0);
    const targets = this.#targets!;
    const mine = known.filter((item) => item.targets === targets);
    for (const { changes } of mine) {
      targets.accept(changes);
    }
    const changes = mine.flatMap((item) => item.changes);
    const ready = targets.state.switches.flatMap((spec): SwitchPart[] => {
      const connection = this.#connections.openSwitch(spec.name);
      const good = this.#status.get(spec.name)?.state === "in sync" && connection?.state === "primary";
      return good && connection !== undefined ? [{ spec, connection }] : [];
    });
    // Two changes of one entry must not be written at once.
    if (mine.length > 1 || ready.length < targets.state.switches.length || this.#applied < 0) {
      return this.#look();
    }
    try {
      await executePlan(
        this.#writesOf(
          targets,
          ready.map((part) => ({ part, push: false, changes })),
          [],
        ),
      );
    } catch (error) {
      this.#options.log.warn({ event: "write_failed", reason: (error as Error).message });
      return this.#look();
    }
    for (const { spec } of ready) {
      this.#status.get(spec.name)!.written += changes.length;
    }
    this.#reached(known.at(-1)!.revision);
    return "good";
  }

  #reached(revision: number): void {
    this.#applied = Math.max(this.#applied, revision);
    this.#options.log.info({ event: "applied", revision: this.#applied });
    for (const notify of [...this.#settled]) {
      notify();
    }
  }

  #writesOf(targets: Targets, switches: SwitchPlan[], lds: LdPlan[]): Writes {
    return { pipeline: this.#options.pipeline, schema: targets.schema, switches, lds };
  }

  // ---- A look at everything ------------------------------------------------------------------------------------------

  async #look(): Promise<Found> {
    const targets = this.#targets!;
    const { state } = targets;
    const revision = this.#revision;
    for (const { changes } of this.#known.splice(0).filter((item) => item.targets === targets)) {
      targets.accept(changes);
    }
    this.#forgetOthers(targets);
    const observedNews = await this.#observeNeighbors(targets);
    const lds = this.#ldsOf(state);
    const { holdings, lost } = await holdingsOf(lds);
    for (const [name, reason] of lost) {
      this.#note(name, "LD", "unreachable", reason);
    }
    const meaning = targets.meaning(holdings);
    const looked = await this.#lookAtSwitches(targets, meaning);
    const reached = new Set(looked.map(({ part }) => part.spec));
    const unreachable = state.switches.filter((spec) => !reached.has(spec)).map(({ name }) => name);
    const round = roundOf(meaning, looked, unreachable);
    const ldPlans = round.steps.map(
      (step): LdPlan => ({ ...step, part: lds.find(({ spec }) => spec === step.target.spec)! }),
    );
    this.#reportDrift(observedNews ? [] : round.switches, ldPlans, revision);
    const writes = this.#writesOf(targets, round.switches, ldPlans);
    const written = await executePlan(writes);
    if (!isEmpty(writes)) {
      this.#options.log.info({ event: "written", revision, ...written });
    }
    this.#noteRound(round, ldPlans);
    if (round.moves.some(({ waiting }) => waiting?.why === "copying")) {
      await this.#whileCopying(state, lds, revision);
      return "more";
    }
    if (round.more) {
      return isEmpty(writes) ? "bad" : "more";
    }
    const good = this.parts.every((part) => part.state === "in sync");
    if (good && this.#targets === targets && this.#applied < revision) {
      this.#reached(revision);
    }
    return good ? "good" : "bad";
  }

  /** What a round has come to, part by part. */
  #noteRound(round: Round, lds: readonly LdPlan[]): void {
    for (const { part, changes } of round.switches) {
      this.#note(part.spec.name, "switch", "in sync").written += changes.length;
    }
    for (const { part, release, take, settle } of lds) {
      const status = this.#note(part.spec.name, "LD", "in sync");
      status.written += [release, take, settle].filter((config) => config !== undefined).length;
    }
    for (const { target } of round.held) {
      const reason = `buckets of cluster ${target.cluster.name} move when all its LDs can be reached`;
      this.#note(target.spec.name, "LD", "waiting", reason);
    }
    for (const { cluster, begins, left } of round.moves) {
      if (begins !== undefined) {
        this.#options.log.info({ event: "buckets_move", cluster: cluster.name, ...begins, left });
      }
    }
    this.#noteMoves(round.moves);
  }

  /** Says of LDs whose buckets move what they wait for. */
  #noteMoves(moves: readonly ClusterMove[]): void {
    this.#moves = moves;
    for (const { cluster, waiting } of moves) {
      for (const { name } of waiting?.why === "copying" ? cluster.lds : []) {
        const { copied, toCopy, reasons } = waiting!;
        if (this.#status.get(name)?.state !== "unreachable") {
          this.#note(name, "LD", "changing", `${copied} of ${toCopy} sessions copied: ${reasons[0]}`);
        }
      }
    }
  }

  /** Until LDs have copied what they copy, or there is something else to do. */
  async #whileCopying(state: DesiredState, lds: readonly LdPart[], revision: number): Promise<void> {
    const deadline = Date.now() + this.#options.auditMs;
    await whileCopying(state, lds, (moves) => {
      this.#noteMoves(moves);
      const news = this.#known.length > 0 || this.#revision !== revision || this.#observedNews;
      return !news && !this.#closed && Date.now() < deadline;
    });
  }

  /** @returns whether neighbors have come, moved or gone since the last look */
  async #observeNeighbors(targets: Targets): Promise<boolean> {
    const { state } = targets;
    this.neighbors.forgetOthers(state);
    // Why one cannot be reached, the look at the switches says.
    await Promise.allSettled(
      state.switches.filter(hasUnknown).map(async (spec) => {
        const connection = await this.#connections.switchOf(spec);
        await connection.primary();
        await this.neighbors.attach(state, spec, connection);
      }),
    );
    const news = this.#observedNews;
    this.#observedNews = false;
    targets.observe(this.neighbors.observed(state));
    return news;
  }

  #note(name: string, kind: PartStatus["kind"], state: PartStatus["state"], reason?: string): PartStatus {
    const old = this.#status.get(name);
    if (
      old !== undefined &&
      old.state !== state &&
      (state === "unreachable" || old.state === "unreachable")
    ) {
      this.#options.log.warn({
        event: state === "unreachable" ? "part_lost" : "part_back",
        part: name,
        reason,
      });
    }
    const status: PartStatus = { name, kind, state, mended: old?.mended ?? 0, written: old?.written ?? 0 };
    if (reason !== undefined) {
      status.reason = reason;
    }
    this.#status.set(name, status);
    return status;
  }

  /** Says what was not as it had been made. */
  #reportDrift(switches: readonly SwitchPlan[], lds: readonly LdPlan[], revision: number): void {
    for (const { part, push, changes } of switches) {
      const { name } = part.spec;
      const known = this.#status.get(name);
      if (changes.length === 0 && !push) {
        continue;
      }
      if (known !== undefined && this.#applied >= revision) {
        known.mended += changes.length;
        const first = changes
          .slice(0, DRIFT_SHOWN)
          .map(({ type, entry }) => `${type} ${describeItem(entry)}`);
        this.#options.log.warn({
          event: "drift",
          part: name,
          restarted: push,
          changes: changes.length,
          first,
        });
      }
      this.#note(name, "switch", "changing");
    }
    for (const { part, release, take, settle } of lds) {
      const { name } = part.spec;
      const changes = [release, take, settle].filter((config) => config !== undefined).length;
      const known = this.#status.get(name);
      if (changes > 0 && known !== undefined && this.#applied >= revision) {
        known.mended += changes;
        this.#options.log.warn({ event: "drift", part: name, changes });
      }
    }
  }

  async #lookAtSwitches({ state }: Targets, meaning: Meaning): Promise<SwitchPlan[]> {
    const plans = await Promise.all(
      state.switches.map(async (spec, i) => {
        try {
          const connection = await this.#connections.switchOf(spec);
          await connection.primary();
          return await planSwitch({ spec, connection }, this.#options.pipeline, meaning.desired(i));
        } catch (error) {
          this.#note(spec.name, "switch", "unreachable", (error as Error).message);
          return undefined;
        }
      }),
    );
    return plans.filter((plan) => plan !== undefined);
  }

  #forgetOthers({ state }: Targets): void {
    this.#connections.forgetOthers(state);
    const names = new Set(
      [...state.switches, ...state.clusters.flatMap(({ lds }) => lds)].map(({ name }) => name),
    );
    for (const name of this.#status.keys()) {
      if (!names.has(name)) this.#status.delete(name);
    }
  }
}
