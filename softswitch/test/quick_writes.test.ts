// Updates that are read straight from the bytes of a request do what they do when they are decoded first.
import { status } from "@grpc/grpc-js";
import { Entity, Update, Update_Type, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { InProcessControl } from "../src/in_process.js";
import { SoftSwitch } from "../src/switch.js";
import { type UpdateResult, WriteError } from "../src/types.js";
import { gatewayJson, gatewayP4Info, type NamedEntry, toEntity } from "./support/gateway.js";
import { TestProgram } from "./support/program.js";

const few = fc.nat(3);
const address = few.map((i) => `10.0.${i}.${7 * i}`);

/** Of tables matched exactly, by prefix, by both, by masks, and through an action profile. */
const entries: fc.Arbitrary<NamedEntry> = fc.oneof(
  fc.record({ network: few, eip: address, index: fc.nat(70_000), vni: fc.nat(2 ** 24) }).map((at) => ({
    table: "eip_in",
    match: { network_id: at.network, eip: at.eip },
    action: "bind_vm",
    params: { index: at.index, vni: at.vni, address: "192.168.0.1", mac: "02:00:00:00:00:01", host: at.eip },
  })),
  fc.record({ vrf: few, length: fc.constantFrom(0, 8, 20, 32), hop: fc.nat(70_000) }).map((at) => ({
    table: "route",
    match: at.length === 0 ? { vrf_id: at.vrf } : { vrf_id: at.vrf, prefix: `10.0.0.0/${at.length}` },
    action: "set_nexthop",
    params: { nexthop_id: at.hop },
  })),
  fc.record({ prefix: fc.constantFrom("20010db8/32", "20010db80000/48", "20010db80001/33") }).map((at) => ({
    table: "route_v6",
    match: { vrf_id: 1, prefix: `${at.prefix.split("/")[0]!.padEnd(32, "0")}/${at.prefix.split("/")[1]}` },
    action: "set_nexthop",
    params: { nexthop_id: 1 },
  })),
  fc.record({ match: fc.constantFrom({}, { network_id: 1 }), priority: fc.nat(2) }).map((at) => ({
    table: "acl",
    action: "acl_deny",
    ...at,
  })),
  fc.record({ id: few }).map((at) => ({ table: "nexthop", match: { nexthop_id: at.id } })),
);

type Change = (update: Update) => void;

function entryOf(update: Update) {
  const entity = update.entity?.entity;
  if (entity?.$case !== "tableEntry") throw new Error("no table entry");
  return entity.value;
}

function firstValue(update: Update, change: (value: Uint8Array) => Uint8Array): void {
  const type = entryOf(update).match[0]?.fieldMatchType;
  if (type?.$case === "exact" || type?.$case === "lpm") type.value.value = change(type.value.value);
}

/** What a client may also send, and what is wrong. */
const CHANGES: readonly Change[] = [
  () => {},
  (update) => firstValue(update, (value) => Uint8Array.of(0, 0, ...value)),
  (update) => firstValue(update, (value) => Uint8Array.of(1, ...value, 0, 0, 0, 0)),
  (update) => firstValue(update, () => new Uint8Array()),
  (update) => entryOf(update).match.reverse(),
  (update) => entryOf(update).match.pop(),
  (update) => entryOf(update).match.push(...entryOf(update).match.slice(0, 1)),
  (update) => {
    entryOf(update).priority = 5;
  },
  (update) => {
    entryOf(update).metadata = Uint8Array.of(1, 2, 3);
  },
  (update) => {
    entryOf(update).tableId += 1;
  },
  (update) => {
    entryOf(update).action = undefined;
  },
  (update) => {
    const type = entryOf(update).action?.type;
    if (type?.$case === "action") type.value.params.reverse();
  },
  (update) => {
    const type = entryOf(update).action?.type;
    if (type?.$case === "action") type.value.actionId ^= 1;
  },
  (update) => {
    entryOf(update).isDefaultAction = true;
  },
];

const updates = fc.array(
  fc
    .record({
      entry: entries,
      type: fc.constantFrom(
        Update_Type.INSERT,
        Update_Type.MODIFY,
        Update_Type.DELETE,
        Update_Type.UNSPECIFIED,
      ),
      change: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: fc.nat(CHANGES.length - 1) },
      ),
    })
    .map(({ entry, type, change }) => {
      const update: Update = { type, entity: toEntity(entry) };
      CHANGES[change]!(update);
      return update;
    }),
  { minLength: 1, maxLength: 30 },
);

