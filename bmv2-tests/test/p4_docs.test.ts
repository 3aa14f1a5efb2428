// docs/p4/ tells of every table, action, parameter and drop reason that the program has, and shows its own picture.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Schema } from "@sluice/controller/p4runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPipeline, projectRoot } from "../src/pipeline.js";

const folder = join(projectRoot, "docs/p4");
const read = (file: string) => readFileSync(join(projectRoot, file), "utf8");
const pages = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .map((file) => [file, read(`docs/p4/${file}`)]),
);
const all = [...pages.values()].join("\n");
const told = (name: string) => expect(all, `docs/p4 does not name \`${name}\``).toContain(`\`${name}\``);
const base = (name: string) => name.replace(/_v6$/, "");

let schema: Schema;
beforeAll(async () => {
  schema = new Schema((await loadPipeline()).p4info);
});

test("every table is named, of both versions, with its key and its actions", () => {
  const tables = [...schema.tables];
  expect(tables.length).toBeGreaterThan(30);
  for (const table of tables) {
    told(table.alias);
    for (const field of table.fields) told(field.name);
    for (const { action } of table.actions) {
      if (action.alias === "NoAction") continue;
      told(all.includes(`\`${action.alias}\``) ? action.alias : base(action.alias));
      for (const param of action.params) told(param.name);
    }
  }
});

test("every drop reason is listed, with its number and its comment in the source", () => {
  const reasons = [
    ...read("p4src/drop_reasons.p4").matchAll(/^const drop_reason_t DROP_(\w+) = (\d+); *\/\/ (.+)$/gm),
  ];
  expect(reasons.length).toBe(29);
  for (const [, name, number, why] of reasons) {
    expect(pages.get("protection.md")).toContain(`| ${number} | \`${name}\` | ${why} |`);
  }
});

test("the picture in README.md is that of p4src/gateway.p4", () => {
  const [, picture] = /^```\n(.*?)^```/ms.exec(pages.get("README.md")!)!;
  const inSource = read("p4src/gateway.p4")
    .split("\n")
    .filter((line) => line.startsWith("//  "))
    .map((line) => line.slice(3));
  expect(inSource.length).toBeGreaterThan(10);
  expect(picture!.trimEnd().split("\n")).toEqual(inSource);
});

describe("links", () => {
  test.each([...pages])("of %s lead somewhere", (_file, text) => {
    for (const [, target] of text.matchAll(/\]\(([^)#]+)\)/g)) expect([...pages.keys()]).toContain(target);
  });
});
