// The stores of tables against models that are too simple to be wrong.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EntryStore } from "../src/tables/store.js";
import { identityOf, insert, keyOf, makeStore, remove } from "./support/tables.js";

describe("exact", () => {
  test("a million entries are found, taken out and put in again", () => {
    const store = makeStore([{ kind: "exact", bits: 48 }]);
    const count = 1_000_000;
    const key = new Int32Array(store.lanes);
    const at = (i: number) => {
      // Neighbouring values, as addresses of one network have them.
      key[0] = 0x0a000000 + i;
      key[1] = i & 3;
      return key;
    };
    for (let i = 0; i < count; i++) store.insert(at(i));
    expect(store.size).toBe(count);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (store.find(at(i)) !== i + 1) wrong++;
    for (let i = 0; i < count; i += 2) store.remove(store.find(at(i)));
    expect(store.size).toBe(count / 2);
    for (let i = 0; i < count; i++) if (store.find(at(i)) !== (i % 2 === 0 ? 0 : i + 1)) wrong++;
    for (let i = 0; i < count; i += 2) store.insert(at(i));
    const entries = new Set<number>();
    for (let i = 0; i < count; i++) entries.add(store.find(at(i)));
    expect(wrong).toBe(0);
    expect(entries.has(0)).toBe(false);
    expect(entries.size).toBe(count);
  }, 60_000);

  test("behaves as a Map while entries come and go", () => {
    // Few different keys and a small index: entries collide, wrap around its end and shift back.
    const command = fc.record({ remove: fc.boolean(), key: fc.integer({ min: 0, max: 90 }) });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 400 }), fc.integer(), (commands, salt) => {
        const store = new EntryStore(1, 2, true);
        const model = new Map<number, number>();
        for (const { remove: goes, key } of commands) {
          const lanes = Int32Array.of(Math.imul(key, 0x01000193) ^ salt);
          const held = model.get(key);
          expect(store.find(lanes)).toBe(held ?? 0);
          if (goes && held !== undefined) {
            store.remove(held);
            model.delete(key);
          } else if (!goes && held === undefined) {
            const entry = store.insert(lanes);
            expect([...model.values()]).not.toContain(entry);
            model.set(key, entry);
          }
        }
        expect(store.size).toBe(model.size);
        expect([...store.entries()].sort()).toEqual([...model.values()].sort());
        for (let key = 0; key <= 90; key++) {
          expect(store.find(Int32Array.of(Math.imul(key, 0x01000193) ^ salt))).toBe(model.get(key) ?? 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("a new entry starts without the data and counts of the one before it", () => {
    const store = new EntryStore(1, 2, true);
    const first = store.insert(Int32Array.of(1));
    store.data.set([7, 8], first * 2);
    store.counters.set([9, 10], first * 2);
    store.remove(first);
    const second = store.insert(Int32Array.of(2));
    expect(second).toBe(first);
    expect([...store.data.subarray(second * 2, second * 2 + 2)]).toEqual([0, 0]);
    expect([...store.counters.subarray(second * 2, second * 2 + 2)]).toEqual([0, 0]);
  });

  test("keys, data and counts stay with their entries while memory grows", () => {
    const store = new EntryStore(2, 1, true);
    for (let i = 0; i < 5000; i++) {
      const entry = store.insert(Int32Array.of(i, -i));
      store.data[entry] = i;
      store.counters[2 * entry] = i;
      store.actions[entry] = i % 7;
    }
    for (let i = 0; i < 5000; i++) {
      const entry = store.find(Int32Array.of(i, -i));
      expect([store.data[entry], store.counters[2 * entry], store.actions[entry]]).toEqual([i, i, i % 7]);
    }
  });
});

describe("longest prefix", () => {
  const maskOf = (length: number, bits: number) => ((1n << BigInt(length)) - 1n) << BigInt(bits - length);

  test.each([32, 128, 12])("of %i bits, beside an exact field: as a search through all entries", (bits) => {
    const prefix = fc
      .record({
        vrf: fc.bigInt(0n, 2n),
        length: fc.integer({ min: 0, max: bits }),
        // Few different bits, so that prefixes lie inside each other.
        value: fc.bigInt(0n, (1n << BigInt(bits)) - 1n).map((value) => value & (5n << BigInt(bits - 4))),
      })
      .map(({ vrf, length, value }) => ({ vrf, length, value: value & maskOf(length, bits) }));
    const probe = fc.tuple(fc.bigInt(0n, 3n), fc.bigInt(0n, (1n << BigInt(bits)) - 1n));
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 60 }),
        fc.array(probe, { minLength: 20 }),
        fc.nat(),
        (prefixes, probes, seed) => {
          const store = makeStore([
            { kind: "exact", bits: 10 },
            { kind: "lpm", bits },
          ]);
          const held = new Map<number, (typeof prefixes)[number]>();
          for (const [i, item] of prefixes.entries()) {
            const identity = { values: [item.vrf, item.value], prefixLength: item.length };
            const known = store.identify(identityOf(store, identity));
            if (known === 0) held.set(insert(store, identity), item);
            else if ((seed >> (i % 30)) & 1) {
              remove(store, known);
              held.delete(known);
            }
          }
          for (const [vrf, address] of [
            ...probes,
            ...prefixes.map(({ vrf: v, value }) => [v, value] as const),
          ]) {
            const matching = [...held]
              .filter(([, item]) => item.vrf === vrf && (address & maskOf(item.length, bits)) === item.value)
              .sort(([, x], [, y]) => y.length - x.length);
            expect(store.find(keyOf(store, [vrf, address]))).toBe(matching[0]?.[0] ?? 0);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("ternary, range and optional", () => {
  test("highest priority first, equal ones in the order of their coming: as a search through all entries", () => {
    const KEYS = [
      { kind: "ternary", bits: 40 },
      { kind: "range", bits: 16 },
      { kind: "range", bits: 48 },
      { kind: "optional", bits: 8 },
      { kind: "exact", bits: 4 },
    ] as const;
    const full = (bits: number) => (1n << BigInt(bits)) - 1n;
    const small = (bits: number) => fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, full(bits)));
    const range = (bits: number) =>
      fc.tuple(small(bits), small(bits)).map(([x, y]) => (x < y ? [x, y] : [y, x]));
    const rule = fc.record({
      priority: fc.integer({ min: 1, max: 4 }),
      mask: fc.constantFrom(0n, 1n, 3n, 1n << 39n, full(40)),
      value: small(40),
      low: range(16),
      wide: range(48),
      any: fc.boolean(),
      option: fc.bigInt(0n, 3n),
      exact: fc.bigInt(0n, 1n),
    });
    const probe = fc.tuple(small(40), small(16), small(48), fc.bigInt(0n, 3n), fc.bigInt(0n, 1n));
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 40 }),
        fc.array(probe, { minLength: 30 }),
        fc.nat(),
        (rules, probes, seed) => {
          const store = makeStore(KEYS);
          const held: { entry: number; priority: number; matches: (probe: bigint[]) => boolean }[] = [];
          rules.forEach((item, i) => {
            const option = item.any ? 0n : item.option;
            const identity = {
              values: [item.value & item.mask, item.low[0]!, item.wide[0]!, option, item.exact],
              seconds: [item.mask, item.low[1]!, item.wide[1]!, item.any ? 0n : full(8), full(4)],
              priority: item.priority,
            };
            const known = store.identify(identityOf(store, identity));
            if (known !== 0) {
              if ((seed >> (i % 30)) & 1) {
                remove(store, known);
                held.splice(
                  held.findIndex(({ entry }) => entry === known),
                  1,
                );
              }
              return;
            }
            held.push({
              entry: insert(store, identity),
              priority: item.priority,
              matches: ([a, b, c, d, e]) =>
                (a! & item.mask) === (item.value & item.mask) &&
                b! >= item.low[0]! &&
                b! <= item.low[1]! &&
                c! >= item.wide[0]! &&
                c! <= item.wide[1]! &&
                (item.any || d === item.option) &&
                e === item.exact,
            });
          });
          for (const values of probes) {
            const best = held
              .filter(({ matches }) => matches(values))
              .reduce<(typeof held)[number] | undefined>(
                (winner, item) => (winner === undefined || item.priority > winner.priority ? item : winner),
                undefined,
              );
            expect(store.find(keyOf(store, values))).toBe(best?.entry ?? 0);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
