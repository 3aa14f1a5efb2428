// Changes of EIPs: what the switches are told, against compiling everything anew.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idsOf } from "../src/compile/index.js";
import { Targets } from "../src/daemon/targets.js";
import { ipv6 } from "../src/p4runtime/index.js";
import { regionEntries } from "../src/reconcile/index.js";
import { type DesiredState, type EipSpec, parseValue } from "../src/state/index.js";
import { gateway } from "./support/program.js";
import { rivals } from "./support/rivals.js";

const hosts = [
  ...rivals((i) => ipv6(`fd00::${i.toString(16)}`)),
  ipv6("fd00:1::1"),
  ipv6("fd00:1::2"),
  ipv6("fd00:1::3"),
];
const MAC = "02:00:00:00:00:01";
/** In blue, which has a VIP: a real server, and a VM that is listed. */
const RS = { address: "192.168.0.2", mac: MAC, host: hosts[3]! };
const LISTED = { address: "192.168.0.3", mac: MAC, host: hosts[4]! };

interface Wish {
  vpc: string;
  /** Which VM of its own, or one that is there already. */
  vm: number | "rs" | "listed";
  host: number;
  isLimited: boolean;
}

function eipOf(n: number, { vpc, vm, host, isLimited }: Wish) {
  const own = { address: `192.168.${n + 1}.${vm}`, mac: MAC, host: hosts[host]! };
  return {
    name: `eip${n}`,
    id: n + 1,
    address: `203.0.113.${n + 1}`,
    network: "internet",
    vm: { vpc, ...(vm === "rs" ? RS : vm === "listed" ? LISTED : own) },
    ...(isLimited && { limit: { in: "10Mbps" } }),
  };
}

function stateWith(eips: ReturnType<typeof eipOf>[]): DesiredState {
  return parseValue("test", {
    networks: [
      { name: "internet", kind: "upstream", prefixes: ["203.0.113.0/24"] },
      { name: "fabric", kind: "fabric" },
      { name: "storage", kind: "fabric" },
    ],
    vpcs: [
      { name: "blue", vni: 7, vms: [LISTED] },
      { name: "green", vni: 8 },
    ],
    switches: [
      {
        name: "gw1",
        p4runtime: "unix:/run/gw1.sock",
        mac: MAC,
        tunnel_address: "fd00:ff::1",
        ports: [
          { port: 1, network: "internet", address: "192.0.2.1/24" },
          { port: 2, network: "fabric", address_v6: "fd00:2::1/64" },
        ],
        neighbors: [{ address: "fd00:2::fe", mac: MAC, port: 2 }],
        routes: [{ prefix: "fd00::/16", via: "fd00:2::fe" }],
      },
    ],
    clusters: [
      {
        name: "east",
        steering_address: "fd00:ff::2",
        local_ips: ["198.18.0.0/30"],
        lds: [
          {
            name: "ld1",
            agent: "unix:/run/ld1.sock",
            address: "fd00:2::2/64",
            gateway: "fd00:2::1",
            mac: MAC,
          },
        ],
      },
    ],
    services: [
      {
        name: "shop",
        vpc: "blue",
        vip: "192.168.0.100",
        protocol: "tcp",
        port: 443,
        cluster: "east",
        real_servers: [{ name: "rs1", port: 8443, vpc: "blue", ...RS }],
      },
    ],
    eips,
  });
}

type Held = Map<string, string>;

function compiled(state: DesiredState): Held {
  const entries = regionEntries(state, gateway);
  const held: Held = new Map();
  for (const place of entries.places()) {
    for (const store of entries.layers(place)) {
      for (let number = 0; number < store.numbers; number++) {
        const { key, effect } = store.item(number);
        held.set(`${place} ${key}`, effect);
      }
    }
  }
  return held;
}

