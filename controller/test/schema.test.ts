import { P4Info } from "@sluice/proto/p4info";
import { describe, expect, it } from "vitest";
import { nearest, renderSchema, Schema } from "../src/p4runtime/index.js";
import { everyKind, gateway } from "./support/program.js";

describe("schema", () => {
  it("explains the gateway at a glance", async () => {
    await expect(renderSchema(gateway)).toMatchFileSnapshot("goldens/gateway.schema.golden.txt");
  });

  it("explains every kind of field", async () => {
    await expect(renderSchema(everyKind)).toMatchFileSnapshot("goldens/every_kind.schema.golden.txt");
  });

  it("finds a table by alias, full name and id", () => {
    const table = gateway.tables.get("service");
    expect(gateway.tables.get(table.id)).toBe(table);
    expect(gateway.tables.get(table.name)).toBe(table);
    expect(table.name).not.toBe(table.alias);
  });

  it("reads what refers to what", () => {
    const [nexthop] = gateway.actions.get("set_nexthop").params;
    expect(nexthop!.refersTo).toEqual([{ table: "nexthop", field: "nexthop_id" }]);
  });

  it("names what was probably meant", () => {
    expect(() => gateway.tables.get("servce")).toThrow(
      'table "servce" does not exist in the P4 program (did you mean "service"?)',
    );
    expect(() => gateway.counters.get("x")).toThrow(
      'counter "x" does not exist in the P4 program (one of eip_packets, drops)',
    );
    expect(() => gateway.actions.get(5)).toThrow(
      "action 0x5 does not exist in the P4 program (the pipeline on the switch is another one",
    );
  });

  it("refuses a match kind that P4Runtime does not know", () => {
    const p4info = P4Info.fromPartial({
      tables: [
        {
          preamble: { id: 1, name: "t", alias: "t" },
          matchFields: [
            { id: 1, name: "f", bitwidth: 8, match: { $case: "otherMatchType", value: "fuzzy" } },
          ],
        },
      ],
    });
    expect(() => new Schema(p4info)).toThrow("table t: key field f has a match kind that is not supported");
  });
});

describe("nearest", () => {
  it.each([
    ["servise", ["service", "route"], 'did you mean "service"?'],
    ["zebra", ["service", "route"], "one of service, route"],
    ["x", [], "there is none"],
  ])("says for %s of %j: %s", (name, known, expected) => {
    expect(nearest(name, known)).toBe(expected);
  });
});
