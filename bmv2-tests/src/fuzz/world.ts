// The few values that random entries and random frames share, so that frames hit entries often enough to get far.
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
export const MARTIANS = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.1.1.1", "255.255.255.255"];
export const PREFIXES = [0, 1, 8, 9, 16, 22, 24, 26, 30, 31, 32];
export const L4_PORTS = [0, 1, 80, 443, 1023, 1024, 4789, 40_000, 65_535];
export const PROTOCOLS = [6, 6, 17, 17, 1, 0, 4, 50, 255];
export const VNIS = [0, 0, 1, 0xabcdef, 0xffffff];
export const CLUSTERS = [0, 1, 2, 0xffff];
export const LDS = [0, 1, 2, 3, 0xffff];
export const NEXTHOPS = [0, 1, 2, 3, 0xffff];

/** An address, once in a while any address at all. */
export function anyAddress(random: Random): string {
  if (random.oneIn(30)) return [...random.bytes(4)].join(".");
  return random.oneIn(40) ? random.pick(MARTIANS) : random.pick(ADDRESSES);
}

export function anyMac(random: Random): string {
  if (random.oneIn(30)) return Array.from(random.bytes(6), hexByte).join(":");
  return random.pick(random.oneIn(16) ? OTHER_MACS : GATEWAY_MACS);
}

/** A prefix of one of the addresses, its other bits cleared. */
export function anyPrefix(random: Random): string {
  const length = random.pick(PREFIXES);
  const value = random
    .pick(ADDRESSES)
    .split(".")
    .reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const kept = length === 0 ? 0 : (value & (0xffffffff << (32 - length))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (kept >>> shift) & 0xff).join(".")}/${length}`;
}
