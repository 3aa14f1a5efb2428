// Every operator against integers of any size, at widths around the borders of a lane.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UnsupportedConstruct } from "../src/json/bmv2.js";
import { exactValue, run, type TestField, type Tree, toJson } from "./support/expressions.js";

const WIDTHS = [1, 8, 16, 31, 32, 33, 48, 64, 128];

/** Values at the ends of a width are as likely as all others together. */
function valueOfWidth(bits: number): fc.Arbitrary<bigint> {
  const max = (1n << BigInt(bits)) - 1n;
  const ends = [0n, 1n, max, max - 1n, max >> 1n, (max >> 1n) + 1n, 0xffffffffn & max, 0x100000000n & max];
  return fc.oneof(fc.constantFrom(...ends.map((end) => BigInt.asUintN(bits, end))), fc.bigInt(0n, max));
}

const testField = (name: string, isSigned: fc.Arbitrary<boolean> = fc.constant(false)) =>
  fc
    .record({ bits: fc.constantFrom(...WIDTHS), isSigned })
    .chain(({ bits, isSigned: signed }): fc.Arbitrary<TestField> => {
      const width = signed && bits === 1 ? 2 : bits;
      return valueOfWidth(width).map((value) => ({ name, bits: width, isSigned: signed, value }));
    });

const masked = (tree: Tree, bits: number): Tree => ({
  op: "&",
  left: tree,
  right: { constant: (1n << BigInt(bits)) - 1n },
});

function agrees(tree: Tree, fields: readonly TestField[], bits: number): void {
  const wanted = exactValue(tree, new Map(fields.map((field) => [field.name, field])));
  expect(run(tree, fields, bits)).toBe(BigInt.asUintN(bits, wanted));
}

const a: Tree = { field: "a" };
const b: Tree = { field: "b" };

describe.each(["+", "-", "*", "&", "|", "^", "==", "!=", "<", ">", "<=", ">="])("a %s b", (op) => {
  test.each([
    ["unsigned", fc.constant(false)],
    ["of either sign", fc.boolean()],
  ])("%s", (_, isSigned) => {
    fc.assert(
      fc.property(
        testField("a", isSigned),
        testField("b", isSigned),
        fc.constantFrom(...WIDTHS),
        (left, right, bits) => agrees({ op, left: a, right: b }, [left, right], bits),
      ),
      { numRuns: 300 },
    );
  });
});

test.each(["~", "not", "d2b"])("%s a", (op) => {
  fc.assert(
    fc.property(testField("a", fc.boolean()), fc.constantFrom(...WIDTHS), (field, bits) =>
      agrees({ op, right: a }, [field], bits),
    ),
    { numRuns: 300 },
  );
});

describe.each(["<<", ">>"])("a %s", (op) => {
  test("a constant distance", () => {
    fc.assert(
      fc.property(
        testField("a", fc.boolean()),
        fc.integer({ min: 0, max: 140 }),
        fc.constantFrom(...WIDTHS),
        (field, distance, bits) =>
          agrees({ op, left: a, right: { constant: BigInt(distance) } }, [field], bits),
      ),
      { numRuns: 500 },
    );
  });

  test("the distance that a field has", () => {
    fc.assert(
      fc.property(
        testField("a", fc.boolean()),
        fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 31, 32, 33, 63, 64, 127, 128)),
        fc.constantFrom(...WIDTHS),
        (field, distance, bits) => {
          const by: TestField = { name: "b", bits: 8, isSigned: false, value: BigInt(distance) };
          agrees(masked({ op, left: a, right: b }, bits), [field, by], bits);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe.each(["two_comp_mod", "usat_cast", "sat_cast"])("%s", (op) => {
  test("of sums and differences, to every width", () => {
    fc.assert(
      fc.property(
        testField("a", fc.boolean()),
        testField("b", fc.boolean()),
        fc.constantFrom("+", "-"),
        fc.constantFrom(...WIDTHS.slice(1)),
        fc.constantFrom(...WIDTHS),
        (left, right, sign, width, bits) =>
          agrees(
            { op, left: { op: sign, left: a, right: b }, right: { constant: BigInt(width) } },
            [left, right],
            bits,
          ),
      ),
      { numRuns: 500 },
    );
  });
});

/** Trees such as p4c makes: every operator, and every shift to the left by a field's value reduced again. */
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(a, b),
    fc.bigInt(-(1n << 70n), 1n << 130n).map((constant): Tree => ({ constant })),
    fc
      .tuple(
        fc.constantFrom("+", "-", "*", "&", "|", "^", "==", "<", ">=", "and", "or"),
        tie("tree"),
        tie("tree"),
      )
      .map(([op, left, right]): Tree => ({ op, left, right })),
    fc.tuple(fc.constantFrom("~", "not", "d2b"), tie("tree")).map(([op, right]): Tree => ({ op, right })),
    fc
      .tuple(tie("tree"), tie("tree"), tie("tree"))
      .map(([cond, left, right]): Tree => ({ op: "?", cond: { op: "d2b", right: cond }, left, right })),
    fc
      .tuple(tie("tree"), fc.integer({ min: 0, max: 100 }), fc.constantFrom("<<", ">>"))
      .map(([left, by, op]): Tree => ({ op, left, right: { constant: BigInt(by) } })),
    fc
      .tuple(tie("tree"), fc.constantFrom(...WIDTHS))
      .map(([left, bits]): Tree => masked({ op: "<<", left, right: masked(b, 7) }, bits)),
    fc
      .tuple(
        tie("tree"),
        fc.constantFrom("two_comp_mod", "usat_cast", "sat_cast"),
        fc.constantFrom(8, 32, 64, 100),
      )
      .map(([left, op, width]): Tree => ({ op, left, right: { constant: BigInt(width) } })),
  ),
}));

test("whole expressions", () => {
  fc.assert(
    fc.property(
      tree,
      testField("a", fc.boolean()),
      testField("b", fc.boolean()),
      fc.constantFrom(...WIDTHS),
      (expression, left, right, bits) => agrees(expression, [left, right], bits),
    ),
    { numRuns: 2000 },
  );
});

describe("what cannot be known exactly is refused", () => {
  const field = (name: string, bits: number, isSigned = false): TestField => ({
    name,
    bits,
    isSigned,
    value: 0n,
  });

  test("comparing a value that was shifted by an unknown distance and not reduced", () => {
    const shifted: Tree = { op: "<<", left: a, right: b };
    const compare = () => run({ op: "<", left: shifted, right: a }, [field("a", 32), field("b", 8)], 1);
    expect(compare).toThrow(UnsupportedConstruct);
    expect(compare).toThrow('"<" on a value of more than 2048 bits');
  });

  test("shifting by what may be negative", () => {
    const shift = () => run({ op: ">>", left: a, right: b }, [field("a", 32), field("b", 8, true)], 32);
    expect(shift).toThrow('">>" by a distance that may be negative');
  });

  test("an operator that is not known", () => {
    expect(() => run({ op: "/", left: a, right: b }, [field("a", 8), field("b", 8)], 8)).toThrow(
      'the operator "/"',
    );
  });
});

test("constants keep their sign on their way through the JSON", () => {
  expect(toJson({ constant: -5n })).toEqual({ type: "hexstr", value: "-0x5" });
  expect(run({ constant: -5n }, [], 16)).toBe(0xfffbn);
});
