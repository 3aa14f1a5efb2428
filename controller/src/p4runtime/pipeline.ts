import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { P4Info } from "@sluice/proto/p4info";

/** A compiled P4 program as a switch takes it. */
export interface Pipeline {
  p4info: P4Info;
  /** What the target runs: p4c's BMv2 JSON for BMv2 and the soft switch. */
  deviceConfig: Uint8Array;
}

/** Pipelines do not change, and each is asked for at every look at a switch. */
const cookies = new WeakMap<Pipeline, bigint>();

/** Identifies a pipeline, so that one that the switch already runs is not pushed again: that would clear its tables. */
export function pipelineCookie(pipeline: Pipeline): bigint {
  let cookie = cookies.get(pipeline);
  if (cookie === undefined) {
    cookie = findCookie(pipeline);
    cookies.set(pipeline, cookie);
  }
  return cookie;
}

function findCookie(pipeline: Pipeline): bigint {
  const hash = createHash("sha256")
    .update(P4Info.encode(pipeline.p4info).finish())
    .update(pipeline.deviceConfig);
  return hash.digest().readBigUInt64BE() | 1n; // 0 would mean: no cookie
}

/**
 * Reads what p4c made.
 *
 * @param deviceConfigPath - for BMv2 and the soft switch: the BMv2 JSON
 * @param p4infoPath - P4Info in protobuf text format
 * @throws Error when a file is missing or malformed
 */
export async function pipelineFromFiles(deviceConfigPath: string, p4infoPath: string): Promise<Pipeline> {
  // Loaded here: most commands ask a switch for its P4Info, and need no parser.
  const [{ parseP4InfoText }, deviceConfig, p4info] = await Promise.all([
    import("@sluice/proto/p4info-text"),
    readFile(deviceConfigPath),
    readFile(p4infoPath, "utf8"),
  ]);
  return { deviceConfig: new Uint8Array(deviceConfig), p4info: parseP4InfoText(p4info) };
}
