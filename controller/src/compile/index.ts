// Desired state -> what each part must hold. Pure: the same document gives the same result everywhere.
//
//   hash, ids, maglev, ranges, rendezvous  numbers;  bucket_map, moves  who has which bucket, and how one moves
//   names  the numbers of a whole document
//   switch_entries  what switches hold, of
//     site  the switch in its surroundings;  public  its public addresses;
//     ports, sources, routes (hops), clusters  a group of tables each, of one switch
//     services, hosts, vpcs, eips, acl  a group of tables each, of all switches
//   ld_config  what an LD holds;  cluster  what it knows of the others;  migration  and of another cluster
import type { LdConfig } from "@sluice/proto/ld";
import type { Entry } from "../p4runtime/index.js";
import type { ClusterSpec, DesiredState, LdSpec, SwitchSpec } from "../state/index.js";
import { BUCKETS } from "../tables/constants.js";
import { type BucketMap, dealBuckets } from "./bucket_map.js";
import { compileLd } from "./ld_config.js";
import { type Ids, idsOf } from "./names.js";
import { compileRegion, compileSwitch, type SwitchContents } from "./switch_entries.js";

export { standsAlone } from "./alone.js";
export { type BucketMap, dealBuckets } from "./bucket_map.js";
export { joinAssignments } from "./cluster.js";
export { EIP_DIRECTIONS, eipEntries } from "./eips.js";
export { compileHops, type HopSite, neighborsStandAlone, touchedNeighbors } from "./hops.js";
export { hostEntries } from "./hosts.js";
export { preferredId } from "./ids.js";
export { maglev } from "./maglev.js";
export {
  ALL_SHARES,
  bucketsLeft,
  type MoveStep,
  mendMap,
  type NextMap,
  nextMap,
  USUAL_SHARES,
  withSharesOf,
} from "./moves.js";
export { type Ids, idsOf, MAX_ID, nameOf } from "./names.js";
export { formatRanges, fromRanges, joinRanges, toRanges } from "./ranges.js";
export { rendezvous } from "./rendezvous.js";
export { neighborsOf, type Region, type Site, siteOf, vniOf } from "./site.js";
export { NO_LD, PROTOCOL_NUMBERS } from "./steering.js";
export { compileRegion } from "./switch_entries.js";

export interface CompiledSwitch extends SwitchContents {
  spec: SwitchSpec;
  /** Its own and the region's, all in one list. */
  allEntries(): Entry[];
}

export interface CompiledLd {
  cluster: ClusterSpec;
  spec: LdSpec;
  /** Its epoch is 0; reconcile/ld_steps.ts sets it by what the cluster's LDs hold. */
  config: LdConfig;
}

export interface Compiled {
  ids: Ids;
  /** What all switches hold alike; each call begins anew. */
  region(): Iterable<Entry>[];
  switches: CompiledSwitch[];
  lds: CompiledLd[];
}

/**
 * The map that a cluster should come to: from the one in force, whatever moves. Only where the switches watch the LDs, one may stand
 * in for another.
 */
export function mapOf({ lds, failover }: ClusterSpec, present: BucketMap | undefined): BucketMap {
  const names = lds.filter(({ drained }) => !drained).map(({ name }) => name);
  const map = dealBuckets(names, BUCKETS, present);
  return failover === undefined ? map.map(({ ld }) => ({ ld, backup: undefined })) : map;
}

/**
 * Compiles a checked document.
 *
 * @param given - the maps of clusters that have one already, as they should be in force. A cluster without one gets a new one, which
 *   depends on the names of its LDs alone
 */
export function compile(state: DesiredState, given: ReadonlyMap<string, BucketMap> = new Map()): Compiled {
  const ids = idsOf(state);
  const maps = new Map(
    state.clusters.map((cluster) => [cluster.name, given.get(cluster.name) ?? mapOf(cluster, undefined)]),
  );
  const region = () => compileRegion({ state, ids });
  return {
    ids,
    region,
    switches: state.switches.map((spec) => {
      const contents = compileSwitch(state, spec, ids, maps);
      return {
        spec,
        ...contents,
        allEntries: () => [...contents.entries, ...region().flatMap((part) => [...part])],
      };
    }),
    lds: state.clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({
        cluster,
        spec,
        config: compileLd(state, ids, cluster, spec, maps),
      })),
    ),
  };
}
