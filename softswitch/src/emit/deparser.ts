// Checksums and the deparser.
import type { Checksum, Header, Program } from "../ir/program.js";
import { packBytes } from "./bits.js";
import { emitHash } from "./calculations.js";
import { type EmitContext, emitCondition } from "./expressions.js";
import type { Writer } from "./writer.js";

function contextOf(out: Writer): EmitContext {
  const none = () => {
    throw new Error("neither action data nor lookahead in checksums");
  };
  return { out, param: none, lookahead: none };
}

function emitWhen(checksum: Checksum, out: Writer, body: () => void): void {
  if (checksum.cond === undefined) out.block("", body);
  else {
    // The condition's temporaries stay inside.
    out.block("", () => {
      const condition = emitCondition(checksum.cond!, contextOf(out));
      out.block(`if (${condition})`, body);
    });
  }
}

/** Emits `updateChecksums()`, and `verifyChecksums()` that is 1 when one is wrong. */
export function emitChecksums({ checksums }: Program, out: Writer): void {
  out.block("function updateChecksums()", () => {
    for (const checksum of checksums.filter(({ update }) => update)) {
      emitWhen(checksum, out, () => {
        out.line(`S[${checksum.target.lane}] = ${emitHash(checksum.calculation, contextOf(out))};`);
      });
    }
  });
  out.block("function verifyChecksums()", () => {
    out.line("let wrong = 0;");
    for (const checksum of checksums.filter(({ verify }) => verify)) {
      emitWhen(checksum, out, () => {
        out.line(
          `if (S[${checksum.target.lane}] !== ${emitHash(checksum.calculation, contextOf(out))}) wrong = 1;`,
        );
      });
    }
    out.line("return wrong;");
  });
}

/** Emits `deparse(O)`: writes the valid headers to the start of O. Its result is the number of bytes written. */
export function emitDeparser({ deparser }: Program, out: Writer): void {
  out.block("function deparse(O)", () => {
    out.line("let q = 0;");
    for (const header of deparser) {
      out.block(`if (S[${header.validLane}] !== 0)`, () => emitHeader(header, out));
    }
    out.line("return q;");
  });
}

function emitHeader(header: Header, out: Writer): void {
  const pieces = header.fields.map(({ bits, lane, lanes }) => ({
    bits,
    lanes: Array.from({ length: lanes }, (_, i) => `S[${lane + i}]`),
  }));
  packBytes(pieces).forEach((byte, i) => {
    out.line(`O[q + ${i}] = ${byte};`);
  });
  if (header.bits > 0) out.line(`q += ${header.bits >> 3};`);
  if (header.varbit !== undefined) {
    const { lengthLane, byteOffset } = header.varbit;
    const bytes = out.keep(`S[${lengthLane}] >>> 3`);
    out.line(`O.set(V.subarray(${byteOffset}, ${byteOffset} + ${bytes}), q);`);
    out.line(`q += ${bytes};`);
  }
}
