// Another protobuf implementation (protobufjs, by reflection over our .proto files) reads what our encoder writes, and our
// decoder reads what it writes. A field number or type that is wrong on both of our sides would not show otherwise.
import { fileURLToPath } from "node:url";
import { LdConfig } from "@sluice/proto/ld";
import { Update_Type, WriteRequest } from "@sluice/proto/p4runtime";
import protobuf from "protobufjs";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../src/compile/index.js";
import { encodeEntry } from "../src/p4runtime/index.js";
import { parseState } from "../src/state/index.js";
import { gateway, repositoryFile } from "./support/program.js";

const protoRoot = fileURLToPath(new URL("../../proto/", import.meta.url));
const root = new protobuf.Root();
const compiled = compile(parseState("example", repositoryFile("controller/examples/sluice.yaml")));

beforeAll(() => {
  const resolve = root.resolvePath.bind(root);
  root.resolvePath = (origin, target) =>
    target.startsWith("google/protobuf/") ? resolve(origin, target) : protoRoot + target;
  root.loadSync(["p4/v1/p4runtime.proto", "sluice/ld/v1/ld.proto"]);
});

/** Plain values: bytes as hex, 64-bit numbers as text. */
function plain(type: protobuf.Type, bytes: Uint8Array): unknown {
  return type.toObject(type.decode(bytes), { longs: String, enums: String, bytes: String });
}

describe("the wire", () => {
  it("carries a write of every table of the gateway as the specification says", () => {
    const entries = compiled.switches[0]!.allEntries();
    const tables = new Set(entries.map(({ table }) => table));
    expect(tables.size).toBeGreaterThanOrEqual(10);
    const request = WriteRequest.fromPartial({
      deviceId: 1n,
      electionId: { high: 1n, low: 2n ** 63n + 5n },
      updates: entries.map((entry) => ({
        type: Update_Type.INSERT,
        entity: { entity: { $case: "tableEntry", value: encodeEntry(gateway, entry) } },
      })),
    });
    const bytes = WriteRequest.encode(request).finish();
    const type = root.lookupType("p4.v1.WriteRequest");
    const read = plain(type, bytes) as { electionId: unknown; updates: Record<string, never>[] };
    expect(read.electionId).toEqual({ high: "1", low: `${2n ** 63n + 5n}` });
    expect(read.updates).toHaveLength(entries.length);

    const at = entries.findIndex(({ table }) => table === "service");
    const { match, params } = entries[at]!;
    const vip = Buffer.from(String(match.vip).split(".").map(Number)).toString("base64");
    const cluster = Number(params?.cluster_id);
    expect(read.updates[at]).toEqual({
      type: "INSERT",
      entity: {
        tableEntry: {
          tableId: 0x02000010,
          match: [
            { fieldId: 1, exact: { value: "AA==" } },
            { fieldId: 2, exact: { value: vip } },
            { fieldId: 3, exact: { value: "Bg==" } },
            { fieldId: 4, exact: { value: "UA==" } },
          ],
          action: {
            action: {
              actionId: 0x01000010,
              params: [
                { paramId: 1, value: Buffer.of(cluster >> 8, cluster & 255).toString("base64") },
                { paramId: 2, value: "AA==" },
              ],
            },
          },
        },
      },
    });

    const again = WriteRequest.decode(type.encode(type.decode(bytes)).finish());
    expect(WriteRequest.toJSON(again)).toEqual(WriteRequest.toJSON(request));
  });

  it("carries an LD's configuration", () => {
    const { config } = compiled.lds[0]!;
    const type = root.lookupType("sluice.ld.v1.LdConfig");
    const bytes = LdConfig.encode({ ...config, epoch: 2n ** 60n }).finish();
    expect(plain(type, bytes)).toMatchObject({
      epoch: `${2n ** 60n}`,
      vtep: Buffer.from(config.vtep).toString("base64"),
    });
    const again = LdConfig.decode(type.encode(type.decode(bytes)).finish());
    expect(LdConfig.toJSON(again)).toEqual(LdConfig.toJSON({ ...config, epoch: 2n ** 60n }));
  });
});
