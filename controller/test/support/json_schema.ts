// As much of JSON Schema (draft 7) as the schema of sluice.yaml uses; a keyword that is not here is an error.
type Schema = Readonly<Record<string, unknown>>;

const NOTES = new Set(["$schema", "title", "description", "default"]);

function typeOf(value: unknown): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return typeof value === "number" && Number.isInteger(value) ? ["integer", "number"] : [typeof value];
}

/** @returns what is wrong, each with the path to it */
export function violations(schema: Schema, value: unknown, path = ""): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) =>
    violated(keyword, wanted, schema, value, path),
  );
}

function violated(keyword: string, wanted: unknown, schema: Schema, value: unknown, path: string): string[] {
  const wrong = (is: boolean) => (is ? [`${path}: ${keyword} ${JSON.stringify(wanted)}`] : []);
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  const matching = () =>
    (wanted as Schema[]).filter((one) => violations(one, value, path).length === 0).length;
  switch (keyword) {
    case "type":
      return wrong(!typeOf(value).some((type) => [wanted].flat().includes(type)));
    case "enum":
      return wrong(!(wanted as unknown[]).includes(value));
    case "pattern":
      return wrong(typeof value === "string" && !new RegExp(wanted as string).test(value));
    case "minLength":
      return wrong(typeof value === "string" && value.length < Number(wanted));
    case "minimum":
      return wrong(typeof value === "number" && value < Number(wanted));
    case "maximum":
      return wrong(typeof value === "number" && value > Number(wanted));
    case "items":
      return Array.isArray(value)
        ? value.flatMap((item, i) => violations(wanted as Schema, item, `${path}[${i}]`))
        : [];
    case "properties":
      return Object.entries(object ?? {}).flatMap(([key, item]) => {
        const property = (wanted as Record<string, Schema>)[key];
        return property === undefined ? [] : violations(property, item, `${path}.${key}`);
      });
    case "additionalProperties": {
      const known = Object.keys(schema.properties as object);
      return Object.keys(object ?? {}).flatMap((key) =>
        known.includes(key) ? [] : [`${path}: no key ${key}`],
      );
    }
    case "required":
      return object === undefined ? [] : wrong((wanted as string[]).some((key) => !(key in object)));
    case "dependencies":
      return wrong(
        Object.entries(wanted as Record<string, string[]>).some(
          ([key, others]) => object !== undefined && key in object && !others.every((one) => one in object),
        ),
      );
    case "anyOf":
      return wrong(matching() === 0);
    case "oneOf":
      return wrong(matching() !== 1);
    default:
      if (NOTES.has(keyword)) return [];
      throw new Error(`the keyword ${keyword} is not understood`);
  }
}
