// Packets between controller and switch, their metadata by name.
import type { PacketIn, PacketMetadata, PacketOut } from "@sluice/proto/p4runtime";
import { ValueError } from "./addresses.js";
import { EntryError } from "./entries.js";
import { fieldNamed, type Schema, SchemaError, type SchemaPacketHeader } from "./schema.js";
import { decodeExact, encodeExact, type Value, type ValueInput } from "./values.js";

/** A packet that the switch gave to the controller. */
export interface ReceivedPacket {
  payload: Uint8Array;
  metadata: Record<string, Value>;
}

function header(schema: Schema, name: "packetIn" | "packetOut"): SchemaPacketHeader {
  const found = schema[name];
  if (found === undefined) {
    throw new SchemaError(`the P4 program has no ${name === "packetIn" ? "packet_in" : "packet_out"} header`);
  }
  return found;
}

/** @throws EntryError | SchemaError */
export function encodePacketOut(
  schema: Schema,
  payload: Uint8Array,
  metadata: Record<string, ValueInput>,
): PacketOut {
  const { fields } = header(schema, "packetOut");
  for (const name of Object.keys(metadata)) {
    fieldNamed(fields, name, "packet_out");
  }
  return {
    payload,
    metadata: fields.map((field): PacketMetadata => {
      const value = metadata[field.name];
      if (value === undefined) {
        throw new EntryError(`packet_out: metadata field "${field.name}" is missing`);
      }
      try {
        return { metadataId: field.id, value: encodeExact(value, field.bitwidth, field.names) };
      } catch (error) {
        throw error instanceof ValueError
          ? new EntryError(`packet_out.${field.name}: ${error.message}`)
          : error;
      }
    }),
  };
}

export function decodePacketIn(schema: Schema, packet: PacketIn): ReceivedPacket {
  const { fields } = header(schema, "packetIn");
  return {
    payload: packet.payload,
    metadata: Object.fromEntries(
      fields.map((field) => {
        const found = packet.metadata.find((item) => item.metadataId === field.id);
        const bytes = found?.value ?? new Uint8Array();
        return [field.name, decodeExact(bytes, field.bitwidth, field.format, field.names)];
      }),
    ),
  };
}

interface Waiter<T> {
  resolve(item: T): void;
  timer: NodeJS.Timeout;
}

/** A bounded queue: what nobody takes is dropped, oldest first, and counted. */
export class PacketQueue<T> {
  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #bytesOf: (item: T) => number;
  readonly #items: T[] = [];
  #bytes = 0;
  readonly #waiters: Waiter<T>[] = [];
  /** Packets that were dropped because nobody took them. */
  dropped = 0;

  /** @param capacity, maxBytes - keeps no more than either */
  constructor(capacity: number, maxBytes: number, bytesOf: (item: T) => number) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
    this.#bytesOf = bytesOf;
  }

  push(item: T): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      clearTimeout(waiter.timer);
      waiter.resolve(item);
      return;
    }
    this.#items.push(item);
    this.#bytes += this.#bytesOf(item);
    while (this.#items.length > this.#capacity || this.#bytes > this.#maxBytes) {
      this.#shift();
      this.dropped++;
    }
  }

  #shift(): T | undefined {
    const item = this.#items.shift();
    this.#bytes -= item === undefined ? 0 : this.#bytesOf(item);
    return item;
  }

  /** @returns the oldest packet, or undefined when none came within `timeoutMs` */
  take(timeoutMs: number): Promise<T | undefined> {
    const item = this.#shift();
    if (item !== undefined) {
      return Promise.resolve(item);
    }
    return new Promise((resolve) => {
      const waiter: Waiter<T> = {
        resolve,
        timer: setTimeout(() => {
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          resolve(undefined);
        }, timeoutMs),
      };
      this.#waiters.push(waiter);
    });
  }
}
