// What a program's named types (specification, section 6.5) tell of a field besides its width: how it is shown, and the names of its values.
import type { P4DataTypeSpec, P4TypeInfo } from "@sluice/proto/p4types";
import { bytesToInteger, type Format, type NamedValues } from "./values.js";

/** The type of a field that is a number, or is translated to a string. */
export interface FieldType {
  /** 0 for a type that is translated to a string. */
  bitwidth: number;
  annotations: string[];
  /** Of a serializable enum. */
  names: NamedValues | undefined;
}

function find<T>(types: Record<string, T> | undefined, name: string): T | undefined {
  return types !== undefined && Object.hasOwn(types, name) ? types[name] : undefined;
}

/** The types of one program by name. Immutable. */
export class ProgramTypes {
  readonly #types: P4TypeInfo | undefined;

  constructor(types: P4TypeInfo | undefined) {
    this.#types = types;
  }

  /** Of a serializable enum, or of a `type` whatever it was made of; undefined for what is no number or unknown. */
  named(name: string): FieldType | undefined {
    const found = find(this.#types?.serializableEnums, name);
    if (found !== undefined) {
      const numbers = found.members.map((member) => [member.name, bytesToInteger(member.value)] as const);
      const bitwidth = found.underlyingType?.bitwidth ?? 0;
      const names = { type: name, bitwidth, numbers: new Map(numbers) };
      return { bitwidth, annotations: found.annotations, names };
    }
    const made = find(this.#types?.newTypes, name);
    switch (made?.representation?.$case) {
      case "originalType": {
        const original = this.of(made.representation.value);
        return original && { ...original, annotations: [...made.annotations, ...original.annotations] };
      }
      case "translatedType": {
        const { sdnType } = made.representation.value;
        const bitwidth = sdnType?.$case === "sdnBitwidth" ? sdnType.value : 0;
        return { bitwidth, annotations: made.annotations, names: undefined };
      }
      default:
        return undefined;
    }
  }

  /** Of a bit<W>, or of a type that {@link named} knows; undefined for any other. */
  of(spec: P4DataTypeSpec | undefined): FieldType | undefined {
    const type = spec?.typeSpec;
    switch (type?.$case) {
      case "bitstring": {
        const bit = type.value.typeSpec?.$case === "bit" ? type.value.typeSpec.value : undefined;
        return bit && { bitwidth: bit.bitwidth, annotations: type.value.annotations, names: undefined };
      }
      case "serializableEnum":
      case "newType":
        return this.named(type.value.name);
      default:
        return undefined;
    }
  }

  /** The members of a struct, tuple or header, or the one value of any other type; undefined where one of them is no number. */
  members(spec: P4DataTypeSpec | undefined): { name: string; type: FieldType }[] | undefined {
    const members = this.#membersOf(spec).map(({ name, spec: member }) => ({ name, type: this.of(member) }));
    const known = members.flatMap(({ name, type }) => (type === undefined ? [] : [{ name, type }]));
    return known.length === members.length ? known : undefined;
  }

  #membersOf(spec: P4DataTypeSpec | undefined): { name: string; spec: P4DataTypeSpec | undefined }[] {
    const type = spec?.typeSpec;
    switch (type?.$case) {
      case "tuple":
        return type.value.members.map((member, i) => ({ name: `${i}`, spec: member }));
      case "struct":
        return (find(this.#types?.structs, type.value.name)?.members ?? []).map(({ name, typeSpec }) => ({
          name,
          spec: typeSpec,
        }));
      case "header":
        return (find(this.#types?.headers, type.value.name)?.members ?? []).map(({ name, typeSpec }) => ({
          name,
          spec: typeSpec && { typeSpec: { $case: "bitstring", value: typeSpec } },
        }));
      default:
        return [{ name: "value", spec }];
    }
  }
}

const FORMATS = new Map<string, Format>([
  ["IPV4_ADDRESS", "ipv4"],
  ["IPV6_ADDRESS", "ipv6"],
  ["MAC_ADDRESS", "mac"],
  ["HEX_STRING", "hex"],
]);

/** How a field is shown: by the first `@format` that there is. */
export function formatOf(annotations: readonly string[], bitwidth: number): Format {
  if (bitwidth === 0) {
    return "text";
  }
  const annotation = annotations
    .map((text) => /^@format\((\w+)\)$/.exec(text)?.[1])
    .find((name) => name !== undefined);
  return FORMATS.get(annotation ?? "") ?? "number";
}
