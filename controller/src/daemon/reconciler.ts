// Keeps every part as desired, for as long as it runs: what is known to change is written at once (known_changes.ts), and everything is
// looked at again and again (look.ts).
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { idsOf } from "../compile/index.js";
import { NeighborKeeper } from "../neighbors/index.js";
import type { Pipeline } from "../p4runtime/index.js";
import type { ClusterMove, LdHealth, Parts, SwitchPart } from "../reconcile/index.js";
import type { DesiredState } from "../state/index.js";
import { type ConnectionOptions, Connections } from "./connections.js";
import { type Known, KnownChanges } from "./known_changes.js";
import { Looker } from "./look.js";
import { PartStates, type PartStatus } from "./part_states.js";
import type { Targets } from "./targets.js";

export interface ReconcilerOptions extends Omit<ConnectionOptions, "onHealth" | "onReturn"> {
  pipeline: Pipeline;
  log: Logger;
  /** How often the parts are looked at, in ms; a look that takes long is repeated less often. */
  auditMs: number;
}

/** After a look there is a pause of at least so many times what it took to read what the parts hold. */
const AUDIT_SHARE = 2;
const RETRY_MS = 500;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #connections: Connections;
  readonly #states: PartStates;
  /** What it observes is no drift. */
  readonly neighbors: NeighborKeeper;
  readonly #known: KnownChanges;
  readonly #looker: Looker;
  readonly #settled = new Set<() => void>();
  #targets: Targets | undefined;
  /** What the last look was for. */
  #lookedFor: Targets | undefined;
  /** The newest revision that all parts hold. */
  #applied = -1;
  /** The newest revision that was written to all parts that could be reached, and took it. */
  #written = -1;
  /** The newest revision there is. */
  #revision = -1;
  #nextLookMs = 0;
  /** An LD is otherwise than it was when the last look began, or a switch has come back since. */
  #partNews = false;
  #wake = () => {};
  #closed = false;
  #running: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { log, pipeline, auditMs } = options;
    this.#connections = new Connections({
      ...options,
      onHealth: (ld, health) => this.#heard(ld, health),
      onReturn: () => this.#lookSoon(),
    });
    this.#states = new PartStates(log);
    this.neighbors = new NeighborKeeper({ log, onChange: () => this.#wake() });
    const shared = {
      pipeline,
      log,
      connections: this.#connections,
      states: this.#states,
      neighbors: this.neighbors,
    };
    this.#known = new KnownChanges(shared);
    this.#looker = new Looker({ ...shared, auditMs, hasNews: () => this.#hasNews });
  }

  /** The revision that all parts hold; -1 before they do for the first time. */
  get applied(): number {
    return this.#applied;
  }

  /**
   * The newest revision that all parts hold that can be reached and refuse nothing, but for what has to wait for those that do, or for buckets
   * that move; -1 before there is one.
   */
  get written(): number {
    return Math.max(this.#written, this.#applied);
  }

  /** Where the clusters stand whose buckets move. */
  get moves(): ClusterMove[] {
    return this.#states.moves;
  }

  get parts(): PartStatus[] {
    return this.#states.list;
  }

  /**
   * Connections to the parts of a state, for reading what they count.
   *
   * @returns `lost`: why a switch is not among them, by its name
   */
  partsOf(state: DesiredState): { parts: Parts; lost: Map<string, string> } {
    const lost = new Map<string, string>();
    const switches = state.switches.flatMap((spec): SwitchPart[] => {
      const status = this.#states.get(spec.name);
      const connection = this.#connections.openSwitch(spec.name);
      if (connection === undefined || status?.state === "unreachable") {
        lost.set(spec.name, status?.reason ?? `switch ${spec.name} has not been reached yet`);
        return [];
      }
      return [{ spec, connection }];
    });
    const lds = this.#connections.ldsOf(state);
    return { parts: { state, ids: idsOf(state), switches, lds, close: () => {} }, lost };
  }

  start(targets: Targets): void {
    this.replace(targets);
    this.#running = this.#run();
  }

  /** A new state as a whole. */
  replace(targets: Targets): void {
    this.#targets = targets;
    this.#known.clear();
    this.#revision = targets.revision;
    this.#wake();
  }

  /** A change whose entries are known. */
  add(change: Omit<Known, "after">): void {
    this.#known.add({ ...change, after: this.#revision });
    this.#revision = change.revision;
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
    const deadline = performance.now() + timeoutMs;
    while (this.#applied < revision && performance.now() < deadline && !this.#closed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#settled.delete(done);
          resolve();
        };
        const timer = setTimeout(done, deadline - performance.now());
        this.#settled.add(done);
      });
    }
    return this.#applied >= revision;
  }

  get #hasNews(): boolean {
    return this.#closed || this.#known.wait || this.#partNews || this.#lookedFor !== this.#targets;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const isWritten = this.#lookedFor === this.#targets && (await this.#writeKnown());
        if (!isWritten || this.#partNews || performance.now() >= this.#nextLookMs) {
          await this.#look();
        }
      } catch (error) {
        this.#options.log.error({ event: "reconcile_failed", reason: (error as Error).message });
        this.#nextLookMs = performance.now() + RETRY_MS;
      }
      if (!this.#hasNews) {
        await this.#pause(Math.max(0, this.#nextLookMs - performance.now()));
      }
    }
  }

  /** An LD says that it is otherwise than before, or says nothing any more: known at once, and looked at. */
  #heard(ld: string, health: LdHealth): void {
    const before = this.#states.noteHealth(ld, health);
    // One that has got its configuration, or the sessions of its buckets, is as a look has left it.
    if (before !== undefined && !(before.state === "not ready" && health.state === "ready")) {
      this.#lookSoon();
    }
  }

  #lookSoon(): void {
    this.#partNews = true;
    this.#wake();
  }

  #writeKnown(): Promise<boolean> {
    return this.#known.write(this.#targets!, ({ revision, after }) => {
      if (this.#applied >= after) {
        this.#reached(revision);
      }
    });
  }

  async #look(): Promise<void> {
    const targets = this.#targets!;
    this.#lookedFor = targets;
    this.#partNews = false;
    this.#known.accept(targets);
    const revision = this.#revision;
    const found = await this.#looker.look(targets, revision, this.#applied >= revision);
    this.#written = Math.max(this.#written, revision);
    if (found === "good" && this.#targets === targets && this.#applied < revision) {
      this.#reached(revision);
    }
    const { auditMs } = this.#options;
    const pauseMs = Math.max(found === "good" ? auditMs : RETRY_MS, AUDIT_SHARE * this.#looker.readingMs);
    this.#nextLookMs = found === "more" ? 0 : performance.now() + pauseMs;
  }

  async #pause(ms: number): Promise<void> {
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    await sleep(ms, undefined, { signal: awake.signal }).catch(() => {});
    this.#wake = () => {};
  }

  #reached(revision: number): void {
    this.#applied = Math.max(this.#applied, revision);
    this.#options.log.info({ event: "applied", revision: this.#applied });
    for (const notify of [...this.#settled]) {
      notify();
    }
  }
}
