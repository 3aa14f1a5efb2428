// The desired state: one YAML file in, a checked object out, or every problem with its place.
//
//   problems  places and messages;  nodes, aliases, source  a document with its places;  plain  a text as JSON values;
//   shapes  validators to put together
//   document  the shape of the file;  json_schema  the same for editors;  scalars  its words;  blocks  address arithmetic;
//   fabric  which networks are the fabric;  rules, check*  the rules between its parts
import { readFileSync } from "node:fs";
import { checkState } from "./check.js";
import { type DesiredState, documentShape } from "./document.js";
import { InvalidDocument } from "./problems.js";
import type { JsonSchema } from "./shapes.js";
import { Source } from "./source.js";

export { addressesOf, aggregate, BlockSet, blockOf, contains, isIpv6, overlap } from "./blocks.js";
export { endpointOf, serviceAddress } from "./check.js";
export { ownerOf } from "./check_eips.js";
export { hostsOverIpv6 } from "./check_underlay.js";
export type * from "./document.js";
export { clustersOf, MAX_EIP_INDEX, otherClusterOf } from "./document.js";
export { fabricNetworks } from "./fabric.js";
export { httpOf } from "./health_check.js";
export { documentSchema } from "./json_schema.js";
export { plainDocument } from "./plain.js";
export { formatProblem, InvalidDocument, type Problem, withoutPlaces } from "./problems.js";

/**
 * Parses and checks a document.
 *
 * @param file - its name, for messages
 * @throws InvalidDocument with every problem
 */
export function parseState(file: string, text: string): DesiredState {
  return check(Source.ofText(file, text));
}

/** Objects that are in the state already and have been checked by themselves. */
export type KnownObjects = Partial<Pick<DesiredState, "eips">>;

/**
 * Checks a document that is a value: what is read from JSON. Scalars may be texts, as YAML has them, numbers or booleans.
 *
 * @param name - of the document, for messages
 * @param known - belongs to the document as well
 * @param options - `crossChecks: false`: only what each object says by itself
 * @throws InvalidDocument with every problem; their places mean nothing
 */
export function parseValue(
  name: string,
  value: unknown,
  known: KnownObjects = {},
  options: { crossChecks?: boolean } = {},
): DesiredState {
  return check(Source.ofValue(name, value), known, options.crossChecks);
}

/** The sections of a document. */
export const SECTIONS: readonly string[] = Object.keys(check(Source.ofValue("nothing", {})));

/** Those whose items have names: each item is a thing by itself. The others are one thing as a whole. */
export const NAMED_SECTIONS: ReadonlySet<string> = new Set(
  SECTIONS.filter((section) => {
    const { items } = (documentShape.schema.properties as Record<string, { items: JsonSchema }>)[section]!;
    return Object.hasOwn((items.properties as object | undefined) ?? {}, "name");
  }),
);

function check(source: Source, known: KnownObjects = {}, crossChecks = true): DesiredState {
  // A text that is no YAML would only give consequential errors further on.
  const state = source.problems.length === 0 ? documentShape(source.root, "", source) : undefined;
  if (state !== undefined && known.eips !== undefined) {
    state.eips = [...known.eips, ...state.eips];
  }
  if (state !== undefined && crossChecks) {
    checkState(source, state);
  }
  if (state === undefined || source.problems.length > 0) {
    const problems = source.problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw new InvalidDocument(problems);
  }
  return state;
}

/** @throws InvalidDocument, or Error when the file cannot be read */
export function loadState(file: string): DesiredState {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "it does not exist" : (error as Error).message;
    throw new InvalidDocument([
      {
        file,
        line: 1,
        column: 1,
        message: `the file cannot be read: ${reason} (give it by -f FILE or SLUICE_FILE)`,
      },
    ]);
  }
  return parseState(file, text);
}
