import { TableEntry, Update_Type, WriteRequest } from "@sluice/proto/p4runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/index.js";
import {
  decodeItem,
  encodeItem,
  type Ipv4,
  type Ipv6,
  type Item,
  type Mac,
  Packer,
  type Prefix,
  packedBytes,
  uint,
  unpack,
} from "../src/p4runtime/index.js";
import { batchesOf } from "../src/p4runtime/write_request.js";
import { parseState } from "../src/state/index.js";
import * as tables from "../src/tables/gateway.js";
import { gateway, repositoryFile } from "./support/program.js";

const packer = new Packer(gateway);
const packLong = (item: Item) => packer.packMessage(encodeItem(gateway, item));

const items = ["sluice", "eips"].flatMap((name) => {
  const [gw] = compile(parseState(name, repositoryFile(`controller/examples/${name}.yaml`))).switches;
  return [...gw!.profiles, ...gw!.allEntries()] as Item[];
});

const octet = fc.nat(255);
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const ipv6 = fc.ipV6();
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":"));

describe("a packed item", () => {
  it("is the same whether it was packed at once or from its message, and unpacks to the item", () => {
    expect(items.length).toBeGreaterThan(1000);
    for (const item of items) {
      const packed = packer.pack(item);
      expect(packed).toEqual(packLong(item));
      expect(decodeItem(gateway, unpack(packed))).toEqual(decodeItem(gateway, encodeItem(gateway, item)));
    }
  });

  it("is so for any addresses, prefixes and numbers", () => {
    fc.assert(
      fc.property(
        ipv4,
        mac,
        ipv6,
        fc.nat(32),
        fc.nat(128),
        fc.nat(0xffff),
        (text4, etherText, text6, length, length6, nat) => {
          const [v4, v6, ether, number] = [text4 as Ipv4, text6 as Ipv6, etherText as Mac, uint(16, nat)];
          // A prefix with bits beyond its length is refused either way, in the same words.
          const made: Item[] = [
            tables.eip_in.bind_vm(
              { network_id: number, eip: v4 },
              { index: number, vni: 7, address: v4, mac: ether, host: v4 },
            ),
            tables.eip_in_v6.bind_vm_v6(
              { network_id: number, eip: v6 },
              { index: 1, vni: 7, address: v6, mac: ether, host: v4 },
            ),
            tables.route.set_nexthop(
              { vrf_id: number, prefix: `${v4}/${length}` as Prefix<Ipv4> },
              { nexthop_id: number },
            ),
            tables.route_v6.set_nexthop(
              { vrf_id: number, prefix: `${v6}/${length6}` as Prefix<Ipv6> },
              { nexthop_id: number },
            ),
          ];
          for (const item of made) {
            expect(outcome(() => packer.pack(item))).toEqual(outcome(() => packLong(item)));
          }
        },
      ),
    );
  });

  it("is so at the edges of each octet, and for what is no address", () => {
    const edges = Array.from({ length: 6 }, (_, n) => [
      2 ** (8 * n) - 1,
      2 ** (8 * n),
      2 ** (8 * n + 7),
    ]).flat();
    const hex = (number: number) => number.toString(16).padStart(12, "0").match(/../g)!;
    const wrong = [
      "",
      ".",
      "1.2.3",
      "1.2.3.",
      "1.2.3.4.",
      "1..2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "1.2.3.256",
      "1.2.3.a",
    ];
    const texts = edges.map((number) => [
      hex(number)
        .slice(2)
        .map((part) => Number.parseInt(part, 16))
        .join("."),
      hex(number).join(":"),
    ]);
    for (const [text, ether] of [...texts, ...wrong.map((text) => [text, "02:00:00:00:00:01"])]) {
      const v4 = text as Ipv4;
      const item = tables.eip_in.bind_vm(
        { network_id: 1, eip: v4 },
        { index: 1, vni: 7, address: v4, mac: ether as Mac, host: v4 },
      );
      expect(
        outcome(() => packer.pack(item)),
        v4,
      ).toEqual(outcome(() => packLong(item)));
    }
  });

  it("is the same however a server orders and pads what it sends", () => {
    const entry = tables.eip_out.set_eip(
      { vni: 7, address: "10.0.0.9" },
      { network_id: 1, vrf_id: 0, eip: "203.0.113.9" },
    );
    const { entity } = encodeItem(gateway, entry);
    const value = TableEntry.fromPartial(entity?.$case === "tableEntry" ? entity.value : {});
    value.match.reverse();
    for (const match of value.match) {
      const exact = match.fieldMatchType!.value as { value: Uint8Array };
      exact.value = Uint8Array.of(0, 0, ...exact.value);
    }
    const { type } = value.action!;
    const call = type!.value as { params: { value: Uint8Array }[] };
    call.params.reverse();
    for (const param of call.params) {
      param.value = Uint8Array.of(0, ...param.value);
    }
    expect(packer.packMessage({ entity: { $case: "tableEntry", value } })).toEqual(packer.pack(entry));
  });
});

/** The result, or the message of the error. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return (error as Error).message;
  }
}

it("batches of packed items are the updates that their messages would be", () => {
  const types = ["insert", "modify", "delete"] as const;
  const packed = items.map((item) => packer.pack(item));
  const updateAt = (i: number) => ({ type: types[i % 3]!, octets: packedBytes(packed[i]!) });
  const size = 100;
  const batches = [...batchesOf(items.length, updateAt, size)];
  expect(batches.map(({ first }) => first)).toEqual(batches.map((_, i) => i * size));
  const head = WriteRequest.fromPartial({ deviceId: 3n, electionId: { high: 1n, low: 2n ** 63n } });
  const requests = batches.map(({ octets }) =>
    WriteRequest.decode(Buffer.concat([WriteRequest.encode(head).finish(), octets])),
  );
  for (const [i, request] of requests.entries()) {
    expect({ ...request, updates: [] }).toEqual(head);
    expect(request.updates).toHaveLength(batches[i]!.count);
  }
  const updates = requests.flatMap((request) => request.updates);
  expect(updates).toHaveLength(items.length);
  for (const [i, { type, entity }] of updates.entries()) {
    expect(type).toBe([Update_Type.INSERT, Update_Type.MODIFY, Update_Type.DELETE][i % 3]);
    const bare = type === Update_Type.DELETE && entity?.entity?.$case !== "actionProfileGroup";
    expect(entity).toEqual(unpack(bare ? { ...packed[i]!, effect: "" } : packed[i]!));
  }
});
