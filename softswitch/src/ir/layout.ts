// Where each header and field lies in the packet's state.
import { type Bmv2Json, type SourceInfo, UnsupportedConstruct } from "../json/bmv2.js";
import { type Field, type Header, lanesOf, type Stack, type Varbit } from "./program.js";

const VALID = "$valid$";

/** Names of the JSON -> what they stand for. All throw UnsupportedConstruct for a name that is not known. */
export interface Layout {
  headers: Header[];
  lanes: number;
  metadataLanes: number;
  varbitBytes: number;
  header(name: string, source?: SourceInfo): Header;
  /** A field, or the header itself for its validity. */
  field(header: string, field: string, source?: SourceInfo): Field | Header;
  /** Undefined for what is no varbit field. */
  varbit(header: string, field: string): Varbit | undefined;
  /** Position of a field among those of its header, the varbit field included. */
  fieldName(header: Header, position: number): string;
  stack(name: string, source?: SourceInfo): Stack;
  unionStack(name: string, source?: SourceInfo): Stack;
  /** Position of a member in the unions of a stack. */
  unionMember(stack: string, member: string, source?: SourceInfo): number;
  union(name: string, source?: SourceInfo): Header[];
  /** Fields of standard metadata. */
  standard: Map<string, Field>;
  usedStandard: Set<string>;
}

interface Named {
  header: Header;
  fields: Map<string, Field>;
  fieldNames: string[];
}

/**
 * Lays metadata out first, so that one fill zeroes what a clone starts without. Headers of a stack follow each other with one
 * distance, so that an element can be addressed by its index.
 */
export function layOut(json: Bmv2Json): Layout {
  const types = new Map(json.header_types.map((type) => [type.name, type]));
  const headers: Header[] = [];
  const byName = new Map<string, Named>();
  const byId = new Map<number, Header>();
  let lanes = 0;
  let varbitBytes = 0;

  const place = (name: string, id: number, isMetadata: boolean, typeName: string, validLane: number) => {
    const type = types.get(typeName);
    if (type === undefined) throw new Error(`header ${name} has the unknown type ${typeName}`);
    const header: Header = {
      name,
      isMetadata,
      validLane,
      fields: [],
      varbit: undefined,
      bits: 0,
      siblings: [],
    };
    const fields = new Map<string, Field>();
    for (const [fieldName, bits, isSigned, isSaturating] of type.fields) {
      const fullName = `${name}.${fieldName}`;
      if (header.varbit !== undefined) {
        throw new UnsupportedConstruct(`a field behind a varbit field (${fullName})`);
      }
      if (isSaturating === true) throw new UnsupportedConstruct(`the saturating field ${fullName}`);
      if (bits === "*") {
        const maxBits = varbitSize(name, type.name, json);
        header.varbit = { name: fullName, maxBits, lengthLane: lanes++, byteOffset: varbitBytes, header };
        varbitBytes += (maxBits + 7) >> 3;
        continue;
      }
      const field: Field = {
        name: fullName,
        bits,
        lane: lanes,
        lanes: lanesOf(bits),
        bitOffset: header.bits,
        isSigned: isSigned === true,
        header,
      };
      header.fields.push(field);
      fields.set(fieldName, field);
      lanes += field.lanes;
      header.bits += bits;
    }
    headers.push(header);
    byId.set(id, header);
    byName.set(name, { header, fields, fieldNames: type.fields.map(([fieldName]) => fieldName) });
  };

  const metadataValid = lanes++;
  for (const { name, id, metadata, header_type } of json.headers) {
    if (metadata) place(name, id, true, header_type, metadataValid);
  }
  const metadataLanes = lanes;
  // Each packet header's validity lies in front of its fields.
  for (const { name, id, metadata, header_type } of json.headers) {
    if (!metadata) place(name, id, false, header_type, lanes++);
  }

  const unions = new Map(
    json.header_unions.map(({ name, header_ids }) => [name, header_ids.map((id) => byId.get(id)!)]),
  );
  for (const members of unions.values()) {
    for (const member of members) member.siblings = members.filter((other) => other !== member);
  }
  const stacks = new Map(
    json.header_stacks.map(({ name, header_ids }): [string, Stack] => [
      name,
      { name, elements: header_ids.map((id) => [byId.get(id)!]), nextLane: lanes++ },
    ]),
  );
  const unionById = new Map(json.header_unions.map(({ id, name }) => [id, unions.get(name)!]));
  const unionStacks = new Map(
    json.header_union_stacks.map(({ name, header_union_ids }): [string, Stack] => [
      name,
      { name, elements: header_union_ids.map((id) => unionById.get(id)!), nextLane: lanes++ },
    ]),
  );

  const known = <T>(found: T | undefined, what: string, source?: SourceInfo): T => {
    if (found === undefined) throw new UnsupportedConstruct(`the ${what}`, source);
    return found;
  };
  const usedStandard = new Set<string>();
  return {
    headers,
    lanes,
    metadataLanes,
    varbitBytes,
    header: (name, source) => known(byName.get(name)?.header, `header "${name}"`, source),
    field(headerName, fieldName, source) {
      if (headerName === "standard_metadata") usedStandard.add(fieldName);
      if (fieldName === VALID) return known(byName.get(headerName)?.header, `header "${headerName}"`, source);
      return known(
        byName.get(headerName)?.fields.get(fieldName),
        `field "${headerName}.${fieldName}"`,
        source,
      );
    },
    varbit(headerName, fieldName) {
      const found = byName.get(headerName)?.header.varbit;
      return found?.name === `${headerName}.${fieldName}` ? found : undefined;
    },
    fieldName: (header, position) =>
      known(byName.get(header.name)?.fieldNames[position], `field ${position} of "${header.name}"`),
    stack: (name, source) => known(stacks.get(name), `header stack "${name}"`, source),
    unionStack: (name, source) => known(unionStacks.get(name), `stack of header unions "${name}"`, source),
    unionMember(stack, member, source) {
      const typeName = json.header_union_stacks.find(({ name }) => name === stack)?.union_type;
      const type = json.header_union_types.find(({ name }) => name === typeName);
      const position = type?.headers.findIndex(([name]) => name === member) ?? -1;
      return known(
        position < 0 ? undefined : position,
        `member "${member}" of the unions "${stack}"`,
        source,
      );
    },
    union: (name, source) => known(unions.get(name), `header union "${name}"`, source),
    standard: byName.get("standard_metadata")?.fields ?? new Map(),
    usedStandard,
  };
}

/** Lanes from an element of a stack to the next. */
export function strideOf({ name, elements }: Stack): number {
  const lanes = elements.map(([header]) => header!.validLane);
  const stride = elements.length > 1 ? lanes[1]! - lanes[0]! : 0;
  if (lanes.some((lane, i) => lane !== lanes[0]! + i * stride)) {
    throw new UnsupportedConstruct(`the header stack "${name}", whose headers do not follow each other`);
  }
  return stride;
}

/** p4c writes a varbit's size into the header type ("max_length", in bytes) or, for a local, into its name. */
function varbitSize(headerName: string, typeName: string, json: Bmv2Json): number {
  const type = json.header_types.find(({ name }) => name === typeName)!;
  const local = /^\$varbit(\d+)$/.exec(typeName);
  if (local !== null) return Number(local[1]);
  if (typeof type.max_length !== "number") {
    throw new UnsupportedConstruct(`the varbit field of ${headerName}, whose size is not given`);
  }
  const fixed = type.fields.reduce((sum, [, bits]) => sum + (typeof bits === "number" ? bits : 0), 0);
  return type.max_length * 8 - fixed;
}
