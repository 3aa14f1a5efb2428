// The controller's connections to switches and LDs, by name: opened when they are first used, and anew when the part has another address.
import { partCredentials } from "@sluice/proto/tls";
import { Switch } from "../p4runtime/index.js";
import { LdClient, type LdHealth, type LdPart } from "../reconcile/index.js";
import type { DesiredState, LdSpec, SwitchSpec } from "../state/index.js";

export interface ConnectionOptions {
  /** For each call to a part, in ms. */
  timeoutMs: number;
  /** Directory of the controller's certificates, for parts that are not on Unix sockets. */
  pki?: string;
  /** Of a leader among several controllers: parts refuse smaller terms than they have seen. */
  term?: bigint;
  /** An LD is otherwise than it was; it is watched from its first use on. */
  onHealth: (ld: string, health: LdHealth) => void;
  /** A switch is back after its stream was lost. */
  onReturn: () => void;
}

interface Open<C> {
  key: string;
  connection: C;
}

export class Connections {
  readonly #options: ConnectionOptions;
  readonly #switches = new Map<string, Open<Switch>>();
  readonly #lds = new Map<string, Open<LdClient>>();

  constructor({ timeoutMs, pki, term, onHealth, onReturn }: ConnectionOptions) {
    this.#options = {
      timeoutMs,
      onHealth,
      onReturn,
      ...(pki !== undefined && { pki }),
      ...(term !== undefined && { term }),
    };
  }

  /** The connection that is open; undefined: none has been. */
  openSwitch(name: string): Switch | undefined {
    return this.#switches.get(name)?.connection;
  }

  /** @throws P4RuntimeError when the switch cannot be reached */
  async switchOf({ name, p4runtime, device_id }: SwitchSpec): Promise<Switch> {
    const key = `${p4runtime} ${device_id}`;
    const open = this.#switches.get(name);
    if (open?.key === key) {
      return open.connection;
    }
    open?.connection.close();
    this.#switches.delete(name);
    const { timeoutMs, term, pki, onReturn } = this.#options;
    const connection = await Switch.connect({
      name,
      address: p4runtime,
      deviceId: BigInt(device_id),
      timeoutMs,
      credentials: partCredentials(pki, p4runtime),
      onReturn,
      ...(term !== undefined && { term }),
    });
    this.#switches.set(name, { key, connection });
    return connection;
  }

  /** Its first call shows whether the LD can be reached; from then on the LD says how it is. */
  ldOf({ name, agent }: LdSpec): LdClient {
    const open = this.#lds.get(name);
    if (open?.key === agent) {
      return open.connection;
    }
    open?.connection.close();
    const { onHealth, onReturn: _, ...options } = this.#options;
    const connection = new LdClient({
      name,
      address: agent,
      ...options,
      onHealth: (health) => onHealth(name, health),
    });
    this.#lds.set(name, { key: agent, connection });
    return connection;
  }

  ldsOf({ clusters }: DesiredState): LdPart[] {
    return clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({ cluster, spec, connection: this.ldOf(spec) })),
    );
  }

  /** Closes connections to parts that are not in this state. */
  forgetOthers({ switches, clusters }: DesiredState): void {
    const names = new Set([...switches, ...clusters.flatMap(({ lds }) => lds)].map(({ name }) => name));
    for (const map of [this.#switches, this.#lds] as Map<string, Open<{ close(): void }>>[]) {
      for (const [name, { connection }] of map) {
        if (!names.has(name)) {
          connection.close();
          map.delete(name);
        }
      }
    }
  }

  close(): void {
    for (const { connection } of [...this.#switches.values(), ...this.#lds.values()]) {
      connection.close();
    }
  }
}
