// Desired state -> table entries. Pure.
import type { Entry, ProfileGroup, ProfileMember } from "../p4runtime/index.js";
import type { DesiredState, SwitchSpec } from "../state/index.js";
import { compileAcl } from "./acl.js";
import type { BucketMap } from "./bucket_map.js";
import { compileEips } from "./eips.js";
import { compileHosts } from "./hosts.js";
import type { Ids } from "./names.js";
import { compilePorts } from "./ports.js";
import { compileRoutes } from "./routes.js";
import { type Region, siteOf } from "./site.js";
import { compileSources } from "./sources.js";
import { compileClusters, compileServices } from "./steering.js";
import { compileVpcs } from "./vpcs.js";

/** Entries, members and groups in no particular order; no two have the same key. */
export interface SwitchContents {
  entries: Entry[];
  /** Members and groups of action profiles. */
  profiles: (ProfileMember | ProfileGroup)[];
}

const SWITCH_PARTS = [compilePorts, compileSources, compileClusters];
const REGION_PARTS = [compileServices, compileHosts, compileVpcs, compileAcl, compileEips];

/** What a switch must hold by itself: its ports, neighbors and routes, the LDs, and what follows from them. */
export function compileSwitch(
  state: DesiredState,
  item: SwitchSpec,
  ids: Ids,
  maps: ReadonlyMap<string, BucketMap>,
): SwitchContents {
  const site = siteOf(state, item, ids, maps);
  const { entries, profiles } = compileRoutes(site);
  return { entries: [...entries, ...SWITCH_PARTS.flatMap((compilePart) => compilePart(site))], profiles };
}

/** What every switch of the region must hold besides, in parts; each gives one entry after the other: there may be millions. */
export function compileRegion(region: Region): Iterable<Entry>[] {
  return REGION_PARTS.map((compilePart) => compilePart(region));
}
