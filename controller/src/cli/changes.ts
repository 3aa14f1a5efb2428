// A plan as people want to see it: one line a change, buckets together.
import { formatRanges, type Ids, nameOf, toRanges } from "../compile/index.js";
import { describeEffect, describeItem, type Entry } from "../p4runtime/index.js";
import {
  diffFacts,
  type EntryChange,
  factsOf,
  type LdPlan,
  type Plan,
  type SwitchPlan,
} from "../reconcile/index.js";

export interface Line {
  part: string;
  type: "insert" | "modify" | "delete";
  what: string;
  /** How many entries the line stands for. */
  entries: number;
}

const BUCKETS_TABLE = "ld_of_bucket";
type BucketChange = EntryChange & { entry: Entry; before?: Entry };
const RANGES_SHOWN = 6;

function bucketLines(part: string, changes: readonly EntryChange[], ids: Ids): Line[] {
  const groups = new Map<string, { type: Line["type"]; head: string; tail: string; buckets: number[] }>();
  const ldName = (entry: Entry | undefined) =>
    entry?.params === undefined ? "" : nameOf(ids.lds, Number(entry.params.ld_id));
  for (const { type, entry, before } of changes as readonly BucketChange[]) {
    const cluster = nameOf(ids.clusters, Number(entry.match.cluster_id));
    const tail = before === undefined ? ldName(entry) : `${ldName(before)} -> ${ldName(entry)}`;
    const key = `${type} ${cluster} ${tail}`;
    const group = groups.get(key) ?? {
      type,
      head: `${BUCKETS_TABLE}[cluster ${cluster}]`,
      tail,
      buckets: [],
    };
    group.buckets.push(Number(entry.match.bucket));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ type, head, tail, buckets }) => ({
    part,
    type,
    what: `${head} ${buckets.length} buckets (${formatRanges(toRanges(buckets), RANGES_SHOWN)}): ${tail}`,
    entries: buckets.length,
  }));
}

function switchLines({ part, push, changes }: SwitchPlan, ids: Ids): Line[] {
  const { name } = part.connection;
  const buckets = changes.filter(({ table }) => table === BUCKETS_TABLE);
  const others = changes
    .filter(({ table }) => table !== BUCKETS_TABLE)
    .map(({ type, entry, before }): Line => {
      const action = describeEffect(entry);
      const was = before === undefined ? "" : `${describeEffect(before)} -> `;
      return { part: name, type, what: `${describeItem(entry)} ${was}${action}`.trimEnd(), entries: 1 };
    });
  const pipeline: Line[] = push
    ? [
        {
          part: name,
          type: "modify",
          what: "pipeline: another one, or none, runs; it will be pushed",
          entries: 0,
        },
      ]
    : [];
  return [...pipeline, ...others, ...bucketLines(name, buckets, ids)];
}

/** The beginning of a long list: an LD's buckets and local IPs are hundreds of ranges. */
function shorten(list: string): string {
  const items = list.split(", ");
  const rest = items.length - RANGES_SHOWN;
  return rest <= 1 ? list : `${items.slice(0, RANGES_SHOWN).join(", ")}, … ${rest} more`;
}

function ldLines({ part, held, final }: LdPlan): Line[] {
  return diffFacts(factsOf(held), factsOf(final)).map(({ type, fact, before, after }) => ({
    part: part.connection.name,
    type,
    what: `${fact}: ${[before, after].flatMap((value) => (value === undefined ? [] : shorten(value))).join(" -> ")}`,
    entries: 1,
  }));
}

export function linesOf(plan: Plan, ids: Ids): Line[] {
  return [...plan.switches.flatMap((item) => switchLines(item, ids)), ...plan.lds.flatMap(ldLines)];
}
