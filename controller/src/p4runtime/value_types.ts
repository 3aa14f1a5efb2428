// Types of values by width and format, so that one that does not fit its field is a compile error. They are there for the compiler
// alone: at run time a value is the plain number or text that it was. Literals are checked as they stand (literal_types.ts); what only
// the run knows becomes a value of a type by a function that checks it (typed_values.ts, and those of addresses.ts that format).

declare const width: unique symbol;
declare const format: unique symbol;

/** 0 up to `W`. */
type UpTo<W extends number, Counted extends number[] = []> = Counted["length"] extends W
  ? Counted[number] | W
  : UpTo<W, [...Counted, Counted["length"]]>;

/** A whole number of at most `W` bits, `W` at most 48. One of fewer bits is one, too. */
export type Uint<W extends number> = number & { readonly [width]: UpTo<W> };
/** The same for wider fields. */
export type BigUint<W extends number> = bigint & { readonly [width]: UpTo<W> };

/** Like 192.0.2.1. */
export type Ipv4 = string & { readonly [format]: "IPv4" };
/** Like 2001:db8::1. */
export type Ipv6 = string & { readonly [format]: "IPv6" };
export type Ip = Ipv4 | Ipv6;
/** Like 02:00:00:00:00:01. */
export type Mac = string & { readonly [format]: "MAC" };

/** `value/length`, without bits beyond the length. */
export type Prefix<T> = string & { readonly [format]: { readonly prefix: T } };
export type IpPrefix = Prefix<Ipv4> | Prefix<Ipv6>;
/** `address/length` as on an interface: any address of the block. */
export type Interface<T> = string & { readonly [format]: { readonly interface: T } };
/** `value&&&mask` */
export type Ternary<T> = string & { readonly [format]: { readonly ternary: T } };
/** `low..high` */
export type Range<T> = string & { readonly [format]: { readonly range: T } };
