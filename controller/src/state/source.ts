// A document with the places of its nodes, and the problems found in it so far.
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
} from "yaml";
import { aliasesOf } from "./aliases.js";
import type { DocumentNode } from "./nodes.js";
import type { Place, Problem } from "./problems.js";

/** Of everything in a document that is no text. Line 0 is none (`withoutPlaces`). */
const NO_PLACE: Place = { line: 0, column: 0 };
/** There, of a field that has a value: {@link Source.at} tells it from one that has none. */
const GIVEN: Place = { ...NO_PLACE };

export class Source {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly root: DocumentNode;
  /** Undefined: the document is a value, and nothing in it has a place. */
  readonly #document: Document | undefined;
  readonly #lines: LineCounter;
  #aliases: ReadonlyMap<Alias, DocumentNode> = new Map();
  readonly #declared = new Map<string, Set<string>>();
  readonly #incomplete = new WeakSet<object>();
  readonly #places = new WeakMap<object, Map<string, Place>>();

  private constructor(file: string, root: DocumentNode, document?: Document, lines = new LineCounter()) {
    this.file = file;
    this.root = root;
    this.#document = document;
    this.#lines = lines;
  }

  /** A YAML text. Syntax errors become problems; `root` is then what could be understood. */
  static ofText(file: string, text: string): Source {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const source = new Source(file, document.contents, document, lines);
    for (const { pos, message } of [...document.errors, ...document.warnings]) {
      const isDeep = message.includes("call stack"); // the parser's own
      source.#add(
        pos[0],
        `YAML: ${isDeep ? "it is nested too deeply (a brace or bracket that is not closed?)" : message}`,
      );
    }
    if (source.problems.length === 0) {
      const { targets, problem } = aliasesOf(document);
      source.#aliases = targets;
      if (problem !== undefined) {
        source.#add(problem.alias.range?.[0] ?? 0, `YAML: ${problem.message}`);
      }
    }
    return source;
  }

  /** A document that is a value already, of objects, lists, texts, numbers and booleans. */
  static ofValue(name: string, value: unknown): Source {
    return new Source(name, value);
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #add(offset: number, message: string): void {
    this.problems.push({ file: this.file, ...this.#placeAt(offset), message });
  }

  placeOf(node: DocumentNode): Place {
    if (this.#document === undefined) {
      return NO_PLACE;
    }
    const target = isPair(node) ? node.key : node;
    const range =
      isScalar(target) || isMap(target) || isSeq(target) || isAlias(target) ? target.range : undefined;
    return this.#placeAt(range?.[0] ?? 0);
  }

  /** Follows an alias (`*name`) to its anchor. */
  resolve(node: DocumentNode): DocumentNode {
    return isAlias(node) ? this.#aliases.get(node) : node;
  }

  report(place: Place, message: string): void {
    this.problems.push({ file: this.file, line: place.line, column: place.column, message });
  }

  /** Notes that a name is declared, also when the rest of its object is wrong: references to it are then no second error. */
  declare(kind: string, name: string): void {
    const names = this.#declared.get(kind) ?? new Set<string>();
    names.add(name);
    this.#declared.set(kind, names);
  }

  declared(kind: string): ReadonlySet<string> {
    return this.#declared.get(kind) ?? new Set();
  }

  /** Notes that a list has lost items that were wrong: what it lacks is then no second error. */
  markIncomplete(list: object): void {
    this.#incomplete.add(list);
  }

  isComplete(list: object): boolean {
    return !this.#incomplete.has(list);
  }

  /** Remembers where a field of a parsed object stands; the name "" is for the object itself. */
  remember(object: object, field: string, place: Place): void {
    if (this.#document === undefined) {
      return;
    }
    const places = this.#places.get(object) ?? new Map<string, Place>();
    places.set(field, place);
    this.#places.set(object, places);
  }

  /** Where a field of a parsed object stands, or else the object. */
  at(object: object, field = ""): Place {
    if (this.#document === undefined) {
      return (object as Record<string, unknown>)[field] === undefined ? NO_PLACE : GIVEN;
    }
    const places = this.#places.get(object);
    return places?.get(field) ?? places?.get("") ?? NO_PLACE;
  }
}
