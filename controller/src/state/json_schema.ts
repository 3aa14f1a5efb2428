// sluice.yaml as JSON Schema, made of the shapes that check it: editors complete keys and underline what is wrong. It says what can be
// said of one value alone; that names are unique and lead somewhere, `sluice diff` says.
import { documentShape } from "./document.js";
import type { JsonSchema } from "./shapes.js";

/** Draft 7, which is what yaml-language-server understands. */
export function documentSchema(): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "sluice.yaml: the desired state of a region",
    ...documentShape.schema,
  };
}
