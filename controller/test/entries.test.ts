import { TableEntry } from "@sluice/proto/p4runtime";
import { describe, expect, it } from "vitest";
import {
  actionKey,
  decodeEntry,
  describeAction,
  describeKey,
  type Entry,
  encodeEntry,
  entryKey,
} from "../src/p4runtime/index.js";
import { everyKind, gateway } from "./support/program.js";

const service: Entry = {
  table: "service",
  match: { vni: 0, vip: "203.0.113.10", protocol: 6, port: 80 },
  action: "steer_service",
  params: { cluster_id: 300, previous_cluster_id: 0 },
};

const acl: Entry = {
  table: "acl",
  match: {
    network: 7,
    src: "10.0.0.0&&&255.0.0.0",
    port: "80..90",
    proto: 6,
    src6: "2001:db8::&&&ffff:ffff::",
    flags: "0x2&&&0x3",
    label: "edge",
  },
  action: "permit",
  params: { cookie: "0x123456789abcdef0" },
  priority: 10,
};

describe("entries", () => {
  it.each([
    ["exact", gateway, service],
    ["every match kind", everyKind, acl],
    [
      "lpm",
      gateway,
      { table: "route", match: { vrf_id: 1, prefix: "10.0.0.0/8" }, action: "discard", params: {} },
    ],
    ["a member", everyKind, { table: "members", match: { group: 1 }, member: 7 }],
    ["a group", everyKind, { table: "members", match: { group: 1 }, group: 7 }],
    [
      "MACs",
      gateway,
      { table: "my_mac", match: { mac: "02:00:00:00:00:01" }, action: "accept_mac", params: {} },
    ],
  ])("come back as they were written: %s", (_, schema, entry) => {
    expect(decodeEntry(schema, encodeEntry(schema, entry as Entry))).toEqual(entry);
  });

  it("leave out what matches anything, and show it again where people expect it", () => {
    const route = encodeEntry(gateway, {
      table: "route",
      match: { vrf_id: 0, prefix: "0.0.0.0/0" },
      action: "discard",
    });
    expect(route.match).toHaveLength(1);
    expect(decodeEntry(gateway, route).match).toEqual({ vrf_id: 0, prefix: "0.0.0.0/0" });

    const any = encodeEntry(everyKind, { ...acl, match: { network: 7, src: "0.0.0.0/0", port: "0..65535" } });
    expect(any.match.map(({ fieldId }) => fieldId)).toEqual([1]);
    expect(decodeEntry(everyKind, any).match).toEqual({ network: 7 });
  });

  it("write a default action without a key", () => {
    const message = encodeEntry(everyKind, { table: "acl", match: {}, action: "NoAction", isDefault: true });
    expect(message).toMatchObject({ isDefaultAction: true, match: [], priority: 0 });
    expect(decodeEntry(everyKind, message)).toEqual({
      table: "acl",
      match: {},
      action: "NoAction",
      params: {},
      isDefault: true,
    });
  });

  it("have the same key and action however a server orders and pads them", () => {
    const message = encodeEntry(gateway, service);
    const padded = TableEntry.fromPartial({
      ...message,
      match: message.match.toReversed().map((field) => {
        const type = field.fieldMatchType;
        return type?.$case === "exact"
          ? {
              ...field,
              fieldMatchType: {
                $case: "exact",
                value: { value: Buffer.concat([Buffer.alloc(2), type.value.value]) },
              },
            }
          : field;
      }),
      action: {
        type: {
          $case: "action",
          value: {
            actionId: 0x01000010,
            params: [
              { paramId: 2, value: Uint8Array.of(0, 0) },
              { paramId: 1, value: Uint8Array.of(0, 1, 44) },
            ],
          },
        },
      },
    });
    expect(entryKey(padded)).toBe(entryKey(message));
    expect(actionKey(padded)).toBe(actionKey(message));
    expect(decodeEntry(gateway, padded)).toEqual(service);
  });

  it("have different keys when anything of the key differs", () => {
    const variants: Entry[] = [
      acl,
      { ...acl, priority: 11 },
      { ...acl, match: { ...acl.match, src: "10.0.0.0&&&255.255.0.0" } },
      { ...acl, match: { ...acl.match, port: "80..91" } },
      { ...acl, match: { ...acl.match, proto: 17 } },
      { ...acl, match: { network: 7 } },
      { table: "acl", match: {}, action: "permit", params: { cookie: 1 }, isDefault: true },
    ];
    expect(new Set(variants.map((entry) => entryKey(encodeEntry(everyKind, entry)))).size).toBe(
      variants.length,
    );
  });

  it.each<[string, Entry, string]>([
    [
      "table",
      { ...service, table: "servce" },
      'table "servce" does not exist in the P4 program (did you mean "service"?)',
    ],
    [
      "field",
      { ...service, match: { ...service.match, prot: 6 } },
      'table service has no field "prot" (it has vni, vip, protocol, port)',
    ],
    ["missing field", { ...service, match: { vni: 0 } }, 'service: key field "vip" is missing'],
    [
      "wide value",
      { ...service, match: { ...service.match, port: 70000 } },
      "service.port: 70000 does not fit in 16 bits (0 to 65535)",
    ],
    [
      "wrong address",
      { ...service, match: { ...service.match, vip: "2001:db8::1" } },
      'service.vip: "2001:db8::1" is not an IPv4 address',
    ],
    [
      "action",
      { ...service, action: "steer_vip" },
      'table service has no action "steer_vip" (one of steer_service, NoAction)',
    ],
    [
      "default-only action",
      { ...service, action: "NoAction", params: {} },
      "service: NoAction can only be the table's default action",
    ],
    [
      "parameter",
      { ...service, params: { cluster_id: 1, x: 2 } },
      'action steer_service has no field "x" (it has cluster_id, previous_cluster_id)',
    ],
    [
      "missing parameter",
      { ...service, params: {} },
      'service: parameter "cluster_id" of steer_service is missing',
    ],
    [
      "wide parameter",
      { ...service, params: { cluster_id: -1 } },
      "service: steer_service.cluster_id: -1 does not fit in 16 bits (0 to 65535)",
    ],
    ["priority", { ...service, priority: 3 }, "service: a priority has no meaning here"],
    ["default with key", { ...service, isDefault: true }, "service: the default action has no key"],
  ])("say what is wrong by name: %s", (_, entry, message) => {
    expect(() => encodeEntry(gateway, entry)).toThrow(message);
  });

  it("say what is wrong by name: no priority, an action where a member or group is needed", () => {
    const { priority: _, ...without } = acl;
    expect(() => encodeEntry(everyKind, without)).toThrow("acl: a priority above 0 is needed");
    const match = { group: 1 };
    const wrong: Entry = { table: "members", match, action: "permit", params: { cookie: 1 } };
    for (const entry of [wrong, { table: "members", match, member: 1, group: 2 }]) {
      expect(() => encodeEntry(everyKind, entry)).toThrow(
        "members: its entries name either a member or a group of choices, and no action",
      );
    }
  });

  it("are named in messages", () => {
    expect(describeKey(service)).toBe("service[vni=0 vip=203.0.113.10 protocol=6 port=80]");
    expect(describeKey({ ...acl, match: { network: 7 } })).toBe("acl[network=7 priority=10]");
    expect(describeKey({ table: "acl", match: {}, isDefault: true })).toBe("acl[default]");
    expect(describeAction(service)).toBe("steer_service(cluster_id=300 previous_cluster_id=0)");
    expect(describeAction({})).toBe("");
    expect(describeAction({ group: 3 })).toBe("group 3");
    expect(describeAction({ member: 3 })).toBe("member 3");
  });
});
