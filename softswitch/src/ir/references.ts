// Primitives' operands: targets, headers and stacks, also those whose index only the packet knows.
import { type JsonValue, UnsupportedConstruct } from "../json/bmv2.js";
import { type ExprContext, isHeader, toElement, toElementField } from "./expressions.js";
import type { Field, Header, Primitive } from "./program.js";

/**
 * The primitive that `make` makes of the field that a parameter names; for an element of a stack one for each element.
 *
 * @throws UnsupportedConstruct when the parameter names no field
 */
export function withField(
  json: JsonValue,
  op: string,
  context: ExprContext,
  make: (field: Field) => Primitive,
): Primitive {
  const { layout, source } = context;
  const fieldOf = (header: string, name: string): Field => {
    const found = layout.field(header, name, source);
    if (isHeader(found)) throw new UnsupportedConstruct(`"${op}" to the validity of "${header}"`, source);
    return found;
  };
  if (json.type === "field") return make(fieldOf(...(json.value as [string, string])));
  const element = toElementField(json, context);
  if (element === undefined)
    throw new UnsupportedConstruct(`"${op}" to a target of type "${json.type}"`, source);
  const cases = element.stack.elements.map(([header]) => make(fieldOf(header!.name, element.field)));
  return { op: "oneOf", index: element.index, cases };
}

/** The same for a header. */
export function withHeader(
  json: JsonValue,
  op: string,
  context: ExprContext,
  make: (header: Header) => Primitive,
): Primitive {
  if (json.type === "header") return make(context.layout.header(json.value as string, context.source));
  const element = toElement(json, context);
  if (element === undefined) {
    throw new UnsupportedConstruct(`"${op}" of a header given as "${json.type}"`, context.source);
  }
  return {
    op: "oneOf",
    index: element.index,
    cases: element.stack.elements.map(([header]) => make(header!)),
  };
}

export function copyAll(targets: readonly Header[], values: readonly Header[]): Primitive[] {
  return targets.map((target, i) => ({ op: "copyHeader", target, value: values[i]! }));
}
