// The project's folders and the compiled P4 program.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Pipeline, pipelineFromFiles } from "@sluice/controller/p4runtime";

/** The same from src/ and from dist/. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export function loadPipeline(): Promise<Pipeline> {
  return pipelineFromFiles(
    join(projectRoot, "build/gateway_v1model.json"),
    join(projectRoot, "build/gateway_v1model.p4info.txtpb"),
  );
}

/** The reasons in p4src/drop_reasons.p4, by name without `DROP_`: `NO_ROUTE` -> 17. */
export function readDropReasons(): Map<string, number> {
  const text = readFileSync(join(projectRoot, "p4src/drop_reasons.p4"), "utf8");
  const found = [...text.matchAll(/^const drop_reason_t DROP_(\w+) = (\d+);/gm)];
  return new Map(found.map(([, name, number]) => [name!, Number(number)]));
}
