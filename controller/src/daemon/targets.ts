// What every part must hold for the desired state, kept packed, and what a change of it means in entries.
import { eipEntries, idsOf, standsAlone } from "../compile/index.js";
import { Packer, placeOf, type Schema } from "../p4runtime/index.js";
import {
  type DesiredEntries,
  EntryChange,
  type LdHolding,
  type Meaning,
  meaningOf,
  regionEntries,
} from "../reconcile/index.js";
import type { DesiredState, EipSpec } from "../state/index.js";
import type { EipChange } from "./region.js";

type PackedEips = Map<string, { place: string; effect: string }>;

export class Targets {
  readonly schema: Schema;
  readonly state: DesiredState;
  /** The state with neighbors as they are observed. */
  #observed: DesiredState;
  /** Of the state that it was made for. */
  revision: number;
  readonly #packer: Packer;
  readonly #shared: DesiredEntries;
  /** What each switch holds besides when no LD holds anything: as many entries as it will ever be. */
  readonly #desired: readonly DesiredEntries[];

  /**
   * @param state - its EIPs are those of the beginning; what becomes of them later is in the entries alone
   * @throws EntryError | CapacityError when the state does not fit the program
   */
  constructor(schema: Schema, state: DesiredState, revision: number) {
    this.schema = schema;
    this.state = state;
    this.#observed = state;
    this.revision = revision;
    this.#packer = new Packer(schema);
    this.#shared = regionEntries(state, schema);
    const nothing = state.clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({ cluster, spec, held: undefined })),
    );
    const { desired } = this.meaning(nothing);
    this.#desired = state.switches.map((_, i) => desired(i));
  }

  /** @param state - this one's, with neighbors as they are observed */
  observe(state: DesiredState): void {
    this.#observed = state;
  }

  /** What the state means for LDs that hold what they hold. */
  meaning(lds: readonly LdHolding[]): Meaning {
    return meaningOf(this.#observed, lds, this.#shared);
  }

  /**
   * Whether a change of EIPs is one of their own entries alone. An EIP outside its network's prefixes is also a route and a
   * source that the switches must know.
   */
  isLocal(eips: readonly EipChange[]): boolean {
    return eips.every(({ before, after }) =>
      [before, after].every((eip) => eip === undefined || standsAlone(this.state, eip)),
    );
  }

  /** What every switch has to be told of a change of EIPs. @throws EntryError */
  changesOf(eips: readonly EipChange[]): EntryChange[] {
    const before = this.#pack(eips.map((change) => change.before));
    const after = this.#pack(eips.map((change) => change.after));
    const changes: EntryChange[] = [];
    for (const [key, { place, effect }] of after) {
      const old = before.get(key)?.effect;
      if (old === undefined) {
        changes.push(new EntryChange(this.schema, "insert", place, { key, effect }));
      } else if (old !== effect) {
        changes.push(new EntryChange(this.schema, "modify", place, { key, effect }, old));
      }
    }
    for (const [key, { place, effect }] of before) {
      if (!after.has(key)) {
        changes.push(new EntryChange(this.schema, "delete", place, { key, effect }));
      }
    }
    return changes;
  }

  /** @throws CapacityError when a table would be too small for these changes as well */
  checkCapacity(changes: readonly EntryChange[]): void {
    const more = new Map<string, number>();
    for (const { type, table } of changes) {
      const step = type === "insert" ? 1 : type === "delete" ? -1 : 0;
      more.set(table, (more.get(table) ?? 0) + step);
    }
    for (const desired of this.#desired) {
      desired.checkCapacity(more);
    }
  }

  /** Makes what {@link changesOf} found the target. */
  accept(changes: readonly EntryChange[]): void {
    for (const change of changes) {
      if (change.type === "delete") {
        this.#shared.delete(change.table, change.octets);
      } else {
        this.#shared.set(change.table, change.octets);
      }
    }
  }

  #pack(eips: readonly (EipSpec | undefined)[]): PackedEips {
    const packed: PackedEips = new Map();
    for (const eip of eips) {
      if (eip === undefined) {
        continue;
      }
      const { state } = this;
      for (const entry of eipEntries({ state, ids: idsOf(state) }, eip, eip.id!)) {
        const { key, effect } = this.#packer.pack(entry);
        packed.set(key, { place: placeOf(entry), effect });
      }
    }
    return packed;
  }
}
