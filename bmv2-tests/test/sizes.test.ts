// Every table holds as many entries as p4src/sizes.p4 promises, written through P4Runtime; packets find the first, the middle and
// the last of them; one more is refused. Here tables of up to 16,384 entries; `npm run test:sizes` fills all of them. On the soft
// switch: simple_switch_grpc holds as many, but says UNKNOWN when a table is full.
import { type Entry, P4RuntimeError, Schema } from "@sluice/controller/p4runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { EcmpGroup } from "../src/ecmp.js";
import { FILLINGS, macOf } from "../src/filling.js";
import { datagram, flowOf, from, hopped, to } from "../src/frames.js";
import { Gateway } from "../src/gateway.js";
import { loadPipeline } from "../src/pipeline.js";
import { ecmpHash, PRODUCT_ENTRIES } from "../src/products.js";
import { CLIENT, entry, FABRIC, UPSTREAM } from "../src/standard.js";
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

async function refusalOf(attempt: Promise<void>): Promise<P4RuntimeError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(P4RuntimeError);
  return error as P4RuntimeError;
}

test("there is a way to fill every table", () => {
  // Its entries are groups of an action profile: the last test here.
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
        const { updates } = await refusalOf(target.control.insert(filling.make(count)));
        expect(updates.map(({ code }) => code)).toEqual([RESOURCE_EXHAUSTED]);
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

const { maxGroupSize: SLOTS, size: MEMBERS } = schema.profiles.get("ecmp_members");
const isFilledUsually = MEMBERS <= LARGEST_USUALLY;

describe.skipIf(targetName() !== "softswitch" || !(FILL_ALL || isFilledUsually))("ecmp_group", () => {
  const GROUPS = tables.find(({ table }) => table === "ecmp_group")!.size;
  const ROUTE = "11.251.0.0/24";
  /** Those of one group differ; each number is that of several groups. */
  const hopOf = (group: number, slot: number) => 1000 + ((group * SLOTS + slot) % 3000);
  const groupOf = (gw: Gateway, id: number, slots = SLOTS) =>
    new EcmpGroup(
      gw.target.control,
      id,
      Array.from({ length: slots }, (_, slot) => hopOf(id, slot)),
    );

  /** A flow of each of these slots leaves to the slot's own next hop. */
  async function prove(gw: Gateway, id: number): Promise<void> {
    const hops = Array.from({ length: SLOTS }, (_, slot) => hopOf(id, slot));
    await gw.insert(...hops.map((hop) => entry.nexthop(hop, FABRIC, macOf(hop))));
    await gw.insert(entry.routeToGroup(0, ROUTE, id));
    for (const slot of [0, SLOTS / 2, SLOTS - 1]) {
      let srcPort = 1;
      const packet = () => datagram(CLIENT, "11.251.0.9", srcPort, 53);
      while (ecmpHash(0, flowOf(packet())) % SLOTS !== slot) srcPort++;
      await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet()], {
        port: FABRIC.port,
        layers: [...to(FABRIC, macOf(hopOf(id, slot))), ...hopped(packet())],
      });
    }
    await gw.undo();
  }

  const refused = async (attempt: Promise<void>) =>
    (await refusalOf(attempt)).updates.map(({ code }) => code);

  test(
    `is full with ${GROUPS} groups of ${SLOTS} slots`,
    async () => {
      expect(MEMBERS).toBe(GROUPS * SLOTS);
      const target = await startTarget();
      const gw = new Gateway(target);
      try {
        await target.control.insert(...PRODUCT_ENTRIES);
        for (let id = 1; id <= GROUPS; id++) await groupOf(gw, id).insert();
        for (const id of [1, GROUPS / 2, GROUPS]) await prove(gw, id);
        // Neither a member nor an entry more.
        const { control } = target;
        const other = groupOf(gw, GROUPS + 1, 1);
        expect(await refused(control.insert(...other.members()))).toEqual([RESOURCE_EXHAUSTED]);
        const last = groupOf(gw, GROUPS);
        expect(await refused(control.insert({ ...last.entry(), match: other.entry().match }))).toEqual([
          RESOURCE_EXHAUSTED,
        ]);
        // Room again after one has gone.
        await last.delete();
        await other.insert();
      } finally {
        await target.stop();
      }
    },
    LIMIT_MS,
  );
});
