// Every state of the hand-over of a bucket (model/handover.ts), with every fault at every moment.
import { describe, expect, it } from "vitest";
import { explore } from "./model/explore.js";
import {
  type Bounds,
  type Flaw,
  initial,
  keyOf,
  lostConnection,
  notConverged,
  protocol,
  type State,
  sharedPort,
  steps,
} from "./model/handover.js";

const LIMIT = 100_000;

/** Nothing of the protocol changes anything any more. */
function hasSettled(state: State, flaw: Flaw | undefined): boolean {
  const key = keyOf(state);
  return protocol(state, flaw).every((step) => keyOf(step.state) === key);
}

function check(bounds: Bounds, flaw?: Flaw) {
  return explore(initial(), {
    steps: (state) => steps(state, bounds, flaw),
    keyOf,
    wrong: (state) => {
      const fault = sharedPort(state) ?? lostConnection(state);
      const disagreement = notConverged(state);
      return fault ?? (disagreement !== undefined && hasSettled(state, flaw) ? disagreement : undefined);
    },
    limit: LIMIT,
  });
}

describe("the hand-over of a bucket", () => {
  it.each<[string, Bounds, number]>([
    ["three packets, no fault", { crashes: 0, silences: 0, packets: 3 }, 1000],
    ["a crash", { crashes: 1, silences: 0, packets: 1 }, 1000],
    ["an LD that was silent", { crashes: 0, silences: 1, packets: 1 }, 1000],
  ])(
    "gives no port to two, loses nothing, and comes to rest agreed: %s",
    { timeout: 60_000 },
    async (_, bounds, least) => {
      const { states, wrong } = await check(bounds);
      expect(wrong).toBeUndefined();
      expect(states).toBeGreaterThan(least);
    },
  );

  it.each<[Flaw, Bounds]>([
    ["one share for both", { crashes: 0, silences: 0, packets: 2 }],
    ["online without the copies", { crashes: 1, silences: 0, packets: 2 }],
    ["streams to any incarnation", { crashes: 1, silences: 0, packets: 2 }],
  ])("notices what is wrong with: %s", { timeout: 60_000 }, async (flaw, bounds) => {
    const { wrong } = await check(bounds, flaw);
    expect(wrong?.what).toMatch(/^port \d is client \d's at LD \d and client \d's at LD \d$/);
  });
});
