import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** Lowest first: a layer uses itself and those before it. */
const LAYERS = [
  "p4runtime",
  "tables",
  "state",
  "compile",
  "neighbors",
  "reconcile",
  "measure",
  "store",
  "daemon",
  "api",
  "cli",
];
const source = fileURLToPath(new URL("../src", import.meta.url));

it("layers only look down", () => {
  const files = LAYERS.flatMap((layer) =>
    readdirSync(join(source, layer), { recursive: true, encoding: "utf8" }).map((name) =>
      join(source, layer, name),
    ),
  ).filter((path) => path.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(30);
  const layerOf = (path: string) => LAYERS.indexOf(relative(source, path).split("/")[0]!);
  const upward = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)"/g)]
      .map(([, target]) => join(dirname(file), target!))
      .filter((target) => layerOf(target) < 0 || layerOf(target) > layerOf(file))
      .map((target) => `${relative(source, file)} imports ${relative(source, target)}`),
  );
  expect(upward).toEqual([]);
});
