// Carries a plan out, make before break:
//
//   1  pipelines, where the switch runs another
//   2  switches: what no packet is steered by yet   (next hops, routes, local IPs, LDs)
//   3  LDs: buckets are given up, then taken; services are added
//   4  switches: what steers packets                (buckets, services, changed entries)
//   5  switches: what is no longer wanted
//   6  LDs: services that nothing steers to them any more
//
// A step begins when the one before has succeeded everywhere. What failed is completed by the next apply. Where an LD has failed, 4 and 5
// are made for what has nothing to do with LDs: an LD that goes on refusing keeps no EIP from moving.
import { status } from "@grpc/grpc-js";
import type { LdConfig } from "@sluice/proto/ld";
import { APART_TABLES, STEERING_TABLES } from "../tables/steering.js";
import type { EntryChange } from "./entry_diff.js";
import { writeOrder } from "./order.js";
import type { LdPlan, Writes } from "./plan.js";
import type { SwitchPlan } from "./switch_plan.js";

/** A part refused, or was lost, in the middle of an apply. */
export class ApplyError extends Error {
  override name = "ApplyError";
  /** Why, by the part's name. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Names of parts that have not refused, but did not answer. */
  readonly lost: ReadonlySet<string>;

  constructor(reasons: ReadonlyMap<string, string>, lost: ReadonlySet<string>) {
    super([...reasons.values()].join("\n"));
    this.reasons = reasons;
    this.lost = lost;
  }
}

const NO_ANSWER: ReadonlySet<unknown> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
]);

export interface Applied {
  pipelines: number;
  inserted: number;
  modified: number;
  deleted: number;
  /** Configurations sent to LDs. */
  ldConfigs: number;
}

function bothOf(one: unknown, other: unknown): unknown {
  return one instanceof ApplyError && other instanceof ApplyError
    ? new ApplyError(new Map([...one.reasons, ...other.reasons]), new Set([...one.lost, ...other.lost]))
    : one;
}

/** Does something with each part. @throws ApplyError when all have been tried */
async function everywhere<P extends SwitchPlan | LdPlan>(
  plans: readonly P[],
  work: (plan: P) => Promise<void>,
): Promise<void> {
  const reasons = new Map<string, string>();
  const lost = new Set<string>();
  await Promise.all(
    plans.map(async (plan) => {
      const { name } = plan.part.spec;
      try {
        await work(plan);
      } catch (error) {
        reasons.set(name, error instanceof Error ? error.message : `${error}`);
        if (NO_ANSWER.has((error as { code?: unknown } | null)?.code)) {
          lost.add(name);
        }
      }
    }),
  );
  if (reasons.size > 0) {
    throw new ApplyError(reasons, lost);
  }
}

/** Writes some of a switch's changes, one table after the other. */
async function write(
  { part, changes }: SwitchPlan,
  order: readonly string[],
  wanted: (c: EntryChange) => boolean,
  onWritten: (updates: number) => void,
) {
  const chosen = new Map<string, EntryChange[]>(order.map((table) => [table, []]));
  for (const change of changes) {
    if (wanted(change)) {
      chosen.get(change.table)?.push(change);
    }
  }
  for (const updates of chosen.values()) {
    let before = 0;
    await part.connection.writePacked(updates, (written) => {
      onWritten(written - before);
      before = written;
    });
  }
}

/**
 * @param onWritten - told of each batch of updates that a switch has taken
 * @throws ApplyError
 */
export async function executePlan(
  plan: Writes,
  onWritten: (updates: number) => void = () => {},
): Promise<Applied> {
  const order = writeOrder(plan.schema);
  const backwards = order.toReversed();
  const onSwitches = (writeOrder: readonly string[], wanted: (change: EntryChange) => boolean) =>
    everywhere(plan.switches, (item) => write(item, writeOrder, wanted, onWritten));
  let ldConfigs = 0;
  const onLds = (choose: (item: LdPlan) => LdConfig | undefined) =>
    everywhere(plan.lds, async (item) => {
      const config = choose(item);
      if (config !== undefined) {
        await item.part.connection.applyConfig(config);
        ldConfigs++;
      }
    });
  const isGroundwork = ({ type, table }: EntryChange) => type === "insert" && !STEERING_TABLES.has(table);

  await everywhere(plan.switches, async ({ push, part }) => {
    if (push) {
      await part.connection.setPipeline(plan.pipeline);
    }
  });
  await onSwitches(order, isGroundwork);
  const steer = async (wanted: (change: EntryChange) => boolean) => {
    await onSwitches(order, (change) => wanted(change) && change.type !== "delete" && !isGroundwork(change));
    await onSwitches(backwards, (change) => wanted(change) && change.type === "delete");
  };
  try {
    await onLds(({ release }) => release);
    await onLds(({ take }) => take);
  } catch (refusal) {
    throw await steer(({ table }) => APART_TABLES.has(table)).then(
      () => refusal,
      (more: unknown) => bothOf(refusal, more),
    );
  }
  await steer(() => true);
  await onLds(({ settle }) => settle);

  const changes = plan.switches.flatMap((item) => item.changes);
  const count = (type: EntryChange["type"]) => changes.filter((change) => change.type === type).length;
  return {
    pipelines: plan.switches.filter(({ push }) => push).length,
    inserted: count("insert"),
    modified: count("modify"),
    deleted: count("delete"),
    ldConfigs,
  };
}
