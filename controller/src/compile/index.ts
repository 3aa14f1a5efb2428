// Desired state -> what each part must hold. Pure: the same document gives the same result everywhere.
//
//   hash, ids, maglev, ranges  numbers;  names  the numbers of a whole document
//   switch_entries  what a switch holds, of
//     site  the switch in its surroundings;  public  its public addresses;
//     ports, sources, routes, steering, vpcs, eips, acl  a group of tables each
//   ld_config  what an LD holds
import type { LdConfig } from "@sluice/proto/ld";
import type { ClusterSpec, DesiredState, LdSpec, SwitchSpec } from "../state/index.js";
import { compileLd } from "./ld_config.js";
import { type Ids, idsOf } from "./names.js";
import { compileSwitch, type SwitchContents } from "./switch_entries.js";

export { EIP_DIRECTIONS } from "./eips.js";
export { maglev } from "./maglev.js";
export { type Ids, idsOf, nameOf } from "./names.js";
export { formatRanges, fromRanges, toRanges } from "./ranges.js";
export { vniOf } from "./site.js";
export { PROTOCOL_NUMBERS } from "./steering.js";

export interface CompiledSwitch extends SwitchContents {
  spec: SwitchSpec;
}

export interface CompiledLd {
  cluster: ClusterSpec;
  spec: LdSpec;
  /** Its epoch is 0; reconcile/ld_steps.ts sets it by what the cluster's LDs hold. */
  config: LdConfig;
}

export interface Compiled {
  ids: Ids;
  switches: CompiledSwitch[];
  lds: CompiledLd[];
}

/** Compiles a checked document. */
export function compile(state: DesiredState): Compiled {
  const ids = idsOf(state);
  return {
    ids,
    switches: state.switches.map((spec) => ({ spec, ...compileSwitch(state, spec, ids) })),
    lds: state.clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({ cluster, spec, config: compileLd(state, cluster, spec) })),
    ),
  };
}
