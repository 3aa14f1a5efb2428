// A YAML text with the places of its nodes, and the problems found in it so far.
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Place, Problem } from "./problems.js";

export type YamlNode = unknown;

export class Source {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly root: YamlNode;
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #declared = new Map<string, Set<string>>();
  readonly #incomplete = new WeakSet<object>();
  readonly #places = new WeakMap<object, Map<string, Place>>();

  /** Syntax errors become problems; `root` is then what could be understood. */
  constructor(file: string, text: string) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.root = this.#document.contents;
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.#add(error.pos[0], `YAML: ${error.message}`);
    }
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #add(offset: number, message: string): void {
    this.problems.push({ file: this.file, ...this.#placeAt(offset), message });
  }

  placeOf(node: YamlNode): Place {
    const target = isPair(node) ? node.key : node;
    const range =
      isScalar(target) || isMap(target) || isSeq(target) || isAlias(target) ? target.range : undefined;
    return this.#placeAt(range?.[0] ?? 0);
  }

  /** Follows an alias (`*name`) to its anchor. */
  resolve(node: YamlNode): YamlNode {
    return isAlias(node) ? node.resolve(this.#document) : node;
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
    const places = this.#places.get(object) ?? new Map<string, Place>();
    places.set(field, place);
    this.#places.set(object, places);
  }

  /** Where a field of a parsed object stands, or else the object. */
  at(object: object, field = ""): Place {
    const places = this.#places.get(object);
    return places?.get(field) ?? places?.get("") ?? { line: 1, column: 1 };
  }
}
