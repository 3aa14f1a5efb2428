// Visits every state of a machine, nearest first, so that the way to what is wrong is a shortest one.
import { setImmediate } from "node:timers/promises";

/** States between two looks at what else waits: a test runner that hears nothing for long takes its worker for dead. */
const BETWEEN_PAUSES = 2000;

export interface Visit<S> {
  states: number;
  /** What is wrong with the first bad state, and the steps that lead there; undefined: nothing. */
  wrong: { what: string; way: string[] } | undefined;
  last?: S;
}

/**
 * @param limit - states; more is an error, because then not all were visited
 */
export async function explore<S, Step extends { name: string; state: S }>(
  start: S,
  options: {
    steps: (state: S) => readonly Step[];
    keyOf: (state: S) => string;
    wrong: (state: S, steps: readonly Step[]) => string | undefined;
    limit: number;
  },
): Promise<Visit<S>> {
  const cameFrom = new Map<string, { key: string; name: string } | undefined>();
  const wayTo = (key: string): string[] => {
    const way: string[] = [];
    for (let at = cameFrom.get(key); at !== undefined; at = cameFrom.get(at.key)) {
      way.unshift(at.name);
    }
    return way;
  };
  const startKey = options.keyOf(start);
  cameFrom.set(startKey, undefined);
  let frontier: [string, S][] = [[startKey, start]];
  while (frontier.length > 0) {
    const next: [string, S][] = [];
    for (const [i, [key, state]] of frontier.entries()) {
      if (i % BETWEEN_PAUSES === 0) await setImmediate();
      const steps = options.steps(state);
      const what = options.wrong(state, steps);
      if (what !== undefined) {
        return { states: cameFrom.size, wrong: { what, way: wayTo(key) } };
      }
      for (const step of steps) {
        const stepKey = options.keyOf(step.state);
        if (!cameFrom.has(stepKey)) {
          cameFrom.set(stepKey, { key, name: step.name });
          next.push([stepKey, step.state]);
        }
      }
    }
    if (cameFrom.size > options.limit) {
      throw new Error(`more than ${options.limit} states`);
    }
    frontier = next;
  }
  return { states: cameFrom.size, wrong: undefined };
}
