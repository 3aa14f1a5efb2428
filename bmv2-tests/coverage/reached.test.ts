// The packet tests reach all of the program: every table with each of its actions and with no match at all, every drop reason.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Schema } from "@sluice/controller/p4runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPipeline, projectRoot, readDropReasons } from "../src/pipeline.js";
import { dropName, lookUpName, reachedBy } from "../src/reached.js";

const folder = join(projectRoot, "bmv2-tests/test");
const files = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile() && /= useGateway\(/.test(readFileSync(join(folder, entry.name), "utf8")))
  .map(({ name }) => name);
const lists = reachedBy();
const reached = new Set([...lists.values()].flatMap((list) => [...list]));

let schema: Schema;
beforeAll(async () => {
  schema = new Schema((await loadPipeline()).p4info);
});

describe("by the packets of all tests", () => {
  test("there is a list of every file (else: run the whole project, npm run test:p4)", () => {
    expect(files.length).toBeGreaterThan(20);
    expect([...lists.keys()].sort()).toEqual(files.sort());
  });

  test("every action of every table is reached", () => {
    const wanted = [...schema.tables].flatMap((table) =>
      table.actions
        .filter(({ action }) => action.alias !== "NoAction")
        .map(({ action }) => lookUpName(table.alias, action.alias)),
    );
    expect(wanted.length).toBeGreaterThan(50);
    expect(wanted.filter((name) => !reached.has(name))).toEqual([]);
  });

  test("every table is asked for what it does not have", () => {
    const wanted = [...schema.tables].map((table) => lookUpName(table.alias));
    expect(wanted.filter((name) => !reached.has(name))).toEqual([]);
  });

  test("every drop reason is counted", () => {
    const wanted = [...readDropReasons().keys()].map(dropName);
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !reached.has(name))).toEqual([]);
  });
});
