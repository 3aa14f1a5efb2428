// What a switch holds and counts, as it is asked for.
import { status } from "@grpc/grpc-js";
import { CounterEntry, type Entity } from "@sluice/proto/p4runtime";
import type { Client } from "./client.js";
import { type CounterValue, decodeEntry, type Entry, emptyTableEntry, encodeEntry } from "./entries.js";
import { P4RuntimeError } from "./errors.js";
import type { Schema, SchemaProfile, SchemaTable } from "./schema.js";

export interface ReadOptions {
  /** Also read the direct counters, where a table has them. */
  counters?: boolean;
}

function wildcardsOf({ id }: SchemaProfile): Entity[] {
  return [
    {
      entity: {
        $case: "actionProfileMember",
        value: { actionProfileId: id, memberId: 0, action: undefined },
      },
    },
    {
      entity: {
        $case: "actionProfileGroup",
        value: { actionProfileId: id, groupId: 0, members: [], maxSize: 0 },
      },
    },
  ];
}

function wildcardOf(table: SchemaTable, { counters = false }: ReadOptions): Entity {
  const isCounted = counters && table.directCounter !== undefined;
  const counterData = isCounted ? { byteCount: 0n, packetCount: 0n } : undefined;
  return { entity: { $case: "tableEntry", value: { ...emptyTableEntry(table.id), counterData } } };
}

/**
 * Streams what tables hold as messages: the members and groups of their action profiles, then their entries.
 *
 * @param tables - aliases; default all
 */
export async function* readMessages(
  client: Client,
  schema: Schema,
  tables?: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Entity> {
  const wanted = tables === undefined ? [...schema.tables] : tables.map((name) => schema.tables.get(name));
  const profiles = new Set(wanted.flatMap(({ profile }) => profile ?? []));
  const entities = [
    ...[...profiles].flatMap(wildcardsOf),
    ...wanted.map((table) => wildcardOf(table, options)),
  ];
  for await (const item of client.read(entities)) {
    if (item.entity?.$case !== "tableEntry" || !item.entity.value.isDefaultAction) {
      yield item;
    }
  }
}

/** Reads one entry by its key, with its direct counter where the table has one. @returns undefined when absent */
export async function readEntry(client: Client, schema: Schema, key: Entry): Promise<Entry | undefined> {
  const { action: _, params: __, ...keyOnly } = key;
  const message = encodeEntry(schema, keyOnly);
  if (schema.tables.get(key.table).directCounter !== undefined) {
    message.counterData = { byteCount: 0n, packetCount: 0n };
  }
  try {
    for await (const { entity } of client.read([{ entity: { $case: "tableEntry", value: message } }])) {
      if (entity?.$case === "tableEntry") {
        return decodeEntry(schema, entity.value);
      }
    }
  } catch (error) {
    if (!(error instanceof P4RuntimeError && error.code === status.NOT_FOUND)) {
      throw error;
    }
  }
  return undefined;
}

/** Reads cells of a counter that is not bound to a table, by index. Without `indices`, all of them. */
export async function readCounter(
  client: Client,
  schema: Schema,
  name: string,
  indices?: readonly number[],
): Promise<Map<number, CounterValue>> {
  const counterId = schema.counters.get(name).id;
  const requests =
    indices === undefined
      ? [CounterEntry.fromPartial({ counterId })]
      : indices.map((index) => CounterEntry.fromPartial({ counterId, index: { index: BigInt(index) } }));
  const cells = new Map<number, CounterValue>();
  if (requests.length === 0) {
    return cells; // a read of nothing would be one of everything to some servers
  }
  for await (const { entity } of client.read(
    requests.map((value): Entity => ({ entity: { $case: "counterEntry", value } })),
  )) {
    if (entity?.$case === "counterEntry") {
      const { index, data } = entity.value;
      cells.set(Number(index?.index ?? 0n), {
        packets: data?.packetCount ?? 0n,
        bytes: data?.byteCount ?? 0n,
      });
    }
  }
  return cells;
}
