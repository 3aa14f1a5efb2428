// What a literal is a value of, for the compiler: 4095 one of 12 bits, "192.0.2.1" an IPv4 address. So literals stand in entries as they
// are, and one that does not fit its field is a compile error where it stands.
import type { BigUint, Ipv4, Ipv6, Mac, Prefix, Uint } from "./value_types.js";

/** The greatest numbers of 0, 1, 2, … 48 bits. */
export const GREATEST = [
  0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767, 65535, 131071, 262143, 524287,
  1048575, 2097151, 4194303, 8388607, 16777215, 33554431, 67108863, 134217727, 268435455, 536870911,
  1073741823, 2147483647, 4294967295, 8589934591, 17179869183, 34359738367, 68719476735, 137438953471,
  274877906943, 549755813887, 1099511627775, 2199023255551, 4398046511103, 8796093022207, 17592186044415,
  35184372088831, 70368744177663, 140737488355327, 281474976710655,
] as const;

// ---- Numbers, as their decimal digits ----

type OrderOfDigits<A extends string, B extends string> = A extends B
  ? "same"
  : "0123456789" extends `${string}${A}${string}${B}${string}`
    ? "below"
    : "above";

/** The number with fewer digits is below; else the first digits that differ decide. */
type Order<A extends string, B extends string, SoFar = "same"> = A extends `${infer DigitA}${infer RestA}`
  ? B extends `${infer DigitB}${infer RestB}`
    ? Order<RestA, RestB, SoFar extends "same" ? OrderOfDigits<DigitA, DigitB> : SoFar>
    : "above"
  : B extends ""
    ? SoFar
    : "below";

/** Bits that a number needs. `"too wide"` beyond 48; "none" for what is no whole number from 0 on. */
type WidthOf<N extends string, W extends 0[] = []> = N extends `-${string}`
  ? "none"
  : N extends `${bigint}`
    ? W["length"] extends (typeof GREATEST)["length"]
      ? "too wide"
      : Order<N, `${(typeof GREATEST)[W["length"]]}`> extends "above"
        ? WidthOf<N, [...W, 0]>
        : W["length"]
    : "none";

type IsUpTo<N extends string, Greatest extends string> = N extends `-${string}`
  ? false
  : N extends `${bigint}`
    ? Order<N, Greatest> extends "above"
      ? false
      : true
    : false;

// ---- Addresses ----

type IsIpv4<S extends string> = S extends `${infer A}.${infer B}.${infer C}.${infer D}`
  ? IsUpTo<A, "255"> & IsUpTo<B, "255"> & IsUpTo<C, "255"> & IsUpTo<D, "255">
  : false;

/** How many hexadecimal digits a text is; "none" when there is anything else in it. */
type HexDigits<S extends string, Seen extends 0[] = []> = S extends `${infer Digit}${infer Rest}`
  ? "0123456789abcdefABCDEF" extends `${string}${Digit}${string}`
    ? HexDigits<Rest, [...Seen, 0]>
    : "none"
  : Seen["length"];

/** An element for each group of hexadecimal digits between colons; "none" when one has another number of digits. */
type Groups<S extends string, Digits, Seen extends 0[] = []> = S extends `${infer Group}:${infer Rest}`
  ? HexDigits<Group> extends Digits
    ? Groups<Rest, Digits, [...Seen, 0]>
    : "none"
  : HexDigits<S> extends Digits
    ? [...Seen, 0]
    : "none";

type Ipv6Groups<S extends string> = S extends "" ? [] : Groups<S, 1 | 2 | 3 | 4>;

/** Without an IPv4 address at its end. */
type IsIpv6<S extends string> = S extends `${infer Left}::${infer Right}`
  ? [Ipv6Groups<Left>, Ipv6Groups<Right>] extends [infer L extends 0[], infer R extends 0[]]
    ? [...L, ...R]["length"] extends 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7
      ? true
      : false
    : false
  : Ipv6Groups<S> extends { length: 8 }
    ? true
    : false;

type IsMac<S extends string> = Groups<S, 2> extends { length: 6 } ? true : false;

type Text<S extends string> = S extends `${infer A}/${infer Length}`
  ? true extends IsIpv4<A> & IsUpTo<Length, "32">
    ? Prefix<Ipv4>
    : true extends IsIpv6<A> & IsUpTo<Length, "128">
      ? Prefix<Ipv6>
      : unknown
  : true extends IsIpv4<S>
    ? Ipv4
    : true extends IsMac<S>
      ? Mac
      : true extends IsIpv6<S>
        ? Ipv6
        : unknown;

// ---- Fields ----

/** What a literal is a value of; unknown for what is no literal, or of nothing. */
export type OfLiteral<G> = G extends number
  ? WidthOf<`${G}`> extends infer W extends number
    ? Uint<W>
    : unknown
  : G extends bigint
    ? WidthOf<`${G}`> extends infer W extends number
      ? BigUint<W>
      : unknown
    : G extends string
      ? Text<G>
      : unknown;

/** A number from 0 to `Greatest`, which is a literal. */
export type UintUpTo<Greatest extends number> =
  OfLiteral<Greatest> extends infer T extends number ? T : never;

/** `G` where it is a value of the type `T`, or a literal that is one; else `T`, which it does not fit. */
export type Fitting<G, T> = G extends T ? G : OfLiteral<G> extends T ? G : T;

type RequiredKeys<Fields> = {
  [K in keyof Fields]-?: object extends Pick<Fields, K> ? never : K;
}[keyof Fields];

/** What may be given for these fields: `G` itself when all are there, none is unknown, and each one fits. */
export type Given<G, Fields> = {
  [K in keyof G]: K extends keyof Fields
    ? Fitting<Exclude<G[K], undefined>, Exclude<Fields[K], undefined>>
    : never;
} & Pick<Fields, Exclude<RequiredKeys<Fields>, keyof G>>;

/** Has editors complete the names of fields. */
export type Named<Fields> = { [K in keyof Fields]?: unknown };
