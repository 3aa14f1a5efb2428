// Neighbors that are observed otherwise than before: what the switches are told, against compiling everything anew, and what it costs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/index.js";
import { Targets } from "../src/daemon/targets.js";
import { withNeighbors } from "../src/neighbors/index.js";
import { type Ip, ip, mac, Packer, uint } from "../src/p4runtime/index.js";
import { type DesiredState, parseValue } from "../src/state/index.js";
import { gateway } from "./support/program.js";
import { rivals } from "./support/rivals.js";

const MAC = "02:00:00:00:00:01";

const learned = [
  ...rivals((i) => ip(`10.1.${i >> 8}.${i & 255}`)),
  ip("10.1.0.200"),
  ip("2001:db8:1::9"),
  ip("2001:db8:1::a"),
];
const declared = ["10.1.0.2", "10.1.0.3", "10.1.0.4", "2001:db8:1::2"].map(ip);

const state = parseValue("test", {
  networks: [
    { name: "internet", kind: "upstream", prefixes: ["203.0.113.0/24"] },
    { name: "fabric", kind: "fabric", vrf: 7 },
  ],
  vpcs: [{ name: "blue", vni: 7 }],
  switches: [1, 2].map((n) => ({
    name: `gw${n}`,
    p4runtime: `unix:/run/gw${n}.sock`,
    mac: MAC,
    tunnel_address: `10.255.0.${n}`,
    ports: [
      { port: 1, network: "internet", address: "10.1.0.1/16", address_v6: "2001:db8:1::1/64", learn: true },
      { port: 2, network: "fabric", address: "10.2.0.1/24", vlan: 5, learn: true },
    ],
    neighbors: [
      ...declared.map((address) => ({ address, port: 1 })),
      { address: "10.1.0.9", port: 1, mac: "02:00:00:00:00:09" },
    ],
    routes: [
      { prefix: "0.0.0.0/0", via: ["10.1.0.2", "10.1.0.3", "10.1.0.9"] },
      { prefix: "198.51.100.0/24", via: ["10.1.0.3", "10.1.0.4"] },
      { prefix: "192.0.2.0/24", via: "10.1.0.4" },
      { prefix: "10.1.77.77/32", discard: true },
      { prefix: "::/0", via: "2001:db8:1::2" },
    ],
  })),
  eips: [
    {
      name: "outside",
      address: "10.1.99.99",
      network: "internet",
      vm: { vpc: "blue", address: "192.168.0.2", mac: MAC, host: "10.2.0.9" },
    },
  ],
});

/** MACs by address and switch: which stations are known. */
type Known = Record<string, ReadonlyMap<Ip, number>>;

function observed(known: Known): DesiredState {
  return withNeighbors(
    state,
    new Map(
      Object.entries(known).map(([name, macs]) => [
        name,
        [...macs].map(([address, n]) => ({
          address,
          mac: mac(`02:00:00:00:01:0${n}`),
          port: uint(16, 1),
          vlan: uint(12, 0),
        })),
      ]),
    ),
  );
}

/** What a switch holds: what items do, by their keys. */
function contents(of: DesiredState, index: number): Map<string, string> {
  const packer = new Packer(gateway);
  const { profiles, allEntries } = compile(of).switches[index]!;
  return new Map(
    [...profiles, ...allEntries()].map((item) => packer.pack(item)).map(({ key, effect }) => [key, effect]),
  );
}

function targetsOf(before: DesiredState): Targets {
  const targets = new Targets(gateway, state, 1);
  targets.observe(before);
  return targets;
}

const macs = fc
  .array(fc.tuple(fc.constantFrom(...learned, ...declared), fc.integer({ min: 1, max: 3 })))
  .map((pairs) => new Map(pairs));
const knowns: fc.Arbitrary<Known> = fc.record({ gw1: macs, gw2: macs });

describe("changes of neighbors", () => {
  it("come to what everything compiled anew comes to", () => {
    fc.assert(
      fc.property(knowns, knowns, (first, second) => {
        const [before, after] = [observed(first), observed(second)];
        const changes = targetsOf(before).neighborChanges(after)!;
        for (const index of [0, 1]) {
          const held = contents(before, index);
          const packer = new Packer(gateway);
          for (const { type, message } of changes[index]!) {
            const { key, effect } = packer.packMessage(message);
            // Each of them changes something, and finds what it changes.
            expect([type, held.has(key), held.get(key) === effect]).toEqual([
              type,
              type !== "insert",
              type === "delete",
            ]);
            if (type === "delete") held.delete(key);
            else held.set(key, effect);
          }
          expect(held).toEqual(contents(after, index));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("are the entries of that neighbor alone", () => {
    const summary = (first: Map<Ip, number>, second: Map<Ip, number>) =>
      targetsOf(observed({ gw1: first }))
        .neighborChanges(observed({ gw1: second }))!
        .map((changes) => changes.map(({ type, table }) => `${type} ${table}`).sort());
    const one = learned.at(3)!;
    const others = new Map(learned.slice(4).map((address) => [address, 1] as const));
    expect(summary(others, new Map([...others, [one, 1]]))).toEqual([["insert nexthop", "insert route"], []]);
    expect(summary(new Map([[one, 1]]), new Map([[one, 2]]))).toEqual([["modify nexthop"], []]);
    expect(summary(new Map([[one, 1]]), new Map())).toEqual([["delete nexthop", "delete route"], []]);
    expect(summary(others, others)).toEqual([[], []]);
  });

  it("are left to a look where another entry has the same key", () => {
    const isLocal = (address: string) =>
      targetsOf(state).neighborChanges(observed({ gw2: new Map([[ip(address), 1]]) })) !== undefined;
    expect(isLocal("10.1.0.200")).toBe(true);
    expect(isLocal("10.1.77.77")).toBe(false); // there is a route for it
    expect(isLocal("10.1.99.99")).toBe(false); // it is an EIP: packets to it come back in
  });
});
