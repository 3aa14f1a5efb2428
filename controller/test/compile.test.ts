import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limitOf } from "../src/compile/eips.js";
import { assignIds } from "../src/compile/ids.js";
import {
  compile,
  formatRanges,
  fromRanges,
  idsOf,
  maglev,
  nameOf,
  rendezvous,
  toRanges,
} from "../src/compile/index.js";
import {
  describeAction,
  describeEffect,
  describeItem,
  describeKey,
  encodeItem,
  formatAddress,
  type Interface,
  type Ipv6,
  ip,
  ipPrefix,
  ipv4,
  ipv6,
  itemKey,
  mac,
  parseIp,
  uint,
} from "../src/p4runtime/index.js";
import { factsOf } from "../src/reconcile/index.js";
import { addressesOf, aggregate, parseState } from "../src/state/index.js";
import { BUCKETS, ECMP_SLOTS } from "../src/tables/constants.js";
import { gateway, repositoryFile } from "./support/program.js";
import { exampleOverIpv6 } from "./support/underlay.js";

const example = parseState("example", repositoryFile("controller/examples/sluice.yaml"));
const names = (count: number) => Array.from({ length: count }, (_, i) => `ld${i + 1}`);

const eips = parseState("eips", repositoryFile("controller/examples/eips.yaml"));

const overIpv6 = parseState("over IPv6", exampleOverIpv6());

describe.each([
  ["example", example],
  ["eips", eips],
  ["over_ipv6", overIpv6],
])("the document %s", (name, state) => {
  const { switches } = compile(state);

  it("becomes these entries", async () => {
    const lines = switches.flatMap(({ spec, allEntries, profiles }) => [
      `switch ${spec.name}`,
      ...allEntries()
        .filter(({ table, match }) => table !== "ld_of_bucket" || Number(match.bucket) < 8)
        .map((entry) => `  ${describeKey(entry)} ${describeAction(entry)}`)
        .sort(),
      ...profiles
        .filter((item) => !("member" in item) || (item.member - 1) % ECMP_SLOTS < 8)
        .map((item) => `  ${describeItem(item)} ${describeEffect(item)}`),
    ]);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`goldens/${name}.entries.golden.txt`);
  });

  it("fits the program, and names nothing twice", () => {
    for (const { allEntries, profiles } of switches) {
      const keys = [...allEntries(), ...profiles].map((item) => itemKey(encodeItem(gateway, item)));
      expect(new Set(keys).size).toBe(keys.length);
    }
  });
});

describe("the example", () => {
  const compiled = compile(example);

  it("becomes these LD configurations", async () => {
    const lines = compiled.lds.flatMap(({ spec, config }) => [
      `LD ${spec.name}`,
      ...[...factsOf(config)].map(([fact, value]) => `  ${fact}: ${value}`),
    ]);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("goldens/example.lds.golden.txt");
  });

  it("steers every bucket to the LD that owns it", () => {
    const owner = new Map(
      compiled.lds.flatMap(({ spec, config }) =>
        [...fromRanges(config.ownedBuckets)].map((bucket) => [bucket, spec.name]),
      ),
    );
    expect(owner.size).toBe(BUCKETS);
    const steered = compiled.switches[0]!.allEntries().filter(({ table }) => table === "ld_of_bucket");
    expect(steered).toHaveLength(BUCKETS);
    for (const { match, params } of steered) {
      expect(nameOf(compiled.ids.lds, Number(params!.ld_id))).toBe(owner.get(Number(match.bucket)));
    }
  });

  it("does not depend on the order of anything in the document", () => {
    const turned = compile({
      ...example,
      networks: example.networks.toReversed(),
      services: example.services.toReversed(),
      clusters: example.clusters.map((cluster) => ({ ...cluster, lds: cluster.lds.toReversed() })),
    });
    const show = ({ switches, lds }: typeof compiled) => ({
      entries: switches
        .flatMap(({ allEntries }) =>
          allEntries().map((entry) => `${describeKey(entry)} ${describeAction(entry)}`),
        )
        .sort(),
      lds: Object.fromEntries(lds.map(({ spec, config }) => [spec.name, [...factsOf(config)].sort()])),
    });
    expect(show(turned)).toEqual(show(compiled));
  });
});

