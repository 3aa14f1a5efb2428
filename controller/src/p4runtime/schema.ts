// What a P4 program lets a controller do, from its P4Info: looked up by name, alias or id.
import {
  ActionRef_Scope,
  CounterSpec_Unit,
  MatchField_MatchType,
  type P4Info,
  type Preamble,
  Table_IdleTimeoutBehavior,
} from "@sluice/proto/p4info";
import type { P4DataTypeSpec } from "@sluice/proto/p4types";
import { nearest } from "./nearest.js";
import { formatOf, ProgramTypes } from "./schema_types.js";
import type { Format, NamedValues } from "./values.js";

export type MatchKind = "exact" | "lpm" | "ternary" | "range" | "optional";

/** `@refers_to(table, field)`: a value here must be the key of an entry there. */
export interface Reference {
  table: string;
  field: string;
}

/** A key field, an action's parameter or a packet's metadata field. */
export interface SchemaField {
  id: number;
  name: string;
  /** 0 for a type that is translated to a string. */
  bitwidth: number;
  format: Format;
  /** Of a field whose type is a serializable enum. */
  names: NamedValues | undefined;
  refersTo: Reference[];
}

export interface SchemaMatchField extends SchemaField {
  match: MatchKind;
}

export interface SchemaAction {
  id: number;
  name: string;
  alias: string;
  params: SchemaField[];
}

export interface SchemaActionRef {
  action: SchemaAction;
  scope: "table-and-default" | "table-only" | "default-only";
}

export interface SchemaTable {
  id: number;
  name: string;
  alias: string;
  fields: SchemaMatchField[];
  actions: SchemaActionRef[];
  /** Entries the target guarantees to hold. */
  size: number;
  /** True when the key has a ternary, range or optional field: entries then carry a priority above 0. */
  needsPriority: boolean;
  /** Entries and default action are fixed by the program. */
  isConst: boolean;
  hasConstDefault: boolean;
  directCounter: SchemaCounter | undefined;
  /** Its entries may have an idle timeout. */
  hasIdleTimeout: boolean;
  /** Its entries name a member or a group of this action profile instead of an action. */
  profile: SchemaProfile | undefined;
}

/** An action profile: actions with their parameters (members) that the entries of tables share, alone or in groups. */
export interface SchemaProfile {
  id: number;
  name: string;
  alias: string;
  /** Members it holds. */
  size: number;
  /** Members of a group; 0: as many as there are. */
  maxGroupSize: number;
  actions: SchemaAction[];
}

export interface SchemaCounter {
  id: number;
  name: string;
  alias: string;
  unit: "bytes" | "packets" | "both";
  /** Cells; 0 for a direct counter. */
  size: number;
}

/** Values that the data plane sends to the controller. */
export interface SchemaDigest {
  id: number;
  name: string;
  alias: string;
  /** Its members; undefined for a type that is not made of bit<W> and serializable enums alone. */
  fields: SchemaField[] | undefined;
}

export interface SchemaPacketHeader {
  id: number;
  name: string;
  fields: SchemaField[];
}

/** A name or id that the program does not have. */
export class SchemaError extends Error {
  override name = "SchemaError";
}

/** Objects of one kind, by id, full name and alias. */
export class SchemaMap<T extends { id: number; name: string; alias: string }> {
  readonly #kind: string;
  readonly #byKey = new Map<string | number, T>();
  readonly #all: T[] = [];

  constructor(kind: string, items: Iterable<T>) {
    this.#kind = kind;
    for (const item of items) {
      this.#all.push(item);
      this.#byKey.set(item.id, item).set(item.name, item).set(item.alias, item);
    }
  }

  has(key: string | number): boolean {
    return this.#byKey.has(key);
  }

