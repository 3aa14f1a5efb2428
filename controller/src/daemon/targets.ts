// What every part must hold for the desired state, kept packed, and what a change of it means in entries.
import {
  compileHops,
  eipEntries,
  type HopSite,
  hostEntries,
  type Ids,
  idsOf,
  neighborsOf,
  neighborsStandAlone,
  type Site,
  siteOf,
  standsAlone,
  touchedNeighbors,
} from "../compile/index.js";
import {
  type Entry,
  type Ip,
  type Ipv6,
  type Item,
  Packer,
  placeOf,
  type Schema,
  uint,
} from "../p4runtime/index.js";
import {
  type DesiredEntries,
  EntryChange,
  type LdHolding,
  type Meaning,
  meaningOf,
  regionEntries,
} from "../reconcile/index.js";
import type { DesiredState, EipSpec } from "../state/index.js";
import { HostNumbers } from "./host_numbers.js";
import type { EipChange } from "./region.js";

/** What items do, by their keys. */
type PackedItems = Map<string, { place: string; effect: string }>;

function hopItems(site: HopSite, touched: ReadonlySet<Ip>): Item[] {
  const { routes, hops, profiles } = compileHops(site, touched);
  return [...routes, ...hops, ...profiles];
}

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
  /** Of each switch, without neighbors that are observed. Made when they are asked for. */
  #sites: readonly Site[] | undefined;
  /** As of the last change of EIPs. */
  readonly #hosts: HostNumbers;

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
    this.#hosts = new HostNumbers(state);
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
   * What every switch has to be told of a change of EIPs.
   *
   * @returns undefined where other entries depend on it, too: an EIP outside its network's prefixes is also a route and a source that
   *   the switches must know, and a host may take another one's number
   * @throws EntryError
   */
  changesOf(eips: readonly EipChange[]): EntryChange[] | undefined {
    const isAlone = (eip: EipSpec | undefined) => eip === undefined || standsAlone(this.state, eip);
    const hosts = this.#hosts.changeOf(eips);
    if (hosts === undefined || !eips.every(({ before, after }) => isAlone(before) && isAlone(after))) {
      return undefined;
    }
    const { come, go } = hosts;
    return this.#difference(
      [...this.#hostEntries(go), ...eips.flatMap(({ before }) => this.#eipEntries(before, come))],
      [...this.#hostEntries(come), ...eips.flatMap(({ after }) => this.#eipEntries(after, come))],
    );
  }

  /** A change whose entries {@link changesOf} has told is made: later ones are changes of what it has made. */
  follow(eips: readonly EipChange[]): void {
    this.#hosts.accept(eips, this.#hosts.changeOf(eips)!);
  }

  #hostEntries(hosts: Ids["hosts"]): Entry[] {
    const region = { state: this.state, ids: idsOf(this.state) };
    return [...hosts].flatMap(([host, number]) => hostEntries(region, host, number));
  }

  /** @param come - numbers of hosts that are new */
  #eipEntries(eip: EipSpec | undefined, come: Ids["hosts"]): Entry[] {
    if (eip === undefined) {
      return [];
    }
    const { networks } = idsOf(this.state);
    const hosts = { get: (host: Ipv6) => come.get(host) ?? this.#hosts.get(host) };
    return eipEntries({ state: this.state, ids: { networks, hosts } }, eip, uint(24, eip.id!));
  }

  /**
   * What each switch has to be told when neighbors are observed otherwise than before ({@link observe}): entries of those neighbors
   * alone, whatever else there is.
   *
   * @param observed - this state, with neighbors as they are now
   * @returns in the order of the switches; undefined when other entries depend on it, too
   * @throws EntryError
   */
  neighborChanges(observed: DesiredState): EntryChange[][] | undefined {
    const { state } = this;
    this.#sites ??= state.switches.map((item) => siteOf(state, item, idsOf(state)));
    const changes: EntryChange[][] = [];
    for (const [i, site] of this.#sites.entries()) {
      const hopSite = ({ switches }: DesiredState): HopSite => {
        const item = switches[i]!;
        return { state, item, neighbors: neighborsOf(state, item) };
      };
      const [before, after] = [hopSite(this.#observed), hopSite(observed)];
      const touched = touchedNeighbors(before, after);
      if (!neighborsStandAlone(site, touched)) {
        return undefined;
      }
      changes.push(
        touched.size === 0 ? [] : this.#difference(hopItems(before, touched), hopItems(after, touched)),
      );
    }
    return changes;
  }

  #difference(itemsBefore: readonly Item[], itemsAfter: readonly Item[]): EntryChange[] {
    const before = this.#pack(itemsBefore);
    const after = this.#pack(itemsAfter);
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

  #pack(items: readonly Item[]): PackedItems {
    const packed: PackedItems = new Map();
    for (const item of items) {
      const { key, effect } = this.#packer.pack(item);
      packed.set(key, { place: placeOf(item), effect });
    }
    return packed;
  }
}
