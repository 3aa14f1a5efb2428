// Small validators that are put together into the shape of the document (document.ts). Each reads one node, reports what
// is wrong with it under the subject's name ("switch gw1: port 2: address"), and goes on, so that all errors come at once.
import { nearest, type UintUpTo, ValueError } from "../p4runtime/index.js";
import { type DocumentNode, entriesOf, isList, itemsOf, kindOf, textOf } from "./nodes.js";
import type { Place } from "./problems.js";
import type { Source } from "./source.js";

/** JSON Schema, draft 7: what editors understand. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export interface Shape<T> {
  /** @returns undefined after it has reported why the node is not what it should be */
  (node: DocumentNode, subject: string, source: Source): T | undefined;
  /** What a node has to be, as far as it can be said of one node alone. */
  readonly schema: JsonSchema;
}

function shapeOf<T>(
  schema: JsonSchema,
  read: (node: DocumentNode, subject: string, source: Source) => T | undefined,
): Shape<T> {
  return Object.assign(read, { schema });
}

export type Infer<S> = S extends Shape<infer T> ? T : never;

/** A key of a map: required, or with the value that it has when it is left out. */
export interface Field<T> {
  shape: Shape<T>;
  required: boolean;
  fallback: T;
}

export function required<T>(shape: Shape<T>): Field<T> {
  return { shape, required: true, fallback: undefined as T };
}

export function optional<T>(shape: Shape<T>): Field<T | undefined>;
export function optional<T>(shape: Shape<T>, fallback: T): Field<T>;
export function optional<T>(shape: Shape<T>, fallback?: T): Field<T | undefined> {
  return { shape: shape as Shape<T | undefined>, required: false, fallback };
}

/**
 * A scalar that `parse` understands.
 *
 * @param expected - "an IPv4 address", for messages about nodes that are no scalar at all
 * @param schema - what its texts look like, where a pattern or a list can say it
 * @param parse - throws ValueError with what is wrong and what would be right
 */
export function scalar<T>(expected: string, schema: JsonSchema, parse: (text: string) => T): Shape<T> {
  return shapeOf({ type: "string", description: expected, ...schema }, (node, subject, source) => {
    const text = textOf(source.resolve(node));
    if (text === undefined) {
      source.report(source.placeOf(node), `${subject}: ${kindOf(source.resolve(node))} is not ${expected}`);
      return undefined;
    }
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof ValueError)) {
        throw error;
      }
      source.report(source.placeOf(node), `${subject}: ${error.message}`);
      return undefined;
    }
  });
}

/** A whole number, decimal or 0x…. Leading zeros are refused: to some programs they mean octal. */
export function integer(what: string, min: number, max: number): Shape<number> {
  return scalar(what, { type: "integer", minimum: min, maximum: max }, (text) => {
    const value = /^(-?(0|[1-9]\d*)|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new ValueError(`${text} is not ${what} (a whole number from ${min} to ${max})`);
    }
    return value;
  });
}

/** {@link integer} for what becomes a field of a table: a value of as many bits as `max` needs. */
export function unsigned<const Max extends number>(
  what: string,
  min: number,
  max: Max,
): Shape<UintUpTo<Max>> {
  return integer(what, min, max) as Shape<UintUpTo<Max>>;
}

export function oneOf<const T extends string>(what: string, values: readonly T[]): Shape<T> {
  return scalar(what, { enum: values }, (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) {
      throw new ValueError(`"${text}" is not ${what} (${nearest(text, values)})`);
    }
    return found;
  });
}

export const flag: Shape<boolean> = scalar("true or false", { type: "boolean" }, (text) => {
  if (text !== "true" && text !== "false") {
    throw new ValueError(`"${text}" is neither true nor false`);
  }
  return text === "true";
});

/** Where the last segment of a subject begins: `switch gw1: port #2` -> the index of `port`. */
function lastSegment(subject: string): number {
  const colon = subject.lastIndexOf(": ");
  return colon < 0 ? 0 : colon + 2;
}

