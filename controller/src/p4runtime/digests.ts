// What a switch says by itself besides packets: digests, which are values of the program's types, and entries that no packet has hit
// for as long as their idle timeout (specification, sections 16.3 to 16.5).

import type { P4Data } from "@sluice/proto/p4data";
import type { DigestEntry, DigestList, IdleTimeoutNotification } from "@sluice/proto/p4runtime";
import { decodeEntry, type Entry } from "./entries.js";
import { type Schema, type SchemaDigest, SchemaError } from "./schema.js";
import { decodeExact, type Value } from "./values.js";

const NS_PER_MS = 1_000_000n;

/** When a switch sends a digest. */
export interface DigestConfig {
  /** How long a value may wait for others before the list is sent, in ms. 0: it is sent at once. */
  maxTimeoutMs: number;
  /** Values in a list. 0: as many as the switch likes. */
  maxListSize: number;
  /** How long the same values are not sent again while the list is not acknowledged, in ms. */
  ackTimeoutMs: number;
}

/** Values that the data plane has sent, in the order in which it has. */
export interface ReceivedDigest {
  digest: string;
  /** By the names of the struct's members; a bare value is called `value`, members of a tuple `0`, `1`, … */
  items: Record<string, Value>[];
  /** ns since the epoch, by the switch's clock. */
  timestampNs: bigint;
}

/** Entries whose idle timeout is over; the switch leaves them in. */
export interface IdleEntries {
  entries: Entry[];
  /** ns since the epoch, by the switch's clock. */
  timestampNs: bigint;
}

export function digestEntry(digest: SchemaDigest, config: DigestConfig | undefined): DigestEntry {
  return {
    digestId: digest.id,
    config: config && {
      maxTimeoutNs: BigInt(config.maxTimeoutMs) * NS_PER_MS,
      maxListSize: config.maxListSize,
      ackTimeoutNs: BigInt(config.ackTimeoutMs) * NS_PER_MS,
    },
  };
}

/** The byte strings that a value is made of; undefined when it is not made of those alone. */
function bytesIn({ data }: P4Data): readonly Uint8Array[] | undefined {
  switch (data?.$case) {
    case "bitstring":
    case "enumValue":
      return [data.value];
    case "header":
      return data.value.bitstrings;
    case "struct":
    case "tuple": {
      const members = data.value.members.map((member) => member.data);
      return members.flatMap((member) =>
        member?.$case === "bitstring" || member?.$case === "enumValue" ? [member.value] : [],
      );
    }
    default:
      return undefined;
  }
}

/** @throws SchemaError for a digest that the program does not have, or whose type is not made of bit<W> and serializable enums alone */
export function decodeDigest(schema: Schema, { digestId, data, timestamp }: DigestList): ReceivedDigest {
  const { alias, fields } = schema.digests.get(digestId);
  return {
    digest: alias,
    items: data.map((item) => {
      const bytes = bytesIn(item);
      if (fields === undefined || bytes?.length !== fields.length) {
        throw new SchemaError(
          `digest ${alias}: only values of bit<W> or a serializable enum, and structs, tuples and headers of those, are read`,
        );
      }
      return Object.fromEntries(
        fields.map(({ name, bitwidth, format, names }, i) => [
          name,
          decodeExact(bytes[i]!, bitwidth, format, names),
        ]),
      );
    }),
    timestampNs: timestamp,
  };
}

/** @throws SchemaError for a table that the program does not have */
export function decodeIdleEntries(
  schema: Schema,
  { tableEntry, timestamp }: IdleTimeoutNotification,
): IdleEntries {
  return { entries: tableEntry.map((entry) => decodeEntry(schema, entry)), timestampNs: timestamp };
}
