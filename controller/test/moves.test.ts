// Buckets on their way: which map follows which, from any cluster to any other, and what LDs and switches are told when.
import { type LdConfig, LdState, PeerReplication } from "@sluice/proto/ld";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type BucketMap, dealBuckets, mendMap, nextMap } from "../src/compile/index.js";
import {
  type DesiredEntries,
  type LdHolding,
  type Meaning,
  meaningOf,
  regionEntries,
  roundOf,
} from "../src/reconcile/index.js";
import { isUnsettled } from "../src/reconcile/ld_moves.js";
import { givesOut } from "../src/reconcile/ld_shares.js";
import { type DesiredState, parseState } from "../src/state/index.js";
import { gateway, repositoryFile } from "./support/program.js";

const SIZE = 1024;
const NAMES = ["ld1", "ld2", "ld3", "ld4", "ld5"];
const clusters = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 });

/** Who has all sessions of a bucket by this map. */
const holders = (map: BucketMap, bucket: number) => [map[bucket]!.ld, map[bucket]!.backup];

/** From a map to where it comes to rest. */
function follow(present: BucketMap, names: readonly string[]): BucketMap[] {
  const maps = [present];
  for (;;) {
    const now = maps.at(-1)!;
    const next = nextMap(now, dealBuckets(names, SIZE, now));
    if (next === undefined) return maps;
    maps.push(next.map);
    expect(maps.length).toBeLessThan(8);
  }
}