describe("tunnels over IPv6", () => {
  const { ids, lds, switches } = compile(overIpv6);
  const entriesOf = (table: string) => switches[0]!.allEntries().filter((entry) => entry.table === table);

  it("lead to LDs, which are told the other ends", () => {
    const facts = factsOf(lds[0]!.config);
    expect(facts.get("tunnel endpoint")).toBe("fd00:2::2/64");
    expect(facts.get("gateway")).toBe("fd00:2::1");
    expect(facts.get("gateway tunnel")).toBe("fd00:ff::1");
    expect(facts.get("IPv6")).toBeUndefined();
    expect(lds[0]!.config.heartbeat?.switches.map(formatAddress)).toEqual(["fd00:2::1"]);
    expect(lds[0]!.config.cluster?.lds.map(({ vtep }) => formatAddress(vtep))).toEqual([
      "fd00:2::2",
      "fd00:2::3",
    ]);
    expect(lds[0]!.config.services[0]!.realServers[0]!.vpc?.hostVtep.map(Number)).toEqual(
      parseIp("fd00:0:6::2"),
    );
  });

  it("come from hosts that have numbers, the same in each table", () => {
    const known = new Map(entriesOf("host_v6").map(({ match, params }) => [match.host_id, params?.address]));
    expect([...known.values()].sort()).toEqual(["fd00:0:6::2", "fd00:0:6::3"]);
    for (const { match, params } of entriesOf("host_source_v6")) {
      expect(known.get(Number(params?.host_id))).toBe(match.address);
    }
    const [vm] = entriesOf("eip_in").filter(({ match }) => match.eip === "203.0.113.50");
    expect(vm?.action).toBe("bind_vm_by_host_id");
    expect(known.get(Number(vm?.params?.host_id))).toBe("fd00:0:6::2");
  });

  it("leave a host its number when another one comes", () => {
    const [vpc] = overIpv6.vpcs;
    const vm = { address: ip("192.168.0.99"), mac: mac("02:00:00:00:06:99"), host: ip("fd00:0:6::99") };
    const more = { ...overIpv6, vpcs: [{ ...vpc!, vms: [vm, ...vpc!.vms] }] };
    for (const [host, id] of ids.hosts) {
      expect(idsOf(more).hosts.get(host)).toBe(id);
    }
    expect(idsOf(more).hosts.size).toBe(ids.hosts.size + 1);
  });
});

