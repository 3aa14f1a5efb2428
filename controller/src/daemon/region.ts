// The desired state in memory: what the store holds, checked. A change is proposed, then committed to the store, then accepted
// here. A change of EIPs alone is checked against what it could collide with, and costs the same however many EIPs there are.
import { type DesiredState, type EipSpec, MAX_EIP_INDEX, ownerOf, parseValue } from "../state/index.js";
import type { Change, Snapshot } from "../store/index.js";
import { EipIds } from "./eip_ids.js";
import { joinDocument, sameValue } from "./objects.js";

const EIPS = "eips/";

/** What an object shall become; undefined: it shall go. */
export interface Wish {
  key: string;
  value: unknown;
}

/** A checked change that nobody has made yet. */
export interface Proposal {
  /** The revision that it was made for. */
  revision: number;
  /** Only what really changes. */
  changes: Change[];
  /** As it will be. With `eips`, its list of EIPs is the one before the change. */
  state: DesiredState;
  /** When nothing but EIPs changes: those. */
  eips: EipChange[] | undefined;
}

export interface EipChange {
  before: EipSpec | undefined;
  after: EipSpec | undefined;
}

interface RawEip extends Record<string, unknown> {
  name: string;
  id?: number;
}

const addressKey = ({ network, address }: EipSpec) => `${network} ${address}`;
const ownerKey = (eip: EipSpec) => `${ownerOf(eip).vpc} ${ownerOf(eip).address}`;

export class Region {
  #revision = 0;
  readonly #objects = new Map<string, unknown>();
  #state: DesiredState = parseValue("empty", {});
  readonly #eips = new Map<string, EipSpec>();
  readonly #byAddress = new Map<string, string>();
  readonly #byOwner = new Map<string, string>();
  readonly #ids = new EipIds(MAX_EIP_INDEX);
  #servicesByAddress: Map<string, unknown[]> | undefined;

