// Hash calculations: their input is packed into a byte array, and a function of the runtime runs over it.
import type { Calculation, CalculationInput, Field } from "../ir/program.js";
import { UnsupportedConstruct } from "../json/bmv2.js";
import { type BitPiece, packBytes } from "./bits.js";
import type { EmitContext } from "./expressions.js";

const FUNCTIONS = {
  crc32: "crc32",
  crc16: "crc16",
  csum16: "csum16",
  identity: "identity64",
  xor16: "xor16",
  crcCCITT: "crcCcitt",
} as const;

function fieldPiece({ bits, lane, lanes }: Field): BitPiece {
  return { bits, lanes: Array.from({ length: lanes }, (_, i) => `S[${lane + i}]`) };
}

/** Fields of one header, or of metadata: they are all there or none is. */
interface Group {
  /** Lane that says whether they are there; undefined for what always is. */
  validLane: number | undefined;
  items: CalculationInput[];
}

function groupsOf(input: readonly CalculationInput[]): Group[] {
  const groups: Group[] = [];
  for (const item of input) {
    const header =
      item.kind === "field" ? item.field.header : item.kind === "varbit" ? item.varbit.header : undefined;
    const owner = item.kind === "header" ? item.header : header;
    const validLane = owner === undefined || owner.isMetadata ? undefined : owner.validLane;
    const last = groups.at(-1);
    if (last !== undefined && last.validLane === validLane) last.items.push(item);
    else groups.push({ validLane, items: [item] });
  }
  return groups;
}

/** Emits the packing of the input into H. @returns an expression for its length in bytes */
function emitInput(calculation: Calculation, { out }: EmitContext): string {
  const groups = groupsOf(calculation.input);
  let position = "0";
  groups.forEach((group, g) => {
    const emitGroup = () => {
      let pieces: BitPiece[] = [];
      const flush = (isLast: boolean) => {
        const bits = pieces.reduce((sum, piece) => sum + piece.bits, 0);
        if (bits % 8 !== 0 && !(isLast && groups.length === 1)) {
          throw new UnsupportedConstruct(
            `a calculation over parts that are no whole bytes (${calculation.name})`,
            calculation.source,
          );
        }
        packBytes(pieces).forEach((byte, i) => {
          out.line(`H[${position === "0" ? i : `${position} + ${i}`}] = ${byte};`);
        });
        pieces = [];
        return Math.ceil(bits / 8);
      };
      const advance = (bytes: string) => {
        position = out.keep(position === "0" ? bytes : `${position} + ${bytes}`);
      };
      for (const item of group.items) {
        if (item.kind === "field") pieces.push(fieldPiece(item.field));
        else if (item.kind === "const") {
          const lanes = [0, 1, 2, 3].map((i) => `${Number(BigInt.asIntN(32, item.value >> BigInt(32 * i)))}`);
          pieces.push({ bits: item.bits, lanes });
        } else {
          const varbit = item.kind === "varbit" ? item.varbit : item.header.varbit;
          if (item.kind === "header") pieces.push(...item.header.fields.map(fieldPiece));
          if (varbit === undefined) continue;
          const before = flush(false);
          if (before > 0) advance(`${before}`);
          const bytes = out.keep(`S[${varbit.lengthLane}] >>> 3`);
          out.line(`H.set(V.subarray(${varbit.byteOffset}, ${varbit.byteOffset} + ${bytes}), ${position});`);
          advance(bytes);
        }
      }
      const rest = flush(g === groups.length - 1);
      if (rest > 0) advance(`${rest}`);
    };
    if (group.validLane === undefined) {
      emitGroup();
      return;
    }
    const before = position;
    const after = `h${g}`;
    out.line(`let ${after} = ${before};`);
    out.block(`if (S[${group.validLane}] !== 0)`, () => {
      emitGroup();
      out.line(`${after} = ${position};`);
    });
    position = after;
  });
  return position;
}

/** Emits a calculation. @returns an expression for its result, a non-negative number */
export function emitHash(calculation: Calculation, context: EmitContext): string {
  const { out } = context;
  return out.keep(`${FUNCTIONS[calculation.algorithm]}(H, ${emitInput(calculation, { ...context, out })})`);
}
