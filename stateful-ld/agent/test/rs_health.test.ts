import { HealthCheck, HealthCheck_Kind } from "@sluice/proto/ld";
import { describe, expect, it } from "vitest";
import type { Finding } from "../src/health/check.js";
import { RsHealth } from "../src/health/rs_health.js";

const { TCP } = HealthCheck_Kind;
const check = HealthCheck.fromPartial({ kind: TCP, rise: 2, fall: 3, slowStartMs: 10_000 });
const good: Finding = { verdict: "good", latencyMs: 1 };
const bad: Finding = { verdict: "bad", error: "ECONNREFUSED" };
const undecided: Finding = { verdict: "undecided", error: "EMFILE" };

function after(findings: Finding[], share = 1000, rules = check): RsHealth {
  const health = new RsHealth(rules, share, 0);
  for (const [i, finding] of findings.entries()) health.found(finding, 1000 * (i + 1));
  return health;
}

describe("an RS", () => {
  it.each<[string, Finding[], string]>([
    ["two bad checks", [bad, bad], "up"],
    ["three bad checks", [bad, bad, bad], "down"],
    ["three that are not in a row", [bad, bad, good, bad], "up"],
    ["three with undecided ones between", [bad, undecided, bad, undecided, bad], "down"],
    ["undecided ones alone", [undecided, undecided, undecided, undecided], "up"],
    ["one good check when down", [bad, bad, bad, good], "down"],
    ["two good checks when down", [bad, bad, bad, good, good], "up"],
    ["two that are not in a row", [bad, bad, bad, good, bad, good], "down"],
  ])("after %s", (_, findings, state) => {
    expect(after(findings).health(60_000)).toBe(state);
  });

  it("gets nothing while it is down, then its weight back within its slow start", () => {
    const health = after([bad, bad, bad]);
    expect(health.share(3000)).toBe(0);
    health.found(good, 4000);
    expect(health.found(good, 5000)).toBe(true);
    expect([5000, 7500, 10_000, 14_999, 15_000].map((ms) => health.share(ms))).toEqual([
      100, 250, 500, 999, 1000,
    ]);
  });

  it("gets all of it at once without a slow start", () => {
    const health = after([bad, good, good], 1000, HealthCheck.fromPartial({ rise: 2, fall: 1 }));
    expect(health.share(3000)).toBe(1000);
  });

  it("that falls in its slow start gets nothing again", () => {
    const health = after([bad, bad, bad, good, good, bad, bad, bad]);
    expect(health.share(8000)).toBe(0);
    expect(health.sinceMs).toBe(8000);
  });

  it("that was down when the agent began has to rise first", () => {
    expect(after([good], 0).share(1000)).toBe(0);
    expect(after([good, good], 0).health(2000)).toBe("up");
  });

  it("that was in its slow start when the agent began goes on with it", () => {
    const health = after([], 400);
    expect([0, 3000, 5999, 6000].map((ms) => health.share(ms))).toEqual([400, 700, 999, 1000]);
    expect(after([], 400, HealthCheck.fromPartial({ rise: 2, fall: 1 })).share(0)).toBe(1000);
  });

  it("says why it is down, and forgets it when it is up", () => {
    expect(after([bad, bad, bad]).lastError).toBe("ECONNREFUSED");
    expect(after([bad, bad, bad, good, good]).lastError).toBe("");
  });
});

describe("clients' sessions", () => {
  const rules = HealthCheck.fromPartial({
    ...check,
    slowStartMs: 0,
    passive: { unanswered: 5, suspectMs: 10_000 },
  });

  it("make an RS suspect that leaves enough of them in a row unanswered, for a while", () => {
    const health = new RsHealth(rules, 1000, 0);
    expect(health.seen(0n, 3n, 1000)).toBe(false);
    expect(health.seen(0n, 2n, 2000)).toBe(true);
    expect(health.health(2000)).toBe("suspect");
    expect(health.share(11_999)).toBe(0);
    expect(health.share(12_000)).toBe(1000);
  });

  it("do not, when one is answered between", () => {
    const health = new RsHealth(rules, 1000, 0);
    health.seen(0n, 4n, 1000);
    health.seen(1n, 4n, 2000);
    expect(health.seen(0n, 4n, 3000)).toBe(false);
  });

  it("tell nothing where no rule says so", () => {
    expect(new RsHealth(check, 1000, 0).seen(0n, 1000n, 1000)).toBe(false);
  });
});
