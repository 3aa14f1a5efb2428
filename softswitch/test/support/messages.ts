// P4Runtime messages that tests are made of.
import { P4Info } from "@sluice/proto/p4info";
import { Entity, type ForwardingPipelineConfig, type Update, Update_Type } from "@sluice/proto/p4runtime";

export const TABLE = 33554433;

export function entry(number: number, table = TABLE): Entity {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(number);
  return Entity.fromPartial({
    entity: {
      $case: "tableEntry",
      value: {
        tableId: table,
        match: [{ fieldId: 1, fieldMatchType: { $case: "exact", value: { value } } }],
      },
    },
  });
}

export function insert(number: number): Update {
  return { type: Update_Type.INSERT, entity: entry(number) };
}

export function inserts(count: number, first = 0): Update[] {
  return Array.from({ length: count }, (_, index) => insert(first + index));
}

export const EVERY_ENTRY: Entity = Entity.fromPartial({ entity: { $case: "tableEntry", value: {} } });

export function pipelineConfig(name = "table", cookie?: bigint, device = "{}"): ForwardingPipelineConfig {
  return {
    p4info: P4Info.fromPartial({ tables: [{ preamble: { id: TABLE, name } }] }),
    p4DeviceConfig: Buffer.from(device),
    cookie: cookie === undefined ? undefined : { cookie },
  };
}
