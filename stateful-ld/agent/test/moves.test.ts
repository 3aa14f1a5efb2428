// Every state of a bucket that moves between three LDs (model/moves.ts), with a fault at any moment.
import { describe, expect, it } from "vitest";
import { explore } from "./model/explore.js";
import { steps } from "./model/moves.js";
import { hasMoved, keyOf, lostConnection, sharedPort, twoAllocators } from "./model/moves_checks.js";
import { type Bounds, type Flaw, initial, type State, type Step } from "./model/moves_state.js";

const LIMIT = 300_000;

async function check(bounds: Bounds, flaw?: Flaw) {
  let moved = 0;
  const wrong = (state: State, next: readonly Step[]) => {
    moved += hasMoved(state) ? 1 : 0;
    const isStuck = state.lds.every(({ up }) => up) && !hasMoved(state) && !next.some(({ isOwn }) => isOwn);
    return (
      twoAllocators(state) ??
      sharedPort(state) ??
      lostConnection(state) ??
      (bounds.exact === true && state.dropped ? "a packet of a connection is lost" : undefined) ??
      (isStuck ? "the move does not go on" : undefined)
    );
  };
  const visit = await explore(initial(flaw), {
    steps: (state) => steps(state, bounds),
    keyOf,
    wrong,
    limit: LIMIT,
  });
  return { ...visit, moved };
}

describe("a bucket that moves between three LDs", () => {
  it.each<[string, Bounds, number]>([
    ["every packet is answered", { crashes: 0, silences: 0, packets: 2, exact: true }, 30_000],
    ["switches that take LDs for dead", { crashes: 0, silences: 0, packets: 2 }, 70_000],
    ["an LD that was silent", { crashes: 0, silences: 1, packets: 1 }, 100_000],
    ["an LD that dies and returns, whenever", { crashes: 1, silences: 0, packets: 1 }, 150_000],
  ])(
    "has one allocator for each port, loses nothing, and gets there: %s",
    { timeout: 300_000 },
    async (_, bounds, least) => {
      const { states, wrong, moved } = await check(bounds);
      expect(wrong).toBeUndefined();
      expect(states).toBeGreaterThan(least);
      expect(moved).toBeGreaterThan(0);
    },
  );

  it.each<[Flaw, Partial<Bounds>, RegExp]>([
    ["ports are taken before they are given up", { exact: true }, /^LD \d and LD \d give out the same port$/],
    ["the next map before the copies", { exact: true }, /^a packet of a connection is lost$/],
    [
      "ports are given out before the copy has come",
      {},
      /^port \d is client 0's at LD .* and client 1's at LD 2$/,
    ],
    [
      "who leaves the bucket is not asked",
      { crashes: 1, packets: 1 },
      /^no LD knows the connection of client 0 any more$/,
    ],
  ])("notices what is wrong when %s", { timeout: 300_000 }, async (flaw, bounds, what) => {
    const { wrong } = await check({ crashes: 0, silences: 0, packets: 2, ...bounds }, flaw);
    expect(wrong?.what).toMatch(what);
  });
});
