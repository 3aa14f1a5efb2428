// What of an entry the compiler refuses. `npm test` and the static checks compile this file: an `@ts-expect-error` over a line that does
// compile is itself an error. Nothing of `refused` is run.
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  biguint,
  type Entry,
  encodeEntry,
  type Interface,
  type Ip,
  type Ipv4,
  type Ipv6,
  ip,
  ipPrefix,
  ipv4,
  ipv6,
  type Mac,
  mac,
  type Prefix,
  prefixOf,
  type Range,
  range,
  type Ternary,
  ternary,
  type Uint,
  uint,
  ValueError,
} from "../src/p4runtime/index.js";
import { renderBindings } from "../src/tables/bindings.js";
import * as tables from "../src/tables/gateway.js";
import { everyKind, gateway } from "./support/program.js";

declare const someNumber: number;
declare const someText: string;
declare const u16: Uint<16>;
declare const v4: Ipv4;
declare const v6: Ipv6;

/** Never called. */
export function refused(): void {
  const network = { network_id: 1, vrf_id: 0 } as const;
  const limit = { low_tolerance_us: 0, high_tolerance_us: 0 } as const;
  const own = { mac: "02:00:00:00:00:01" } as const;
  const { own_address } = tables.my_address;
  const { own_address_v6 } = tables.my_address_v6;
  // @ts-expect-error a table that the program does not have
  tables.netwrok.set_network({ port: 1, vlan_id: 0 }, network);
  // @ts-expect-error an action that no table has
  tables.network.set_netwrok({ port: 1, vlan_id: 0 }, network);
  // @ts-expect-error an action of another table
  tables.network.forward({ port: 1, vlan_id: 0 }, network);

  // @ts-expect-error a field that the key does not have
  tables.network.set_network({ port: 1, vlan_id: 0, vni: 7 }, network);
  // @ts-expect-error the same out of a variable
  tables.network.set_network({ ...u16AndMore() }, network);
  // @ts-expect-error a field that is missing
  tables.network.set_network({ port: 1 }, network);
  // @ts-expect-error a parameter that is missing
  tables.network.set_network({ port: 1, vlan_id: 0 }, { network_id: 1 });
  // @ts-expect-error a parameter that the action does not have
  tables.network.set_network({ port: 1, vlan_id: 0 }, { ...network, port: 1 });
  // @ts-expect-error no parameters at all
  tables.network.set_network({ port: 1, vlan_id: 0 });
  // @ts-expect-error no priority, where the key needs one
  tables.acl.acl_deny({ protocol: 6 });

  // @ts-expect-error 13 bits for 12
  tables.network.set_network({ port: 1, vlan_id: 4096 }, network);
  // @ts-expect-error 17 bits for 16, of a parameter
  tables.network.set_network({ port: 1, vlan_id: 0 }, { network_id: 65_536, vrf_id: 0 });
  // @ts-expect-error a value of 16 bits for 12
  tables.network.set_network({ port: 1, vlan_id: u16 }, network);
  // @ts-expect-error a number of which nobody knows how wide it is
  tables.network.set_network({ port: someNumber, vlan_id: 0 }, network);
  // @ts-expect-error negative
  tables.network.set_network({ port: -1, vlan_id: 0 }, network);
  // @ts-expect-error not whole
  tables.network.set_network({ port: 1.5, vlan_id: 0 }, network);
  // @ts-expect-error more than a 32-bit number
  tables.eip_limit.set_limit({ index: 1, direction: 1 }, { ...limit, byte_time: 4_294_967_296 });
  // @ts-expect-error too wide a literal for its own width
  uint(12, 4096);

  // @ts-expect-error an address that is none
  own_address({ network_id: 1, address: "10.0.0.256" }, own);
  // @ts-expect-error text of which nobody knows whether it is an address
  own_address({ network_id: 1, address: someText }, own);
  // @ts-expect-error a number is no address
  own_address({ network_id: 1, address: 167_772_161 }, own);
  // @ts-expect-error an IPv6 address in an IPv4 table
  own_address({ network_id: 1, address: v6 }, own);
  // @ts-expect-error an IPv4 address in an IPv6 table
  own_address_v6({ network_id: 1, address: "10.0.0.1" }, own);
  // @ts-expect-error a MAC is no IPv6 address
  own_address_v6({ network_id: 1, address: "02:00:00:00:00:01" }, own);
  // @ts-expect-error nine groups
  own_address_v6({ network_id: 1, address: "1:2:3:4:5:6:7:8:9" }, own);
  // @ts-expect-error "::" twice
  own_address_v6({ network_id: 1, address: "2001::db8::1" }, own);
  // @ts-expect-error a group of five digits
  own_address_v6({ network_id: 1, address: "2001:db8::12345" }, own);
  // @ts-expect-error five octets
  tables.my_mac.accept_mac({ mac: "02:00:00:00:01" });
  // @ts-expect-error no hexadecimal digit
  tables.my_mac.accept_mac({ mac: "02:00:00:00:00:0g" });
  // @ts-expect-error a number for a field with a name
  tables.eip_in.bind_vip({ network_id: 1, eip: "203.0.113.1" }, { index: 1, vni: 7, vip: 5 });

  // @ts-expect-error an address, where a prefix is matched
  tables.route.discard({ vrf_id: 0, prefix: v4 });
  // @ts-expect-error a prefix that is longer than an address
  tables.route.discard({ vrf_id: 0, prefix: "10.0.0.0/33" });
  // @ts-expect-error a prefix of the other family
  tables.route.discard({ vrf_id: 0, prefix: "2001:db8::/32" });
  // @ts-expect-error a prefix, where an address is matched
  own_address({ network_id: 1, address: "10.0.0.0/8" }, own);
  // @ts-expect-error a mask of IPv6 addresses in an IPv4 table
  tables.acl.acl_deny({ src: ternary(v6, v6) }, 1);
}

