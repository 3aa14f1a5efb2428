// What the JSON gives as numbers goes into generated code as it is. It has to be numbers, then: who may load a pipeline may not
// run JavaScript in the switch.

/** Keys whose value is a whole number wherever they occur. */
const NUMBERS = new Set([
  "id",
  "size",
  "max_size",
  "max_length",
  "bitwidth",
  "action_id",
  "prefix_length",
  "priority",
]);

/** @throws Error that names the first that is none */
export function checkNumbers(json: unknown): void {
  visit(json, "");
}

function visit(value: unknown, path: string): void {
  if (value === null || typeof value !== "object") return;
  for (const [key, item] of Object.entries(value)) {
    const here = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    if (NUMBERS.has(key) && item !== null) wantInteger(item, here);
    // Width of a field; a varbit field has none.
    if (key === "fields" && Array.isArray(item)) {
      for (const field of item) if (Array.isArray(field) && field[1] !== "*") wantInteger(field[1], here);
    }
    if (key === "errors" && Array.isArray(item)) for (const error of item) wantInteger(error?.[1], here);
    visit(item, here);
  }
  const { type, value: of } = value as { type?: unknown; value?: unknown };
  if (type === "lookahead")
    for (const part of Array.isArray(of) ? of : [of]) wantInteger(part, `${path}.value`);
}

function wantInteger(value: unknown, path: string): void {
  if (!Number.isSafeInteger(value)) {
    throw new Error(
      `the device configuration is no BMv2 JSON: ${path} is ${JSON.stringify(value)}, no whole number`,
    );
  }
}
