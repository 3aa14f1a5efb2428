// The store of packed items is a map: whatever is done to it, it holds what a Map would.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Packed, PackedStore, packedBytes } from "../src/p4runtime/index.js";

function contents(store: PackedStore): Map<string, string> {
  const found = new Map<string, string>();
  for (let number = 0; number < store.numbers; number++) {
    if (store.has(number)) {
      const { key, effect } = store.item(number);
      found.set(key, effect);
    }
  }
  return found;
}

it("holds what a Map holds after any changes", () => {
  const change = fc.record({
    // Few keys, so that they meet; octets above 0x7f are one octet each too.
    key: fc.nat(40).map((number) => `\u0002\u00e9key ${number}`),
    effect: fc.option(fc.string({ maxLength: 300 }).map((text) => Buffer.from(text).toString("latin1"))),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
      const store = new PackedStore();
      const map = new Map<string, string>();
      for (const { key, effect } of changes) {
        if (effect === null) {
          expect(store.delete(packedBytes({ key, effect: "" }))).toBe(map.delete(key));
        } else {
          store.put(packedBytes({ key, effect }));
          map.set(key, effect);
        }
        expect(store.size).toBe(map.size);
      }
      expect(contents(store)).toEqual(map);
      for (const [key, effect] of map) {
        const number = store.find(packedBytes({ key, effect: "" }));
        expect(store.does(number, packedBytes({ key, effect }))).toBe(true);
        expect(store.does(number, packedBytes({ key, effect: `${effect}.` }))).toBe(false);
      }
      expect(store.find(packedBytes({ key: "another", effect: "" }))).toBe(-1);
    }),
  );
});

it("keeps an item that somebody holds as it was, and what is gone takes no room for ever", () => {
  const store = new PackedStore();
  const key = (i: number) => `key ${i % 1000}`;
  const effect = (i: number) => `${i} `.padEnd(400, "x");
  store.put(packedBytes({ key: key(0), effect: effect(0) }));
  const first: Packed = store.item(0);
  // 40 MB of records, of which 400 KB are alive: many times what makes it copy its chunks together.
  for (let i = 0; i < 100_000; i++) {
    store.put(packedBytes({ key: key(i), effect: effect(i) }));
  }
  expect(first).toMatchObject({ key: key(0), effect: effect(0) });
  expect(store.size).toBe(1000);
  expect(contents(store).get(key(7))).toBe(effect(99_007));
  expect(store.octets).toBeLessThan(10 * 2 ** 20);
});

it("takes no more than a chunk's beginning for a few items", () => {
  const store = new PackedStore();
  store.put(packedBytes({ key: "key", effect: "effect" }));
  expect(store.octets).toBeLessThan(4096);
  store.put(packedBytes({ key: "long", effect: "x".repeat(60_000) }));
  expect(contents(store).get("long")).toHaveLength(60_000);
  expect(() => store.put(packedBytes({ key: "longer", effect: "x".repeat(70_000) }))).toThrow(
    "an entry of 70006 octets",
  );
});
