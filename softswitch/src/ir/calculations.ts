// Hash calculations and checksums.
import { type Bmv2Json, type JsonValue, type SourceInfo, UnsupportedConstruct } from "../json/bmv2.js";
import { hexValue, toExpr } from "./expressions.js";
import type { Layout } from "./layout.js";
import type { Calculation, CalculationInput, Checksum, HashAlgorithm } from "./program.js";

const ALGORITHMS: Record<string, HashAlgorithm> = {
  crc32: "crc32",
  crc16: "crc16",
  csum16: "csum16",
  identity: "identity",
  xor16: "xor16",
  crcCCITT: "crcCCITT",
};

function toInput(
  json: JsonValue & { bitwidth?: number },
  layout: Layout,
  source?: SourceInfo,
): CalculationInput {
  switch (json.type) {
    case "field": {
      const [header, name] = json.value as [string, string];
      const varbit = layout.varbit(header, name);
      if (varbit !== undefined) return { kind: "varbit", varbit };
      const field = layout.field(header, name, source);
      if ("validLane" in field)
        throw new UnsupportedConstruct("a header's validity in a calculation", source);
      return { kind: "field", field };
    }
    case "header":
      return { kind: "header", header: layout.header(json.value as string, source) };
    case "hexstr":
      return { kind: "const", value: hexValue(json.value as string), bits: json.bitwidth ?? 0 };
    default:
      throw new UnsupportedConstruct(`a "${json.type}" in a calculation`, source);
  }
}

export function toCalculation(
  name: string,
  algo: string,
  input: (JsonValue & { bitwidth?: number })[],
  layout: Layout,
  source?: SourceInfo,
): Calculation {
  const algorithm = ALGORITHMS[algo];
  if (algorithm === undefined) throw new UnsupportedConstruct(`the hash algorithm "${algo}"`, source);
  return { name, algorithm, input: input.map((item) => toInput(item, layout, source)), source };
}

export function buildCalculations(json: Bmv2Json, layout: Layout): Map<string, Calculation> {
  return new Map(
    json.calculations.map(({ name, algo, input, source_info }) => [
      name,
      toCalculation(name, algo, input, layout, source_info),
    ]),
  );
}

export function buildChecksums(
  json: Bmv2Json,
  layout: Layout,
  calculations: ReadonlyMap<string, Calculation>,
): Checksum[] {
  return json.checksums.map((checksum) => {
    const source = checksum.source_info;
    const calculation = calculations.get(checksum.calculation);
    if (checksum.type !== "generic" || calculation === undefined) {
      throw new UnsupportedConstruct(`the checksum "${checksum.name}"`, source);
    }
    const target = layout.field(...checksum.target, source);
    if ("validLane" in target) throw new UnsupportedConstruct(`the checksum "${checksum.name}"`, source);
    const cond =
      checksum.if_cond === null || checksum.if_cond === undefined
        ? undefined
        : toExpr(checksum.if_cond, { names: layout, params: [], source });
    return { calculation, target, cond, verify: checksum.verify, update: checksum.update };
  });
}