describe("IPv6", () => {
  const [cluster] = example.clusters as [(typeof example.clusters)[number]];
  const [service] = example.services as [(typeof example.services)[number]];
  const [rs] = service.real_servers as [(typeof service.real_servers)[number]];
  const v6 = {
    ...service,
    name: "v6",
    vpc: undefined,
    vip: ip("2001:db8:f::10"),
    real_servers: [
      { ...rs, name: "six", address: ip("2001:db8:20::31"), vpc: undefined, host: undefined, mac: undefined },
      { ...rs, name: "four", address: ip("10.0.4.9"), vpc: undefined, host: undefined, mac: undefined },
    ],
  };
  const compiled = compile({
    ...example,
    services: [...example.services, v6],
    clusters: [
      {
        ...cluster,
        local_ips: [...cluster.local_ips, ipPrefix("fd00:18::/126")],
        lds: cluster.lds.map((ld, i) => ({
          ...ld,
          address_v6: `fd00:10::${i + 2}/64` as Interface<Ipv6>,
          gateway_v6: ipv6("fe80::1"),
        })),
      },
      ...example.clusters.slice(1),
    ],
  });
  const entries = compiled.switches[0]!.allEntries();
  const text = entries.map((entry) => `${describeKey(entry)} ${describeAction(entry)}`);

  it("steers a VIP, its ports and its local IPs by the tables of IPv6", () => {
    for (const [table, key] of [
      ["service_v6", "2001:db8:f::10"],
      ["vip_v6", "2001:db8:f::10"],
      ["local_ip_v6", "fd00:18::/126"],
    ] as const) {
      expect(text.some((line) => line.startsWith(`${table}[`) && line.includes(key))).toBe(true);
    }
    expect(text.some((line) => /^(service|vip|local_ip)\[/.test(line) && line.includes("::"))).toBe(false);
  });

  it("believes none of it as a source from upstream", () => {
    const denied = text.filter(
      (line) => line.startsWith("source_policy_v6[") && line.includes("deny_source_v6"),
    );
    for (const prefix of ["fd00:18::/126", "fd00:10::2/128"]) {
      expect(denied.some((line) => line.includes(prefix))).toBe(true);
    }
  });

  it("tells each LD its address and gateway, the local IPs, and real servers of both families", () => {
    const facts = factsOf(compiled.lds[0]!.config);
    expect(facts.get("IPv6")).toBe("fd00:10::2/64 gateway fe80::1");
    expect(facts.get("local IPs")).toContain("fd00:18::3");
    expect(facts.get("service v6")).toContain("[2001:db8:f::10]:80/tcp");
    expect(facts.get("service v6 RS six")).toContain("[2001:db8:20::31]:80");
    expect(facts.get("service v6 RS four")).toContain("10.0.4.9:80");
  });
});

describe("neighbors", () => {
  const attached = (state: typeof example) =>
    compile(state)
      .switches[0]!.allEntries()
      .filter(({ table, match }) => table === "route" && match.prefix === "10.0.2.2/32");

  it("are also the LDs on the switch's own subnets, once", () => {
    expect(attached(example)).toHaveLength(1);
    const [item] = example.switches;
    const neighbors = [
      ...item!.neighbors,
      { address: ip("10.0.2.2"), mac: mac("02:00:00:00:02:02"), port: uint(16, 2), vlan: undefined },
    ];
    expect(attached({ ...example, switches: [{ ...item!, neighbors }] })).toEqual(attached(example));
  });

  it("are in the VRF and on the VLAN of their port", () => {
    const [item] = example.switches;
    const entries = compile({
      ...example,
      networks: [{ ...example.networks[0]!, id: uint(16, 9), vrf: uint(16, 3) }, example.networks[1]!],
      switches: [{ ...item!, ports: [{ ...item!.ports[0]!, vlan: uint(12, 77) }, item!.ports[1]!] }],
    }).switches[0]!.allEntries();
    const route = entries.find(({ match }) => match.prefix === "192.0.2.2/32");
    expect(route?.match.vrf_id).toBe(3);
    const hop = entries.find(
      ({ table, match }) => table === "nexthop" && match.nexthop_id === route?.params?.nexthop_id,
    );
    expect(hop?.params).toMatchObject({ port: 1, vlan_id: 77 });
    expect(entries).toContainEqual({
      table: "network",
      match: { port: 1, vlan_id: 77 },
      action: "set_network",
      params: { network_id: 9, vrf_id: 3 },
    });
    expect(entries.find(({ match }) => match.prefix === "0.0.0.0/0")?.match.vrf_id).toBe(3);
  });
});

describe("a region entry", () => {
  const [home] = example.switches;
  const entry = { ...home!, name: "gw2", tunnel_address: ip("10.255.0.2"), region_entry: true };
  const { switches, lds } = compile({ ...example, switches: [entry, home!] });
  const tunnelsOf = (name: string) =>
    switches
      .find(({ spec }) => spec.name === name)!
      .allEntries()
      .filter(({ table }) => table === "ld")
      .map(({ params }) => params!.steering_address);

  it("sends from its own address, and LDs answer there; other switches send from the steering address", () => {
    expect(new Set(tunnelsOf("gw2"))).toEqual(new Set(["10.255.0.2"]));
    expect(new Set(tunnelsOf("gw1"))).toEqual(new Set([example.clusters[0]!.steering_address]));
    for (const { config } of lds) {
      expect(factsOf(config).get("region entries")).toBe("10.255.0.2");
    }
  });

  it("may have its tunnels over IPv6, as all others", () => {
    const [other] = overIpv6.switches;
    const overV6 = { ...other!, name: "gw2", tunnel_address: ip("fd00:ff::2"), region_entry: true };
    const compiled = compile({ ...overIpv6, switches: [other!, overV6] });
    const tunnels = compiled.switches[1]!.allEntries().filter(({ table }) => table === "ld");
    expect(tunnels.length).toBeGreaterThan(0);
    for (const { action, params } of tunnels) {
      expect([action, params!.steering_address]).toEqual(["tunnel_to_ld_v6", "fd00:ff::2"]);
    }
    expect(factsOf(compiled.lds[0]!.config).get("region entries")).toBe("fd00:ff::2");
  });

  it("is not where answers to VPC clients go, unless there is no other switch", () => {
    const told = (config: Parameters<typeof factsOf>[0]) => factsOf(config).get("gateway tunnel");
    expect(lds.map(({ config }) => told(config))).toEqual(lds.map(() => home!.tunnel_address));
    const alone = compile({ ...example, switches: [entry] });
    expect(told(alone.lds[0]!.config)).toBe("10.255.0.2");
  });

  it("with the address of another is told once; without any, LDs are told of none", () => {
    const { lds: told } = compile({ ...example, switches: [entry, { ...entry, name: "gw3" }] });
    expect(factsOf(told[0]!.config).get("region entries")).toBe("10.255.0.2");
    expect(factsOf(compile(example).lds[0]!.config).has("region entries")).toBe(false);
  });
});

describe("EIPs", () => {
  const entriesOf = (state: typeof eips) => compile(state).switches[0]!.allEntries();
  const show = (state: typeof eips) =>
    new Set(entriesOf(state).map((entry) => `${describeKey(entry)} ${describeAction(entry)}`));

  it("change nothing of others when one comes or goes, but for prefixes around its address", () => {
    const without = { ...eips, eips: eips.eips.filter(({ name }) => name !== "vm1") };
    const gone = [...show(eips)].filter((line) => !show(without).has(line));
    expect(gone.map((line) => line.split("[")[0]).sort()).toEqual([
      "eip_in",
      "eip_limit",
      "eip_limit",
      "eip_out",
      "vm",
    ]);
    expect([...show(without)].filter((line) => !show(eips).has(line))).toEqual([]);
  });

  it("are limited within 1 %, whatever the rate, and 32 bits hold it", () => {
    fc.assert(
      fc.property(fc.double({ min: Math.log(2e3), max: Math.log(100e9), noNaN: true }), (exponent) => {
        const rate = Math.exp(exponent);
        const { byte_time, low_tolerance_us, high_tolerance_us } = limitOf(rate);
        expect(Math.abs((8e6 * 2 ** 20) / byte_time / rate - 1)).toBeLessThan(0.01);
        expect(high_tolerance_us).toBe(2 * low_tolerance_us);
        for (const value of [byte_time, low_tolerance_us, high_tolerance_us]) {
          expect(Number.isInteger(value) && value > 0 && value < 2 ** 32).toBe(true);
        }
      }),
    );
  });
});

describe("the VMs of a VPC that switches know", () => {
  const known = (state: typeof eips) =>
    compile(state)
      .switches[0]!.allEntries()
      .filter(({ table }) => table === "vm" || table === "vm_v6")
      .map((entry) => `${describeKey(entry)} ${describeAction(entry)}`)
      .sort();
  const [vm1, vm1V6] = [
    "vm[vni=100 address=192.168.0.10] to_host(mac=02:00:00:00:06:20 host=10.0.6.2)",
    "vm_v6[vni=100 address=fd00::10] to_host(mac=02:00:00:00:06:20 host=10.0.6.2)",
  ];
  const rs1 = "vm[vni=100 address=192.168.0.2] to_host(mac=02:00:00:00:06:10 host=10.0.6.2)";
  const listed = "vm[vni=100 address=192.168.0.20] to_host(mac=02:00:00:00:06:24 host=10.0.6.3)";

  it("are those that are listed, real servers, and where there is a VIP the owners of EIPs", () => {
    expect(known(eips)).toEqual([vm1, rs1, listed, vm1V6].sort());
  });

  it("are real servers also where the VIP is outside", () => {
    const services = eips.services.map(({ vpc: _, ...service }) => ({ ...service, vpc: undefined }));
    expect(known({ ...eips, services })).toEqual([rs1, listed].sort());
  });

  it("are each there once, whoever names them", () => {
    const [service] = eips.services;
    const services = [service!, { ...service!, name: "again", port: uint(16, 444) }];
    const vpcs = eips.vpcs.map((vpc) =>
      vpc.name === "blue"
        ? {
            ...vpc,
            vms: [
              ...vpc.vms,
              { address: ip("192.168.0.2"), mac: mac("02:00:00:00:06:10"), host: ipv4("10.0.6.2") },
            ],
          }
        : vpc,
    );
    expect(known({ ...eips, services, vpcs })).toEqual(known(eips));
  });
});

describe("the region's public addresses", () => {
  const hairpins = (state: typeof eips) =>
    compile(state)
      .switches[0]!.allEntries()
      .filter(({ action }) => action === "hairpin")
      .map(({ match }) => `${match.vrf_id} ${match.prefix}`)
      .sort();

  it("come back in, in every VRF; those outside a network's prefixes by as few prefixes as hold them", () => {
    const vms = Array.from({ length: 9 }, (_, i) => ({
      ...eips.eips[2]!,
      name: `phone${i}`,
      address: ip(`100.64.9.${7 + i}`),
      vm: { ...eips.eips[2]!.vm!, address: ip(`192.168.1.${i}`) },
    }));
    const prefixes = ["100.64.9.7/32", "100.64.9.8/29", "203.0.113.0/24", "2001:db8:113::/48"];
    expect(
      hairpins({ ...eips, eips: [...eips.eips.filter(({ name }) => name !== "phone"), ...vms] }),
    ).toEqual([0, 1, 2].flatMap((vrf) => prefixes.map((prefix) => `${vrf} ${prefix}`)).sort());
  });

  it("leave a route alone that somebody has listed", () => {
    const [item] = eips.switches;
    const routes = [
      ...item!.routes,
      { prefix: ipPrefix("203.0.113.0/24"), via: undefined, discard: true, vrf: uint(16, 1) },
    ];
    expect(hairpins({ ...eips, switches: [{ ...item!, routes }] })).not.toContain("1 203.0.113.0/24");
  });

  it("are aggregated exactly", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { maxLength: 60 }), (hosts) => {
        const addresses = hosts.map((host) => `10.0.${host >> 8}.${host & 255}`);
        const prefixes = aggregate(addresses);
        expect(prefixes.flatMap(addressesOf).sort()).toEqual(addresses.sort());
        expect(aggregate(prefixes)).toEqual(prefixes);
      }),
    );
    expect(aggregate(["2001:db8::1", "2001:db8::", "10.0.0.1"])).toEqual(["10.0.0.1/32", "2001:db8::/127"]);
  });
});

