import { BucketRange, LdConfig } from "@sluice/proto/ld";
import { P4Info } from "@sluice/proto/p4info";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CompiledLd, compile, fromRanges } from "../src/compile/index.js";
import {
  describeEffect,
  describeItem,
  type Entry,
  encodeEntry,
  encodeItem,
  type Interface,
  type Ipv4,
  type Item,
  itemKey,
  mac,
  Schema,
  uint,
} from "../src/p4runtime/index.js";
import { CapacityError, diffEntries, diffFacts, factsOf, writeOrder } from "../src/reconcile/index.js";
import { sameConfig } from "../src/reconcile/ld_facts.js";
import { planLds } from "../src/reconcile/ld_steps.js";
import { parseState } from "../src/state/index.js";
import * as tables from "../src/tables/gateway.js";
import { gateway, repositoryFile } from "./support/program.js";

const hop = (id: number, port: number): Entry =>
  tables.nexthop.forward(
    { nexthop_id: uint(16, id) },
    { port: uint(16, port), vlan_id: 0, src_mac: "02:00:00:00:00:01", dst_mac: "02:00:00:00:00:02" },
  );

describe("the difference of entries", () => {
  const hops = fc
    .uniqueArray(fc.nat(20), { maxLength: 12 })
    .chain((ids) => fc.tuple(...ids.map((id) => fc.nat(3).map((port) => hop(id, port)))));

  it("turns any table into any other, touching only what differs", () => {
    fc.assert(
      fc.property(hops, hops, (held, desired) => {
        const encode = (entry: Item) => encodeItem(gateway, entry);
        const table = new Map<string, Item>(held.map((entry) => [itemKey(encode(entry)), entry]));
        const changes = diffEntries(gateway, held.map(encode), desired);
        for (const { type, message, entry } of changes) {
          const key = itemKey(message);
          expect(table.has(key)).toBe(type !== "insert");
          if (type === "delete") {
            table.delete(key);
          } else {
            expect(table.get(key)).not.toEqual(entry);
            table.set(key, entry);
          }
        }
        const show = (entries: Iterable<Item>) => [...entries].map((entry) => JSON.stringify(entry)).sort();
        expect(show(table.values())).toEqual(show(desired));
        expect(diffEntries(gateway, desired.map(encode), desired)).toEqual([]);
      }),
    );
  });

  it("says what an entry did before", () => {
    const [change] = diffEntries(gateway, [encodeItem(gateway, hop(1, 2))], [hop(1, 3)]);
    expect(change).toMatchObject({ type: "modify", before: hop(1, 2), entry: hop(1, 3) });
  });

  it("leaves entries alone that the program fixes", () => {
    const value = { ...encodeEntry(gateway, hop(1, 2)), isConst: true };
    expect(diffEntries(gateway, [{ entity: { $case: "tableEntry", value } }], [])).toEqual([]);
  });

  it("finds members and groups of action profiles", () => {
    const member = (id: number, hopId: number) =>
      tables.ecmp_members.select_nexthop(id, { nexthop_id: uint(16, hopId) });
    const group = (...ids: number[]) =>
      tables.ecmp_members.group(
        1,
        ids.map((id) => ({ member: id, weight: 1 })),
      );
    const held = [member(1, 7), member(2, 7), group(1, 2), tables.ecmp_group.group({ group_id: 1 }, 1)];
    const encoded = held.map((item) => encodeItem(gateway, item));
    expect(diffEntries(gateway, encoded, held)).toEqual([]);
    expect(
      diffEntries(gateway, encoded, [
        member(1, 8),
        member(3, 7),
        group(3, 1),
        tables.ecmp_group.group({ group_id: 1 }, 2),
      ]).map(({ type, table, entry }) => [type, table, describeItem(entry), describeEffect(entry)]),
    ).toEqual([
      ["insert", "ecmp_members members", "ecmp_members[member 3]", "select_nexthop(nexthop_id=7)"],
      ["modify", "ecmp_members members", "ecmp_members[member 1]", "select_nexthop(nexthop_id=8)"],
      ["modify", "ecmp_members groups", "ecmp_members[group 1]", "2 members"],
      ["modify", "ecmp_group", "ecmp_group[group_id=1]", "group 2"],
      ["delete", "ecmp_members members", "ecmp_members[member 2]", "select_nexthop(nexthop_id=7)"],
    ]);
    const many = Array.from({ length: 129 }, (_, i) => i + 1);
    expect(() => encodeItem(gateway, group(...many))).toThrow("group 1 has members of weight 129");
  });

  it("is refused when a table is too small for it", () => {
    const macs = Array.from({ length: 65 }, (_, i) =>
      tables.my_mac.accept_mac({ mac: mac(`02:00:00:00:00:${(i + 16).toString(16)}`) }),
    );
    expect(() => diffEntries(gateway, [], macs)).toThrow(CapacityError);
    expect(() => diffEntries(gateway, [], macs)).toThrow(
      "table my_mac: 65 entries are wanted, but it holds 64",
    );
  });
});

