// Ternary look-ups find what a search through all entries finds, whatever comes and goes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyField, Table } from "../src/ir/program.js";
import { makeTableStore } from "../src/tables/table_store.js";

/** Few values, so that entries overlap and probes hit. */
const value = fc.constantFrom(0, 1, 2, 3, 0x80000001 | 0, -1);
const mask = fc.constantFrom(0, 1, 3, 0x80000000 | 0, -1);
const KINDS = ["ternary", "ternary", "range"] as const;

interface Item {
  values: number[];
  seconds: number[];
  priority: number;
}

const item = fc
  .record({
    values: fc.tuple(value, value, fc.nat(3)),
    seconds: fc.tuple(mask, mask, fc.nat(3)),
    priority: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ values, seconds, priority }): Item => {
    const [low, high] = [Math.min(values[2], seconds[2]), Math.max(values[2], seconds[2])];
    return {
      values: [values[0] & seconds[0], values[1] & seconds[1], low],
      seconds: [seconds[0], seconds[1], high],
      priority,
    };
  });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ insert: item }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ probe: fc.tuple(value, value, fc.nat(4)) }) },
);

const table = {
  name: "t",
  kind: "ternary",
  keys: KINDS.map((kind, lane) => ({ name: `f${lane}`, bits: 32, lanes: 1, lane, kind }) as KeyField),
  actions: [],
  hasCounter: false,
} as unknown as Table;

function matches({ values, seconds }: Item, key: readonly number[]): boolean {
  return KINDS.every((kind, i) =>
    kind === "range"
      ? key[i]! >= values[i]! && key[i]! <= seconds[i]!
      : (key[i]! & seconds[i]!) === values[i]!,
  );
}

/** The first of the highest priority, in the order of insertion. */
function searched(held: ReadonlyMap<number, Item>, key: readonly number[]): number {
  let best = 0;
  for (const [entry, candidate] of held) {
    if (matches(candidate, key) && (best === 0 || candidate.priority > held.get(best)!.priority))
      best = entry;
  }
  return best;
}

describe("a ternary table", () => {
  test("finds the oldest entry of the highest priority among those that match", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const store = makeTableStore(table);
        const held = new Map<number, Item>();
        const identity = ({ values, seconds, priority }: Item) =>
          Int32Array.of(...values, ...seconds, priority);
        for (const one of steps) {
          if ("insert" in one) {
            if (store.identify(identity(one.insert)) !== 0) continue;
            const entry = store.insert(identity(one.insert));
            store.added(entry);
            held.set(entry, one.insert);
          } else if ("remove" in one) {
            const entry = [...held.keys()][one.remove % Math.max(1, held.size)];
            if (entry === undefined) continue;
            store.removing(entry);
            store.remove(entry);
            held.delete(entry);
          } else {
            expect(store.find(Int32Array.from(one.probe))).toBe(searched(held, one.probe));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("holds ten thousand entries of one mask, and finds each", () => {
    const store = makeTableStore(table);
    for (let i = 0; i < 10_000; i++) {
      const entry = store.insert(Int32Array.of(i, 0, 0, -1, 0, 3, 1 + (i % 7)));
      store.added(entry);
    }
    for (const i of [0, 1, 5_000, 9_999]) expect(store.find(Int32Array.of(i, 99, 2))).toBe(i + 1);
    expect(store.find(Int32Array.of(10_000, 99, 2))).toBe(0);
  });
});