describe("a route by several neighbors", () => {
  const members = (...via: string[]) => {
    const [item] = eips.switches;
    const routes = item!.routes.map((route, i) => (i === 0 ? { ...route, via: via.map(ip) } : route));
    return compile({ ...eips, switches: [{ ...item!, routes }] }).switches[0]!.profiles.flatMap((part) =>
      "member" in part ? [[part.member, Number(part.params!.nexthop_id)] as const] : [],
    );
  };

  it("has a fixed number of slots; a neighbor that leaves changes its own alone", () => {
    const all = members("192.0.2.2", "192.0.2.3", "192.0.2.4");
    const less = members("192.0.2.2", "192.0.2.4");
    expect([all.length, less.length]).toEqual([ECMP_SLOTS, ECMP_SLOTS]);
    expect(less.map(([member]) => member)).toEqual(all.map(([member]) => member));
    const before = new Map(all);
    const left = [...new Set(before.values())].find((hop) => !less.some(([, id]) => id === hop));
    const moved = less.filter(([member, hop]) => before.get(member) !== hop);
    const own = moved.filter(([member]) => before.get(member) === left);
    expect(own.length).toBeGreaterThan(ECMP_SLOTS / 4);
    expect(moved).toEqual(own);
  });
});

describe("rendezvous hashing", () => {
  const addresses = fc.uniqueArray(fc.ipV4(), { minLength: 2, maxLength: 16 });

  it("changes only the slots of the name that leaves, whatever the order", () => {
    fc.assert(
      fc.property(addresses, (names) => {
        const [leaves, ...rest] = names;
        const before = rendezvous(names, ECMP_SLOTS);
        const after = rendezvous(rest.toReversed(), ECMP_SLOTS);
        expect(after.map((name, slot) => (before[slot] === leaves ? leaves : name))).toEqual(before);
      }),
    );
    expect(rendezvous([], ECMP_SLOTS)).toEqual([]);
  });

  it.each([2, 3, 8])("deals %i names shares that differ little from equal ones", (count) => {
    const table = rendezvous(names(count), ECMP_SLOTS);
    const shares = names(count).map((name) => table.filter((owner) => owner === name).length);
    // Five standard deviations of a binomial share.
    const tolerance = 5 * Math.sqrt((ECMP_SLOTS / count) * (1 - 1 / count));
    for (const share of shares) {
      expect(Math.abs(share - ECMP_SLOTS / count)).toBeLessThan(tolerance);
    }
  });
});

