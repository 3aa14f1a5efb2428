// Writes TypeScript for a P4 program, so that a wrong table, field or action is a compile error. Run by generate.ts.
import type {
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

function typeOf(field: SchemaField, match?: SchemaMatchField["match"]): string {
  const pattern = match === "lpm" || match === "ternary" || match === "range";
  switch (field.format) {
    case "ipv4":
      return match === "lpm" ? "Ipv4Prefix" : "Ipv4";
    case "mac":
      return "Mac";
    case "number":
      return pattern ? "number | string" : "number";
    default:
      return "string";
  }
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
            `  ${choice}: (match: ${key}, ${choice}: number): Entry => ({ table: "${table.alias}", match: fields(match), ${choice} }),`,
        )),
    ...(table.profile === undefined ? entryActions : []).map(({ action }) => {
      const priority = table.needsPriority ? ", priority: number" : "";
      const params = action.params.length === 0 ? "" : `, params: ${pascal(action.alias)}Params`;
      const fields = [
        `table: "${table.alias}"`,
        "match: fields(match)",
        `action: "${action.alias}"`,
        ...(params === "" ? [] : ["params: fields(params)"]),
        ...(priority === "" ? [] : ["priority"]),
      ];
      return `  ${action.alias}: (match: ${key}${params}${priority}): Entry => ({ ${fields.join(", ")} }),`;
    }),
    "};",
    "",
  ];
}

function profileBinding({ alias, size, maxGroupSize, actions }: SchemaProfile): string[] {
  return [
    `/** Action profile ${alias}: ${size} members, ${maxGroupSize} in a group. */`,
    `export const ${alias} = {`,
    ...actions.map(
      (action) =>
        `  ${action.alias}: (member: number, params: ${pascal(action.alias)}Params): ProfileMember => ({ profile: "${alias}", member, action: "${action.alias}", params: fields(params) }),`,
    ),
    `  group: (group: number, members: ProfileGroup["members"]): ProfileGroup => ({ profile: "${alias}", group, members }),`,
    "};",
    "",
  ];
}

/** @returns the text of gateway.ts */
export function renderBindings(schema: Schema): string {
  const tables = [...schema.tables];
  return [
    HEADER,
    'import type { Entry, ProfileGroup, ProfileMember, ValueInput } from "../p4runtime/index.js";',
    "",
    "/** Like 192.0.2.1. */",
    "export type Ipv4 = string;",
    "/** Like 192.0.2.0/24. */",
    "export type Ipv4Prefix = string;",
    "/** Like 02:00:00:00:00:01. */",
    "export type Mac = string;",
    "",
    "/** An interface has no index signature, though every field of these is a value. */",
    "const fields = (given: object) => given as Record<string, ValueInput>;",
    "",
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