describe("the maps of a move", () => {
  it("give a bucket to nobody who has not its sessions, and come to the map that is wanted", () => {
    fc.assert(
      fc.property(fc.array(clusters, { minLength: 2, maxLength: 4 }), (history) => {
        let map = dealBuckets(history[0]!, SIZE);
        for (const names of history.slice(1)) {
          const maps = follow(map, names);
          for (const [i, next] of maps.entries()) {
            const before = maps[i - 1];
            const wrong = next.filter(
              ({ ld, backup }, bucket) =>
                ld === backup || (before !== undefined && !holders(before, bucket).includes(ld)),
            );
            expect(wrong).toEqual([]);
          }
          map = maps.at(-1)!;
          const strip = map.map(({ ld, backup }) => ({ ld, backup }));
          expect(strip).toEqual(dealBuckets(names, SIZE, map));
          expect(new Set(map.map(({ ld }) => ld)).size).toBe(names.length);
        }
      }),
      { numRuns: 10 },
    );
  });

  it("leave alone what need not move", () => {
    const before = dealBuckets(["ld1", "ld2"], SIZE);
    const after = follow(before, ["ld1", "ld2", "ld3"]).at(-1)!;
    const touched = after.filter((now, bucket) => now.ld !== before[bucket]!.ld);
    expect(touched.length).toBe(after.filter(({ ld }) => ld === "ld3").length);
    const untouched = after.filter(
      (now, bucket) => now.ld === before[bucket]!.ld && now.backup === before[bucket]!.backup,
    );
    expect(untouched.length).toBeGreaterThan(SIZE / 2);
  });

  it("give the buckets of an LD that is gone to those that have their sessions", () => {
    fc.assert(
      fc.property(clusters, clusters, (before, after) => {
        const present = dealBuckets(before, SIZE);
        const mended = mendMap(present, dealBuckets(after, SIZE, present), new Set(after));
        const wrong = mended.filter(({ ld }, bucket) => {
          const alive = holders(present, bucket).find((name) => after.includes(name!));
          return !after.includes(ld) || (alive !== undefined && ld !== alive);
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});

describe("LDs and switches", () => {
  let region: DesiredEntries;
  let text: string;
  const without = (name: string) => new RegExp(` {6}- name: ${name}\\n(?: {8}.*\\n)+`);

  const third =
    "      - name: ld3\n        agent: unix:/run/sluice/ld3.agent.sock\n        address: 10.0.2.4/24\n" +
    "        gateway: 10.0.2.1\n        mac: 02:00:00:00:02:04\n";

  function stateOf(names: readonly string[], drained: readonly string[] = []): DesiredState {
    const all = text.replace(/( {6}- name: ld2\n(?: {8}.*\n)+)/, `$1${third}`);
    const listed = ["ld1", "ld2", "ld3"]
      .filter((name) => !names.includes(name))
      .reduce((document, name) => document.replace(without(name), ""), all);
    return parseState(
      "sluice.yaml",
      drained.reduce(
        (document, name) => document.replace(`- name: ${name}\n`, `- name: ${name}\n        drained: true\n`),
        listed,
      ),
    );
  }

  beforeAll(() => {
    text = repositoryFile("controller/examples/sluice.yaml").replace(
      "    lds:\n",
      "    failover: { secret: 0123456789abcdef }\n    lds:\n",
    );
    region = regionEntries(stateOf(["ld1", "ld2", "ld3"]), gateway);
  });

  /** LDs and one switch that do what they are told, one order at a time, and a controller that may die after each. */
  class World {
    readonly lds = new Map<string, LdConfig>();
    /** Epoch of the map that the switch holds, and that map. */
    told = { epoch: 0n, map: [] as BucketMap };
    /** Orders that the controller gives before it dies. */
    #left = Number.POSITIVE_INFINITY;
    /** All sessions are where the map that the LDs hold says. */
    whole = true;

    holdings(state: DesiredState): LdHolding[] {
      return state.clusters.flatMap((cluster) =>
        cluster.lds.map((spec) => {
          const held = this.lds.get(spec.name);
          const peers = this.whole ? [] : [PeerReplication.fromPartial({ ldId: held?.cluster?.ldId ?? 0 })];
          const status = LdState.fromPartial({ online: true, epoch: held?.epoch ?? 0n, peers });
          return { cluster, spec, held, state: status };
        }),
      );
    }

    #order(deed: () => void): boolean {
      if (this.#left-- <= 0) return false;
      deed();
      this.check();
      return true;
    }

    /** One round, as executePlan() makes it. @returns whether there is more to do */
    round(state: DesiredState, orders: number, switchUp: boolean): boolean {
      this.#left = orders;
      const meaning = meaningOf(state, this.holdings(state), region);
      // The entries of a switch are other tests' matter: here it counts which map they are of.
      const round = roundOf(meaning, [], switchUp ? [] : ["gw1"]);
      const give = (choose: "release" | "take" | "settle") =>
        round.steps.every((step) => {
          const config = step[choose];
          return config === undefined || this.#order(() => this.lds.set(step.target.spec.name, config));
        });
      const isTold = round.moves.every(({ waiting }) => waiting === undefined);
      return (
        !(
          give("release") &&
          give("take") &&
          (!switchUp || !isTold || this.#tell(meaning)) &&
          give("settle")
        ) ||
        round.more ||
        !switchUp
      );
    }

    #tell({ moves, steps }: Meaning): boolean {
      const [move] = moves;
      const epoch = steps[0]!.final.epoch;
      return this.#order(() => {
        if (epoch !== this.told.epoch) expect(this.whole || this.told.epoch === 0n).toBe(true);
        this.told = { epoch, map: move!.told };
      });
    }

    /** Whom the switch may send a bucket's packets to has the bucket, or is named as the one that has left it. */
    checkFormer(config: LdConfig): void {
      if (config.epoch === this.told.epoch || !isUnsettled(config)) return;
      const idOf = (name: string) => this.lds.get(name)!.cluster!.ldId;
      const wrong = config.cluster!.buckets.flatMap(({ first, last, ldId, backupLdId, formerLdId }) =>
        this.told.map
          .slice(first, last + 1)
          .flatMap(({ ld, backup }) => (backup === undefined ? [ld] : [ld, backup]))
          .filter((name) => ![ldId, backupLdId, formerLdId].includes(idOf(name))),
      );
      expect(wrong).toEqual([]);
    }

    check(): void {
      // No share of a bucket's ports is given out by two.
      const shares = [...this.lds.values()].map(givesOut);
      const twice = Array.from({ length: SIZE }, (_, bucket) => bucket).filter((bucket) => {
        let [seen, both] = [0, 0];
        for (const mine of shares) {
          both |= seen & mine[bucket]!;
          seen |= mine[bucket]!;
        }
        return both !== 0;
      });
      expect(twice).toEqual([]);
      // The LDs speak for the epoch that the switch believes.
      if (this.told.epoch === 0n) return;
      for (const config of this.lds.values()) this.checkFormer(config);
      for (const { epoch, heartbeat } of this.lds.values()) {
        expect([epoch, BigInt(heartbeat!.previousEpoch)]).toContain(this.told.epoch);
      }
    }
  }

  const settle = (world: World, state: DesiredState) => {
    let rounds = 0;
    while (world.round(state, Number.POSITIVE_INFINITY, true)) {
      expect(++rounds).toBeLessThan(30);
    }
    return rounds;
  };

  it("a third LD joins, one is drained and comes back, one leaves: a round a step", () => {
    const world = new World();
    settle(world, stateOf(["ld1", "ld2"]));
    const count = (name: string) => world.told.map.filter(({ ld }) => ld === name).length;
    expect([count("ld1"), count("ld2")]).toEqual([512, 512]);
    expect(settle(world, stateOf(["ld1", "ld2", "ld3"]))).toBeLessThan(9);
    expect([count("ld1"), count("ld2"), count("ld3")].sort()).toEqual([341, 341, 342]);
    settle(world, stateOf(["ld1", "ld2", "ld3"], ["ld1"]));
    expect([count("ld1"), count("ld2"), count("ld3")]).toEqual([0, 512, 512]);
    expect(world.lds.get("ld1")!.ownedBuckets).toEqual([]);
    expect(givesOut(world.lds.get("ld1")).every((shares) => shares === 0)).toBe(true);
    settle(world, stateOf(["ld1", "ld2", "ld3"]));
    expect(count("ld1")).toBeGreaterThan(300);
    // What all rounds come to is what is there: `sluice diff` shows nothing.
    const state = stateOf(["ld1", "ld2", "ld3"]);
    const { steps } = meaningOf(state, world.holdings(state), region, true);
    expect(steps.flatMap(({ release, take, settle: last }) => release ?? take ?? last ?? [])).toEqual([]);
  });

  it("no switch learns a map before the sessions are where it says", () => {
    const world = new World();
    settle(world, stateOf(["ld1", "ld2"]));
    const before = world.told;
    world.whole = false;
    for (let i = 0; i < 5; i++) world.round(stateOf(["ld1", "ld2", "ld3"]), Number.POSITIVE_INFINITY, true);
    expect(world.told.map).toEqual(before.map);
    world.whole = true;
    settle(world, stateOf(["ld1", "ld2", "ld3"]));
    expect(world.told.map.filter(({ ld }) => ld === "ld3").length).toBeGreaterThan(340);
  });

  it("whenever the controller dies and a switch is away, ports stay whose they are, and the move goes on", () => {
    const wishes = fc.constantFrom(
      stateOf(["ld1", "ld2", "ld3"]),
      stateOf(["ld1", "ld2", "ld3"], ["ld2"]),
      stateOf(["ld1", "ld2", "ld3"], ["ld1", "ld3"]),
    );
    const rounds = fc.array(fc.record({ orders: fc.nat(8), switchUp: fc.boolean() }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(wishes, rounds), { minLength: 1, maxLength: 2 }), (history) => {
        const world = new World();
        settle(world, stateOf(["ld1", "ld2", "ld3"]));
        for (const [state, looks] of history) {
          for (const { orders, switchUp } of looks) world.round(state, orders, switchUp);
          settle(world, state);
        }
      }),
      { numRuns: 4 },
    );
  });
});