describe("Maglev", () => {
  it.each([1, 2, 3, 7, 16, 100])("deals %i LDs equal shares", (count) => {
    const table = maglev(names(count), BUCKETS);
    const shares = names(count).map((name) => table.filter((owner) => owner === name).length);
    expect(shares.reduce((a, b) => a + b)).toBe(BUCKETS);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
  });

  it("deals nothing to nobody", () => {
    expect(maglev([], BUCKETS)).toEqual([]);
  });

  it("depends on the names alone", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }), (lds) => {
        expect(maglev(lds.toReversed(), BUCKETS)).toEqual(maglev(lds, BUCKETS));
      }),
    );
  });

  // Equal shares cost a few moves between LDs that stay (the paper's table 4.3 has the same): below 6 % of the buckets here.
  it.each([1, 2, 3, 4, 8, 16, 50])(
    "moves few other buckets than the newcomer's when LD %i + 1 joins",
    (count) => {
      const before = maglev(names(count), BUCKETS);
      const after = maglev(names(count + 1), BUCKETS);
      const newcomer = `ld${count + 1}`;
      const others = before.filter((owner, bucket) => after[bucket] !== owner && after[bucket] !== newcomer);
      expect(others.length).toBeLessThan(0.06 * BUCKETS);
      expect(after.filter((owner) => owner === newcomer).length).toBeGreaterThanOrEqual(
        Math.floor(BUCKETS / (count + 1)),
      );
    },
  );
});

