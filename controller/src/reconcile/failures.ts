// Parts that fail while a plan is carried out, and those that wait for them.
import { status } from "@grpc/grpc-js";
import { isTold } from "./ld_steps.js";
import type { LdPlan } from "./plan.js";
import type { SwitchPlan } from "./switch_plan.js";
import type { Track } from "./tracks.js";

/** A part refused, or was lost, in the middle of an apply. */
export class ApplyError extends Error {
  override name = "ApplyError";
  /** Why, by the part's name. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Names of parts that have not refused, but did not answer. */
  readonly lost: ReadonlySet<string>;
  /** By the name of a part that has not got all therefore: the names of those that come first. */
  readonly waiting: ReadonlyMap<string, readonly string[]>;

  constructor(
    reasons: ReadonlyMap<string, string>,
    lost: ReadonlySet<string>,
    waiting: ReadonlyMap<string, readonly string[]>,
  ) {
    super([...reasons.values()].join("\n"));
    this.reasons = reasons;
    this.lost = lost;
    this.waiting = waiting;
  }

  /** Whether a part has got all that it was to be told. */
  isDone(part: string): boolean {
    return !this.reasons.has(part) && !this.waiting.has(part);
  }
}

const NO_ANSWER: ReadonlySet<unknown> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
]);

/** A step has not succeeded everywhere: what each part that failed has thrown, by its name. */
class StepError extends Error {
  readonly errors: ReadonlyMap<string, unknown>;

  constructor(errors: ReadonlyMap<string, unknown>) {
    super();
    this.errors = errors;
  }
}

/** Does something with each part. @throws StepError when all have been tried */
export async function everywhere<P extends SwitchPlan | LdPlan>(
  plans: readonly P[],
  work: (plan: P) => Promise<void>,
): Promise<void> {
  const errors = new Map<string, unknown>();
  await Promise.all(
    plans.map(async (plan) => {
      try {
        await work(plan);
      } catch (error) {
        errors.set(plan.part.spec.name, error);
      }
    }),
  );
  if (errors.size > 0) {
    throw new StepError(errors);
  }
}

/** Names of the parts that are told anything. */
function namesOf({ switches, lds }: Track): string[] {
  const told = [...switches.filter(({ push, changes }) => push || changes.length > 0), ...lds.filter(isTold)];
  return told.map(({ part }) => part.spec.name);
}

export class Failures {
  readonly #reasons = new Map<string, Set<string>>();
  readonly #lost = new Set<string>();
  readonly #waiting = new Map<string, Set<string>>();

  get some(): boolean {
    return this.#reasons.size > 0;
  }

  /**
   * Does steps of {@link everywhere}.
   *
   * @param left - whose parts wait for those that fail
   * @returns names of the parts that have failed
   */
  async ofSteps(left: Track, steps: () => Promise<void>): Promise<readonly string[]> {
    try {
      await steps();
      return [];
    } catch (failure) {
      if (!(failure instanceof StepError)) {
        throw failure;
      }
      for (const [name, error] of failure.errors) {
        this.#note(name, error);
      }
      const failed = [...failure.errors.keys()];
      this.hold(left, failed);
      return failed;
    }
  }

  /** The parts of `left` wait for those of these names. */
  hold(left: Track, first: Iterable<string>): void {
    const names = [...first];
    for (const name of namesOf(left)) {
      this.#waiting.set(name, new Set([...(this.#waiting.get(name) ?? []), ...names]));
    }
  }

  #note(name: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : `${error}`;
    this.#reasons.set(name, (this.#reasons.get(name) ?? new Set()).add(reason));
    if (NO_ANSWER.has((error as { code?: unknown } | null)?.code)) {
      this.#lost.add(name);
    }
  }

  toError(): ApplyError {
    const reasons = new Map([...this.#reasons].map(([name, texts]) => [name, [...texts].join("\n")]));
    const waiting = [...this.#waiting].filter(([name]) => !reasons.has(name));
    return new ApplyError(
      reasons,
      this.#lost,
      new Map(waiting.map(([name, first]) => [name, [...first].sort()])),
    );
  }
}
