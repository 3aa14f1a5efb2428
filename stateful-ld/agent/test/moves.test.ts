// Every state of a bucket that moves between three LDs (model/moves.ts), with a fault at any moment.
import { describe, expect, it } from "vitest";
import { explore } from "./model/explore.js";
import {
  type Bounds,
  type Flaw,
  hasMoved,
  initial,
  keyOf,
  lostConnection,
  protocol,
  type State,
  sharedPort,
  steps,
  twoAllocators,
} from "./model/moves.js";

const LIMIT = 200_000;

function check(bounds: Bounds, flaw?: Flaw) {
  let moved = 0;
  const wrong = (state: State) => {
    moved += hasMoved(state) ? 1 : 0;
    const isStuck = state.lds.every(({ up }) => up) && !hasMoved(state) && protocol(state, flaw).length === 0;
    return (
      twoAllocators(state) ??
      sharedPort(state) ??
      lostConnection(state) ??
      (bounds.exact === true && state.dropped ? "a packet of a connection is lost" : undefined) ??
      (isStuck ? "the move does not go on" : undefined)
    );
  };
  const visit = explore(initial(), {
    steps: (state) => steps(state, bounds, flaw),
    keyOf,
    wrong,
    limit: LIMIT,
  });
  return { ...visit, moved };
}

describe("a bucket that moves between three LDs", () => {
  it.each<[string, Bounds, number]>([
    ["every packet is answered", { crashes: 0, silences: 0, packets: 3, exact: true }, 10_000],
    ["switches that take LDs for dead", { crashes: 0, silences: 0, packets: 2 }, 10_000],
    ["an LD that was silent", { crashes: 0, silences: 1, packets: 1 }, 10_000],
    ["a crash", { crashes: 1, silences: 0, packets: 1 }, 10_000],
  ])(
    "has one allocator for each port, loses nothing, and gets there: %s",
    { timeout: 60_000 },
    (_, bounds, least) => {
      const { states, wrong, moved } = check(bounds);
      expect(wrong).toBeUndefined();
      expect(states).toBeGreaterThan(least);
      expect(moved).toBeGreaterThan(0);
    },
  );

  it.each<[Flaw, RegExp]>([
    ["ports are taken before they are given up", /^LD \d and LD \d give out the same port$/],
    ["the next map before the copies", /^a packet of a connection is lost$/],
  ])("notices what is wrong when %s", { timeout: 60_000 }, (flaw, what) => {
    const { wrong } = check({ crashes: 0, silences: 0, packets: 2, exact: true }, flaw);
    expect(wrong?.what).toMatch(what);
  });

  it("finds what can be lost: an LD that dies and returns before its sessions are at its new backup", () => {
    const { wrong } = check({ crashes: 1, silences: 0, packets: 2, whileCopying: true });
    expect(wrong?.way).toContain("LD 0 crashes");
  });
});
