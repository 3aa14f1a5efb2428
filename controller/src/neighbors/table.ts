// The neighbours of one switch whose MACs nobody declared: asked for, kept while they answer, asked again before they are too old.
//
//                     ask everybody, 3 times, 1 s apart
//   packet for it ──► incomplete ──────────── no answer ──────────► forgotten (declared ones: asked again every 5 s)
//                         │ answer
//                         ▼                  every 30 s
//                     reachable ───────────────────────────► probing: asks it, then everybody, 3 times
//                         ▲                                     │       │ no answer
//                         └───────────── answer ────────────────┘       └────────► as without an answer above
//
// Times are those of RFC 4861, section 10. Only answers to a question of ours change anything: an unasked one that names another MAC
// makes us ask.
import type { Ip, Mac, Uint } from "../p4runtime/index.js";
import { blockOf, contains, type NeighborSpec, type SwitchSpec } from "../state/index.js";
import { heard, question } from "./frames.js";

const RETRANSMIT_MS = 1_000;
const REACHABLE_MS = 30_000;
const ASK_DECLARED_AGAIN_MS = 5_000;
const MAX_QUESTIONS = 3;
/** Learned ones of a switch, those that are being asked for among them: a scan of a large subnet must not fill the tables. */
export const MAX_LEARNED = 4_096;
/** Those that never answered yet, of these. */
const MAX_INCOMPLETE = 512;
/** The switch lets 1000 answers a second through, in bursts of 101 (docs/p4/network.md). */
const MAX_QUESTIONS_A_TICK = 50;
export const TICK_MS = 250;

export type NeighborState = "incomplete" | "reachable" | "probing";

/** A neighbour as it is observed. */
export interface ObservedNeighbor {
  address: Ip;
  /** Undefined while it has not answered. */
  mac: Mac | undefined;
  port: Uint<16>;
  vlan: Uint<12>;
  network: string;
  state: NeighborState;
  /** It is in the desired state, without a MAC. */
  declared: boolean;
  /** When it last answered, in ms of the table's clock. */
  answeredMs: number | undefined;
}

interface Neighbor extends ObservedNeighbor {
  questions: number;
  /** When to ask next. */
  nextMs: number;
}

/** A subnet of a port, on which neighbours are asked for. */
interface Link {
  port: Uint<16>;
  vlan: Uint<12>;
  network: string;
  /** The switch's own address. */
  address: string;
  block: ReturnType<typeof blockOf>;
  /** Whoever is on it may be learned; else declared ones only. */
  learn: boolean;
}

export interface TableOptions {
  spec: SwitchSpec;
  /** Addresses that are known otherwise: those of LDs. */
  known: ReadonlySet<string>;
  /** Sends a frame out of a port. */
  send: (frame: Buffer, port: number) => void;
  /** A MAC came, changed or went. */
  onChange: () => void;
}

function linksOf({ ports }: SwitchSpec): Link[] {
  return ports.flatMap(({ port, vlan, network, learn, address, address_v6 }) =>
    [address, address_v6].flatMap((text) =>
      text === undefined
        ? []
        : [{ port, vlan, network, learn, address: text.split("/")[0]!, block: blockOf(text) }],
    ),
  );
}

/** The first and the last address of an IPv4 subnet are nobody's, unless it has two (RFC 3021). */
function isStation({ block, address }: Link, other: string): boolean {
  const { first, last, bits } = block;
  const number = blockOf(other).first;
  const isEnd = bits === 32 && last - first > 1n && (number === first || number === last);
  return other !== address && !isEnd;
}

export class NeighborTable {
  readonly #options: TableOptions;
  readonly #links: readonly Link[];
  readonly #neighbors = new Map<string, Neighbor>();
  readonly #withMac: ReadonlySet<string>;

