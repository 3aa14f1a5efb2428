// The order in which a plan is written, whatever part fails at whatever moment, and however slow each one is.
import { status } from "@grpc/grpc-js";
import type { LdConfig } from "@sluice/proto/ld";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Entry } from "../src/p4runtime/index.js";
import { type ApplyError, type EntryChange, executePlan, type Writes } from "../src/reconcile/index.js";
import { type Cluster, type Document, twoClusters, writesBetween } from "./support/two_clusters.js";

const STEPS = ["release", "take", "turn", "clear", "settle"] as const;
type Step = (typeof STEPS)[number];

const STEERING = new Set(["ld_of_bucket", "service", "vip"]);

/** A step that is over. */
interface Done {
  step: Step;
  /** The LD, or the clusters that the entries name. */
  of: string[];
}

const LDS: Record<string, string[]> = { east: ["ld1", "ld3"], west: ["ld2", "ld4"] };

/** In either cluster an LD joins, a service comes, and one leaves. */
function changed(): { before: Document; after: Document } {
  const before = twoClusters();
  for (const service of [...before.services]) {
    before.services.push({ ...service, name: `${service.name}-old`, port: (service.port as number) + 1 });
  }
  const after = structuredClone(before);
  for (const [i, cluster] of (after.clusters as (Cluster & { failover?: unknown })[]).entries()) {
    const address = { address: `10.0.2.${i + 10}/24`, mac: `02:00:00:00:02:1${i}` };
    const ld = { ...cluster.lds[0]!, name: `ld${i + 3}`, agent: `unix:/run/ld${i + 3}`, ...address };
    cluster.lds.push(ld);
  }
  // Without it buckets change hands in one round.
  for (const { clusters } of [before, after]) {
    for (const cluster of clusters) delete (cluster as { failover?: unknown }).failover;
  }
  after.services = after.services
    .filter(({ name }) => !(name as string).endsWith("-old"))
    .flatMap((service) => [
      service,
      { ...service, name: `${service.name}-new`, port: (service.port as number) + 2 },
    ]);
  return { before, after };
}

/** Both go over to the other cluster: all has to be done together. */
function crossed(): { before: Document; after: Document } {
  const { before, after } = changed();
  for (const [i, service] of after.services.entries()) {
    service.cluster = i % 2 === 0 ? "east" : "west";
  }
  return { before, after };
}

/** A plan whose parts do as they are told when `scheduler` says so. */
class World {
  readonly done: Done[] = [];
  readonly plan: Writes;
  readonly #failing: ReadonlyMap<string, number>;
  readonly #calls = new Map<string, number>();

  /** @param failing - parts, and how many calls each of them takes before it fails */
  constructor(
    { before, after }: { before: Document; after: Document },
    failing: ReadonlyMap<string, number>,
    scheduler: fc.Scheduler,
  ) {
    this.#failing = failing;
    this.plan = writesBetween(before, after, (part) => ({
      applyConfig: async (config: LdConfig) => {
        await scheduler.schedule(Promise.resolve(), part);
        this.#call(part);
        this.done.push({ step: this.#stepOf(part, config), of: [part] });
      },
      writePacked: async (changes: EntryChange[]) => {
        if (changes.length === 0) return;
        await scheduler.schedule(Promise.resolve(), part);
        this.#call(part);
        this.done.push(...changes.flatMap((change) => this.#writtenBy(change)));
      },
    }));
  }

  #call(part: string): void {
    const calls = this.#calls.get(part) ?? 0;
    this.#calls.set(part, calls + 1);
    if (calls >= (this.#failing.get(part) ?? Number.POSITIVE_INFINITY)) {
      throw Object.assign(new Error(`${part} refuses`), { code: status.INVALID_ARGUMENT });
    }
  }

  #stepOf(ld: string, config: LdConfig): Step {
    const plan = this.plan.lds.find(({ part }) => part.spec.name === ld)!;
    return (["release", "take", "settle"] as const).find((step) => plan[step] === config)!;
  }

  /** What steers packets, and is steered by no more. */
  #writtenBy(change: EntryChange): Done[] {
    if (!STEERING.has(change.table)) {
      return [];
    }
    const { clusters } = this.plan.compiled!.ids;
    const ids = [change.entry, change.before].map((item) => {
      const { match, params } = (item ?? {}) as Partial<Entry>;
      return match?.cluster_id ?? params?.cluster_id;
    });
    const of = [...clusters].filter(([, id]) => ids.includes(id)).map(([name]) => name);
    return [{ step: change.type === "delete" ? "clear" : "turn", of }];
  }

  /** All that there is to do. */
  get wanted(): Done[] {
    const { lds, switches } = this.plan;
    return [
      ...lds.flatMap((plan) =>
        (["release", "take", "settle"] as const)
          .filter((step) => plan[step] !== undefined)
          .map((step): Done => ({ step, of: [plan.part.spec.name] })),
      ),
      ...switches.flatMap(({ changes }) => changes.flatMap((change) => this.#writtenBy(change))),
    ];
  }
}

/** Each step begins when those before it are over. */
function checkOrder(done: readonly Done[], wanted: readonly Done[]): void {
  for (const [i, { step }] of done.entries()) {
    const isBefore = (other: Done) => STEPS.indexOf(other.step) < STEPS.indexOf(step);
    expect(done.slice(0, i).filter(isBefore).length, step).toBe(wanted.filter(isBefore).length);
  }
}

const failures = fc
  .record(
    { ld1: fc.nat(3), ld2: fc.nat(3), ld3: fc.nat(3), ld4: fc.nat(3), gw1: fc.nat(40) },
    { requiredKeys: [] },
  )
  .map((calls) => new Map(Object.entries(calls)));

it.each([
  ["clusters that have nothing to do with each other", changed(), [["east"], ["west"]]],
  ["clusters between which services pass", crossed(), [["east", "west"]]],
])(
  "%s: in each the steps come one after the other, and a fault ends those of its own",
  async (_, documents, groups) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), failures, async (scheduler, failing) => {
        const world = new World(documents, failing, scheduler);
        const { wanted } = world;
        const error = await scheduler.waitFor(
          executePlan(world.plan).then(
            () => undefined,
            (failure: ApplyError) => failure,
          ),
        );
        for (const group of groups) {
          const names = new Set([...group, ...group.flatMap((cluster) => LDS[cluster]!)]);
          const isOwn = ({ of }: Done) => of.some((name) => names.has(name));
          const own = wanted.filter(isOwn);
          checkOrder(world.done.filter(isOwn), own);
          if (![...(error?.reasons.keys() ?? [])].some((name) => name === "gw1" || names.has(name))) {
            expect(world.done.filter(isOwn).length).toBe(own.length);
            expect([...names].filter((name) => error?.waiting.has(name))).toEqual([]);
          }
        }
      }),
      { numRuns: 60 },
    );
  },
);