describe("the order of writing", () => {
  const order = writeOrder(gateway);
  const isBefore = (a: string, b: string) =>
    expect(order.indexOf(a), `${a} before ${b}`).toBeLessThan(order.indexOf(b));

  it("has every table once", () => {
    const places = [...gateway.tables].map(({ alias }) => alias);
    expect(order.toSorted()).toEqual([...places, "ecmp_members groups", "ecmp_members members"].sort());
  });

  it("has what others refer to before them", () => {
    for (const table of gateway.tables) {
      for (const { action } of table.actions) {
        for (const { refersTo } of action.params) {
          for (const reference of refersTo) {
            isBefore(reference.table, table.alias);
          }
        }
      }
    }
  });

  it("has the way of a packet laid from its end", () => {
    isBefore("nexthop", "route");
    isBefore("route", "ld");
    isBefore("ld", "ld_of_bucket");
    isBefore("ld_of_bucket", "local_ip");
    isBefore("local_ip", "service");
    isBefore("service", "network");
    isBefore("nexthop", "ecmp_members members");
    isBefore("ecmp_members members", "ecmp_members groups");
    isBefore("ecmp_members groups", "ecmp_group");
    isBefore("ecmp_group", "route_v6");
  });

  it("follows references against the order of the pipeline, and does not go round in circles", () => {
    const table = (id: number, name: string, refersTo: string) => ({
      preamble: { id, name, alias: name },
      matchFields: [
        {
          id: 1,
          name: "key",
          bitwidth: 8,
          annotations: [`@refers_to(${refersTo} , key)`],
          match: { $case: "matchType" as const, value: 2 },
        },
      ],
    });
    const schema = new Schema(
      P4Info.fromPartial({
        tables: [table(1, "first", "third"), table(2, "second", "first"), table(3, "third", "none")],
      }),
    );
    expect(writeOrder(schema)).toEqual(["third", "first", "second"]);
    const circle = new Schema(P4Info.fromPartial({ tables: [table(1, "a", "b"), table(2, "b", "a")] }));
    expect(writeOrder(circle).toSorted()).toEqual(["a", "b"]);
  });
});

const example = parseState("example", repositoryFile("controller/examples/sluice.yaml"));

/** The LDs of the example's cluster when it has those of `names`. */
function ldsOf(names: readonly string[], services = example.services): CompiledLd[] {
  const [cluster] = example.clusters;
  const lds = names.map((name, i) => ({
    ...cluster!.lds[0]!,
    name,
    address: `10.0.2.${i + 2}/24` as Interface<Ipv4>,
  }));
  return compile({ ...example, services, clusters: [{ ...cluster!, lds }] }).lds;
}

