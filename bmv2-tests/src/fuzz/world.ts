// The few values that random entries and random frames share, so that frames hit entries often enough to get far.
import { ipv6Bytes, ipv6Text } from "../packet/index.js";
import type { Random } from "./random.js";

const hexByte = (value: number) => value.toString(16).padStart(2, "0");
const range = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));

export const PORTS = [0, 1, 2, 3, 4, 7, 510];
export const VLANS = [0, 1, 30, 100, 4095];
export const NETWORKS = [0, 1, 2, 0xfffd];
export const VRFS = [0, 1, 7, 0xffff];
export const GATEWAY_MACS = range(3, (i) => `02:00:00:00:00:${hexByte(i)}`);
export const OTHER_MACS = [
  "02:00:00:00:01:00",
  "ff:ff:ff:ff:ff:ff",
  "01:00:5e:00:00:01",
  "00:00:00:00:00:00",
];
/** Every one of them may be a VIP, a local IP, an LD's, the gateway's own or a tunnel's address, or nobody's. */
export const ADDRESSES = [
  ...range(4, (i) => `203.0.113.${i}`),
  ...range(4, (i) => `10.64.0.${i * 63}`),
  ...range(4, (i) => `10.0.${i >> 1}.${i & 1}`),
  "192.0.2.1",
  "198.18.255.255",
  "128.0.0.0",
  "223.255.255.255",
];
/** From where tunnels come more often than from others: hosts of VMs. */
export const TUNNEL_ENDS = ["10.0.0.1", "10.0.1.1"];
export const TUNNEL_ENDS_V6 = ["fd00::5", "2001:db8:64::3f"];
/** The same for IPv6. */
export const ADDRESSES_V6 = [
  ...range(6, (i) => `2001:db8:113::${i.toString(16)}`),
  ...range(4, (i) => `2001:db8:64::${(i * 63).toString(16)}`),
  "2001:db8:1::1",
  "fd00::5",
  "fe80::1",
];
export const MARTIANS_V6 = ["::", "::1", "::ffff:a00:1", "ff02::1", "ff0e::5"];
export const PREFIXES_V6 = [0, 1, 32, 48, 64, 111, 127, 128];
export const EIP_INDEXES = range(6, (i) => i);
export const HEARTBEAT = { key: 0xfeedbeef, epoch: 3 };
/** Groups that are on both switches from the start, with the next hops of their slots. */
export const ECMP_GROUPS: ReadonlyMap<number, readonly number[]> = new Map([
  [1, [1, 2, 3, 0]],
  [2, [3, 3, 1]],
]);
export const MARTIANS = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.1.1.1", "255.255.255.255"];
export const PREFIXES = [0, 1, 8, 9, 16, 22, 24, 26, 30, 31, 32];
export const L4_PORTS = [0, 1, 80, 443, 1023, 1024, 4789, 40_000, 65_535];
export const PROTOCOLS = [6, 6, 17, 17, 1, 0, 4, 50, 255];
export const VNIS = [0, 0, 1, 0xabcdef, 0xffffff];
export const CLUSTERS = [0, 1, 2, 0xffff];
/** Numbers of hosts over IPv6; 0 is none. */
export const HOSTS = [0, 1, 2, 0xffff];
export const LDS = [0, 1, 2, 3, 0xffff];
export const NEXTHOPS = [0, 1, 2, 3, 0xffff];

/** An address, once in a while any address at all. */
export function anyAddress(random: Random): string {
  if (random.oneIn(30)) return [...random.bytes(4)].join(".");
  return random.oneIn(40) ? random.pick(MARTIANS) : random.pick(ADDRESSES);
}

export function anyAddressV6(random: Random): string {
  if (random.oneIn(30)) return ipv6Text(random.bytes(16));
  return random.oneIn(40) ? random.pick(MARTIANS_V6) : random.pick(ADDRESSES_V6);
}

/** An address of the gateway's world, of this version. */
export function someAddress(random: Random, version: 4 | 6): string {
  return random.pick(version === 4 ? ADDRESSES : ADDRESSES_V6);
}

export function anyMac(random: Random): string {
  if (random.oneIn(30)) return Array.from(random.bytes(6), hexByte).join(":");
  return random.pick(random.oneIn(16) ? OTHER_MACS : GATEWAY_MACS);
}

/** A prefix of one of the addresses, its other bits cleared. */
export function anyPrefix(random: Random, version: 4 | 6 = 4): string {
  if (version === 6) return anyPrefixV6(random);
  const length = random.pick(PREFIXES);
  const value = random
    .pick(ADDRESSES)
    .split(".")
    .reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const kept = length === 0 ? 0 : (value & (0xffffffff << (32 - length))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (kept >>> shift) & 0xff).join(".")}/${length}`;
}

function anyPrefixV6(random: Random): string {
  const length = random.pick(PREFIXES_V6);
  const kept = ipv6Bytes(random.pick(ADDRESSES_V6)).map((byte, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return byte & (0xff00 >> bits) & 0xff;
  });
  return `${ipv6Text(kept)}/${length}`;
}