describe("ids", () => {
  it("stay when others come and go, but for collisions", () => {
    const all = names(40).map((name) => ({ name }));
    const before = assignIds(all, 65_535);
    for (const gone of all) {
      const after = assignIds(
        all.filter((item) => item !== gone),
        65_535,
      );
      expect([...after].filter(([name, id]) => before.get(name) !== id)).toEqual([]);
    }
  });

  it("are unique and in range, however narrow it is, and explicit ones are kept", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (list, fixed) => {
          const items = list.map((name, i) => (i === 0 ? { name, id: fixed } : { name }));
          const ids = assignIds(items, 12);
          expect(new Set(ids.values()).size).toBe(list.length);
          expect([...ids.values()].every((id) => id >= 1 && id <= 12)).toBe(true);
          expect(list.length === 0 || ids.get(list[0]!) === fixed).toBe(true);
        },
      ),
    );
    expect(() =>
      assignIds(
        names(13).map((name) => ({ name })),
        12,
      ),
    ).toThrow("13 names need ids, but there are only 12");
  });

  it("have names, also unknown ones", () => {
    const ids = idsOf(example);
    expect(nameOf(ids.clusters, ids.clusters.get("east")!)).toBe("east");
    expect(nameOf(ids.clusters, 0)).toBe("#0");
  });
});

describe("ranges", () => {
  it("hold the same buckets, joined", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1023)), (buckets) => {
        const ranges = toRanges(buckets);
        expect([...fromRanges(ranges)]).toEqual(buckets.toSorted((a, b) => a - b));
        expect(ranges.every(({ first }, i) => i === 0 || first > ranges[i - 1]!.last + 1)).toBe(true);
      }),
    );
  });

  it("are written short", () => {
    expect(formatRanges(toRanges([5, 0, 1, 2, 9, 11]))).toBe("0-2, 5, 9, 11");
    expect(formatRanges(toRanges([5, 0, 1, 2, 9, 11]), 2)).toBe("0-2, 5, … 2 more");
  });
});