  constructor(options: TableOptions) {
    this.#options = options;
    const { spec, known } = options;
    this.#links = linksOf(spec);
    this.#withMac = new Set([
      ...known,
      ...spec.neighbors.flatMap(({ address, mac }) => (mac === undefined ? [] : [address])),
    ]);
    for (const neighbor of spec.neighbors) {
      const link = this.#linkOf(neighbor.address, neighbor);
      if (neighbor.mac === undefined && link !== undefined) {
        this.#add(neighbor.address, link, true);
      }
    }
  }

  get list(): ObservedNeighbor[] {
    return [...this.#neighbors.values()];
  }

  /** Those whose MAC is known, as if they had been declared with it. */
  get resolved(): NeighborSpec[] {
    return this.list.flatMap(({ address, mac, port, vlan }) =>
      mac === undefined ? [] : [{ address, mac, port, vlan }],
    );
  }

  /** What the switch holds already, or another table held: to be asked at once whether it is still so. */
  adopt(held: readonly NeighborSpec[]): void {
    for (const { address, mac, port, vlan } of held) {
      const link = this.#linkOf(address, { port, vlan });
      const neighbor = this.#neighbors.get(address) ?? (link && this.#mayLearn(address, link));
      if (neighbor !== undefined && neighbor.mac === undefined && mac !== undefined) {
        Object.assign(neighbor, { mac, state: "probing", questions: 0, nextMs: 0 });
      }
    }
  }

  /** @param port - by which the frame came to the switch */
  packetIn(frame: Uint8Array, port: number, nowMs: number): void {
    const found = heard(frame);
    if (found?.kind === "answer") {
      this.#answer(found.address, found.mac, port, nowMs);
    } else if (found !== undefined && !this.#neighbors.has(found.address)) {
      const link = this.#linkOf(found.address);
      const neighbor = link && this.#mayLearn(found.address, link);
      if (neighbor !== undefined) {
        this.#ask(neighbor, nowMs);
      }
    }
  }

  /** Asks whom it is time to ask; to be called every {@link TICK_MS}. */
  tick(nowMs: number): void {
    let asked = 0;
    for (const neighbor of this.#neighbors.values()) {
      if (neighbor.nextMs <= nowMs) {
        this.#ask(neighbor, nowMs);
        if (++asked === MAX_QUESTIONS_A_TICK) {
          return;
        }
      }
    }
  }

  #linkOf(address: Ip, at?: { port: number; vlan?: number | undefined }): Link | undefined {
    const block = blockOf(address);
    return this.#links.find(
      (link) =>
        contains(link.block, block) &&
        (at === undefined ? link.learn : link.port === at.port && (at.vlan ?? link.vlan) === link.vlan),
    );
  }

  #add(address: Ip, { port, vlan, network }: Link, declared: boolean): Neighbor {
    const neighbor: Neighbor = {
      address,
      mac: undefined,
      port,
      vlan,
      network,
      state: "incomplete",
      declared,
      answeredMs: undefined,
      questions: 0,
      nextMs: 0,
    };
    this.#neighbors.set(address, neighbor);
    return neighbor;
  }

  #mayLearn(address: Ip, link: Link): Neighbor | undefined {
    return link.learn && !this.#withMac.has(address) && isStation(link, address) && !this.#isFull()
      ? this.#add(address, link, false)
      : undefined;
  }

  #isFull(): boolean {
    let learned = 0;
    let incomplete = 0;
    for (const { declared, mac } of this.#neighbors.values()) {
      learned += declared ? 0 : 1;
      incomplete += declared || mac !== undefined ? 0 : 1;
    }
    return learned >= MAX_LEARNED || incomplete >= MAX_INCOMPLETE;
  }

  #answer(address: Ip, mac: Mac, port: number, nowMs: number): void {
    const neighbor = this.#neighbors.get(address);
    if (neighbor === undefined || neighbor.port !== port) {
      return;
    }
    if (neighbor.questions === 0) {
      if (neighbor.mac !== mac) {
        neighbor.nextMs = nowMs;
      }
      return;
    }
    const changed = neighbor.mac !== mac;
    Object.assign(neighbor, {
      mac,
      state: "reachable",
      questions: 0,
      answeredMs: nowMs,
      nextMs: nowMs + REACHABLE_MS,
    });
    if (changed) {
      this.#options.onChange();
    }
  }

  #ask(neighbor: Neighbor, nowMs: number): void {
    if (neighbor.questions >= MAX_QUESTIONS) {
      this.#giveUp(neighbor, nowMs);
      return;
    }
    const link = this.#linkOf(neighbor.address, neighbor)!;
    // One that has moved does not answer at its old MAC, but does when everybody is asked.
    const to = neighbor.questions === 0 ? neighbor.mac : undefined;
    if (neighbor.state === "reachable") {
      neighbor.state = "probing";
    }
    neighbor.questions++;
    neighbor.nextMs = nowMs + RETRANSMIT_MS;
    const { mac } = this.#options.spec;
    this.#options.send(
      question({ mac, address: link.address, vlan: link.vlan }, neighbor.address, to),
      link.port,
    );
  }

  #giveUp(neighbor: Neighbor, nowMs: number): void {
    const { mac } = neighbor;
    if (neighbor.declared) {
      Object.assign(neighbor, {
        mac: undefined,
        state: "incomplete",
        questions: 0,
        nextMs: nowMs + ASK_DECLARED_AGAIN_MS,
      });
    } else {
      this.#neighbors.delete(neighbor.address);
    }
    if (mac !== undefined) {
      this.#options.onChange();
    }
  }
}

/** Whether a switch has neighbours that somebody has to ask for. */
export function hasUnknown({ ports, neighbors }: SwitchSpec): boolean {
  return ports.some(({ learn }) => learn) || neighbors.some(({ mac }) => mac === undefined);
}