  /** @throws SchemaError that names the nearest alias */
  get(key: string | number): T {
    const found = this.#byKey.get(key);
    if (found !== undefined) {
      return found;
    }
    const aliases = this.#all.map((item) => item.alias);
    const hint =
      typeof key === "string" ? nearest(key, aliases) : `the pipeline on the switch is another one than this`;
    throw new SchemaError(
      `${this.#kind} ${typeof key === "number" ? `0x${key.toString(16)}` : `"${key}"`} does not exist in the P4 program (${hint})`,
    );
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all[Symbol.iterator]();
  }
}

function referencesOf(annotations: string[]): Reference[] {
  return annotations.flatMap((text) => {
    const found = /^@refers_to\(\s*"?([\w.]+)"?\s*,\s*"?([\w.]+)"?\s*\)$/.exec(text);
    return found === null ? [] : [{ table: found[1]!, field: found[2]! }];
  });
}

interface TypedField {
  id: number;
  name: string;
  bitwidth: number;
  annotations: string[];
  typeName: { name: string } | undefined;
}

/** Makes fields of what a P4Info says of them, with the types that it names. */
function fieldMaker(types: ProgramTypes): (field: TypedField) => SchemaField {
  return ({ id, name, bitwidth, annotations, typeName }) => {
    const type = typeName && types.named(typeName.name);
    return {
      id,
      name,
      bitwidth,
      format: formatOf([...annotations, ...(type?.annotations ?? [])], bitwidth),
      names: type?.names,
      refersTo: referencesOf(annotations),
    };
  };
}

const MATCH_KINDS = new Map<MatchField_MatchType, MatchKind>([
  [MatchField_MatchType.EXACT, "exact"],
  [MatchField_MatchType.LPM, "lpm"],
  [MatchField_MatchType.TERNARY, "ternary"],
  [MatchField_MatchType.RANGE, "range"],
  [MatchField_MatchType.OPTIONAL, "optional"],
]);

const UNITS = new Map<CounterSpec_Unit, SchemaCounter["unit"]>([
  [CounterSpec_Unit.BYTES, "bytes"],
  [CounterSpec_Unit.PACKETS, "packets"],
]);

const SCOPES = new Map<ActionRef_Scope, SchemaActionRef["scope"]>([
  [ActionRef_Scope.TABLE_ONLY, "table-only"],
  [ActionRef_Scope.DEFAULT_ONLY, "default-only"],
]);

function named(preamble: Preamble | undefined): { id: number; name: string; alias: string } {
  const { id, name, alias } = preamble ?? { id: 0, name: "", alias: "" };
  return { id, name, alias: alias === "" ? name : alias };
}

/** The fields of a digest's type. */
function digestFields(types: ProgramTypes, spec: P4DataTypeSpec | undefined): SchemaField[] | undefined {
  return types.members(spec)?.map(({ name, type: { bitwidth, annotations, names } }, i) => ({
    id: i + 1,
    name,
    bitwidth,
    format: formatOf(annotations, bitwidth),
    names,
    refersTo: [],
  }));
}

/** A P4 program as a controller sees it. Immutable. */
export class Schema {
  readonly p4info: P4Info;
  readonly tables: SchemaMap<SchemaTable>;
  readonly actions: SchemaMap<SchemaAction>;
  readonly profiles: SchemaMap<SchemaProfile>;
  readonly counters: SchemaMap<SchemaCounter>;
  readonly digests: SchemaMap<SchemaDigest>;
  readonly packetIn: SchemaPacketHeader | undefined;
  readonly packetOut: SchemaPacketHeader | undefined;
  /** The serializable enums that key fields, parameters and packets' metadata are of, each once. */
  readonly enums: readonly NamedValues[];

