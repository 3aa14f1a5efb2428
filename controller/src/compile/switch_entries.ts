// Desired state -> the table entries of one switch. Pure.
import type { Entry, ProfileGroup, ProfileMember } from "../p4runtime/index.js";
import type { DesiredState, SwitchSpec } from "../state/index.js";
import { compileAcl } from "./acl.js";
import type { BucketMap } from "./bucket_map.js";
import { compileEips } from "./eips.js";
import type { Ids } from "./names.js";
import { compilePorts } from "./ports.js";
import { compileRoutes } from "./routes.js";
import { siteOf } from "./site.js";
import { compileSources } from "./sources.js";
import { compileSteering } from "./steering.js";
import { compileVpcs } from "./vpcs.js";

/** What a switch must hold, in no particular order; no two entries have the same key. */
export interface SwitchContents {
  entries: Entry[];
  /** Members and groups of action profiles. */
  profiles: (ProfileMember | ProfileGroup)[];
}

const PARTS = [compilePorts, compileSources, compileSteering, compileVpcs, compileEips, compileAcl];

export function compileSwitch(
  state: DesiredState,
  item: SwitchSpec,
  ids: Ids,
  maps: ReadonlyMap<string, BucketMap>,
): SwitchContents {
  const site = siteOf(state, item, ids, maps);
  const { entries, profiles } = compileRoutes(site);
  return { entries: [...entries, ...PARTS.flatMap((compilePart) => compilePart(site))], profiles };
}
