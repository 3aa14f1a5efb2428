// Writes TypeScript for a P4 program, so that a wrong table, field, action, width or format is a compile error. Run by generate.ts.
import type {
  NamedValues,
  Schema,
  SchemaField,
  SchemaMatchField,
  SchemaProfile,
  SchemaTable,
} from "../p4runtime/index.js";

const HEADER = `// Generated from the P4 program by \`npm run generate -w controller\`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated
`;

function pascal(name: string): string {
  return name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Widest field that is a JavaScript number. */
const MAX_NUMBER_BITS = 48;

function numberType(bitwidth: number): string {
  return bitwidth <= MAX_NUMBER_BITS
    ? `Uint<${bitwidth}>`
    : `Uint<${MAX_NUMBER_BITS}> | BigUint<${bitwidth}>`;
}

function valueType({ format, bitwidth }: SchemaField): string {
  switch (format) {
    case "ipv4":
      return "Ipv4";
    case "ipv6":
      return "Ipv6";
    case "mac":
      return "Mac";
    case "text":
      return "string";
    default:
      return numberType(bitwidth);
  }
}

function typeOf(field: SchemaField, match?: SchemaMatchField["match"]): string {
  const value = valueType(field);
  const name = field.names === undefined ? "" : `${pascal(field.names.type)} | `;
  switch (match) {
    case "lpm":
      return `Prefix<${value}>`;
    case "ternary":
      return `${name}${value} | Prefix<${value}> | Ternary<${value}>`;
    case "range":
      return `${name}${value} | Range<${value}>`;
    default:
      return `${name}${value}`;
  }
}

function enumBinding({ type, numbers }: NamedValues): string[] {
  const names = [...numbers.keys()].map((name) => `"${name}"`);
  return [`export type ${pascal(type)} = ${names.join(" | ")};`, ""];
}

/** A function's type parameters and parameters for fields of these types, by the name of the parameter. */
function givenFields(types: ReadonlyMap<string, string>): { generic: string; given: string[] } {
  const letters = new Map([...types].map(([name, type]) => [name, { letter: name[0]!.toUpperCase(), type }]));
  const bounds = [...letters.values()].map(({ letter, type }) => `const ${letter} extends Named<${type}>`);
  return {
    generic: bounds.length === 0 ? "" : `<${bounds.join(", ")}>`,
    given: [...letters].map(([name, { letter, type }]) => `${name}: Given<${letter}, ${type}>`),
  };
}

function comment(field: SchemaField): string {
  const references = field.refersTo
    .map(({ table, field: key }) => ` Key \`${key}\` of an entry in ${table}.`)
    .join("");
  return `/** ${field.bitwidth} bits.${references} */`;
}

function tableBinding(table: SchemaTable): string[] {
  const key = `${pascal(table.alias)}Key`;
  const entryActions = table.actions.filter(({ scope }) => scope !== "default-only");
  const match = givenFields(new Map([["match", key]]));
  return [
    `export interface ${key} {`,
    ...table.fields.flatMap((field) => [
      `  ${comment(field)}`,
      `  ${field.name}${field.match === "exact" ? "" : "?"}: ${typeOf(field, field.match)};`,
    ]),
    "}",
    "",
    ...entryActions.flatMap(({ action }) =>
      action.params.length === 0
        ? []
        : [
            `export interface ${pascal(action.alias)}Params {`,
            ...action.params.flatMap((param) => [
              `  ${comment(param)}`,
              `  ${param.name}: ${typeOf(param)};`,
            ]),
            "}",
            "",
          ],
    ),
    `/** Table ${table.alias}: ${table.size} entries. */`,
    `export const ${table.alias} = {`,
    ...(table.profile === undefined
      ? []
      : ["member", "group"].map(
          (choice) =>
            `  ${choice}: ${match.generic}(${match.given}, ${choice}: number): Entry => ({ table: "${table.alias}", match: fields(match), ${choice} }),`,
        )),
    ...(table.profile === undefined ? entryActions : []).map(({ action }) => {
      const hasParams = action.params.length > 0;
      const { generic, given } = givenFields(
        new Map([
          ["match", key],
          ...(hasParams ? [["params", `${pascal(action.alias)}Params`] as const] : []),
        ]),
      );
      const parameters = [...given, ...(table.needsPriority ? ["priority: number"] : [])];
      const fields = [
        `table: "${table.alias}"`,
        "match: fields(match)",
        `action: "${action.alias}"`,
        ...(hasParams ? ["params: fields(params)"] : []),
        ...(table.needsPriority ? ["priority"] : []),
      ];
      return `  ${action.alias}: ${generic}(${parameters.join(", ")}): Entry => ({ ${fields.join(", ")} }),`;
    }),
    "};",
    "",
  ];
}

function profileBinding({ alias, size, maxGroupSize, actions }: SchemaProfile): string[] {
  return [
    `/** Action profile ${alias}: ${size} members, ${maxGroupSize} in a group. */`,
    `export const ${alias} = {`,
    ...actions.map((action) => {
      const { generic, given } = givenFields(new Map([["params", `${pascal(action.alias)}Params`]]));
      return `  ${action.alias}: ${generic}(member: number, ${given}): ProfileMember => ({ profile: "${alias}", member, action: "${action.alias}", params: fields(params) }),`;
    }),
    `  group: (group: number, members: ProfileGroup["members"]): ProfileGroup => ({ profile: "${alias}", group, members }),`,
    "};",
    "",
  ];
}

/**
 * @param client - the P4Runtime client's module, as the file that gets the text imports it
 * @returns the text of gateway.ts
 */
export function renderBindings(schema: Schema, client = "../p4runtime/index.js"): string {
  const tables = [...schema.tables];
  return [
    HEADER,
    `import type { BigUint, Entry, Given, Ipv4, Ipv6, Mac, Named, Prefix, ProfileGroup, ProfileMember, Range, Ternary, Uint, ValueInput } from "${client}";`,
    "",
    "/** What was given has been checked by the compiler, field by field. */",
    "const fields = (given: unknown) => given as Record<string, ValueInput>;",
    "",
    ...schema.enums.flatMap(enumBinding),
    ...tables.flatMap(tableBinding),
    ...[...schema.profiles].flatMap(profileBinding),
    `export type TableName = ${tables.map((table) => `"${table.alias}"`).join(" | ")};`,
    "",
  ].join("\n");
}

/**
 * Reads names, numbers and meanings of the drop reasons out of the P4 source, where they are part of the contract.
 *
 * @param source - text of drop_reasons.p4
 * @param sizes - text of sizes.p4
 * @returns the text of constants.ts
 */
export function renderConstants(source: string, sizes: string): string {
  const reasons = [...source.matchAll(/^const drop_reason_t (DROP_\w+) = (\d+);[ \t]*(?:\/\/ (.*))?$/gm)].map(
    ([, name, number, meaning]) =>
      `  { index: ${number}, name: ${JSON.stringify(name!.slice("DROP_".length).toLowerCase())}, meaning: ${JSON.stringify(meaning ?? "")} },`,
  );
  const buckets = /^#define BUCKETS (\d+)/m.exec(sizes)?.[1];
  const slots = /^#define ECMP_SLOTS (\d+)/m.exec(sizes)?.[1];
  if (reasons.length === 0 || buckets === undefined || slots === undefined) {
    throw new Error(
      "drop_reasons.p4 holds no drop reason, or sizes.p4 no BUCKETS or ECMP_SLOTS, in the form that is expected here",
    );
  }
  return [
    HEADER,
    "/** Buckets of a cluster; a power of two. */",
    `export const BUCKETS = ${buckets};`,
    "",
    "/** Slots of an ECMP group. */",
    `export const ECMP_SLOTS = ${slots};`,
    "",
    "/** Why the pipeline drops: cells of its counter `drops`. */",
    "export const DROP_REASONS: readonly { index: number; name: string; meaning: string }[] = [",
    ...reasons,
    "];",
    "",
  ].join("\n");
}
