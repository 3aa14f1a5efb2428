// A switch that runs one of the programs in testdata/, and P4Runtime's messages by the names of the program.
import { readFileSync } from "node:fs";
import type { P4Info } from "@sluice/proto/p4info";
import { parseP4InfoText } from "@sluice/proto/p4info-text";
import {
  Entity,
  FieldMatch,
  PacketReplicationEngineEntry,
  type Update,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { SoftSwitch } from "../../src/switch.js";
import { type SoftSwitchOptions, WriteError } from "../../src/types.js";

const file = (name: string) => readFileSync(new URL(`../../testdata/${name}`, import.meta.url));

export type Json = Record<string, unknown>;

export interface LoadedProgram {
  p4info: P4Info;
  json: Json;
}

export function loadProgram(name: string): LoadedProgram {
  return {
    p4info: parseP4InfoText(file(`${name}.p4info.txtpb`).toString()),
    json: JSON.parse(file(`${name}.json`).toString()),
  };
}

export const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ""), "hex");

/** A byte string of P4Runtime: as short as it can be. */
export const value = (number: number | bigint): Buffer => {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(2 * Math.ceil(hex.length / 2), "0"), "hex");
};

type Integer = number | bigint;
export const exact = (of: Integer) => ({ exact: { value: value(of) } });
export const lpm = (of: Integer, prefixLen: number) => ({ lpm: { value: value(of), prefixLen } });
export const ternary = (of: Integer, mask: Integer) => ({ ternary: { value: value(of), mask: value(mask) } });
export const range = (low: Integer, high: Integer) => ({ range: { low: value(low), high: value(high) } });
export const optional = (of: Integer) => ({ optional: { value: value(of) } });

type Match = ReturnType<typeof exact | typeof lpm | typeof ternary | typeof range | typeof optional>;

export interface EntryOptions {
  match?: Record<string, Match>;
  /** name and parameters of an action */
  action?: readonly [string, ...Integer[]];
  member?: number;
  group?: number;
  priority?: number;
  isDefaultAction?: boolean;
  metadata?: Uint8Array;
  counterData?: { packetCount: bigint; byteCount: bigint };
  idleTimeoutNs?: bigint;
  timeSinceLastHit?: { elapsedNs: bigint };
}

type NamedKind = "digests" | "tables" | "actions" | "counters" | "registers" | "actionProfiles";

export class TestProgram {
  readonly p4info: P4Info;
  readonly deviceConfig: Uint8Array;
  readonly switch: SoftSwitch;

  /** @param change - makes another program of it */
  constructor(
    name: string,
    options: SoftSwitchOptions = {},
    change: (program: LoadedProgram) => void = () => {},
  ) {
    const program = loadProgram(name);
    change(program);
    const { p4info, json } = program;
    this.p4info = p4info;
    this.switch = new SoftSwitch(options);
    this.deviceConfig = Buffer.from(JSON.stringify(json));
    this.switch.setPipeline(p4info, this.deviceConfig);
  }

  /** What leaves when a frame comes in at port 0, as "port: hex". */
  send(frame: string | Uint8Array, port = 0): string[] {
    const input = typeof frame === "string" ? bytes(frame) : frame;
    return this.switch
      .inject(port, input)
      .map((out) => `${out.port}: ${Buffer.from(out.frame).toString("hex")}`);
  }

  id(kind: NamedKind, name: string): number {
    const found = (this.p4info[kind] as { preamble?: { id: number; alias: string } | undefined }[]).find(
      ({ preamble }) => preamble?.alias === name,
    );
    if (found === undefined) throw new Error(`there is no "${name}" among the ${kind}`);
    return found.preamble!.id;
  }

  action([name, ...params]: readonly [string, ...Integer[]]) {
    return {
      actionId: this.id("actions", name),
      params: params.map((param, i) => ({ paramId: i + 1, value: value(param) })),
    };
  }

  entry(table: string, options: EntryOptions): Entity {
    const info = this.p4info.tables.find(({ preamble }) => preamble?.alias === table);
    const { match = {}, action, member, group, ...rest } = options;
    const type =
      action !== undefined
        ? ({ $case: "action", value: this.action(action) } as const)
        : member !== undefined
          ? ({ $case: "actionProfileMemberId", value: member } as const)
          : group !== undefined
            ? ({ $case: "actionProfileGroupId", value: group } as const)
            : undefined;
    return Entity.fromPartial({
      entity: {
        $case: "tableEntry",
        value: {
          tableId: this.id("tables", table),
          match: Object.entries(match).map(([name, how]) => {
            const [kind, content] = Object.entries(how)[0]!;
            return FieldMatch.fromPartial({
              fieldId: info!.matchFields.find((field) => field.name === name)?.id ?? 99,
              fieldMatchType: { $case: kind, value: content } as never,
            });
          }),
          ...(type === undefined ? {} : { action: { type } }),
          ...rest,
        },
      },
    });
  }

  insert(table: string, options: EntryOptions): void {
    this.write([{ type: Update_Type.INSERT, entity: this.entry(table, options) }]);
  }

  modify(table: string, options: EntryOptions): void {
    this.write([{ type: Update_Type.MODIFY, entity: this.entry(table, options) }]);
  }

  remove(table: string, options: EntryOptions): void {
    this.write([{ type: Update_Type.DELETE, entity: this.entry(table, options) }]);
  }

  write(updates: readonly Update[]): void {
    this.switch.write(updates);
  }

  /** Code and message of the only update of a write that fails. */
  failure(write: () => void): { code: number; message: string } {
    try {
      write();
    } catch (error) {
      if (error instanceof WriteError && error.results.length === 1) return error.results[0]!;
      throw error;
    }
    throw new Error("the write went through");
  }

  /** Table entries of a table, decoded as they are on the wire. */
  read(table: string, options: EntryOptions = {}) {
    return this.switch.read([this.entry(table, options)]).map(({ entity }) => {
      if (entity?.$case !== "tableEntry") throw new Error("no table entry");
      return entity.value;
    });
  }
}

export function preEntity(
  kind: "multicastGroupEntry" | "cloneSessionEntry",
  id: number,
  replicas: readonly (readonly [port: number, instance: number])[],
): Entity {
  const wire = replicas.map(([port, instance]) => ({
    portKind: { $case: "egressPort", value: port } as const,
    instance,
  }));
  const group = { $case: "multicastGroupEntry", value: { multicastGroupId: id, replicas: wire } } as const;
  const session = { $case: "cloneSessionEntry", value: { sessionId: id, replicas: wire } } as const;
  const value = PacketReplicationEngineEntry.fromPartial(
    kind === "multicastGroupEntry" ? { type: group } : { type: session },
  );
  return { entity: { $case: "packetReplicationEngineEntry", value } };
}
