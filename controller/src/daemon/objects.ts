// A document as objects by key, and back. A section that is a list of named things becomes an object for each, `eips/vm1`; any
// other section, like `acl`, is one object.

export type Objects = ReadonlyMap<string, unknown>;
type Json = Record<string, unknown>;

/** A name of nothing but digits may have come as a number, `true` as a flag: what is no text in YAML, and a name still. */
function isNamed(item: unknown): item is { name: string | number | boolean } {
  const name = typeof item === "object" && item !== null ? (item as Json).name : undefined;
  return ["string", "number", "boolean"].includes(typeof name);
}

/** @param document - one that has been checked: names are unique */
export function splitDocument(document: Json): Map<string, unknown> {
  const objects = new Map<string, unknown>();
  for (const [section, value] of Object.entries(document)) {
    if (Array.isArray(value) && value.every(isNamed)) {
      for (const item of value) {
        const name = String(item.name);
        objects.set(`${section}/${name}`, item.name === name ? item : { ...item, name });
      }
    } else if (value !== undefined && value !== null) {
      objects.set(section, value);
    }
  }
  return objects;
}

/** @param skip - a section to leave out */
export function joinDocument(objects: Objects, skip?: string): Json {
  const document: Json = {};
  for (const [key, value] of objects) {
    const [section, name] = key.split("/", 2) as [string, string | undefined];
    if (section === skip) {
      continue;
    }
    if (name === undefined) {
      document[section] = Array.isArray(value) ? [...value] : value; // the document's own: it may grow
    } else {
      let list = document[section] as unknown[] | undefined;
      if (list === undefined) {
        list = [];
        document[section] = list;
      }
      list.push(value);
    }
  }
  return document;
}

/** Equal for two values that say the same; the order of an object's keys does not count. */
export function sameValue(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

function canonicalJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([x], [y]) => (x < y ? -1 : 1)))
      : item,
  );
}
