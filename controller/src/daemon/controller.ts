// The controller of a region: the desired state with its store in front of it, and the reconciler behind it. One change is made at
// a time; each is checked as a whole before the store has it, and the parts have it after that.
import type { Logger } from "pino";
import { type Pipeline, Schema } from "../p4runtime/index.js";
import type { EntryChange } from "../reconcile/index.js";
import type { DesiredState } from "../state/index.js";
import { ConflictError, type Store } from "../store/index.js";
import { Reconciler } from "./reconciler.js";
import { type Proposal, Region, type Wish } from "./region.js";
import { Targets } from "./targets.js";

export interface ControllerOptions {
  store: Store;
  pipeline: Pipeline;
  log: Logger;
  /** For each call to a part, in ms. Default 10,000. */
  timeoutMs?: number;
  /** How often the parts are looked at, in ms. Default 2,000. */
  auditMs?: number;
  /** Directory of the controller's certificates, for parts that are not on Unix sockets. */
  pki?: string;
  /** Of this controller's leadership, where there are several. */
  term?: bigint;
}

export interface ChangeRequest {
  wishes: readonly Wish[];
  actor: string;
  /** What was asked for, for the audit trail. */
  action: string;
  /** Refuse when the desired state is at another revision. */
  ifRevision?: number;
  dryRun?: boolean;
}

export interface ChangeResult {
  /** Where the desired state is now. */
  revision: number;
  /** What changed; empty when all was so already. With `dryRun`: what would. */
  changes: { key: string; before: unknown; after: unknown }[];
}

export class RegionController {
  readonly region: Region;
  readonly store: Store;
  readonly reconciler: Reconciler;
  /** Of a leader among several controllers; undefined for the only one. */
  readonly term: bigint | undefined;
  readonly #log: Logger;
  readonly #schema: Schema;
  #targets: Targets;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: ControllerOptions, region: Region) {
    const { store, pipeline, log, pki, term, timeoutMs = 10_000, auditMs = 2_000 } = options;
    this.store = store;
    this.region = region;
    this.term = term;
    this.#log = log;
    this.#schema = new Schema(pipeline.p4info);
    this.#targets = new Targets(this.#schema, region.state, region.revision);
    this.reconciler = new Reconciler({
      pipeline,
      log,
      timeoutMs,
      auditMs,
      ...(pki !== undefined && { pki }),
      ...(term !== undefined && { term }),
    });
    this.reconciler.start(this.#targets);
  }

  /** @throws StoreError | InvalidDocument | EntryError | CapacityError when the store's state cannot be used */
  static async start(options: ControllerOptions): Promise<RegionController> {
    const region = Region.of(await options.store.load());
    options.log.info({ event: "started", revision: region.revision });
    return new RegionController(options, region);
  }

  /**
   * Makes a change, or finds out what it would be. A change that is made already makes no revision, so a request may be
   * repeated.
   *
   * @throws InvalidDocument | EntryError | CapacityError | ConflictError; nothing has changed then
   */
  change(request: ChangeRequest): Promise<ChangeResult> {
    const result = this.#last.then(() => this.#change(request));
    this.#last = result.catch(() => {});
    return result;
  }

  async #change({ wishes, actor, action, ifRevision, dryRun }: ChangeRequest): Promise<ChangeResult> {
    const { region } = this;
    const proposal = region.propose(wishes);
    if (proposal.changes.length === 0) {
      return { revision: region.revision, changes: [] };
    }
    if (ifRevision !== undefined && ifRevision !== region.revision) {
      throw new ConflictError(ifRevision, region.revision);
    }
    const entries = this.#entriesOf(proposal);
    const targets = entries === undefined ? this.#targetsOf(proposal) : this.#targets;
    if (dryRun === true) {
      return { revision: region.revision, changes: proposal.changes };
    }
    const { revision } = await this.store.commit(region.revision, {
      time: new Date().toISOString(),
      actor,
      action,
      changes: proposal.changes,
    });
    region.accept(proposal, revision);
    this.#log.info({ event: "changed", revision, actor, action, objects: proposal.changes.length });
    if (entries === undefined) {
      targets.revision = revision;
      this.#targets = targets;
      this.reconciler.replace(targets);
    } else {
      targets.follow(proposal.eips!);
      this.reconciler.add({ revision, targets, changes: entries });
    }
    return { revision, changes: proposal.changes };
  }

  /** The entries of a change of EIPs alone; undefined when more than those changes. */
  #entriesOf({ eips }: Proposal): EntryChange[] | undefined {
    const entries = eips && this.#targets.changesOf(eips);
    if (entries !== undefined) {
      this.#targets.checkCapacity(entries);
    }
    return entries;
  }

  #targetsOf({ state, eips }: Proposal): Targets {
    const after = eips === undefined ? state : { ...state, eips: this.#eipsAfter(eips) };
    return new Targets(this.#schema, after, this.region.revision + 1);
  }

  #eipsAfter(changes: NonNullable<Proposal["eips"]>): DesiredState["eips"] {
    const eips = new Map(this.region.state.eips.map((eip) => [eip.name, eip]));
    for (const { before, after } of changes) {
      if (before !== undefined) eips.delete(before.name);
      if (after !== undefined) eips.set(after.name, after);
    }
    return [...eips.values()];
  }

  async close(): Promise<void> {
    await this.#last;
    await this.reconciler.close();
    await this.store.close();
  }
}
