// The JSON Schema of sluice.yaml says what the reference says, and what the validator does. After a change of the shapes,
// `node controller/dist/cli/main.js schema > controller/sluice.schema.json && npx biome format --write controller` publishes it anew.
import { expect, it } from "vitest";
import { parse } from "yaml";
import { documentSchema, InvalidDocument, parseState } from "../src/state/index.js";
import { violations } from "./support/json_schema.js";
import { repositoryFile } from "./support/program.js";

interface Schema extends Record<string, unknown> {
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

const schema = documentSchema() as Schema;
const reference = repositoryFile("docs/sluice-yaml.md");
const example = repositoryFile("controller/examples/sluice.yaml");

function keysOf({ properties = {}, items, anyOf = [] }: Schema): string[] {
  const inner = [...Object.values(properties), ...(items === undefined ? [] : [items]), ...anyOf];
  return [...Object.keys(properties), ...inner.flatMap(keysOf)];
}

it("is the published one", () => {
  expect(JSON.parse(repositoryFile("controller/sluice.schema.json"))).toEqual(schema);
});

it("has every key of the reference, where it belongs", () => {
  const sections = [...reference.matchAll(/^## (\w+)\n([\s\S]*?)(?=^## )/gm)].filter(
    ([, name]) => schema.properties![name!] !== undefined,
  );
  expect(sections.length).toBeGreaterThanOrEqual(7);
  for (const [, name, text] of sections) {
    const section = schema.properties![name!]!.items!;
    const rows = [...text!.matchAll(/^\| ((?:`\w+`(?:, )?)+)/gm)].flatMap(([, cell]) => cell!.match(/\w+/g)!);
    for (const key of rows) {
      expect(section.properties ?? {}, `${name}: ${key}`).toHaveProperty(key);
    }
  }
});

it("has no key that the reference does not tell of", () => {
  const told = new Set(reference.match(/`[^`\n]+`|^## \w+/gm)!.flatMap((text) => text.match(/\w+/g)!));
  expect([...new Set(keysOf(schema))].filter((key) => !told.has(key))).toEqual([]);
});

it.each(["controller/examples/sluice.yaml", "controller/examples/eips.yaml"])("%s is valid", (file) => {
  expect(violations(schema, parse(repositoryFile(file)))).toEqual([]);
});

it.each([
  ["port: 1", "prot: 1"],
  ["network: internet", "network: [internet]"],
  ["mac: 02:00:00:00:00:01", "mac: 02-00"],
  ["protocol: tcp", "protocol: sctp"],
  ["port: 80", "port: 80000"],
  ["vip: 203.0.113.10", "vip: nowhere"],
  ["name: internet", "name: -internet-"],
])("what the validator refuses of one value, it refuses: %s -> %s", (good, bad) => {
  const broken = example.replace(good, bad);
  expect(broken).not.toBe(example);
  expect(() => parseState("sluice.yaml", broken)).toThrow(InvalidDocument);
  expect(violations(schema, parse(broken))).not.toEqual([]);
});

it("shows defaults, and what belongs together", () => {
  const service = schema.properties!.services!.items!;
  expect(service.properties!.scheduler).toMatchObject({
    default: "wrr",
    enum: expect.arrayContaining(["wlc"]),
  });
  expect(schema.properties!.eips!.items).toMatchObject({
    oneOf: [{ required: ["vm"] }, { required: ["vip"] }],
  });
  const cluster = schema.properties!.clusters!.items!;
  expect(cluster.properties!.lds!.items).toMatchObject({
    dependencies: { address_v6: ["gateway_v6"], gateway_v6: ["address_v6"] },
  });
});
