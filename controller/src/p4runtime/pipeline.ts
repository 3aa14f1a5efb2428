import { readFile } from "node:fs/promises";
import { parseP4InfoText } from "@sluice/proto/p4info-text";
import type { Pipeline } from "./switch.js";

/**
 * Reads what p4c made.
 *
 * @param deviceConfigPath - for BMv2 and the soft switch: the BMv2 JSON
 * @param p4infoPath - P4Info in protobuf text format
 * @throws Error when a file is missing or malformed
 */
export async function pipelineFromFiles(deviceConfigPath: string, p4infoPath: string): Promise<Pipeline> {
  const [deviceConfig, p4info] = await Promise.all([
    readFile(deviceConfigPath),
    readFile(p4infoPath, "utf8"),
  ]);
  return { deviceConfig: new Uint8Array(deviceConfig), p4info: parseP4InfoText(p4info) };
}
