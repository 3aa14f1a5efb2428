// Keeps every part as desired: reads what the parts hold, writes the difference, and looks again, for as long as it runs. A part
// that cannot be reached keeps no other one waiting, except where buckets move: no LD takes a bucket while the one that has it
// cannot be told to give it up.
import { setTimeout as sleep } from "node:timers/promises";
import type { LdConfig } from "@sluice/proto/ld";
import { partCredentials } from "@sluice/proto/tls";
import type { Logger } from "pino";
import { idsOf } from "../compile/index.js";
import { hasUnknown, NeighborKeeper } from "../neighbors/index.js";
import { describeItem, type Entry, type Pipeline, Switch } from "../p4runtime/index.js";
import {
  type EntryChange,
  executePlan,
  LdClient,
  type LdPart,
  type LdPlan,
  type Meaning,
  type Parts,
  type Plan,
  planSwitch,
  type SwitchPart,
  type SwitchPlan,
} from "../reconcile/index.js";
import type { DesiredState, LdSpec, SwitchSpec } from "../state/index.js";
import type { TableName } from "../tables/gateway.js";
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

export interface ReconcilerOptions {
  pipeline: Pipeline;
  log: Logger;
  /** For each call to a part, in ms. */
  timeoutMs: number;
  /** How often the parts are looked at, in ms; a look that takes long is repeated less often. */
  auditMs: number;
  /** Directory of the controller's certificates, for parts that are not on Unix sockets. */
  pki?: string;
  /** Of a leader among several controllers: parts refuse smaller terms than they have seen. */
  term?: bigint;
}

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
  readonly #switches = new Map<string, { key: string; connection: Switch }>();
  readonly #lds = new Map<string, { key: string; connection: LdClient }>();
  readonly #status = new Map<string, PartStatus>();
  readonly #settled = new Set<() => void>();
  /** What it observes is no drift. */
  readonly neighbors: NeighborKeeper;
  #observedNews = false;
  #targets: Targets | undefined;
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
      const connection = this.#switches.get(spec.name)?.connection;
      if (connection === undefined || status?.state === "unreachable") {
        lost.set(spec.name, status?.reason ?? `switch ${spec.name} has not been reached yet`);
        return [];
      }
      return [{ spec, connection }];
    });
    const lds = state.clusters.flatMap((cluster) =>
      cluster.lds.map((spec): LdPart => ({ cluster, spec, connection: this.#ldClient(spec) })),
    );
    return { parts: { state, ids: idsOf(state), switches, lds, close: () => {} }, lost };
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
    for (const { connection } of [...this.#switches.values(), ...this.#lds.values()]) {
      connection.close();
    }
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
      let good = false;
      try {
        good = this.#known.length > 0 ? await this.#writeKnown() : await this.#look();
      } catch (error) {
        this.#options.log.error({ event: "reconcile_failed", reason: (error as Error).message });
      }
      if (this.#known.length > 0 || this.#revision !== revision || this.#observedNews || this.#closed) {
        continue; // there is news since this round began
      }
      const pauseMs = Math.max(good ? this.#options.auditMs : RETRY_MS, AUDIT_SHARE * (Date.now() - start));
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
  async #writeKnown(): Promise<boolean> {
    const known = this.#known.splice(0);
    const targets = this.#targets!;
    const mine = known.filter((item) => item.targets === targets);
    for (const { changes } of mine) {
      targets.accept(changes);
    }
    const changes = mine.flatMap((item) => item.changes);
    const ready = targets.state.switches.flatMap((spec): SwitchPart[] => {
      const connection = this.#switches.get(spec.name)?.connection;
      const good = this.#status.get(spec.name)?.state === "in sync" && connection?.state === "primary";
      return good && connection !== undefined ? [{ spec, connection }] : [];
    });
    // Two changes of one entry must not be written at once.
    if (mine.length > 1 || ready.length < targets.state.switches.length || this.#applied < 0) {
      return this.#look();
    }
    try {
      await executePlan(
        this.#planOf(
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
    return true;
  }

  #reached(revision: number): void {
    this.#applied = Math.max(this.#applied, revision);
    this.#options.log.info({ event: "applied", revision: this.#applied });
    for (const notify of [...this.#settled]) {
      notify();
    }
  }

  #planOf(targets: Targets, switches: SwitchPlan[], lds: LdPlan[]): Plan {
    return { pipeline: this.#options.pipeline, schema: targets.schema, switches, lds };
  }

  // ---- A look at everything ------------------------------------------------------------------------------------------

  /** @returns whether all parts hold what is desired now */
  async #look(): Promise<boolean> {
    const targets = this.#targets!;
    const revision = this.#revision;
    for (const { changes } of this.#known.splice(0).filter((item) => item.targets === targets)) {
      targets.accept(changes);
    }
    this.#forgetOthers(targets);
    const observedNews = await this.#observeNeighbors(targets);
    const lds = await this.#lookAtLds(targets);
    const meaning = targets.meaning(lds);
    const lost = new Set(lds.flatMap((ld) => (ld.lost ? [ld.cluster.name] : [])));
    const moving = new Set(
      meaning.steps
        .filter(({ target, held, final }) => lost.has(target.cluster.name) && held?.epoch !== final.epoch)
        .map(({ target }) => target.cluster.name),
    );
    const ldPlans = meaning.steps
      .filter(({ target }) => !moving.has(target.cluster.name))
      .map((step): LdPlan => ({ ...step, part: lds.find(({ spec }) => spec === step.target.spec)! }));
    const isHeld = held(meaning, lost);
    const switchPlans = (await this.#lookAtSwitches(targets, meaning)).map((plan) => ({
      ...plan,
      changes: plan.changes.filter((change) => !isHeld(change)),
    }));
    this.#reportDrift(observedNews ? [] : switchPlans, ldPlans, revision);
    const written = await executePlan(this.#planOf(targets, switchPlans, ldPlans));
    if (written.inserted + written.modified + written.deleted + written.ldConfigs + written.pipelines > 0) {
      this.#options.log.info({ event: "written", revision, ...written });
    }
    for (const { part, changes } of switchPlans) {
      this.#note(part.spec.name, "switch", "in sync").written += changes.length;
    }
    for (const { part, release, take, settle } of ldPlans) {
      const status = this.#note(part.spec.name, "LD", "in sync");
      status.written += [release, take, settle].filter((config) => config !== undefined).length;
    }
    for (const { target } of meaning.steps.filter(({ target }) => moving.has(target.cluster.name))) {
      const reason = `buckets of cluster ${target.cluster.name} move when all its LDs can be reached`;
      this.#note(target.spec.name, "LD", "waiting", reason);
    }
    const good = this.parts.every(({ state }) => state === "in sync");
    if (good && this.#targets === targets && this.#applied < revision) {
      this.#reached(revision);
    }
    return good;
  }

  /** @returns whether neighbors have come, moved or gone since the last look */
  async #observeNeighbors(targets: Targets): Promise<boolean> {
    const { state } = targets;
    this.neighbors.forgetOthers(state);
    // Why one cannot be reached, the look at the switches says.
    await Promise.allSettled(
      state.switches.filter(hasUnknown).map(async (spec) => {
        const connection = await this.#connect(spec);
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
          const connection = await this.#connect(spec);
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

  async #connect({ name, p4runtime, device_id }: SwitchSpec): Promise<Switch> {
    const key = `${p4runtime} ${device_id}`;
    const open = this.#switches.get(name);
    if (open?.key === key) {
      return open.connection;
    }
    open?.connection.close();
    this.#switches.delete(name);
    const { timeoutMs, term } = this.#options;
    const connection = await Switch.connect({
      name,
      address: p4runtime,
      deviceId: BigInt(device_id),
      timeoutMs,
      credentials: partCredentials(this.#options.pki, p4runtime),
      ...(term !== undefined && { term }),
    });
    this.#switches.set(name, { key, connection });
    return connection;
  }

  async #lookAtLds({ state }: Targets): Promise<LdLook[]> {
    return Promise.all(
      state.clusters.flatMap((cluster) =>
        cluster.lds.map(async (spec): Promise<LdLook> => {
          const connection = this.#ldClient(spec);
          const part = { cluster, spec, connection };
          try {
            return { ...part, held: await connection.getConfig(), lost: false };
          } catch (error) {
            this.#note(spec.name, "LD", "unreachable", (error as Error).message);
            return { ...part, held: undefined, lost: true };
          }
        }),
      ),
    );
  }

  #ldClient({ name, agent }: LdSpec): LdClient {
    const open = this.#lds.get(name);
    if (open?.key === agent) {
      return open.connection;
    }
    open?.connection.close();
    const { timeoutMs, pki, term } = this.#options;
    const connection = new LdClient({
      name,
      address: agent,
      timeoutMs,
      ...(pki !== undefined && { pki }),
      ...(term !== undefined && { term }),
    });
    this.#lds.set(name, { key: agent, connection });
    return connection;
  }

  #forgetOthers({ state }: Targets): void {
    const parts = [...state.switches, ...state.clusters.flatMap(({ lds }) => lds)];
    const names = new Set(parts.map(({ name }) => name));
    for (const map of [this.#switches, this.#lds] as Map<string, { connection: { close(): void } }>[]) {
      for (const [name, { connection }] of map) {
        if (!names.has(name)) {
          connection.close();
          map.delete(name);
        }
      }
    }
    for (const name of this.#status.keys()) {
      if (!names.has(name)) this.#status.delete(name);
    }
  }
}

interface LdLook extends LdPart {
  held: LdConfig | undefined;
  lost: boolean;
}

const BUCKETS_TABLE: TableName = "ld_of_bucket";
const HEARTBEAT_TABLE: TableName = "ld_source";

/**
 * What must stay as it is while LDs of these clusters are lost: which LD has a bucket, and of which epoch an LD's heartbeats are
 * believed.
 */
function held({ compiled }: Meaning, lost: ReadonlySet<string>): (change: EntryChange) => boolean {
  const clusters = new Set([...lost].map((name) => compiled.ids.clusters.get(name)));
  const lds = new Set(
    compiled.lds
      .filter(({ cluster }) => lost.has(cluster.name))
      .map(({ spec }) => compiled.ids.lds.get(spec.name)),
  );
  return (change) => {
    if (lost.size === 0 || change.type !== "modify") {
      return false;
    }
    const { match, params } = change.entry as Entry;
    return (
      (change.table === BUCKETS_TABLE && clusters.has(Number(match?.cluster_id))) ||
      (change.table === HEARTBEAT_TABLE && lds.has(Number(params?.ld_id)))
    );
  };
}
