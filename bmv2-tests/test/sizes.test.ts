// Every table holds as many entries as p4src/sizes.p4 promises, written through P4Runtime; packets find the first, the middle and
// the last of them; one more is refused. Here tables of up to 16,384 entries; `npm run test:sizes` fills all of them. On the soft
// switch: simple_switch_grpc holds as many, but says UNKNOWN when a table is full.
import { type Entry, P4RuntimeError, Schema } from "@sluice/controller/p4runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { FILLINGS } from "../src/filling.js";
import { Gateway } from "../src/gateway.js";
import { loadPipeline } from "../src/pipeline.js";
import { PRODUCT_ENTRIES } from "../src/products.js";
import { FENCE_ENTRIES } from "../src/target/fence.js";
import { startTarget, targetName } from "../src/target/index.js";

const FILL_ALL = process.env.SLUICE_SIZES === "all";
const LARGEST_USUALLY = 16_384;
const BATCH = 8_192;
/** gRPC's RESOURCE_EXHAUSTED (P4Runtime specification, section 9.1). */
const RESOURCE_EXHAUSTED = 8;
const LIMIT_MS = 1_200_000;

const schema = new Schema((await loadPipeline()).p4info);
const tables = [...schema.tables].map(({ alias, size }) => ({ table: alias, size: Number(size) }));

async function fill(gw: Gateway, first: number, end: number, make: (i: number) => Entry): Promise<void> {
  for (let at = first; at < end; at += BATCH) {
    const count = Math.min(BATCH, end - at);
    await gw.target.control.insert(...Array.from({ length: count }, (_, i) => make(at + i)));
  }
}

test("there is a way to fill every table", () => {
  // Its entries are groups of an action profile: ecmp.test.ts.
  expect([...Object.keys(FILLINGS), "ecmp_group"].sort()).toEqual(tables.map(({ table }) => table).sort());
});

describe.skipIf(targetName() !== "softswitch")("a table is full with as many entries as it promises", () => {
  let held: Map<string, number>;
  beforeAll(() => {
    held = new Map();
    for (const { table } of [...PRODUCT_ENTRIES, ...FENCE_ENTRIES])
      held.set(table, (held.get(table) ?? 0) + 1);
  });

  const wanted = tables.filter(
    ({ table, size }) => table in FILLINGS && (FILL_ALL || size <= LARGEST_USUALLY),
  );
  test.each(wanted.map(({ table, size }) => [table, size] as const))(
    "%s: %i",
    async (table, size) => {
      const filling = FILLINGS[table]!;
      const target = await startTarget();
      const gw = new Gateway(target);
      try {
        await target.control.insert(...PRODUCT_ENTRIES);
        const count = size - (held.get(table) ?? 0);
        await fill(gw, 0, count, (i) => filling.make(i));
        for (const i of [0, Math.floor(count / 2), count - 1]) {
          await gw.insert(...(filling.also?.(i) ?? []));
          await filling.prove(gw, i);
          await gw.undo();
        }
        const error = await target.control.insert(filling.make(count)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(P4RuntimeError);
        expect((error as P4RuntimeError).updates.map(({ code }) => code)).toEqual([RESOURCE_EXHAUSTED]);
        // Room again after one has gone.
        await target.control.delete(filling.make(0));
        await target.control.insert(filling.make(count));
      } finally {
        await target.stop();
      }
    },
    LIMIT_MS,
  );
});