/** What each LD holds after a plan was carried out. */
function settled(
  names: readonly string[],
  held: ReadonlyMap<string, LdConfig>,
  services = example.services,
): Map<string, LdConfig> {
  const plan = planLds(
    ldsOf(names, services).map((target) => ({ target, held: held.get(target.spec.name) })),
  );
  return new Map(plan.map(({ target, final }) => [target.spec.name, final]));
}

describe("an LD's facts", () => {
  const [{ config } = { config: LdConfig.create() }] = ldsOf(["ld1"]);

  it("do not depend on the order of lists, nor on how ranges are cut", () => {
    const turned: LdConfig = {
      ...config,
      localIps: config.localIps.toReversed(),
      services: config.services
        .map((service) => ({ ...service, realServers: service.realServers.toReversed() }))
        .toReversed(),
      ownedBuckets: [...fromRanges(config.ownedBuckets)].map((bucket) =>
        BucketRange.create({ first: bucket, last: bucket }),
      ),
      timeouts: {
        synSentMs: 0,
        synRecvMs: 0,
        establishedMs: 0,
        finWaitMs: 0,
        closeWaitMs: 0,
        lastAckMs: 0,
        timeWaitMs: 0,
        closeMs: 0,
        udpMs: 0,
        synAckMs: 0,
      },
    };
    expect(sameConfig(config, turned)).toBe(true);
  });

  it.each<[string, (copy: LdConfig) => void, string]>([
    [
      "weight",
      (copy) => {
        copy.services[0]!.realServers[0]!.weight = 9;
      },
      "modify service web RS rs1: 10.0.4.2:80 weight 2 -> 10.0.4.2:80 weight 9",
    ],
    [
      "epoch",
      (copy) => {
        copy.epoch = 5n;
      },
      "modify epoch: 0 -> 5",
    ],
    [
      "timeout",
      (copy) => {
        copy.timeouts = { ...LdConfig.fromPartial({ timeouts: { udpMs: 7 } }).timeouts! };
      },
      "insert timeout udpMs:  -> 7 ms",
    ],
    [
      "service",
      (copy) => {
        copy.services.splice(1);
      },
      "delete service dns: VNI 100 192.168.0.53:53/udp weighted_round_robin -> ",
    ],
    [
      "real server",
      (copy) => {
        copy.services[1]!.realServers[0]!.vpc!.vni = 7;
      },
      "modify service dns RS rs3: 192.168.0.3:5353 weight 1 VNI 100 host 10.0.6.3 MAC 02:00:00:00:06:11 -> 192.168.0.3:5353 weight 1 VNI 7 host 10.0.6.3 MAC 02:00:00:00:06:11",
    ],
    [
      "MTU",
      (copy) => {
        copy.mtuBytes = 1500;
      },
      "modify MTU: default -> 1500 bytes",
    ],
    [
      "buckets",
      (copy) => {
        copy.ownedBuckets = [{ first: 0, last: 5 }];
      },
      "modify buckets: 0-1023 -> 0-5",
    ],
  ])("show a change of %s", (_, edit, expected) => {
    const copy = LdConfig.decode(LdConfig.encode(config).finish());
    edit(copy);
    const changes = diffFacts(factsOf(config), factsOf(copy)).map(
      ({ type, fact, before, after }) => `${type} ${fact}: ${before ?? ""} -> ${after ?? ""}`,
    );
    expect(changes[0]).toBe(expected);
    expect(sameConfig(config, copy)).toBe(false);
  });

  it("tell nothing held from an empty configuration", () => {
    expect(sameConfig(undefined, undefined)).toBe(true);
    expect(sameConfig(undefined, LdConfig.create())).toBe(false);
  });
});

