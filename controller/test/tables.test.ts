import { describe, expect, it } from "vitest";
import { encodeEntry } from "../src/p4runtime/index.js";
import { renderBindings, renderConstants } from "../src/tables/bindings.js";
import { BUCKETS, DROP_REASONS } from "../src/tables/constants.js";
import * as tables from "../src/tables/gateway.js";
import { STEERING_TABLES } from "../src/tables/steering.js";
import { everyKind, gateway, repositoryFile } from "./support/program.js";

const remedy = "run `npm run build && npm run generate -w controller`";

describe("generated bindings", () => {
  it("are what the committed P4Info gives", () => {
    expect(repositoryFile("controller/src/tables/gateway.ts"), remedy).toBe(renderBindings(gateway));
  });

  it("have the drop reasons and sizes of the P4 source", () => {
    const text = renderConstants(repositoryFile("p4src/drop_reasons.p4"), repositoryFile("p4src/sizes.p4"));
    expect(repositoryFile("controller/src/tables/constants.ts"), remedy).toBe(text);
    expect(new Set(DROP_REASONS.map(({ index }) => index)).size).toBe(DROP_REASONS.length);
    expect(Math.log2(BUCKETS) % 1).toBe(0);
  });

  it("make entries that the program takes", () => {
    const entry = tables.ld_of_bucket.assign_ld(
      { cluster_id: 1, bucket: 1023 },
      { ld_id: 2, backup_ld_id: 0 },
    );
    expect(encodeEntry(gateway, entry).tableId).toBe(gateway.tables.get("ld_of_bucket").id);
  });

  it("ask for a priority where the key needs one", () => {
    expect(renderBindings(everyKind)).toContain(
      "(match: Given<M, AclKey>, params: Given<P, PermitParams>, priority: number): Entry =>",
    );
  });

  it("refuse P4 sources in another form than they can read", () => {
    expect(() => renderConstants("", "#define BUCKETS 4")).toThrow("drop_reasons.p4 holds no drop reason");
  });

  it("name only tables that exist as steering ones", () => {
    expect([...STEERING_TABLES].filter((name) => !gateway.tables.has(name))).toEqual([]);
  });
});
