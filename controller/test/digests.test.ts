// Digests and idle timeouts, of a program that has them: the gateway's has neither.
import { status } from "@grpc/grpc-js";
import {
  ActionRef_Scope,
  MatchField_MatchType,
  P4Info,
  Table_IdleTimeoutBehavior,
} from "@sluice/proto/p4info";
import { DigestList, IdleTimeoutNotification, TableEntry, Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeEntry, decodeItem, Packer, Schema, Switch, unpack } from "../src/p4runtime/index.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";

const bit = (bitwidth: number, ...annotations: string[]) => ({
  typeSpec: {
    $case: "bitstring" as const,
    value: { typeSpec: { $case: "bit" as const, value: { bitwidth } }, annotations },
  },
});
const DIGEST = 0x1700_0001;
const TABLE = 0x0200_0001;
const ACTION = 0x0100_0001;

const p4info = P4Info.fromPartial({
  digests: [
    {
      preamble: { id: DIGEST, name: "learn_t", alias: "learn_t" },
      typeSpec: { typeSpec: { $case: "struct", value: { name: "learn_t" } } },
    },
    { preamble: { id: DIGEST + 1, name: "ports", alias: "ports" }, typeSpec: bit(9) },
    {
      preamble: { id: DIGEST + 2, name: "flags", alias: "flags" },
      typeSpec: { typeSpec: { $case: "bool", value: {} } },
    },
  ],
  typeInfo: {
    structs: {
      learn_t: {
        members: [
          { name: "mac", typeSpec: bit(48, "@format(MAC_ADDRESS)") },
          { name: "address", typeSpec: bit(32, "@format(IPV4_ADDRESS)") },
          { name: "port", typeSpec: bit(9) },
        ],
      },
    },
  },
  actions: [{ preamble: { id: ACTION, name: "known", alias: "known" } }],
  tables: ["wall", "host"].map((name, i) => ({
    preamble: { id: TABLE + i, name, alias: name },
    matchFields: [
      { id: 1, name: "mac", bitwidth: 48, match: { $case: "matchType", value: MatchField_MatchType.EXACT } },
    ],
    actionRefs: [{ id: ACTION, scope: ActionRef_Scope.TABLE_AND_DEFAULT }],
    size: 64n,
    idleTimeoutBehavior:
      name === "host" ? Table_IdleTimeoutBehavior.NOTIFY_CONTROL : Table_IdleTimeoutBehavior.NO_TIMEOUT,
  })),
});

const folder = useFolder();
let fake: FakeSwitch;
let gw1: Switch;
beforeEach(async () => {
  fake = await FakeSwitch.listen(folder.socket("gw1.sock"));
  gw1 = await Switch.connect({ name: "gw1", address: folder.socket("gw1.sock"), deviceId: 1n });
  await gw1.setPipeline({ p4info, deviceConfig: Buffer.from("{}") });
});
afterEach(() => {
  gw1.close();
  fake.stop();
});

const say = (digestId: number, listId: bigint, ...data: DigestList["data"]) =>
  fake.say({ $case: "digest", value: DigestList.fromPartial({ digestId, listId, data, timestamp: 7n }) });
const bytes = (...octets: number[]) => ({
  data: { $case: "bitstring" as const, value: Uint8Array.from(octets) },
});

it("a digest is asked for by name, read by its members' names, and acknowledged when it is taken", async () => {
  await gw1.writeDigest("insert", "learn_t", { maxTimeoutMs: 5, maxListSize: 16, ackTimeoutMs: 1000 });
  await gw1.writeDigest("delete", "learn_t");
  const config = { maxTimeoutNs: 5_000_000n, maxListSize: 16, ackTimeoutNs: 1_000_000_000n };
  expect(fake.writes.flatMap(({ updates }) => updates)).toMatchObject([
    {
      type: Update_Type.INSERT,
      entity: { entity: { $case: "digestEntry", value: { digestId: DIGEST, config } } },
    },
    { type: Update_Type.DELETE, entity: { entity: { value: { digestId: DIGEST, config: undefined } } } },
  ]);
  const members = [bytes(2, 0, 0, 0, 0, 9), bytes(10, 0, 0, 9), bytes(1, 4)];
  say(DIGEST, 41n, { data: { $case: "struct", value: { members } } });
  say(DIGEST + 1, 42n, bytes(5), bytes(6));
  expect(await gw1.nextDigest(20_000)).toEqual({
    digest: "learn_t",
    items: [{ mac: "02:00:00:00:00:09", address: "10.0.0.9", port: 260 }],
    timestampNs: 7n,
  });
  expect(await gw1.nextDigest(20_000)).toMatchObject({
    digest: "ports",
    items: [{ value: 5 }, { value: 6 }],
  });
  expect(await gw1.nextDigest(10)).toBeUndefined();
  await expect.poll(() => fake.digestAcks.length, { timeout: 20_000 }).toBe(2);
  expect(fake.digestAcks).toEqual([
    { digestId: DIGEST, listId: 41n },
    { digestId: DIGEST + 1, listId: 42n },
  ]);
});

it("a digest that cannot be read, or that the switch refuses, says which it is", async () => {
  say(DIGEST + 2, 1n, { data: { $case: "bool", value: true } });
  await expect(gw1.nextDigest(20_000)).rejects.toThrow("digest flags: only values of bit<W>");
  say(99, 2n);
  await expect(gw1.nextDigest(20_000)).rejects.toThrow("digest 0x63 does not exist in the P4 program");
  await expect(gw1.writeDigest("insert", "learnt")).rejects.toThrow('digest "learnt" does not exist');
  fake.refuse = () => ({ code: status.UNIMPLEMENTED, message: "no digests here" });
  await expect(gw1.writeDigest("insert", "ports")).rejects.toThrow(
    "INSERT digest ports: UNIMPLEMENTED: no digests here",
  );
});

it("an entry has its idle timeout, and the switch tells of those that are idle", async () => {
  const entry = {
    table: "host",
    match: { mac: "0x020000000001" },
    action: "known",
    idleTimeoutMs: 30_000,
  };
  await gw1.insert(entry);
  const written = [...fake.entries.values()][0]!;
  expect(written.idleTimeoutNs).toBe(30_000_000_000n);
  const schema = new Schema(p4info);
  const shown = decodeEntry(schema, written);
  expect(shown).toMatchObject({ table: "host", action: "known", idleTimeoutMs: 30_000 });
  const packer = new Packer(schema);
  expect(decodeItem(schema, unpack(packer.pack(entry)))).toEqual(shown);
  fake.say({
    $case: "idleTimeoutNotification",
    value: IdleTimeoutNotification.fromPartial({
      tableEntry: [TableEntry.fromPartial(written)],
      timestamp: 9n,
    }),
  });
  expect(await gw1.nextIdleEntries(20_000)).toEqual({ entries: [shown], timestampNs: 9n });
  expect(await gw1.nextIdleEntries(10)).toBeUndefined();
  await expect(gw1.insert({ ...entry, table: "wall" })).rejects.toThrow(
    "wall: the P4 program gives its entries no idle timeout (support_timeout)",
  );
});
