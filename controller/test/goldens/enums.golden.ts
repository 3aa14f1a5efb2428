// Generated from the P4 program by `npm run generate -w controller`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated

import type { BigUint, Entry, Given, Ipv4, Ipv6, Mac, Named, Prefix, ProfileGroup, ProfileMember, Range, Ternary, Uint, ValueInput } from "../../src/p4runtime/index.js";

/** What was given has been checked by the compiler, field by field. */
const fields = (given: unknown) => given as Record<string, ValueInput>;

export type DirectionT = "IN" | "OUT";

export type ProtocolE = "ICMP" | "TCP" | "UDP";

export type ClassT = "LOW" | "HIGH";

export type ColorT = "RED" | "BLUE";

export interface ClassifyKey {
  /** 2 bits. */
  direction: DirectionT | Uint<2>;
  /** 8 bits. */
  protocol?: ProtocolE | Uint<8> | Prefix<Uint<8>> | Ternary<Uint<8>>;
  /** 16 bits. */
  class?: ClassT | Uint<16> | Range<Uint<16>>;
  /** 32 bits. */
  color?: ColorT | Uint<32>;
}

export interface PaintParams {
  /** 32 bits. */
  color: ColorT | Uint<32>;
}

/** Table classify: 64 entries. */
export const classify = {
  paint: <const M extends Named<ClassifyKey>, const P extends Named<PaintParams>>(match: Given<M, ClassifyKey>, params: Given<P, PaintParams>, priority: number): Entry => ({ table: "classify", match: fields(match), action: "paint", params: fields(params), priority }),
};

export interface PlainKey {
  /** 2 bits. */
  direction: DirectionT | Uint<2>;
  /** 32 bits. */
  source?: Prefix<Ipv4>;
}

export interface PaintParams {
  /** 32 bits. */
  color: ColorT | Uint<32>;
}

/** Table plain: 64 entries. */
export const plain = {
  paint: <const M extends Named<PlainKey>, const P extends Named<PaintParams>>(match: Given<M, PlainKey>, params: Given<P, PaintParams>): Entry => ({ table: "plain", match: fields(match), action: "paint", params: fields(params) }),
};

export type TableName = "classify" | "plain";