declare function u16AndMore(): { port: Uint<16>; vlan_id: Uint<12>; other: Uint<16> };

describe("the compiler takes", () => {
  it("literals as people write them", () => {
    const entries: Entry[] = [
      tables.network.set_network({ port: 65_535, vlan_id: 4095 }, { network_id: 0, vrf_id: 0xffff }),
      tables.my_mac.accept_mac({ mac: "02:00:00:Aa:bB:ff" }),
      tables.eip_in.bind_vm(
        { network_id: 1, eip: "255.0.0.255" },
        { index: 16_777_215, vni: 7, address: "0.0.0.0", mac: "02:00:00:00:00:01", host: "10.0.6.2" },
      ),
      tables.route.discard({ vrf_id: 0, prefix: "0.0.0.0/0" }),
      tables.route.discard({ vrf_id: 0 }),
      tables.route_v6.discard({ vrf_id: 0, prefix: "2001:db8::/128" }),
      ...(["::", "::1", "2001:DB8::9", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8"] as const).map((address) =>
        tables.my_address_v6.own_address_v6({ network_id: 1, address }, { mac: "02:00:00:00:00:01" }),
      ),
      tables.acl.acl_deny({ src: "10.0.0.0/8", dst: "10.0.0.1", protocol: 255, dst_port: 443 }, 7),
    ];
    // What it takes, the program takes.
    for (const entry of entries) {
      expect(encodeEntry(gateway, entry).tableId).toBe(gateway.tables.get(entry.table).id);
    }
  });

  it("values that were checked when the program ran, and narrower ones where wider ones fit", () => {
    const vlan = uint(12, Number("100"));
    expectTypeOf(vlan).toEqualTypeOf<Uint<12>>();
    expectTypeOf<Uint<12>>().toExtend<Uint<16>>();
    expectTypeOf<Uint<16>>().not.toExtend<Uint<12>>();
    expectTypeOf<Uint<16>>().toExtend<number>();
    expectTypeOf<number>().not.toExtend<Uint<48>>();
    expectTypeOf<Ipv4>().not.toExtend<Ipv6>();
    expectTypeOf<Ipv4>().not.toExtend<Prefix<Ipv4>>();
    expectTypeOf<Prefix<Ipv4>>().not.toExtend<Prefix<Ipv6>>();
    expectTypeOf<Interface<Ipv4>>().not.toExtend<Prefix<Ipv4>>();
    expectTypeOf<Mac>().not.toExtend<Ip>();
    const entries = [
      tables.network.set_network({ port: vlan, vlan_id: vlan }, { network_id: vlan, vrf_id: 0 }),
      tables.my_address.own_address(
        { network_id: 1, address: ipv4("10.0.0.1") },
        { mac: mac("02-00-00-00-00-01") },
      ),
      tables.my_address_v6.own_address_v6(
        { network_id: 1, address: ipv6("::ffff:10.0.0.1") },
        { mac: "02:00:00:00:00:01" },
      ),
      tables.route.discard({ vrf_id: 0, prefix: prefixOf(ipv4("10.0.0.0"), 8) }),
      tables.acl.acl_allow(
        { src: ternary(ipv4("10.0.0.1"), ipv4("255.0.0.255")), src_port: ternary(uint(16, 8), uint(16, 12)) },
        1,
      ),
    ];
    for (const entry of entries) {
      expect(encodeEntry(gateway, entry).tableId).toBe(gateway.tables.get(entry.table).id);
    }
  });
});

describe("a value that only the run knows", () => {
  it("is refused when it does not fit", () => {
    const wide: number = 4096;
    expect(() => uint(12, wide)).toThrow("4096 is not a whole number of at most 12 bits (0 to 4095)");
    for (const value of [-1, 0.5, Number.NaN, Infinity]) {
      expect(() => uint(48, value)).toThrow(ValueError);
    }
    expect([uint(1, 1 as number), uint(48, (2 ** 48 - 1) as number)]).toEqual([1, 2 ** 48 - 1]);
    expect(() => uint(48, 2 ** 48)).toThrow(ValueError);
    expect(biguint(64, 2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(() => biguint(64, 2n ** 64n)).toThrow("does not fit in 64 bits");
    expect(() => biguint(64, -1n)).toThrow(ValueError);
    for (const make of [ipv4, ipv6, ip, mac, ipPrefix]) {
      expect(() => make("10.0.0.1.2")).toThrow(ValueError);
    }
    expect([ip("10.0.0.1"), ip("::1"), ipPrefix("10.0.0.1"), ipPrefix("::/0")]).toEqual([
      "10.0.0.1",
      "::1",
      "10.0.0.1/32",
      "::/0",
    ]);
    expect(() => ipPrefix("10.0.0.1/8")).toThrow("did you mean 10.0.0.0/8?");
  });

  it("may be a range, or one under a mask", () => {
    expectTypeOf(range(uint(16, 1), uint(16, 9))).toEqualTypeOf<Range<Uint<16>>>();
    expectTypeOf(ternary(uint(8, 1), uint(8, 1))).toExtend<Ternary<Uint<16>>>();
    expect([
      range(uint(16, 1), uint(16, 9)),
      ternary(uint(8, 4), uint(8, 6)),
      prefixOf(uint(16, 256), 8),
    ]).toEqual(["1..9", "4&&&6", "256/8"]);
  });
});

it("every kind of match and format has its type", () => {
  const text = renderBindings(everyKind);
  for (const field of [
    "network: Uint<16>;",
    "src?: Ipv4 | Prefix<Ipv4> | Ternary<Ipv4>;",
    "port?: Uint<16> | Range<Uint<16>>;",
    "proto?: Uint<8>;",
    "src6?: Ipv6 | Prefix<Ipv6> | Ternary<Ipv6>;",
    "label?: string;",
    "cookie: Uint<48> | BigUint<64>;",
  ]) {
    expect(text).toContain(`  ${field}\n`);
  }
});
