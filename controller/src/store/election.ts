// Which of several controllers leads: the one whose key in etcd is the oldest. A key lives as long as its owner's lease, so a
// controller that dies is followed by the next one when its lease is over, and at once when it says goodbye.
//
// The revision at which etcd created the leader's key is its *term*: it rises from leader to leader. Whatever a leader does
// names its term, so that one who was asleep while another took over can do no harm: etcd takes commits only while the key is
// there, switches take the term as election id, LDs refuse a smaller one than they have seen.
import { setTimeout as sleep } from "node:timers/promises";
import { Lease } from "./lease.js";
import type { EtcdPlace } from "./place.js";

const CANDIDATES = "candidates/";
/** How often a candidate looks whether its turn has come. */
const LOOK_MS = 200;

export interface Leadership {
  /** Rises from leader to leader, over all controllers of the region. */
  readonly term: bigint;
  /** The key to whose existence the leadership is tied. */
  readonly key: string;
  /** Resolves, with the reason, when this controller leads no more. */
  readonly lost: Promise<string>;
  /** Lets the next one lead at once. @param reason - what {@link lost} resolves with */
  resign(reason: string): Promise<void>;
}

export interface Candidacy {
  /** Where this controller's API is, for those who ask another one. */
  api: string;
  /** For how long a leader that is silent still leads, in seconds. */
  leaseS: number;
  /** Ends the candidacy. */
  signal: AbortSignal;
  /** Called when somebody else is seen to lead, with the address of its API; undefined: nobody. */
  onLeader(api: string | undefined): void;
}

/**
 * Waits until this controller leads.
 *
 * @returns undefined when the signal ended the candidacy
 * @throws Error when etcd cannot be reached, or the lease is lost meanwhile
 */
export async function campaign(
  { keys, place, pki }: EtcdPlace,
  { api, leaseS, signal, onLeader }: Candidacy,
): Promise<Leadership | undefined> {
  const lease = new Lease({ place, pki, leaseS });
  try {
    const id = await lease.id;
    const key = `${CANDIDATES}${id}`;
    await keys.put(key).value(JSON.stringify({ api })).lease(id);
    while (!signal.aborted && lease.over === undefined) {
      const [first] = (await keys.getAll().prefix(CANDIDATES).sort("Create", "Ascend").limit(1).exec()).kvs;
      if (first?.key.toString() === key) {
        const { lost } = lease;
        return { term: BigInt(first.create_revision), key, lost, resign: (reason) => lease.end(reason) };
      }
      onLeader(first === undefined ? undefined : (JSON.parse(first.value.toString()) as { api: string }).api);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  } catch (error) {
    await lease.end("it is no candidate any more");
    throw error;
  }
  const { over } = lease;
  await lease.end("it is no candidate any more");
  if (over !== undefined) {
    throw new Error(over);
  }
  return undefined;
}
