// Program -> one JavaScript function of a packet.
import type { Program } from "../ir/program.js";
import * as arithmetic from "../runtime/arithmetic.js";
import * as hashes from "../runtime/hash.js";
import { LOCAL, type PipelineMemory } from "../runtime/memory.js";
import { emitAction } from "./actions.js";
import { emitPipeline } from "./control.js";
import { emitChecksums, emitDeparser } from "./deparser.js";
import { emitParser } from "./parser.js";
import { emitStandard, type StandardMetadata } from "./standard.js";
import { Writer } from "./writer.js";

/** Lanes of the arrays that wide products and shifts go through: twice the widest exact value. */
const SCRATCH_LANES = 130;

/** The compiled stages. All work on the memory they were made with; none may be entered twice at once. */
export interface Stages extends StandardMetadata {
  /** Reads headers from the start of a frame; what follows them becomes the payload. @returns the parser's error, 0 for none */
  parse(bytes: Uint8Array, length: number): number;
  /** @returns 1 when a checksum that is verified is wrong */
  verifyChecksums(): number;
  ingress(): void;
  egress(): void;
  updateChecksums(): void;
  /** Writes headers and payload to `bytes`, which has room for them. @returns their length in bytes */
  deparse(bytes: Uint8Array): number;
  /** Says what follows the headers: the bytes from `from` up to `to`. */
  setPayload(bytes: Uint8Array, from: number, to: number): void;
  payload(): Uint8Array;
  payloadStart(): number;
  payloadEnd(): number;
}

/**
 * Emits the JavaScript of a program. Names in it:
 *
 *   S  state of the packet, lanes      V  bytes of varbit fields     K  key of a lookup      H  input of a hash
 *   T  tables      A  action profiles  C  counters    R  registers   P, X, Y  scratch for wide arithmetic
 *   F, F0, F1  the payload: bytes F0 up to F1 of F
 *   L  what a packet has beside its state, see LOCAL
 */
export function emitProgram(program: Program): string {
  const out = new Writer();
  out.line("let F = new Uint8Array(0), F0 = 0, F1 = 0;");
  out.line("function setPayload(bytes, from, to) { F = bytes; F0 = from; F1 = to; }");
  out.line("function payload() { return F; }");
  out.line("function payloadStart() { return F0; }");
  out.line("function payloadEnd() { return F1; }");
  out.line(`function payloadBytes() { return Math.min(F1 - F0, L[${LOCAL.truncateTo}]); }`);
  const standard = emitStandard(program, out);
  for (const action of program.actions) emitAction(action, program, out);
  emitParser(program, out);
  emitPipeline(program.ingress, "ingress", program, out);
  emitPipeline(program.egress, "egress", program, out);
  emitChecksums(program, out);
  emitDeparser(program, out);
  const stages = ["parse", "verifyChecksums", "ingress", "egress", "updateChecksums", "deparse"];
  const names = [...stages, "setPayload", "payload", "payloadStart", "payloadEnd", ...standard];
  out.line(`return { ${names.join(", ")} };`);
  return out.toString();
}

/** Compiles a program onto its memory. */
export function compileProgram(
  program: Program,
  memory: PipelineMemory,
  dropPort: number,
  clockUs: () => number,
): Stages {
  const scope = {
    S: memory.state,
    V: memory.varbits,
    K: memory.key,
    H: memory.hashInput,
    L: memory.local,
    P: new Int32Array(SCRATCH_LANES),
    X: new Int32Array(SCRATCH_LANES),
    Y: new Int32Array(SCRATCH_LANES),
    T: memory.tables,
    A: memory.profiles,
    C: memory.counters,
    R: memory.registers,
    ...hashes,
    ...arithmetic,
    DROP_PORT: dropPort,
    CLOCK_US: clockUs,
    NO_DATA: new Int32Array(1),
  };
  const source = `"use strict";\n${emitProgram(program)}`;
  return new Function(...Object.keys(scope), source)(...Object.values(scope)) as Stages;
}