function resultsOf(write: () => void): readonly UpdateResult[] {
  try {
    write();
    return [];
  } catch (error) {
    if (error instanceof WriteError) return error.results;
    throw error;
  }
}

function gatewaySwitch(): SoftSwitch {
  const gateway = new SoftSwitch();
  gateway.setPipeline(gatewayP4Info, gatewayJson);
  return gateway;
}

const EVERY_ENTRY = [Entity.fromPartial({ entity: { $case: "tableEntry", value: {} } })];

/** Messages one after the other, as they lie in a request. */
function joined(messages: readonly Uint8Array[]) {
  let end = 0;
  const ends = messages.map(({ length }) => {
    end += length;
    return end;
  });
  return { bytes: Buffer.concat(messages), starts: [0, ...ends.slice(0, -1)], ends };
}

test("an update is made, or refused for the same reason, as the decoded one is", () => {
  const [quick, decoded] = [gatewaySwitch(), gatewaySwitch()];
  fc.assert(
    fc.property(updates, (list) => {
      const { bytes, starts, ends } = joined(list.map((update) => Update.encode(update).finish()));
      expect(quick.writeEncoded(bytes, starts, ends)).toEqual(resultsOf(() => decoded.write(list)));
      expect(quick.read(EVERY_ENTRY)).toEqual(decoded.read(EVERY_ENTRY));
    }),
    { numRuns: 200 },
  );
});

test("bytes that are no update are refused, or are what a decoder makes of them", () => {
  const [quick, decoded] = [gatewaySwitch(), gatewaySwitch()];
  const damage = fc.record({ update: updates, at: fc.nat(), octet: fc.nat(255), cut: fc.nat(3) });
  fc.assert(
    fc.property(damage, ({ update: [update], at, octet, cut }) => {
      const whole = Uint8Array.from(Update.encode(update!).finish());
      whole[at % whole.length] = octet;
      const bytes = whole.subarray(0, whole.length - cut);
      const results = quick.writeEncoded(bytes, [0], [bytes.length]);
      let message: Update;
      try {
        message = Update.decode(bytes);
      } catch {
        expect(results).toEqual([{ code: status.INVALID_ARGUMENT, message: "the update is no message" }]);
        return;
      }
      expect(results).toEqual(resultsOf(() => decoded.write([message])));
      expect(quick.read(EVERY_ENTRY)).toEqual(decoded.read(EVERY_ENTRY));
    }),
    { numRuns: 500 },
  );
});

test("what nearly all updates are is made without decoding it", () => {
  const gateway = gatewaySwitch();
  const entity = toEntity({
    table: "route",
    match: { vrf_id: 1, prefix: "10.0.0.0/20" },
    action: "set_nexthop",
    params: { nexthop_id: 7 },
  });
  const list = [Update_Type.INSERT, Update_Type.MODIFY, Update_Type.DELETE].map((type) => {
    const bare =
      type === Update_Type.DELETE ? { ...entryOf({ type, entity }), action: undefined } : undefined;
    return {
      type,
      entity:
        bare === undefined ? entity : Entity.fromPartial({ entity: { $case: "tableEntry", value: bare } }),
    };
  });
  const { bytes, starts, ends } = joined(list.map((update) => Update.encode(update).finish()));
  const decode = vi.spyOn(Update, "decode");
  expect(gateway.writeEncoded(bytes, starts, ends)).toEqual([]);
  expect(decode).not.toHaveBeenCalled();
});

test("bytes that are no update are the client's fault in a batch of all or none, too", async () => {
  const control = new InProcessControl(new TestProgram("matching").switch);
  const update = [0x22, 0x02, 0x12, 0x05]; // an entity of five bytes, which are not there
  const rollback = [0x28, WriteRequest_Atomicity.ROLLBACK_ON_ERROR];
  await expect(control.write(Uint8Array.from([...update, ...rollback]))).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});
