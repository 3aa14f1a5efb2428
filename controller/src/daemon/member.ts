// One of several controllers of a region. It stands by until it is elected, then leads with all that a controller has, and stands by
// again when it has lost the lead. While etcd cannot be reached nobody leads; the parts go on with what they hold.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { campaign, type EtcdPlace, EtcdStore, type Leadership } from "../store/index.js";
import { type ControllerOptions, RegionController } from "./controller.js";

const RETRY_MS = 1_000;

/** Who leads: this process, or another one, or nobody for the moment. */
export interface Lead {
  /** Here while this process leads. */
  readonly controller: RegionController | undefined;
  /** The API of another one that leads. */
  readonly leader: string | undefined;
}

export interface MemberOptions extends Omit<ControllerOptions, "store" | "term"> {
  etcd: EtcdPlace;
  /** Where this controller's API is. */
  api: string;
  /** For how long a leader that is silent still leads, in seconds. */
  leaseS: number;
}

export class Member implements Lead {
  readonly #options: MemberOptions;
  #controller: RegionController | undefined;
  #leader: string | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  get controller(): RegionController | undefined {
    return this.#controller;
  }

  get leader(): string | undefined {
    return this.#leader;
  }

  /** Stands by and leads, in turns, until the signal; resolves when all is written that was begun. */
  async run(signal: AbortSignal): Promise<void> {
    const { etcd, api, leaseS, log } = this.#options;
    const onLeader = (leader: string | undefined) => {
      if (leader !== this.#leader) {
        this.#leader = leader;
        log.info({ event: "standing_by", leader });
      }
    };
    while (!signal.aborted) {
      try {
        const leadership = await campaign(etcd, { api, leaseS, signal, onLeader });
        this.#leader = undefined;
        if (leadership !== undefined) {
          await this.#lead(leadership, signal);
        }
      } catch (error) {
        this.#leader = undefined;
        log.warn({ event: "no_lead", reason: (error as Error).message });
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #lead(leadership: Leadership, signal: AbortSignal): Promise<void> {
    const { etcd, api: _, leaseS: __, ...options } = this.#options;
    const { term } = leadership;
    let controller: RegionController;
    try {
      controller = await RegionController.start({
        ...options,
        term,
        store: await EtcdStore.open(etcd.keys, leadership),
      });
    } catch (error) {
      await leadership.resign("it could not begin");
      throw error;
    }
    options.log.info({ event: "leading", term: String(term) });
    this.#controller = controller;
    const ended = new AbortController();
    const stopped = once(signal, "abort", { signal: ended.signal }).then(() => undefined);
    const reason = signal.aborted ? undefined : await Promise.race([leadership.lost, stopped]);
    ended.abort();
    await stopped.catch(() => {}); // our own end of it
    this.#controller = undefined;
    if (reason !== undefined) {
      options.log.warn({ event: "lead_lost", reason });
    }
    await controller.close();
  }
}
