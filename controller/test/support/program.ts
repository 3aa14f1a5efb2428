// The gateway's program and another one that has every match kind, for tests.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { P4Info } from "@sluice/proto/p4info";
import { parseP4InfoText } from "@sluice/proto/p4info-text";
import { type Pipeline, Schema } from "../../src/p4runtime/index.js";

const root = new URL("../../../", import.meta.url);

export function repositoryFile(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

export const buildDirectory = fileURLToPath(new URL("build", root));

export const gatewayPipeline: Pipeline = {
  p4info: parseP4InfoText(repositoryFile("build/gateway_v1model.p4info.txtpb")),
  deviceConfig: new Uint8Array(Buffer.from(repositoryFile("build/gateway_v1model.json"))),
};

export const gateway = new Schema(gatewayPipeline.p4info);

const annotated = (annotations: string[]) => ({ annotations });

/** A table with a field of each match kind and format, an action profile's table, and a const table. */
export const everyKind = new Schema(
  P4Info.fromPartial({
    tables: [
      {
        preamble: { id: 0x02000001, name: "ingress.acl", alias: "acl" },
        matchFields: [
          { id: 1, name: "network", bitwidth: 16, match: { $case: "matchType", value: 2 } },
          {
            id: 2,
            name: "src",
            bitwidth: 32,
            ...annotated(["@format(IPV4_ADDRESS)"]),
            match: { $case: "matchType", value: 4 },
          },
          { id: 3, name: "port", bitwidth: 16, match: { $case: "matchType", value: 5 } },
          { id: 4, name: "proto", bitwidth: 8, match: { $case: "matchType", value: 6 } },
          {
            id: 5,
            name: "src6",
            bitwidth: 128,
            ...annotated(["@format(IPV6_ADDRESS)"]),
            match: { $case: "matchType", value: 4 },
          },
          { id: 6, name: "flags", bitwidth: 6, match: { $case: "matchType", value: 4 } },
          { id: 7, name: "label", bitwidth: 0, match: { $case: "matchType", value: 6 } },
        ],
        actionRefs: [{ id: 0x01000001 }, { id: 0x01000002, scope: 2 }],
        size: 128n,
      },
      {
        preamble: { id: 0x02000002, name: "ingress.members", alias: "members" },
        matchFields: [{ id: 1, name: "group", bitwidth: 16, match: { $case: "matchType", value: 2 } }],
        actionRefs: [{ id: 0x01000001 }],
        implementationId: 0x11000001,
        size: 64n,
      },
      {
        preamble: { id: 0x02000003, name: "ingress.fixed", alias: "fixed" },
        matchFields: [{ id: 1, name: "cookie", bitwidth: 64, match: { $case: "matchType", value: 2 } }],
        actionRefs: [{ id: 0x01000001 }],
        isConstTable: true,
        size: 4n,
      },
    ],
    actionProfiles: [
      {
        preamble: { id: 0x11000001, name: "ingress.choices", alias: "choices" },
        tableIds: [0x02000002],
        withSelector: true,
        size: 64n,
        maxGroupSize: 8,
      },
    ],
    actions: [
      {
        preamble: { id: 0x01000001, name: "ingress.permit", alias: "permit" },
        params: [{ id: 1, name: "cookie", bitwidth: 64 }],
      },
      { preamble: { id: 0x01000002, name: "NoAction", alias: "NoAction" }, params: [] },
    ],
  }),
);
