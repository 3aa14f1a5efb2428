// Values of serializable enums go in and out by name: entries, packets, digests, raw tables, and bindings that the compiler checks.
import { DigestList } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  decodeEntry,
  type Entry,
  EntryError,
  encodeEntry,
  Packer,
  renderSchema,
  Switch,
  type Uint,
  unpack,
} from "../src/p4runtime/index.js";
import { renderBindings } from "../src/tables/bindings.js";
import * as tables from "./goldens/enums.golden.js";
import { runSluice as sluice } from "./support/cli.js";
import { ENUM_DIGEST, enums, enumsP4Info } from "./support/enums.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";

const entry: Entry = {
  table: "classify",
  match: { direction: "IN", protocol: "TCP", class: "LOW..HIGH", color: "BLUE" },
  action: "paint",
  params: { color: "RED" },
  priority: 1,
};
const plain: Entry = {
  table: "plain",
  match: { direction: "OUT", source: "10.0.0.0/8" },
  action: "paint",
  params: { color: "BLUE" },
};

describe("a value of a serializable enum", () => {
  it.each([entry, plain])("goes in and comes out by its name: $table", (written) => {
    expect(decodeEntry(enums, encodeEntry(enums, written))).toEqual(written);
    // The way by which millions go, too.
    const { entity } = unpack(new Packer(enums).pack(written));
    expect(entity).toMatchObject({ $case: "tableEntry" });
    expect(decodeEntry(enums, (entity as { value: Parameters<typeof decodeEntry>[1] }).value)).toEqual(
      written,
    );
  });

  it("is taken as a number, too, and shown by its name where it has one", () => {
    const numbers = { direction: 1, protocol: "0x6&&&0xff", class: "0..256", color: 0xff00_0000 };
    expect(
      decodeEntry(enums, encodeEntry(enums, { ...entry, match: numbers, params: { color: "1" } })),
    ).toEqual(entry);
    const nameless = { direction: 3, protocol: "0x4&&&0x4", class: "1..HIGH" };
    expect(decodeEntry(enums, encodeEntry(enums, { ...entry, match: nameless })).match).toEqual(nameless);
  });

  it("is refused under a name that the enum does not have, with those that it has", () => {
    const wrong: [Partial<Entry>, string][] = [
      [
        { match: { ...entry.match, direction: "INN" } },
        'classify.direction: "INN" is neither a number nor a value of direction_t (one of IN, OUT)',
      ],
      [{ match: { ...entry.match, protocol: "tcp" } }, "a value of protocol_e (one of ICMP, TCP, UDP)"],
      [{ match: { ...entry.match, class: "LOW..TOP" } }, '"TOP" is neither'],
      [{ params: { color: "10.0.0.1" } }, 'classify: paint.color: "10.0.0.1" is neither'],
      [{ match: { ...entry.match, direction: 4 } }, "4 does not fit in 2 bits"],
    ];
    for (const [change, message] of wrong) {
      expect(() => encodeEntry(enums, { ...entry, ...change })).toThrow(EntryError);
      expect(() => encodeEntry(enums, { ...entry, ...change })).toThrow(message);
    }
    const asNumber = { ...plain, match: { direction: 2 }, params: { color: "10.0.0.1" } };
    expect(() => new Packer(enums).pack(asNumber)).toThrow('paint.color: "10.0.0.1" is neither');
  });

  it("has its names in what the program is explained by", async () => {
    await expect(renderSchema(enums)).toMatchFileSnapshot("goldens/enums.schema.golden.txt");
  });
});

describe("bindings", () => {
  it("are what the program gives", async () => {
    await expect(renderBindings(enums, "../../src/p4runtime/index.js")).toMatchFileSnapshot(
      "goldens/enums.golden.ts",
    );
  });

  it("take names and numbers, and make entries that the program takes", () => {
    const made = [
      tables.classify.paint(
        { direction: "IN", protocol: "TCP", class: "HIGH", color: "RED" },
        { color: "BLUE" },
        1,
      ),
      tables.plain.paint({ direction: 2, source: "10.0.0.0/8" }, { color: 0xff00_0000 }),
    ];
    expect(made.map((item) => decodeEntry(enums, encodeEntry(enums, item)))).toEqual([
      { ...entry, match: { ...entry.match, class: "HIGH", color: "RED" }, params: { color: "BLUE" } },
      plain,
    ]);
  });
});

