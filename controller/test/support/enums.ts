// A program whose fields are of serializable enums, for tests: by themselves, and as p4c names them, behind a `type`.
import { MatchField_MatchType, P4Info } from "@sluice/proto/p4info";
import { Schema } from "../../src/p4runtime/index.js";

const typed = (name: string) => ({ typeName: { name } });
const matched = (kind: MatchField_MatchType) => ({ match: { $case: "matchType" as const, value: kind } });
const { EXACT, TERNARY, RANGE, OPTIONAL, LPM } = MatchField_MatchType;

const bit = (bitwidth: number, ...annotations: string[]) => ({
  typeSpec: {
    $case: "bitstring" as const,
    value: { typeSpec: { $case: "bit" as const, value: { bitwidth } }, annotations },
  },
});

export const ENUM_DIGEST = 0x1700_0001;

export const enumsP4Info = P4Info.fromPartial({
  tables: [
    {
      preamble: { id: 0x0200_0001, name: "ingress.classify", alias: "classify" },
      matchFields: [
        { id: 1, name: "direction", bitwidth: 2, ...typed("direction_t"), ...matched(EXACT) },
        { id: 2, name: "protocol", bitwidth: 8, ...typed("protocol_t"), ...matched(TERNARY) },
        { id: 3, name: "class", bitwidth: 16, ...typed("class_t"), ...matched(RANGE) },
        { id: 4, name: "color", bitwidth: 32, ...typed("color_t"), ...matched(OPTIONAL) },
      ],
      actionRefs: [{ id: 0x0100_0001 }],
      size: 64n,
    },
    {
      preamble: { id: 0x0200_0002, name: "ingress.plain", alias: "plain" },
      matchFields: [
        { id: 1, name: "direction", bitwidth: 2, ...typed("direction_t"), ...matched(EXACT) },
        { id: 2, name: "source", bitwidth: 32, ...typed("source_t"), ...matched(LPM) },
      ],
      actionRefs: [{ id: 0x0100_0001 }],
      size: 64n,
    },
  ],
  actions: [
    {
      preamble: { id: 0x0100_0001, name: "ingress.paint", alias: "paint" },
      params: [{ id: 1, name: "color", bitwidth: 32, ...typed("color_t") }],
    },
  ],
  digests: [
    {
      preamble: { id: ENUM_DIGEST, name: "seen_t", alias: "seen_t" },
      typeSpec: { typeSpec: { $case: "struct", value: { name: "seen_t" } } },
    },
  ],
  controllerPacketMetadata: ["packet_in", "packet_out"].map((name, i) => ({
    preamble: { id: 0x8100_0001 + i, name, alias: name },
    metadata: [{ id: 1, name: "direction", bitwidth: 2, ...typed("direction_t") }],
  })),
  typeInfo: {
    serializableEnums: {
      direction_t: {
        underlyingType: { bitwidth: 2 },
        members: [
          { name: "IN", value: Uint8Array.of(1) },
          { name: "OUT", value: Uint8Array.of(2) },
        ],
      },
      protocol_e: {
        underlyingType: { bitwidth: 8 },
        members: [
          { name: "ICMP", value: Uint8Array.of(1) },
          { name: "TCP", value: Uint8Array.of(6) },
          { name: "UDP", value: Uint8Array.of(17) },
        ],
      },
      class_t: {
        underlyingType: { bitwidth: 16 },
        members: [
          { name: "LOW", value: Uint8Array.of(0, 0) },
          { name: "HIGH", value: Uint8Array.of(1, 0) },
        ],
      },
      color_t: {
        underlyingType: { bitwidth: 32 },
        members: [
          { name: "RED", value: Uint8Array.of(0, 0, 0, 1) },
          { name: "BLUE", value: Uint8Array.of(0xff, 0, 0, 0) },
        ],
      },
    },
    newTypes: {
      protocol_t: {
        representation: {
          $case: "originalType",
          value: { typeSpec: { $case: "serializableEnum", value: { name: "protocol_e" } } },
        },
      },
      source_t: {
        representation: { $case: "originalType", value: bit(32) },
        annotations: ["@format(IPV4_ADDRESS)"],
      },
    },
    structs: {
      seen_t: {
        members: [
          {
            name: "protocol",
            typeSpec: { typeSpec: { $case: "newType", value: { name: "protocol_t" } } },
          },
          {
            name: "direction",
            typeSpec: { typeSpec: { $case: "serializableEnum", value: { name: "direction_t" } } },
          },
          { name: "port", typeSpec: bit(9) },
        ],
      },
    },
  },
});

export const enums = new Schema(enumsP4Info);