type FieldsOf<F extends Record<string, Field<unknown>>> = {
  [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/**
 * A map with known keys. The object that comes out remembers where each of its fields stood (`Source.at`).
 *
 * @param kind - "service"; with the value of `nameKey` it becomes the subject of messages: `service web`
 */
export function object<F extends Record<string, Field<unknown>>>(
  kind: string,
  fields: F,
  nameKey = "name",
): Shape<FieldsOf<F>> {
  const known = Object.keys(fields);
  return shapeOf(objectSchema(fields), (givenNode, outer, source) => {
    const node = source.resolve(givenNode);
    const entries = entriesOf(node);
    if (entries === undefined) {
      source.report(
        source.placeOf(givenNode),
        `${outer === "" ? "the file" : outer}: ${kindOf(node)} is not a map (write its keys ${known.join(", ")})`,
      );
      return undefined;
    }
    const name = textOf(source.resolve(entries.find(({ key }) => key === nameKey)?.value));
    const subject =
      kind === "" || name === undefined ? outer : `${outer.slice(0, lastSegment(outer))}${kind} ${name}`;
    if (name !== undefined) {
      source.declare(kind, name);
    }
    const read: Record<string, unknown> = {};
    source.remember(read, "", source.placeOf(givenNode));
    let complete = true;
    const seen = new Set<string>();
    for (const { key, value: child, place, pair } of entries) {
      const field = Object.hasOwn(fields, key) ? fields[key]! : undefined;
      if (field === undefined) {
        const where = subject === "" ? "" : `${subject}: `;
        source.report(source.placeOf(pair), `${where}unknown key "${key}" (${nearest(key, known)})`);
        continue;
      }
      seen.add(key);
      const value = field.shape(child, subject === "" ? key : `${subject}: ${key}`, source);
      complete &&= value !== undefined || !field.required;
      read[key] = value ?? field.fallback;
      source.remember(read, key, source.placeOf(place));
    }
    for (const key of known) {
      if (seen.has(key)) {
        continue;
      }
      const field = fields[key]!;
      if (field.required) {
        source.report(
          source.placeOf(givenNode),
          `${subject === "" ? "the file" : subject}: key "${key}" is missing`,
        );
        complete = false;
      }
      read[key] = field.fallback;
    }
    return complete ? (read as FieldsOf<F>) : undefined;
  });
}

function objectSchema(fields: Record<string, Field<unknown>>): JsonSchema {
  const properties = Object.entries(fields).map(([key, { shape, fallback }]) => {
    // A default that is a list or a map is what the key's absence means anyway; as 0 it means "none", which nobody may write.
    const shown =
      typeof fallback === "string" || typeof fallback === "boolean" || allows(shape.schema, fallback);
    return [key, shown && fallback !== undefined ? { ...shape.schema, default: fallback } : shape.schema];
  });
  const needed = Object.keys(fields).filter((key) => fields[key]!.required);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(needed.length > 0 && { required: needed }),
    additionalProperties: false,
  };
}

function allows({ minimum, maximum }: JsonSchema, value: unknown): boolean {
  return typeof value === "number" && value >= Number(minimum) && value <= Number(maximum);
}

/**
 * A list. Items that are not what they should be are left out after they have been reported.
 *
 * @param kind - "service": the third item is "service #3" until its name is known
 */
export function list<T>(kind: string, item: Shape<T>): Shape<T[]> {
  // A key with nothing behind it is an empty list.
  const schema = { type: ["array", "null"], items: item.schema };
  return shapeOf(schema, (givenNode, subject, source) => {
    const node = source.resolve(givenNode);
    const items = itemsOf(node);
    if (items === undefined) {
      source.report(
        source.placeOf(givenNode),
        `${subject}: ${kindOf(node)} is not a list (begin each ${kind} with "- ")`,
      );
      return undefined;
    }
    const outer = subject.slice(0, lastSegment(subject));
    const values = items.flatMap((child, i) => {
      const value = item(child, `${outer}${kind} #${i + 1}`, source);
      return value === undefined ? [] : [value];
    });
    if (values.length < items.length) {
      source.markIncomplete(values);
    }
    return values;
  });
}

/** A list, or one item instead of a list of one. */
export function oneOrMore<T>(kind: string, item: Shape<T>): Shape<T[]> {
  const several = list(kind, item);
  return shapeOf({ anyOf: [several.schema, item.schema] }, (node, subject, source) => {
    if (isList(source.resolve(node))) {
      const values = several(node, subject, source);
      return values === undefined || !source.isComplete(values) ? undefined : values;
    }
    const value = item(node, subject, source);
    return value === undefined ? undefined : [value];
  });
}

/**
 * Adds a check of a whole that is already well formed.
 *
 * @param check - returns what is wrong, and where
 * @param schema - what of it JSON Schema can say
 */
export function checked<T extends object>(
  shape: Shape<T>,
  check: (value: T, at: (field?: string) => Place) => { place: Place; message: string }[],
  schema: JsonSchema = {},
): Shape<T> {
  return shapeOf({ ...shape.schema, ...schema }, (node, subject, source) => {
    const value = shape(node, subject, source);
    if (value === undefined) {
      return undefined;
    }
    const wrong = check(value, (field) => source.at(value, field));
    for (const { place, message } of wrong) {
      source.report(place, `${subject.slice(0, lastSegment(subject))}${message}`);
    }
    return wrong.length === 0 ? value : undefined;
  });
}