declare const someText: string;
declare const u8: Uint<8>;

/** Never called: what the compiler refuses. An `@ts-expect-error` over a line that does compile is itself an error. */
export function refused(): void {
  // @ts-expect-error a name that the enum does not have
  tables.plain.paint({ direction: "INN" }, { color: "RED" });
  // @ts-expect-error a name of another enum
  tables.plain.paint({ direction: "RED" }, { color: "RED" });
  // @ts-expect-error the same, of a parameter
  tables.plain.paint({ direction: "IN" }, { color: "IN" });
  // @ts-expect-error text of which nobody knows whether it is a name
  tables.plain.paint({ direction: someText }, { color: "RED" });
  // @ts-expect-error a number that is too wide
  tables.plain.paint({ direction: 4 }, { color: "RED" });
  // @ts-expect-error a value of 8 bits for 2
  tables.plain.paint({ direction: u8 }, { color: "RED" });
  // @ts-expect-error a name that the enum does not have, in a ternary field
  tables.classify.paint({ direction: "IN", protocol: "SCTP" }, { color: "RED" }, 1);
}

describe("from a switch", () => {
  const folder = useFolder();
  let fake: FakeSwitch;
  let gw1: Switch;
  beforeEach(async () => {
    fake = await FakeSwitch.listen(folder.socket("gw1.sock"));
    gw1 = await Switch.connect({ name: "gw1", address: folder.socket("gw1.sock"), deviceId: 1n });
    await gw1.setPipeline({ p4info: enumsP4Info, deviceConfig: Buffer.from("{}") });
  });
  afterEach(() => {
    gw1.close();
    fake.stop();
  });

  it("digests and packets have names for values", async () => {
    const bytes = (octet: number) => ({
      data: { $case: "bitstring" as const, value: Uint8Array.of(octet) },
    });
    // As one server sends a value of an enum, and as another one does.
    const value = { data: { $case: "enumValue" as const, value: Uint8Array.of(2) } };
    const data = [{ data: { $case: "struct" as const, value: { members: [bytes(17), value, bytes(5)] } } }];
    fake.say({ $case: "digest", value: DigestList.fromPartial({ digestId: ENUM_DIGEST, listId: 1n, data }) });
    expect(await gw1.nextDigest(5000)).toMatchObject({
      items: [{ protocol: "UDP", direction: "OUT", port: 5 }],
    });
    fake.packetIn(Uint8Array.of(7), [{ metadataId: 1, value: Uint8Array.of(1) }]);
    expect(await gw1.nextPacket(5000)).toMatchObject({ metadata: { direction: "IN" } });
    await expect(gw1.sendPacket(Uint8Array.of(7), { direction: "IM" })).rejects.toThrow(
      'packet_out.direction: "IM" is neither a number nor a value of direction_t (one of IN, OUT)',
    );
  });

  it("raw tables are written and shown by names", async () => {
    gw1.close(); // the command is the primary now
    const target = ["--target", folder.socket("gw1.sock")];
    const paint = ["--action", "paint", "--param", "color=BLUE"];
    const key = ["direction=OUT", "source=10.0.0.0/8"];
    expect(await sluice("table", "add", "plain", ...key, ...paint, ...target)).toMatchObject({
      code: 0,
      err: "",
      out: "insert plain[direction=OUT source=10.0.0.0/8] paint(color=BLUE)\n",
    });
    const dumped = await sluice("table", "dump", "plain", ...target);
    expect(dumped.out).toContain("plain[direction=OUT source=10.0.0.0/8]  paint(color=BLUE)");
    expect(JSON.parse((await sluice("table", "dump", "-o", "json", ...target)).out)).toEqual([plain]);
    const wrong = await sluice("table", "add", "plain", "direction=UP", ...paint, ...target);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain(
      'plain.direction: "UP" is neither a number nor a value of direction_t (one of IN, OUT)',
    );
  });
});
