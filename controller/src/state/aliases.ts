// Aliases (`*name`) of a YAML text. One that stands for itself has no end, and a few lines of lists of aliases of lists of aliases stand for
// more than any memory holds: both are found by counting, before anything is followed.
import { type Alias, type Document, isAlias, isMap, isPair, isScalar, isSeq, type Node } from "yaml";

/** Scalars, lists and maps that a document may have more, when its aliases are written out, than its text has. */
const MAX_NODES = 1_000_000;

export interface Aliases {
  /** What an alias stands for. */
  targets: ReadonlyMap<Alias, Node>;
  /** Why they cannot be followed. */
  problem?: { alias: Alias; message: string };
}

class Counting {
  readonly targets = new Map<Alias, Node>();
  problem: Aliases["problem"];
  readonly #anchors = new Map<string, Node>();
  /** Of what has an anchor, with its aliases written out; undefined while it is being counted. */
  readonly #sizes = new Map<Node, number | undefined>();
  #added = 0;

  /** @returns how many nodes it stands for */
  count(node: unknown): number {
    if (isAlias(node)) {
      return this.#countAlias(node);
    }
    if (isPair(node)) {
      return this.count(node.key) + this.count(node.value);
    }
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) {
      return 0;
    }
    const { anchor } = node;
    if (anchor !== undefined) {
      this.#anchors.set(anchor, node);
      this.#sizes.set(node, undefined);
    }
    const items: readonly unknown[] = isScalar(node) ? [] : node.items;
    const size = items.reduce<number>((sum, item) => sum + this.count(item), 1);
    if (anchor !== undefined) {
      this.#sizes.set(node, size);
    }
    return size;
  }

  #countAlias(alias: Alias): number {
    const target = this.#anchors.get(alias.source);
    const size = target && this.#sizes.get(target);
    if (target === undefined || size === undefined) {
      const message =
        target === undefined
          ? `nothing before it has the anchor &${alias.source}`
          : `it stands for something that it is a part of (write it out as far as it is meant)`;
      this.problem ??= { alias, message: `alias *${alias.source}: ${message}` };
      return 1;
    }
    this.targets.set(alias, target);
    this.#added += size;
    if (this.#added > MAX_NODES) {
      const limit = MAX_NODES.toLocaleString("en-US");
      const message = `the document's aliases come to more than ${limit} values when they are written out`;
      this.problem ??= { alias, message: `alias *${alias.source}: ${message} (use fewer of them)` };
    }
    return size;
  }
}

export function aliasesOf(document: Document): Aliases {
  const counting = new Counting();
  counting.count(document.contents);
  const { targets, problem } = counting;
  return problem === undefined ? { targets } : { targets, problem };
}
