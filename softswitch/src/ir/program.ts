// The intermediate form between BMv2 JSON and emitted code: flat lists, numbers instead of names, every width known.
//
// All state of a packet lies in one array of 32-bit lanes. A value of w bits takes ceil(w / 32) lanes, the least significant
// first. A header's validity is a lane; a varbit field has a lane for its length in bits and a place in a byte array.
import type { SourceInfo } from "../json/bmv2.js";

/** A fixed-width value in the packet's state. */
export interface Field {
  name: string;
  bits: number;
  /** First lane. */
  lane: number;
  lanes: number;
  /** Position in its header, in bits from the first one on the wire. */
  bitOffset: number;
  /** int<> instead of bit<>. Its lanes hold the two's complement, reduced to its width. */
  isSigned: boolean;
  header: Header;
}

export interface Varbit {
  name: string;
  maxBits: number;
  /** Lane of its current length in bits. */
  lengthLane: number;
  /** First of ceil(maxBits / 8) bytes in the byte array. */
  byteOffset: number;
  header: Header;
}

export interface Header {
  name: string;
  isMetadata: boolean;
  /** Lane that is 1 when the header is valid. Metadata has one, too, and it stays 1. */
  validLane: number;
  fields: Field[];
  /** At most one, and the last. */
  varbit: Varbit | undefined;
  /** Of the fixed part. */
  bits: number;
  /** The other members of its header union: at most one member is valid. */
  siblings: Header[];
}

/** A header stack, or a stack of header unions when an element has several headers. */
export interface Stack {
  name: string;
  /** By index: the headers of the element. */
  elements: Header[][];
  /** Lane of the number of elements that the parser has filled. */
  nextLane: number;
}

/**
 * An expression. Its exact value lies in [0, 2^bits), or in [-2^bits, 2^bits) when it may be negative; nothing but an operator
 * that says so reduces it. `bits` is infinite for a shift to the left by a distance that only the packet knows.
 */
export type Expr = ExprNode & { bits: number; mayBeNegative: boolean };

export type ExprNode =
  | { kind: "field"; field: Field }
  | { kind: "valid"; header: Header }
  | { kind: "const"; value: bigint }
  | { kind: "param"; lane: number }
  | { kind: "lookahead"; bitOffset: number }
  /** A field of the stack's element `index`: `field` in element 0, `stride` lanes further in each next one. 0 beyond its end. */
  | { kind: "element"; field: Field; stride: number; size: number; index: Expr }
  /** How many elements of a stack the parser has filled. */
  | { kind: "stackCount"; stack: Stack }
  | { kind: "ring"; op: "+" | "-" | "*" | "&" | "|" | "^"; left: Expr; right: Expr }
  | { kind: "complement"; right: Expr }
  | { kind: "shift"; op: "<<" | ">>"; left: Expr; right: Expr }
  | { kind: "compare"; op: "==" | "!=" | "<" | ">" | "<=" | ">="; left: Expr; right: Expr }
  | { kind: "logic"; op: "and" | "or"; left: Expr; right: Expr }
  | { kind: "not"; right: Expr }
  | { kind: "choose"; cond: Expr; left: Expr; right: Expr }
  /** The value of the low `bits + 1` bits as two's complement. */
  | { kind: "signExtend"; right: Expr }
  | { kind: "saturate"; right: Expr; min: bigint; max: bigint }
  | { kind: "equalVarbits"; left: Varbit; right: Varbit };

export type HashAlgorithm = "crc32" | "crc16" | "csum16" | "identity" | "xor16" | "crcCCITT";

/** One piece of what a calculation runs over. */
export type CalculationInput =
  | { kind: "field"; field: Field }
  | { kind: "varbit"; varbit: Varbit }
  | { kind: "header"; header: Header }
  | { kind: "const"; value: bigint; bits: number }
  /** What follows the headers in the packet. */
  | { kind: "payload" };

export interface Calculation {
  name: string;
  algorithm: HashAlgorithm;
  input: CalculationInput[];
  source: SourceInfo | undefined;
}

export type Primitive =
  | { op: "assign"; target: Field; value: Expr }
  | { op: "assignVarbit"; target: Varbit; value: Varbit }
  | { op: "addHeader"; header: Header }
  | { op: "removeHeader"; header: Header }
  | { op: "copyHeader"; target: Header; value: Header }
  | { op: "hash"; target: Field; base: Expr; calculation: Calculation; size: Expr }
  | { op: "count"; counter: number; index: Expr }
  | { op: "registerRead"; target: Field; register: number; index: Expr }
  | { op: "registerWrite"; register: number; index: Expr; value: Expr }
  | { op: "markToDrop" }
  | { op: "random"; target: Field; low: Expr; high: Expr }
  | { op: "truncate"; bytes: Expr }
  | { op: "recirculate" | "resubmit"; fieldList: number }
  | { op: "clone"; session: Expr; fieldList: number }
  /** Moves the elements of a stack: by a positive distance to the back, by a negative one to the front. */
  | { op: "shiftStack"; stack: Stack; distance: number }
  | { op: "copyCount"; target: Stack; value: Stack }
  | { op: "all"; primitives: Primitive[] }
  /** One of several by a number; none when there is none of that number. */
  | { op: "oneOf"; index: Expr; cases: Primitive[] }
  /** Sends the values of a digest when ingress has ended. */
  | { op: "digest"; digest: number }
  | { op: "exit" }
  | { op: "jump"; to: number }
  | { op: "jumpIfZero"; cond: Expr; to: number }
  | { op: "nothing" };

