// Standard metadata: functions that read and write its fields at their places.
import type { Program } from "../ir/program.js";
import { LOCAL } from "../runtime/memory.js";
import type { Writer } from "./writer.js";

/** Fields that the switch itself reads or writes; the function of a field that a program does not have does nothing. */
const WRITTEN = {
  setIngressPort: "ingress_port",
  setPacketLength: "packet_length",
  setIngressTime: "ingress_global_timestamp",
  setEgressTime: "egress_global_timestamp",
  setParserError: "parser_error",
  setChecksumError: "checksum_error",
  setInstanceType: "instance_type",
  setEgressPort: "egress_port",
  setEgressSpec: "egress_spec",
  setEgressRid: "egress_rid",
  setEnqueueTime: "enq_timestamp",
} as const;

const READ = {
  egressSpec: "egress_spec",
  egressPort: "egress_port",
  multicastGroup: "mcast_grp",
  priority: "priority",
} as const;

export type StandardMetadata = { [name in keyof typeof WRITTEN]: (value: number) => void } & {
  [name in keyof typeof READ]: () => number;
} & {
  /** Empties state and local slots for a packet. */
  begin(): void;
  /** Zeroes the metadata of a packet, and leaves its headers. */
  clearMetadata(): void;
};

/** Emits {@link StandardMetadata}. @returns the names of its functions */
export function emitStandard({ standard, metadataLanes }: Program, out: Writer): string[] {
  for (const [name, fieldName] of Object.entries(WRITTEN)) {
    const field = standard.get(fieldName);
    out.block(`function ${name}(value)`, () => {
      if (field === undefined) return;
      const { lane, bits } = field;
      const low = bits < 32 ? `value & ${2 ** bits - 1}` : "value | 0";
      out.line(`S[${lane}] = ${low};`);
      if (bits > 32) out.line(`S[${lane + 1}] = Math.floor(value / 4294967296) & ${2 ** (bits - 32) - 1};`);
    });
  }
  for (const [name, fieldName] of Object.entries(READ)) {
    const field = standard.get(fieldName);
    out.line(`function ${name}() { return ${field === undefined ? "0" : `S[${field.lane}] >>> 0`}; }`);
  }
  out.block("function begin()", () => {
    out.line("S.fill(0);");
    out.line("S[0] = 1;");
    out.line("L.fill(0);");
    out.line(`L[${LOCAL.truncateTo}] = Infinity;`);
  });
  out.block("function clearMetadata()", () => {
    out.line(`S.fill(0, 1, ${metadataLanes});`);
  });
  return [...Object.keys(WRITTEN), ...Object.keys(READ), "begin", "clearMetadata"];
}
