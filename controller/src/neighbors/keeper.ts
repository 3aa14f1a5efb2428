// The neighbours of all switches of a region, for as long as a controller runs: a table for each switch that has some to ask for, fed with
// the packets that the switch gives to its controller.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Switch } from "../p4runtime/index.js";
import type { DesiredState, SwitchSpec } from "../state/index.js";
import { heldNeighbors, knownAddresses, withNeighbors } from "./held.js";
import { hasUnknown, NeighborTable, type ObservedNeighbor, TICK_MS } from "./table.js";

export interface KeeperOptions {
  log: Logger;
  /** What {@link NeighborKeeper.observed} says has changed. */
  onChange: () => void;
}

interface Kept {
  spec: SwitchSpec;
  connection: Switch;
  table: NeighborTable;
  ended: AbortController;
}

export class NeighborKeeper {
  readonly #options: KeeperOptions;
  readonly #kept = new Map<string, Kept>();
  /** Whether {@link observed} has changed since somebody said that he has seen it, by setting this to false. */
  hasNews = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** The state as it is observed. */
  observed(state: DesiredState): DesiredState {
    return withNeighbors(state, new Map([...this.#kept].map(([name, { table }]) => [name, table.resolved])));
  }

  /** By switch. */
  get list(): (ObservedNeighbor & { switch: string })[] {
    return [...this.#kept].flatMap(([name, { table }]) =>
      table.list.map((neighbor) => ({ switch: name, ...neighbor })),
    );
  }

  /**
   * Looks after a switch from now on, as its primary; to be called again whenever the state or the connection is another one.
   *
   * @throws P4RuntimeError when the switch cannot be asked what it holds
   */
  async attach(state: DesiredState, spec: SwitchSpec, connection: Switch): Promise<void> {
    const before = this.#kept.get(spec.name);
    if (before?.spec === spec && before.connection === connection) {
      return;
    }
    if (!hasUnknown(spec)) {
      this.#detach(spec.name);
      return;
    }
    const table = new NeighborTable({
      spec,
      known: knownAddresses(state),
      send: (frame, port) => {
        connection.sendPacket(frame, { egress_port: port }).catch((error: Error) => {
          this.#options.log.debug({ event: "question_not_sent", part: spec.name, reason: error.message });
        });
      },
      onChange: () => {
        this.hasNews = true;
        this.#options.onChange();
      },
    });
    table.adopt(before === undefined ? await heldNeighbors(connection) : before.table.resolved);
    this.#detach(spec.name);
    const ended = new AbortController();
    this.#kept.set(spec.name, { spec, connection, table, ended });
    void this.#listen(connection, table, ended.signal);
    void this.#tick(table, ended.signal);
  }

  /** Looks no longer after switches that are not in the state. */
  forgetOthers({ switches }: DesiredState): void {
    const names = new Set(switches.map(({ name }) => name));
    for (const name of this.#kept.keys()) {
      if (!names.has(name)) {
        this.#detach(name);
      }
    }
  }

  close(): void {
    for (const name of [...this.#kept.keys()]) {
      this.#detach(name);
    }
  }

  #detach(name: string): void {
    this.#kept.get(name)?.ended.abort();
    this.#kept.delete(name);
  }

  async #listen(connection: Switch, table: NeighborTable, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const packet = await connection.nextPacket(TICK_MS);
      if (packet !== undefined && !signal.aborted) {
        table.packetIn(packet.payload, Number(packet.metadata.ingress_port), performance.now());
      }
    }
  }

  async #tick(table: NeighborTable, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      table.tick(performance.now());
      await sleep(TICK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
