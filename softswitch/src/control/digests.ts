// Digests: values that packets send to the controller, in lists, each value once until the controller has acknowledged it
// (specification, section 9.7).

import type { P4Data } from "@sluice/proto/p4data";
import { DigestEntry, type DigestList, type DigestListAck, Update_Type } from "@sluice/proto/p4runtime";
import type { P4DataTypeSpec } from "@sluice/proto/p4types";
import type { Digest } from "../ir/program.js";
import { toBytes } from "./bytes.js";
import { alreadyExists, invalid, notFound } from "./errors.js";
import type { Schema } from "./schema.js";

/** Of lists whose size the controller leaves to the switch. */
const LONGEST_LIST = 1024;
/** Values that were sent and not acknowledged; beyond it the oldest list is forgotten. */
const MOST_UNACKNOWLEDGED = 65_536;
const NS_PER_US = 1000;

type Config = NonNullable<DigestEntry["config"]>;

export class BoundDigest {
  readonly id: number;
  readonly name: string;
  readonly #fields: Digest["fields"];
  readonly #type: NonNullable<P4DataTypeSpec["typeSpec"]>["$case"];
  /** Undefined: nothing is sent. */
  config: Config | undefined;
  /** What waits to be sent, by its lanes. */
  readonly #waiting = new Map<string, P4Data>();
  /** When the first of them came. */
  #waitsSinceUs = 0;
  /** When the list that waits is to be sent. */
  dueUs = Number.POSITIVE_INFINITY;
  #lastListId = 0n;
  /** Lists that are not acknowledged, the oldest first. */
  readonly #sent = new Map<bigint, { keys: string[]; sentUs: number }>();
  readonly #unacknowledged = new Set<string>();

  constructor(id: number, name: string, digest: Digest, spec: P4DataTypeSpec | undefined) {
    this.id = id;
    this.name = name;
    this.#fields = digest.fields;
    this.#type = spec?.typeSpec?.$case ?? "struct";
  }

  /** Goes on with a configuration, which is also that of what waits already, or ends. */
  configure(config: Config | undefined, nowUs: number): void {
    this.config = config;
    if (config !== undefined) {
      if (this.#waiting.size > 0) this.dueUs = this.#isFull(config) ? nowUs : this.#endUs(config);
      return;
    }
    this.#waiting.clear();
    this.#sent.clear();
    this.#unacknowledged.clear();
    this.dueUs = Number.POSITIVE_INFINITY;
  }

  /** Takes what a packet has sent. @returns whether a list is to be sent now */
  take(lanes: Int32Array, nowUs: number): boolean {
    if (this.config === undefined) return false;
    this.#forget(nowUs);
    const key = lanes.join();
    if (this.#waiting.has(key) || this.#unacknowledged.has(key)) return false;
    this.#waiting.set(key, this.#data(lanes));
    if (this.#waiting.size === 1) {
      this.#waitsSinceUs = nowUs;
      this.dueUs = this.#endUs(this.config);
    }
    return this.#isFull(this.config) || this.config.maxTimeoutNs <= 0n;
  }

  #endUs({ maxTimeoutNs }: Config): number {
    return this.#waitsSinceUs + Number(maxTimeoutNs) / NS_PER_US;
  }

  #isFull({ maxListSize }: Config): boolean {
    return this.#waiting.size >= Math.min(maxListSize || LONGEST_LIST, LONGEST_LIST);
  }

  /** The values that wait, as one list. */
  list(nowUs: number, timestamp: bigint): DigestList {
    const listId = ++this.#lastListId;
    const data = [...this.#waiting.values()];
    if ((this.config?.ackTimeoutNs ?? 0n) > 0n) {
      const keys = [...this.#waiting.keys()];
      this.#sent.set(listId, { keys, sentUs: nowUs });
      for (const key of keys) this.#unacknowledged.add(key);
    }
    this.#waiting.clear();
    this.dueUs = Number.POSITIVE_INFINITY;
    return { digestId: this.id, listId, data, timestamp };
  }

  acknowledge(listId: bigint): void {
    for (const key of this.#sent.get(listId)?.keys ?? []) this.#unacknowledged.delete(key);
    this.#sent.delete(listId);
  }

  /** Lists that were not acknowledged in time. */
  #forget(nowUs: number): void {
    const ackTimeoutUs = Number(this.config!.ackTimeoutNs) / NS_PER_US;
    for (const [listId, { sentUs }] of this.#sent) {
      if (nowUs - sentUs < ackTimeoutUs && this.#unacknowledged.size < MOST_UNACKNOWLEDGED) return;
      this.acknowledge(listId);
    }
  }

  #data(lanes: Int32Array): P4Data {
    let lane = 0;
    const members = this.#fields.map(({ bits, lanes: count }) => {
      const first = lane;
      lane += count;
      return toBytes((i) => lanes[first + i]!, bits);
    });
    const bitstring = (value: Uint8Array): P4Data => ({ data: { $case: "bitstring", value } });
    switch (this.#type) {
      case "bitstring":
        return bitstring(members[0]!);
      case "tuple":
        return { data: { $case: "tuple", value: { members: members.map(bitstring) } } };
      case "header":
        return { data: { $case: "header", value: { isValid: true, bitstrings: members } } };
      default:
        return { data: { $case: "struct", value: { members: members.map(bitstring) } } };
    }
  }
}

function digestOf({ digests }: Schema, id: number): BoundDigest {
  const digest = digests.get(id);
  if (digest === undefined) throw notFound(`there is no digest with id ${id}`);
  return digest;
}

/** Applies one update. @throws UpdateError; nothing has changed then */
export function writeDigest(schema: Schema, type: Update_Type, { digestId, config }: DigestEntry): void {
  const digest = digestOf(schema, digestId);
  const isThere = digest.config !== undefined;
  if (type === Update_Type.DELETE) {
    if (!isThere) throw notFound(`digest ${digest.name} is not sent`);
    digest.configure(undefined, schema.clockUs());
    return;
  }
  if (config === undefined) throw invalid(`digest ${digest.name}: a configuration is needed`);
  if (config.maxTimeoutNs < 0n || config.ackTimeoutNs < 0n || config.maxListSize < 0) {
    throw invalid(`digest ${digest.name}: times and sizes are at least 0`);
  }
  if (type === Update_Type.INSERT && isThere) throw alreadyExists(`digest ${digest.name} is sent already`);
  if (type === Update_Type.MODIFY && !isThere) throw notFound(`digest ${digest.name} is not sent`);
  digest.configure({ ...config }, schema.clockUs());
  schema.nextTimerUs = Math.min(schema.nextTimerUs, digest.dueUs);
}

/** Reads the configuration of one digest, or with id 0 of all that are sent. @throws UpdateError NOT_FOUND */
export function* readDigests(schema: Schema, { digestId }: DigestEntry): Generator<DigestEntry> {
  const digests = digestId === 0 ? [...schema.digests.values()] : [digestOf(schema, digestId)];
  for (const { id, config } of digests) {
    if (config !== undefined) yield DigestEntry.fromPartial({ digestId: id, config });
  }
}

/** @throws UpdateError for a digest that the program does not have. A list that is not waited for any more is no error. */
export function acknowledgeDigest(schema: Schema, { digestId, listId }: DigestListAck): void {
  const digest = schema.digests.get(digestId);
  if (digest === undefined) throw invalid(`the program has no digest with id ${digestId}`);
  digest.acknowledge(listId);
}
