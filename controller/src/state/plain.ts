// A YAML text as JSON values that say the same: what a client sends to the API.
import { isAlias, parseDocument } from "yaml";
import { aliasesOf } from "./aliases.js";
import { type DocumentNode, entriesOf, isList, itemsOf, textOf } from "./nodes.js";

const WHOLE_NUMBER = /^(0|[1-9]\d{0,14})$/;

/** @param text - one that parses: {@link parseState} has said what is wrong with any other */
export function plainDocument(text: string): Record<string, unknown> {
  const document = parseDocument(text);
  const { targets } = aliasesOf(document);
  const plain = (given: DocumentNode): unknown => {
    const node = isAlias(given) ? targets.get(given) : given;
    const entries = entriesOf(node);
    if (entries !== undefined) {
      return Object.fromEntries(entries.map(({ key, value }) => [key, plain(value)]));
    }
    if (isList(node)) {
      return itemsOf(node)!.map(plain);
    }
    const scalar = textOf(node);
    if (scalar === undefined) {
      return undefined;
    }
    // What is no plain number or flag keeps the text that was written: 0x10, 1_000, 100Mbps.
    return WHOLE_NUMBER.test(scalar)
      ? Number(scalar)
      : scalar === "true" || scalar === "false"
        ? scalar === "true"
        : scalar;
  };
  return (plain(document.contents) ?? {}) as Record<string, unknown>;
}
