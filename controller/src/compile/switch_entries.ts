// Desired state -> the table entries of one switch. Pure.
import type { Entry } from "../p4runtime/index.js";
import type { DesiredState, SwitchSpec } from "../state/index.js";
import { compileAcl } from "./acl.js";
import { compileEips } from "./eips.js";
import type { Ids } from "./names.js";
import { compilePorts } from "./ports.js";
import { compileRoutes } from "./routes.js";
import { siteOf } from "./site.js";
import { compileSources } from "./sources.js";
import { compileSteering } from "./steering.js";

const PARTS = [compilePorts, compileSources, compileRoutes, compileSteering, compileEips, compileAcl];

/** @returns entries in no particular order; no two have the same key */
export function compileSwitch(state: DesiredState, item: SwitchSpec, ids: Ids): Entry[] {
  const site = siteOf(state, item, ids);
  return PARTS.flatMap((compilePart) => compilePart(site));
}