function follow(held: Held, changes: ReturnType<Targets["changesOf"]> & object): void {
  for (const { type, table, octets } of changes) {
    const text = Buffer.from(octets.bytes).toString("latin1", octets.start, octets.start + octets.length);
    const key = `${table} ${text.slice(0, octets.keyLength)}`;
    expect(held.has(key), `${type} ${table}`).toBe(type !== "insert");
    if (type === "delete") {
      held.delete(key);
    } else {
      held.set(key, text.slice(octets.keyLength));
    }
  }
}

const EIPS = 4;
const wish = fc.option(
  fc.record({
    vpc: fc.constantFrom("blue", "green"),
    vm: fc.integer({ min: 1, max: 2 }),
    host: fc.integer({ min: 0, max: hosts.length - 1 }),
    isLimited: fc.boolean(),
  }),
);
const known = fc.record({
  vpc: fc.constant("blue"),
  vm: fc.constantFrom("rs" as const, "listed" as const),
  host: fc.constant(0),
  isLimited: fc.boolean(),
});
/** The first EIP is of a VM that others speak of as well, or of none. */
const wishes = fc.tuple(fc.option(known), ...Array.from({ length: EIPS - 1 }, () => wish));

const eipsOf = (wanted: readonly (Wish | null)[]) =>
  wanted.flatMap((one, n) => (one === null ? [] : [eipOf(n, one)]));
const byName = (state: DesiredState) => new Map(state.eips.map((eip): [string, EipSpec] => [eip.name, eip]));

describe("a change of EIPs", () => {
  it("is told as compiling everything anew would have it, whatever hosts over IPv6 come and go", () => {
    let [told, refused] = [0, 0];
    fc.assert(
      fc.property(fc.array(wishes, { minLength: 2, maxLength: 6 }), (sequence) => {
        let state = stateWith(eipsOf(sequence[0]!));
        let targets = new Targets(gateway, state, 1);
        const held = compiled(state);
        for (const wanted of sequence.slice(1)) {
          const next = stateWith(eipsOf(wanted));
          const [old, now] = [byName(state), byName(next)];
          const names = [...new Set([...old.keys(), ...now.keys()])];
          const eips = names.map((name) => ({ before: old.get(name), after: now.get(name) }));
          const changes = targets.changesOf(eips);
          state = next;
          if (changes === undefined) {
            refused++;
            targets = new Targets(gateway, state, 1);
            held.clear();
            for (const [key, effect] of compiled(state)) held.set(key, effect);
            continue;
          }
          told++;
          targets.follow(eips);
          targets.accept(changes);
          follow(held, changes);
          expect(held).toEqual(compiled(state));
        }
      }),
      { numRuns: 150 },
    );
    // Most are told; those in which rivals for a number meet are not.
    expect(told).toBeGreaterThan(refused);
    expect(refused).toBeGreaterThan(0);
  });

  it("tells of a host that is new with the first of its EIPs, and that it is gone with the last", () => {
    const at = (host: number) => ({ vpc: "green", vm: 1, host, isLimited: false });
    const state = stateWith([eipOf(1, at(5)), eipOf(2, at(5))]);
    const targets = new Targets(gateway, state, 1);
    const move = (name: string, n: number, host: number) => {
      const eips = [
        { before: byName(state).get(name), after: byName(stateWith([eipOf(n, at(host))])).get(name) },
      ];
      const changes = targets.changesOf(eips)!;
      targets.follow(eips);
      state.eips = state.eips.map((eip) => (eip.name === name ? eips[0]!.after! : eip));
      return changes.map(({ type, table }) => `${type} ${table}`).sort();
    };
    const come = ["insert host_source_v6", "insert host_source_v6", "insert host_v6"];
    const go = ["delete host_source_v6", "delete host_source_v6", "delete host_v6"];
    expect(idsOf(state).hosts.has(hosts[0]!)).toBe(false);
    expect(move("eip1", 1, 0)).toEqual([...come, "modify eip_in"]);
    expect(move("eip2", 2, 0)).toEqual([...go, "modify eip_in"]);
    expect(move("eip1", 1, 3)).toEqual(["modify eip_in"]); // a real server is there as well
    expect(move("eip2", 2, 3)).toEqual([...go, "modify eip_in"]);
  });
});
