// Program -> one JavaScript function of a packet.
import type { Program } from "../ir/program.js";
import { multiply64 } from "../runtime/arithmetic.js";
import * as hashes from "../runtime/hash.js";
import type { PipelineMemory } from "../runtime/memory.js";
import { emitAction } from "./actions.js";
import { emitPipeline } from "./control.js";
import { emitChecksums, emitDeparser } from "./deparser.js";
import { emitParser } from "./parser.js";
import { Writer } from "./writer.js";

/** The compiled stages. All work on the memory they were made with; none may be entered twice at once. */
export interface Stages {
  /** Reads headers from the start of a frame. @returns the parser's error, 0 for none; L[4] is the bytes parsed */
  parse(bytes: Uint8Array, length: number): number;
  /** @returns 1 when a checksum that is verified is wrong */
  verifyChecksums(): number;
  ingress(): void;
  egress(): void;
  updateChecksums(): void;
  /** Writes the headers to the start of `bytes`. @returns their length in bytes */
  deparse(bytes: Uint8Array): number;
}

/**
 * Emits the JavaScript of a program. Names in it:
 *
 *   S  state of the packet, lanes      V  bytes of varbit fields     K  key of a lookup      H  input of a hash
 *   T  tables      A  action profiles  C  counters    R  registers   P  a product
 *   L  [0] bytes of the frame as it came, [1] limit of truncate, [2] field list of recirculate + 1, [3] exit, [4] bytes parsed
 */
export function emitProgram(program: Program): string {
  const out = new Writer();
  for (const action of program.actions) emitAction(action, program, out);
  emitParser(program, out);
  emitPipeline(program.ingress, "ingress", program, out);
  emitPipeline(program.egress, "egress", program, out);
  emitChecksums(program, out);
  emitDeparser(program, out);
  return out.toString();
}

/** Compiles a program onto its memory. */
export function compileProgram(program: Program, memory: PipelineMemory, dropPort: number): Stages {
  const names = {
    S: memory.state,
    V: memory.varbits,
    K: memory.key,
    H: memory.hashInput,
    L: memory.local,
    P: new Int32Array(2),
  };
  const stores = { T: memory.tables, A: memory.profiles, C: memory.counters, R: memory.registers };
  const scope = {
    ...names,
    ...stores,
    ...hashes,
    multiply64,
    DROP_PORT: dropPort,
    NO_DATA: new Int32Array(1),
  };
  const source = `"use strict";
${emitProgram(program)}
return { parse, verifyChecksums, ingress, egress, updateChecksums, deparse };`;
  return new Function(...Object.keys(scope), source)(...Object.values(scope)) as Stages;
}