  /** @throws InvalidDocument when the store holds what this version does not understand */
  static of(snapshot: Snapshot): Region {
    const region = new Region();
    const wishes = [...snapshot.objects].map(([key, value]) => ({ key, value }));
    region.accept(region.propose(wishes), snapshot.revision);
    return region;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Its list of EIPs is made anew at each call. */
  get state(): DesiredState {
    return { ...this.#state, eips: [...this.#eips.values()] };
  }

  /** The rest of the state; the same object as long as nothing but EIPs changes. */
  get withoutEips(): DesiredState {
    return this.#state;
  }

  /** The first EIPs by name. @param max - at most so many */
  firstEips(max: number): EipSpec[] {
    return [...this.#eips.keys()]
      .sort()
      .slice(0, max)
      .map((name) => this.#eips.get(name)!);
  }

  get(key: string): unknown {
    return this.#objects.get(key);
  }

  /** Objects of a section, by name, in the order of their names. */
  section(name: string): unknown[] {
    const prefix = `${name}/`;
    return [...this.#objects]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, value]) => value);
  }

  /** How many objects each section has. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const key of this.#objects.keys()) {
      const [section] = key.split("/", 1) as [string];
      counts.set(section, (counts.get(section) ?? 0) + 1);
    }
    return counts;
  }

  document(): Record<string, unknown> {
    return joinDocument(new Map([...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  /** The wishes that turn the whole document into `objects`. */
  wishesFor(objects: ReadonlyMap<string, unknown>): Wish[] {
    const gone = [...this.#objects.keys()].filter((key) => !objects.has(key));
    return [
      ...[...objects].map(([key, value]) => ({ key, value })),
      ...gone.map((key) => ({ key, value: undefined })),
    ];
  }

  /** Checks what the state would be. Nothing changes. @throws InvalidDocument with every problem */
  propose(wishes: readonly Wish[]): Proposal {
    const eipIds = this.#ids.draft();
    const changes: Change[] = [];
    for (const { key, value } of wishes) {
      const before = this.#objects.get(key);
      const after = key.startsWith(EIPS) && value !== undefined ? this.#withId(value, before) : value;
      if (!sameValue(before, after)) {
        changes.push({ key, before, after });
      }
    }
    // Ids of those that go are free for those that come.
    for (const { key, before } of changes) {
      if (key.startsWith(EIPS) && before !== undefined) {
        eipIds.release((before as RawEip).id);
      }
    }
    const comers = changes.flatMap(({ key, after }) =>
      key.startsWith(EIPS) && after !== undefined ? [after as RawEip] : [],
    );
    // Those that say theirs first: what is chosen keeps out of their way.
    const [said, unsaid] = [
      comers.filter(({ id }) => id !== undefined),
      comers.filter(({ id }) => id === undefined),
    ];
    for (const eip of [...said, ...unsaid]) {
      eipIds.take(eip);
    }
    const alone = this.#revision > 0 && changes.every(({ key }) => key.startsWith(EIPS));
    const proposal = { revision: this.#revision, changes };
    return alone
      ? { ...proposal, state: this.#state, eips: this.#checkEips(changes) }
      : { ...proposal, state: this.#check(changes), eips: undefined };
  }

  /** An EIP keeps the id that it has: its limits and counters are in the cells of that number. */
  #withId(value: unknown, before: unknown): unknown {
    const raw = value as RawEip;
    const id = raw.id ?? (before as RawEip | undefined)?.id;
    return id === undefined ? { ...raw } : { ...raw, id };
  }

  #check(changes: readonly Change[]): DesiredState {
    const objects = new Map(this.#objects);
    const eips = new Map(this.#eips);
    const changedEips: unknown[] = [];
    for (const { key, after } of changes) {
      if (key.startsWith(EIPS)) {
        eips.delete(key.slice(EIPS.length));
        if (after !== undefined) {
          changedEips.push(after);
        }
      } else if (after === undefined) {
        objects.delete(key);
      } else {
        objects.set(key, after);
      }
    }
    const sorted = new Map([...objects].sort(([a], [b]) => (a < b ? -1 : 1)));
    const document = { ...joinDocument(sorted, "eips"), eips: changedEips };
    return parseValue("the desired state", document, { eips: [...eips.values()] });
  }

  /** Checks EIPs against the rest of the region and the EIPs and services that have something in common with them. */
  #checkEips(changes: readonly Change[]): EipChange[] {
    const names = new Set(changes.map(({ key }) => key.slice(EIPS.length)));
    const raw = changes.flatMap(({ after }) => (after === undefined ? [] : [after]));
    const fabric = new Map([...this.#objects].filter(([key]) => !/^(eips|services)\//.test(key)));
    // Once for the shape, which says what the EIPs are; then with what they might collide with.
    const alone = parseValue("the EIP", { ...joinDocument(fabric), eips: raw }, {}, { crossChecks: false });
    const rivals = new Set<string>();
    const services: unknown[] = [];
    for (const eip of alone.eips) {
      const ids = this.#ids.holderOf(eip.id);
      for (const name of [this.#byAddress.get(addressKey(eip)), this.#byOwner.get(ownerKey(eip)), ids]) {
        if (name !== undefined && !names.has(name)) {
          rivals.add(name);
        }
      }
      services.push(
        ...this.#servicesAt(`${ownerOf(eip).vpc} ${ownerOf(eip).address}`),
        ...this.#servicesAt(` ${eip.address}`),
      );
    }
    const document = { ...joinDocument(fabric), services: [...new Set(services)], eips: raw };
    const known = { eips: [...rivals].map((name) => this.#eips.get(name)!) };
    const checked = parseValue("the EIP", document, known);
    const byName = new Map(checked.eips.map((eip) => [eip.name, eip]));
    return [...names].map((name) => ({ before: this.#eips.get(name), after: byName.get(name) }));
  }

  /** The services that speak of an address, as their VIP or a real server's. @param address - after its VPC and a space */
  #servicesAt(address: string): unknown[] {
    this.#servicesByAddress ??= this.#indexServices();
    return this.#servicesByAddress.get(address) ?? [];
  }

  #indexServices(): Map<string, unknown[]> {
    const index = new Map<string, unknown[]>();
    for (const service of this.#state.services) {
      const object = { ...(this.#objects.get(`services/${service.name}`) as object) };
      const inVpcs = service.real_servers.filter(({ vpc }) => vpc !== undefined);
      const addresses = [
        `${service.vpc ?? ""} ${service.vip}`,
        ...inVpcs.map(({ vpc, address }) => `${vpc} ${address}`),
      ];
      for (const address of new Set(addresses)) {
        const list = index.get(address) ?? [];
        list.push(object);
        index.set(address, list);
      }
    }
    return index;
  }

  /** Makes a proposal the state, once the store has it. */
  accept(proposal: Proposal, revision: number): void {
    for (const { key, before, after } of proposal.changes) {
      if (after === undefined) {
        this.#objects.delete(key);
      } else {
        this.#objects.set(key, after);
      }
      if (key.startsWith(EIPS)) {
        this.#ids.moved(before as RawEip | undefined, after as RawEip | undefined);
      }
    }
    this.#revision = revision;
    if (proposal.eips !== undefined) {
      for (const { before } of proposal.eips) {
        if (before !== undefined) this.#forget(before);
      }
      for (const { after } of proposal.eips) {
        if (after !== undefined) this.#know(after);
      }
      return;
    }
    this.#eips.clear();
    this.#byAddress.clear();
    this.#byOwner.clear();
    for (const eip of proposal.state.eips) {
      this.#know(eip);
    }
    this.#servicesByAddress = undefined;
    this.#state = { ...proposal.state, eips: [] };
  }

  #forget(eip: EipSpec): void {
    this.#eips.delete(eip.name);
    this.#byAddress.delete(addressKey(eip));
    this.#byOwner.delete(ownerKey(eip));
  }

  #know(eip: EipSpec): void {
    this.#eips.set(eip.name, eip);
    this.#byAddress.set(addressKey(eip), eip.name);
    this.#byOwner.set(ownerKey(eip), eip.name);
  }
}
