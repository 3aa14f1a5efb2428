// Connections to all switches and LDs of a document. A change begins only when every switch answers.

import { partCredentials } from "@sluice/proto/tls";
import { type Ids, idsOf } from "../compile/index.js";
import { withHeldNeighbors } from "../neighbors/index.js";
import { Switch } from "../p4runtime/index.js";
import type { ClusterSpec, DesiredState, LdSpec, SwitchSpec } from "../state/index.js";
import { LdClient } from "./ld_client.js";

/** Some parts cannot be reached, or another controller holds them. `reasons` has one for each. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join("\n"));
    this.reasons = reasons;
  }
}

export interface SwitchPart {
  spec: SwitchSpec;
  connection: Switch;
}

export interface LdPart {
  cluster: ClusterSpec;
  spec: LdSpec;
  connection: LdClient;
}

export interface Parts {
  state: DesiredState;
  ids: Ids;
  switches: SwitchPart[];
  lds: LdPart[];
  close(): void;
}

export interface OpenOptions {
  /** Become the switches' primary controller. */
  write: boolean;
  /** For each call, in ms. Default 10,000. */
  timeoutMs?: number;
  /** Directory of the controller's certificates, for parts that are not on Unix sockets. */
  pki?: string;
}

/** Runs all, then returns what they gave, or throws UnreachableError with the reason of each that failed. */
export async function allOrReasons<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const reasons = results.flatMap((result) =>
    result.status === "rejected"
      ? [result.reason instanceof Error ? result.reason.message : `${result.reason}`]
      : [],
  );
  if (reasons.length > 0) {
    throw new UnreachableError(reasons);
  }
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/**
 * Connects to every part. The first call shows whether an LD answers, and for reading, whether a switch does.
 *
 * @throws UnreachableError for writing: when any switch is down, or another controller holds it
 */
export async function openParts(state: DesiredState, options: OpenOptions): Promise<Parts> {
  const { pki, timeoutMs } = options;
  const common = { ...(timeoutMs !== undefined && { timeoutMs }), ...(pki !== undefined && { pki }) };
  const lds = state.clusters.flatMap((cluster) =>
    cluster.lds.map((spec) => ({
      cluster,
      spec,
      connection: new LdClient({ name: spec.name, address: spec.agent, ...common }),
    })),
  );
  const opened: SwitchPart[] = [];
  const close = () => {
    for (const { connection } of [...opened, ...lds]) {
      connection.close();
    }
  };
  try {
    await allOrReasons(
      state.switches.map(async (spec) => {
        const { name, p4runtime, device_id } = spec;
        const connection = await Switch.connect({
          name,
          address: p4runtime,
          deviceId: BigInt(device_id),
          write: options.write,
          ...(timeoutMs !== undefined && { timeoutMs }),
          credentials: partCredentials(pki, p4runtime),
        });
        opened.push({ spec, connection });
      }),
    );
  } catch (error) {
    close();
    throw error;
  }
  try {
    // What the switches' controller has learned is not declared, and is to stay.
    const observed = await withHeldNeighbors(state, opened);
    const switches = observed.switches.map((spec): SwitchPart => {
      const { connection } = opened.find((part) => part.spec.name === spec.name)!;
      return { spec, connection };
    });
    return { state: observed, ids: idsOf(state), switches, lds, close };
  } catch (error) {
    close();
    throw error;
  }
}
