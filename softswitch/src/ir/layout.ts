// Where each header and field lies in the packet's state.
import { type Bmv2Json, UnsupportedConstruct } from "../json/bmv2.js";
import type { Names } from "./expressions.js";
import { type Field, type Header, lanesOf, type Varbit } from "./program.js";

const VALID = "$valid$";

export interface Layout extends Names {
  headers: Header[];
  lanes: number;
  zeroedLanes: number;
  varbitBytes: number;
  varbit(header: string, field: string): Varbit | undefined;
  /** Fields of standard metadata, also by the names older programs know them by. */
  standard: Map<string, Field>;
}

/** Lays metadata out first, then the validities of the packet's headers, so that one fill zeroes what each packet starts without. */
export function layOut(json: Bmv2Json): Layout {
  refuseAny(json.header_unions, "header unions");
  refuseAny(json.header_union_stacks, "header union stacks");
  refuseAny(json.header_stacks, "header stacks");
  const types = new Map(json.header_types.map((type) => [type.name, type]));
  const headers: Header[] = [];
  const byName = new Map<string, { header: Header; fields: Map<string, Field> }>();
  let lanes = 0;
  let varbitBytes = 0;

  const place = (name: string, isMetadata: boolean, typeName: string, validLane: number) => {
    const type = types.get(typeName);
    if (type === undefined) throw new Error(`header ${name} has the unknown type ${typeName}`);
    const header: Header = { name, isMetadata, validLane, fields: [], varbit: undefined, bits: 0 };
    for (const [fieldName, bits, isSigned] of type.fields) {
      if (header.varbit !== undefined) {
        throw new UnsupportedConstruct(`a field behind a varbit field (${name}.${fieldName})`);
      }
      if (isSigned === true) throw new UnsupportedConstruct(`the signed field ${name}.${fieldName}`);
      if (bits === "*") {
        const maxBits = varbitSize(name, type.name, json);
        header.varbit = {
          name: `${name}.${fieldName}`,
          maxBits,
          lengthLane: lanes++,
          byteOffset: varbitBytes,
          header,
        };
        varbitBytes += (maxBits + 7) >> 3;
      } else {
        header.fields.push({
          name: `${name}.${fieldName}`,
          bits,
          lane: lanes,
          lanes: lanesOf(bits),
          bitOffset: header.bits,
          header,
        });
        lanes += lanesOf(bits);
        header.bits += bits;
      }
    }
    headers.push(header);
    const names = type.fields.filter(([, bits]) => bits !== "*").map(([fieldName]) => fieldName);
    byName.set(name, {
      header,
      fields: new Map(names.map((fieldName, i) => [fieldName, header.fields[i]!])),
    });
  };

  const metadata = json.headers.filter((header) => header.metadata);
  const packet = json.headers.filter((header) => !header.metadata);
  const metadataValid = lanes++;
  for (const { name, header_type } of metadata) place(name, true, header_type, metadataValid);
  const firstValid = lanes;
  lanes += packet.length;
  const zeroedLanes = lanes;
  packet.forEach(({ name, header_type }, i) => {
    place(name, false, header_type, firstValid + i);
  });

  const header = (name: string): Header => {
    const found = byName.get(name)?.header;
    if (found === undefined) throw new UnsupportedConstruct(`the header "${name}"`);
    return found;
  };
  return {
    headers,
    lanes,
    zeroedLanes,
    varbitBytes,
    header,
    field(headerName, fieldName, source) {
      if (fieldName === VALID) return header(headerName);
      const found = byName.get(headerName)?.fields.get(fieldName);
      if (found === undefined)
        throw new UnsupportedConstruct(`the field "${headerName}.${fieldName}"`, source);
      return found;
    },
    varbit: (headerName, fieldName) => {
      const found = byName.get(headerName)?.header.varbit;
      return found?.name === `${headerName}.${fieldName}` ? found : undefined;
    },
    standard: byName.get("standard_metadata")?.fields ?? new Map(),
  };
}

function refuseAny(items: unknown[], what: string): void {
  if (items.length > 0) throw new UnsupportedConstruct(what);
}

/** p4c writes a varbit's size into the header type ("max_length", in bytes) or, for a local, into its name. */
function varbitSize(headerName: string, typeName: string, json: Bmv2Json): number {
  const type = json.header_types.find(({ name }) => name === typeName) as {
    max_length?: number;
    fields: unknown[][];
  };
  const local = /^\$varbit(\d+)$/.exec(typeName);
  if (local !== null) return Number(local[1]);
  if (type.max_length === undefined) {
    throw new UnsupportedConstruct(`the varbit field of ${headerName}, whose size is not given`);
  }
  const fixed = type.fields.reduce((sum, [, bits]) => sum + (typeof bits === "number" ? bits : 0), 0);
  return type.max_length * 8 - fixed;
}
