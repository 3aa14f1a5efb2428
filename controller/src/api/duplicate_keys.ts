// Keys that an object of a JSON text has twice. JSON.parse takes the last one, and says nothing (RFC 8259, section 4).

export interface DuplicateKey {
  key: string;
  /** Of the object, from the top: `services[3].real_servers[0]`; the top itself is empty. */
  path: string;
  /** Of the second one, from 1 on; the column counts UTF-16 units. */
  line: number;
  column: number;
}

/** An object or list that is not closed yet. */
interface Open {
  /** Undefined in a list. */
  keys: Set<string> | undefined;
  /** What is being read in it: the value of a key, or the item of a number. */
  at: string | number;
}

/** @param start - of a string: its first quote. @returns its last one */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) {
      return end; // those before it escape each other
    }
  }
}

function pathOf(open: readonly Open[]): string {
  return open
    .map(({ at }) => (typeof at === "number" ? `[${at}]` : `.${at}`))
    .join("")
    .replace(/^\./, "");
}

/** @param text - one that JSON.parse takes */
export function duplicateKey(text: string): DuplicateKey | undefined {
  const open: Open[] = [];
  let isKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case "{":
        open.push({ keys: new Set(), at: "" });
        isKey = true;
        break;
      case "[":
        open.push({ keys: undefined, at: 0 });
        isKey = false;
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",": {
        const inner = open.at(-1)!;
        isKey = inner.keys !== undefined;
        if (typeof inner.at === "number") inner.at++;
        break;
      }
      case '"': {
        const end = endOfString(text, i);
        if (isKey) {
          const { keys } = open.at(-1)!;
          const written = text.slice(i + 1, end);
          const key: string = written.includes("\\") ? JSON.parse(`"${written}"`) : written;
          if (keys!.has(key)) {
            const lines = text.slice(0, i).split("\n");
            return {
              key,
              path: pathOf(open.slice(0, -1)),
              line: lines.length,
              column: lines.at(-1)!.length + 1,
            };
          }
          keys!.add(key);
          open.at(-1)!.at = key;
          isKey = false;
        }
        i = end;
      }
    }
  }
  return undefined;
}