  /** @throws SchemaError when the P4Info contradicts itself or has a match kind that P4Runtime does not know */
  constructor(p4info: P4Info) {
    this.p4info = p4info;
    const types = new ProgramTypes(p4info.typeInfo);
    const fieldOf = fieldMaker(types);
    this.actions = new SchemaMap(
      "action",
      p4info.actions.map((action) => ({ ...named(action.preamble), params: action.params.map(fieldOf) })),
    );
    const actionsOf = (profileId: number) => {
      const refs = p4info.tables
        .filter((table) => table.implementationId === profileId)
        .flatMap((table) => table.actionRefs)
        .filter(({ scope }) => scope !== ActionRef_Scope.DEFAULT_ONLY);
      return [...new Set(refs.map(({ id }) => this.actions.get(id)))];
    };
    this.profiles = new SchemaMap(
      "action profile",
      p4info.actionProfiles.map((profile) => {
        const { id, name, alias } = named(profile.preamble);
        return {
          id,
          name,
          alias,
          size: Number(profile.size),
          maxGroupSize: profile.maxGroupSize,
          actions: actionsOf(id),
        };
      }),
    );
    this.counters = new SchemaMap(
      "counter",
      p4info.counters.map((counter) => ({
        ...named(counter.preamble),
        unit: UNITS.get(counter.spec?.unit ?? CounterSpec_Unit.BOTH) ?? ("both" as const),
        size: Number(counter.size),
      })),
    );
    this.digests = new SchemaMap(
      "digest",
      p4info.digests.map(({ preamble, typeSpec }) => ({
        ...named(preamble),
        fields: digestFields(types, typeSpec),
      })),
    );
    const direct = new Map(
      p4info.directCounters.map((counter): [number, SchemaCounter] => [
        counter.directTableId,
        {
          ...named(counter.preamble),
          unit: UNITS.get(counter.spec?.unit ?? CounterSpec_Unit.BOTH) ?? "both",
          size: 0,
        },
      ]),
    );
    this.tables = new SchemaMap(
      "table",
      p4info.tables.map((table) => {
        const { id, name, alias } = named(table.preamble);
        const fields = table.matchFields.map((field) => {
          const match = field.match?.$case === "matchType" ? MATCH_KINDS.get(field.match.value) : undefined;
          if (match === undefined) {
            throw new SchemaError(
              `table ${alias}: key field ${field.name} has a match kind that is not supported`,
            );
          }
          return { ...fieldOf(field), match };
        });
        return {
          id,
          name,
          alias,
          fields,
          actions: table.actionRefs.map((ref) => ({
            action: this.actions.get(ref.id),
            scope: SCOPES.get(ref.scope) ?? ("table-and-default" as const),
          })),
          size: Number(table.size),
          needsPriority: fields.some((field) => field.match !== "exact" && field.match !== "lpm"),
          isConst: table.isConstTable,
          hasConstDefault: table.constDefaultActionId !== 0,
          directCounter: direct.get(id),
          hasIdleTimeout: table.idleTimeoutBehavior === Table_IdleTimeoutBehavior.NOTIFY_CONTROL,
          profile: table.implementationId === 0 ? undefined : this.profiles.get(table.implementationId),
        };
      }),
    );
    const header = (wanted: string): SchemaPacketHeader | undefined => {
      const found = p4info.controllerPacketMetadata.find((item) => named(item.preamble).alias === wanted);
      return found && { ...named(found.preamble), fields: found.metadata.map(fieldOf) };
    };
    this.packetIn = header("packet_in");
    this.packetOut = header("packet_out");
    const fields = [
      ...[...this.tables].flatMap((table) => table.fields),
      ...[...this.actions].flatMap((action) => action.params),
      ...[this.packetIn, this.packetOut].flatMap((packet) => packet?.fields ?? []),
    ];
    const enums = fields.flatMap(({ names }) => (names === undefined ? [] : [[names.type, names] as const]));
    this.enums = [...new Map(enums).values()];
  }
}

/** Finds a field or parameter by name. @throws SchemaError that lists what there is */
export function fieldNamed<T extends SchemaField>(fields: readonly T[], name: string, owner: string): T {
  const found = fields.find((field) => field.name === name);
  if (found === undefined) {
    const names = fields.map((field) => field.name);
    throw new SchemaError(
      `${owner} has no field "${name}" (${names.length === 0 ? "it has none" : `it has ${names.join(", ")}`})`,
    );
  }
  return found;
}
