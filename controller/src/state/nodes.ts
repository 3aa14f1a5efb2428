// A document's nodes, whether they come from YAML or are plain JSON values.
import { isMap, isPair, isScalar, isSeq } from "yaml";

export type DocumentNode = unknown;

export interface NodeEntry {
  /** The key's text; "" for a key that is no scalar. */
  key: string;
  value: DocumentNode;
  /** What stands for the entry's place: the value, or where there is none the pair. */
  place: DocumentNode;
  pair: DocumentNode;
}

function isPlainScalar(node: DocumentNode): node is string | number | boolean | null {
  return node === null || ["string", "number", "boolean"].includes(typeof node);
}

function isPlainObject(node: DocumentNode): node is Record<string, unknown> {
  return typeof node === "object" && node !== null && Object.getPrototypeOf(node) === Object.prototype;
}

/** The text of a scalar as it was written: `1_000`, `0x10` and `0900` must not change their meaning on the way. */
export function textOf(node: DocumentNode): string | undefined {
  if (isPlainScalar(node)) {
    return node === null ? undefined : String(node);
  }
  if (!isScalar(node) || node.value === null) {
    return undefined;
  }
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

/** The entries of a map; undefined for any other node. */
export function entriesOf(node: DocumentNode): NodeEntry[] | undefined {
  if (isMap(node)) {
    return node.items.map((pair) => ({
      key: isPair(pair) ? (textOf(pair.key) ?? "") : "",
      value: pair.value,
      place: pair.value ?? pair,
      pair,
    }));
  }
  return isPlainObject(node)
    ? Object.entries(node)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => ({ key, value, place: value, pair: value }))
    : undefined;
}

/** The items of a list, none for nothing at all; undefined for any other node. */
export function itemsOf(node: DocumentNode): readonly DocumentNode[] | undefined {
  if (isSeq(node)) {
    return node.items;
  }
  if (node === null || (isScalar(node) && node.value === null)) {
    return [];
  }
  return Array.isArray(node) ? node : undefined;
}

export function isList(node: DocumentNode): boolean {
  return isSeq(node) || Array.isArray(node);
}

/** `a map`, for messages. */
export function kindOf(node: DocumentNode): string {
  if (entriesOf(node) !== undefined) {
    return "a map";
  }
  if (isList(node)) {
    return "a list";
  }
  const value = isScalar(node) ? node.value : node;
  return value === null || value === undefined ? "nothing" : JSON.stringify(value);
}
