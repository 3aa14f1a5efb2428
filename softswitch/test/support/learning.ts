// testdata/matching.p4 with idle timeouts and a digest. No p4c was at hand: what it would write is put into what it wrote, in the form of
// its sources (backends/bmv2) and as simple_switch reads it: `support_timeout` of a table, a learn list, and `generate_digest` in an action.
import { Table_IdleTimeoutBehavior } from "@sluice/proto/p4info";
import { P4TypeInfo } from "@sluice/proto/p4types";
import type { SoftSwitchOptions } from "../../src/types.js";
import { type LoadedProgram, TestProgram } from "./program.js";

export const DIGEST_ID = 0x17000001;
const LEARN_LIST = 7;
/** Tables whose entries may have an idle timeout. */
const WITH_TIMEOUT = ["exact_table", "lpm_table", "ternary_table"];

interface JsonParts {
  actions: { name: string; primitives: object[] }[];
  pipelines: { tables: { name: string; support_timeout: boolean }[] }[];
  learn_lists: object[];
}

function addLearning({ p4info, json }: LoadedProgram): void {
  const { actions, pipelines, learn_lists } = json as unknown as JsonParts;
  for (const table of pipelines.flatMap(({ tables }) => tables)) {
    table.support_timeout = WITH_TIMEOUT.includes(table.name.split(".").at(-1)!);
  }
  const hexstr = (value: number) => ({ type: "hexstr", value: `0x${value.toString(16).padStart(8, "0")}` });
  for (const { name, primitives } of actions) {
    // Before the action's own: a digest has what its fields are when ingress has ended.
    if (name === "TestIngress.mark")
      primitives.unshift({ op: "generate_digest", parameters: [hexstr(1), hexstr(LEARN_LIST)] });
  }
  learn_lists.push({
    id: LEARN_LIST,
    name: "seen_t",
    elements: ["result", "mac"].map((field) => ({ type: "field", value: ["probe", field] })),
  });
  for (const table of p4info.tables) {
    if (WITH_TIMEOUT.includes(table.preamble!.alias)) {
      table.idleTimeoutBehavior = Table_IdleTimeoutBehavior.NOTIFY_CONTROL;
    }
  }
  const bit = (bitwidth: number) => ({
    typeSpec: {
      $case: "bitstring" as const,
      value: { typeSpec: { $case: "bit" as const, value: { bitwidth } } },
    },
  });
  p4info.typeInfo = P4TypeInfo.fromPartial({
    structs: {
      seen_t: {
        members: [
          { name: "result", typeSpec: bit(8) },
          { name: "mac", typeSpec: bit(48) },
        ],
      },
    },
  });
  p4info.digests.push({
    preamble: { ...p4info.tables[0]!.preamble!, id: DIGEST_ID, name: "seen_t", alias: "seen_t" },
    typeSpec: { typeSpec: { $case: "struct", value: { name: "seen_t" } } },
  });
}

export function learningProgram(options: SoftSwitchOptions = {}): TestProgram {
  return new TestProgram("matching", options, addLearning);
}