describe("the steps of LDs", () => {
  it("begin with epoch 1, and end there: a second plan has none", () => {
    const first = settled(["ld1", "ld2"], new Map());
    expect([...first.values()].map(({ epoch }) => epoch)).toEqual([1n, 1n]);
    const again = planLds(
      ldsOf(["ld1", "ld2"]).map((target) => ({ target, held: first.get(target.spec.name) })),
    );
    expect(again.map(({ release, take, settle }) => [release, take, settle])).toEqual([
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
  });

  it("raise the epoch above every held one when the map changes, else to the greatest", () => {
    const held = settled(["ld1", "ld2"], new Map());
    held.get("ld2")!.epoch = 41n;
    // ld1 was away, and has come back with what it held before.
    expect([...settled(["ld1", "ld2"], held).values()].map(({ epoch }) => epoch)).toEqual([41n, 41n]);
    expect([...settled(["ld1", "ld2", "ld3"], held).values()].map(({ epoch }) => epoch)).toEqual([
      42n,
      42n,
      42n,
    ]);
  });

  it("never let two LDs own a bucket, in whatever order the LDs of one step are reached", () => {
    const groups = fc.uniqueArray(fc.constantFrom("ld1", "ld2", "ld3", "ld4", "ld5"), { minLength: 1 });
    fc.assert(
      fc.property(groups, groups, fc.infiniteStream(fc.nat()), (before, after, random) => {
        // LDs that leave the document are out of reach here; they keep what they hold until their operator stops them.
        const names = [...new Set([...after, ...before.filter((name) => after.includes(name))])];
        const held = settled(before, new Map());
        const plan = planLds(ldsOf(names).map((target) => ({ target, held: held.get(target.spec.name) })));
        const now = new Map(plan.map(({ target }) => [target.spec.name, held.get(target.spec.name)]));
        const shuffled = () =>
          plan.map((step) => ({ step, key: random.next().value })).sort((a, b) => a.key - b.key);
        for (const choose of ["release", "take", "settle"] as const) {
          for (const { step } of shuffled()) {
            const config = step[choose];
            const name = step.target.spec.name;
            if (config !== undefined) {
              expect(config.epoch).toBeGreaterThanOrEqual(now.get(name)?.epoch ?? 0n);
              now.set(name, config);
            }
            const owned = [...now.values()].flatMap((item) => [...fromRanges(item?.ownedBuckets ?? [])]);
            expect(new Set(owned).size).toBe(owned.length);
          }
        }
        for (const { target, final } of plan) {
          expect(sameConfig(now.get(target.spec.name), final)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keep a service that goes until the switches do not steer to it any more", () => {
    const held = settled(["ld1"], new Map());
    const [web] = example.services;
    const [step] = planLds(
      ldsOf(["ld1"], [web!]).map((target) => ({ target, held: held.get(target.spec.name) })),
    );
    expect(step!.release).toBeUndefined();
    expect(step!.take).toBeUndefined(); // it holds everything that is wanted, and the old service
    expect(step!.settle!.services.map(({ name }) => name)).toEqual(["web"]);
  });

  it("add a service before, and take away another after, with both in between", () => {
    const held = settled(["ld1"], new Map());
    const [web, dns] = example.services;
    const other = { ...dns!, name: "ntp", port: uint(16, 123) };
    const [step] = planLds(
      ldsOf(["ld1"], [web!, other]).map((target) => ({ target, held: held.get(target.spec.name) })),
    );
    expect(step!.take!.services.map(({ name }) => name)).toEqual(["web", "ntp", "dns"]);
    expect(step!.settle!.services.map(({ name }) => name)).toEqual(["web", "ntp"]);
  });

  it("do not give an LD two services of one name", () => {
    const held = settled(["ld1"], new Map());
    const [web, dns] = example.services;
    const moved = { ...dns!, port: uint(16, 5300) };
    const [step] = planLds(
      ldsOf(["ld1"], [web!, moved]).map((target) => ({ target, held: held.get(target.spec.name) })),
    );
    expect(step!.take!.services.map(({ name, port }) => `${name} ${port}`)).toEqual(["web 80", "dns 5300"]);
    expect(step!.settle).toBeUndefined();
  });
});
