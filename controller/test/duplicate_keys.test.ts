import fc from "fast-check";
import { expect, it } from "vitest";
import { duplicateKey } from "../src/api/duplicate_keys.js";

const texts = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 2))
  .map(([value, indent]) => JSON.stringify(value, null, indent));

it("a text that JSON.stringify makes has none", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(duplicateKey(text)).toBeUndefined();
    }),
  );
});

it("one that is put into an object is found, wherever that is, and however the key is written", () => {
  const escaped = (key: string) =>
    [...Array(key.length).keys()]
      .map((i) => `\\u${key.charCodeAt(i).toString(16).padStart(4, "0")}`)
      .join("");
  fc.assert(
    fc.property(
      texts,
      texts,
      fc.string({ unit: "binary" }),
      fc.boolean(),
      (before, between, key, isEscaped) => {
        const first = `[${before}, {"a": {${JSON.stringify(key)}: ${between},\n `;
        const text = `${first}${isEscaped ? `"${escaped(key)}"` : JSON.stringify(key)} : 1}}]`;
        const { length } = first.split("\n");
        expect(JSON.parse(text)).toBeDefined();
        expect(duplicateKey(text)).toEqual({ key, path: "[1].a", line: length, column: 2 });
      },
    ),
  );
});

it.each([
  ['{"a":1,"a":2}', { key: "a", path: "", line: 1, column: 8 }],
  ['{"a":{"b":[1,{"c":1,"b":2}],"b":3}}', { key: "b", path: "a", line: 1, column: 29 }],
  ['{"__proto__":1,"__proto__":2}', { key: "__proto__", path: "", line: 1, column: 16 }],
  ['{"":1,"":2}', { key: "", path: "", line: 1, column: 7 }],
  ['{"a":"\\\\","a":1}', { key: "a", path: "", line: 1, column: 11 }],
  ['{"a":"\\\\\\"","b":"a","c":["a","a"]}', undefined],
  ['[{"a":1},{"a":1}]', undefined],
  ['["a","a"]', undefined],
  ['"a"', undefined],
])("%s", (text, found) => {
  JSON.parse(text);
  expect(duplicateKey(text)).toEqual(found);
});
