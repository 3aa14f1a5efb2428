import type { Schema, SchemaField, SchemaMatchField } from "./schema.js";

function typeOf(field: SchemaField): string {
  if (field.names !== undefined) {
    return field.names.type;
  }
  switch (field.format) {
    case "ipv4":
      return "IPv4";
    case "ipv6":
      return "IPv6";
    case "mac":
      return "MAC";
    case "text":
      return "text";
    default:
      return `bit<${field.bitwidth}>`;
  }
}

function reference(field: SchemaField): string {
  return field.refersTo.map(({ table, field: key }) => ` -> ${table}.${key}`).join("");
}

const MATCH_SIGNS: Record<SchemaMatchField["match"], string> = {
  exact: "",
  lpm: "/prefix",
  ternary: "&&&mask",
  range: "..high",
  optional: "?",
};

/**
 * Prints a program so that one look explains it: each table with its key, its actions with their parameters, what refers
 * to what, sizes and counters, the names of values.
 */
export function renderSchema(schema: Schema): string {
  const lines: string[] = [];
  for (const table of schema.tables) {
    const key = table.fields.map(
      (field) => `${field.name}: ${typeOf(field)}${MATCH_SIGNS[field.match]}${reference(field)}`,
    );
    const traits = [
      `${table.size} entries`,
      ...(table.isConst ? ["const"] : []),
      ...(table.needsPriority ? ["by priority"] : []),
      ...(table.directCounter === undefined ? [] : [`counts ${table.directCounter.unit}`]),
    ];
    lines.push(`table ${table.alias} (${key.join(", ")})  [${traits.join(", ")}]`);
    for (const { action, scope } of table.actions) {
      const params = action.params.map((param) => `${param.name}: ${typeOf(param)}${reference(param)}`);
      lines.push(`  ${scope === "default-only" ? "default " : ""}${action.alias}(${params.join(", ")})`);
    }
  }
  for (const counter of schema.counters) {
    lines.push(`counter ${counter.alias}[${counter.size}]  [counts ${counter.unit}]`);
  }
  for (const header of [schema.packetIn, schema.packetOut]) {
    if (header !== undefined) {
      lines.push(
        `${header.name} (${header.fields.map((field) => `${field.name}: ${typeOf(field)}`).join(", ")})`,
      );
    }
  }
  for (const { type, bitwidth, numbers } of schema.enums) {
    const values = [...numbers].map(([name, number]) => `${name} = ${number}`);
    lines.push(`enum ${type}: bit<${bitwidth}> (${values.join(", ")})`);
  }
  return `${lines.join("\n")}\n`;
}

const fieldData = ({ name, bitwidth, format, names, refersTo }: SchemaField) => ({
  name,
  bits: bitwidth,
  format,
  ...(names !== undefined && { enum: names.type }),
  ...(refersTo.length > 0 && { refers_to: refersTo }),
});

/** The same as {@link renderSchema} for programs: plain objects and lists. */
export function schemaData(schema: Schema) {
  return {
    tables: [...schema.tables].map((table) => ({
      name: table.alias,
      size: table.size,
      key: table.fields.map((field) => ({ ...fieldData(field), match: field.match })),
      actions: table.actions.map(({ action, scope }) => ({
        name: action.alias,
        params: action.params.map(fieldData),
        ...(scope === "default-only" && { default_only: true }),
      })),
      ...(table.isConst && { const: true }),
      ...(table.needsPriority && { by_priority: true }),
      ...(table.directCounter !== undefined && { counts: table.directCounter.unit }),
      ...(table.profile !== undefined && { profile: table.profile.alias }),
    })),
    counters: [...schema.counters].map(({ alias, size, unit }) => ({ name: alias, size, counts: unit })),
    enums: schema.enums.map(({ type, bitwidth, numbers }) => ({
      name: type,
      bits: bitwidth,
      values: [...numbers].map(([name, number]) => ({ name, number })),
    })),
    packets: [schema.packetIn, schema.packetOut].flatMap((header) =>
      header === undefined ? [] : [{ name: header.name, fields: header.fields.map(fieldData) }],
    ),
  };
}