export interface ActionParam {
  name: string;
  bits: number;
  /** First lane in the action data. */
  lane: number;
  lanes: number;
}

export interface Action {
  id: number;
  name: string;
  params: ActionParam[];
  dataLanes: number;
  primitives: Primitive[];
}

export type ParserStep =
  | { op: "extract"; header: Header }
  | { op: "extractVarbit"; header: Header; bits: Expr }
  /** Into the next element of a stack; one step for each element. */
  | { op: "extractNext"; stack: Stack; steps: ParserStep[] }
  | { op: "primitive"; primitive: Primitive }
  | { op: "verify"; cond: Expr; error: Expr }
  | { op: "advance"; bits: Expr };

export interface Transition {
  /** For each key the value and mask; undefined: the default. */
  match: { value: bigint; mask: bigint }[] | undefined;
  /** Undefined: the parser ends. */
  next: number | undefined;
}

export interface ParserState {
  name: string;
  steps: ParserStep[];
  keys: Expr[];
  transitions: Transition[];
}

export type MatchKind = "exact" | "lpm" | "ternary" | "range" | "optional";

export interface KeyField {
  name: string;
  kind: MatchKind;
  bits: number;
  lanes: number;
  /** First lane in the key. */
  lane: number;
  /** What is matched; 0 when its header is invalid. */
  value: Expr;
  guard: Header | undefined;
  mask: bigint | undefined;
}

export interface ConstEntry {
  match: { kind: MatchKind; value: bigint; mask: bigint; prefixLength: number }[];
  action: Action;
  data: bigint[];
  priority: number;
}

export interface Table {
  id: number;
  name: string;
  keys: KeyField[];
  /** The kind of the whole: exact, lpm with one lpm field, or ternary with anything else. */
  kind: "exact" | "lpm" | "ternary";
  maxSize: number;
  actions: Action[];
  defaultAction: Action | undefined;
  defaultData: bigint[];
  isDefaultConst: boolean;
  hasCounter: boolean;
  /** Its entries may have an idle timeout: it is kept when each was hit last. */
  hasTimeout: boolean;
  /** Index of its action profile. */
  profile: number | undefined;
  /** True when entries name groups, too. */
  hasSelector: boolean;
  constEntries: ConstEntry[];
  next: { byAction: Map<number, number | undefined> } | { hit: number | undefined; miss: number | undefined };
  /** The way on when no action ran. */
  otherwise: number | undefined;
  source: SourceInfo | undefined;
}

export type ControlNode =
  | { kind: "table"; table: Table }
  | { kind: "action"; action: Action; next: number | undefined }
  | { kind: "if"; cond: Expr; whenTrue: number | undefined; whenFalse: number | undefined };

export interface Pipeline {
  name: string;
  /** In an order in which every node comes before those that follow it. */
  nodes: ControlNode[];
  start: number | undefined;
}

export interface ActionProfile {
  name: string;
  maxSize: number;
  selector: Calculation | undefined;
}

export interface Checksum {
  calculation: Calculation;
  target: Field;
  cond: Expr | undefined;
  verify: boolean;
  update: boolean;
}

/** Values that packets send to the controller. */
export interface Digest {
  name: string;
  fields: Field[];
}

export interface Program {
  headers: Header[];
  /** Lanes of the state. Lane 0 is the validity of metadata; those of metadata fields follow, then all others. */
  lanes: number;
  metadataLanes: number;
  varbitBytes: number;
  /** Fields of standard metadata. */
  standard: Map<string, Field>;
  /** Names of those that the program reads or writes. */
  usedStandard: Set<string>;
  parser: { states: ParserState[]; start: number };
  actions: Action[];
  ingress: Pipeline;
  egress: Pipeline;
  deparser: Header[];
  checksums: Checksum[];
  counters: { name: string; size: number }[];
  registers: { name: string; size: number; bits: number }[];
  profiles: ActionProfile[];
  /** What a cloned, resubmitted or recirculated packet keeps of its metadata. */
  fieldLists: Field[][];
  digests: Digest[];
  errors: Map<string, number>;
}

export function lanesOf(bits: number): number {
  return Math.max(1, Math.ceil(bits / 32));
}

/** Lanes that hold an expression's exact value, with a bit for its sign where it may be negative. */
export function exactLanes({ bits, mayBeNegative }: Expr): number {
  return lanesOf(bits + (mayBeNegative ? 1 : 0));
}
