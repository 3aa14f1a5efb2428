// Checks, the data plane and configurations together; time is the test's.
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HealthCheck, HealthCheck_Kind, LdConfig, Limit, RsHealth } from "@sluice/proto/ld";
import { DataplaneRs, DataplaneStatus, type RsShare } from "@sluice/proto/ld-dataplane";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Dataplane, type Request } from "../src/dataplane.js";
import type { CheckTarget, Finding } from "../src/health/check.js";
import { HealthMonitor } from "../src/health/monitor.js";
import { FakeDataplane, response } from "./fake_dataplane.js";

const rules = HealthCheck.fromPartial({
  kind: HealthCheck_Kind.TCP,
  intervalMs: 1000,
  timeoutMs: 500,
  rise: 2,
  fall: 2,
});
const good: Finding = { verdict: "good", latencyMs: 2.5 };
const bad: Finding = { verdict: "bad", error: "ECONNREFUSED" };

let folder: string;
let fake: FakeDataplane;
let dataplane: Dataplane;
let monitor: HealthMonitor;
let realServers: DataplaneRs[];
let config: LdConfig;
/** What a check of an RS finds, by its probe address. */
let findings: Map<string, Finding>;
let checked: CheckTarget[];
let log: Record<string, unknown>[];
let told: Map<string, number>;
let canProbe: boolean;
/** How long a bad check takes. */
let slowMs: number;
/** What the data plane answers when it is asked how it is; undefined: it stands still, and answers later. */
let online: boolean | undefined;
let later: (() => void)[];

const rs = (number: number, rs: string, fields: Partial<DataplaneRs> = {}) =>
  DataplaneRs.fromPartial({
    number,
    service: "web",
    rs,
    address: Uint8Array.of(10, 0, 4, number + 2),
    port: 80,
    weight: 1,
    sharePermille: 1000,
    probeAddress: Uint8Array.of(198, 19, 1, number),
    pingAddress: Uint8Array.of(198, 19, 1, number),
    ...fields,
  });

function answer(request: Request): Uint8Array {
  switch (request.$case) {
    case "getConfig":
      return response({ response: { $case: "config", value: { config } } });
    case "listRs":
      for (const item of realServers) item.sharePermille = told.get(item.rs) ?? item.sharePermille;
      return response({ response: { $case: "rsList", value: { realServers, canProbe, countedEpoch: 7n } } });
    case "setShares":
      for (const share of request.value.shares as RsShare[]) told.set(share.rs, share.sharePermille);
      return response({});
    case "getStatus":
      return response({
        response: {
          $case: "status",
          value: DataplaneStatus.fromPartial({ state: { online: online ?? false } }),
        },
      });
    default:
      return response({});
  }
}

function serve(request: Request, to: Socket): void {
  if (online !== undefined) to.write(answer(request));
  else later.push(() => to.write(answer(request)));
}

/** It goes on, with what it has been asked meanwhile. */
function goOn(): void {
  online = true;
  for (const each of later.splice(0)) each();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  const path = join(folder, "control.sock");
  log = [];
  told = new Map();
  findings = new Map();
  checked = [];
  canProbe = true;
  slowMs = 0;
  online = true;
  later = [];
  realServers = [rs(0, "rs1"), rs(1, "rs2"), rs(2, "rs3")];
  config = LdConfig.fromPartial({ services: [{ name: "web", healthCheck: rules }] });
  fake = await FakeDataplane.listen(path, serve);
  const lines = log;
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  dataplane = new Dataplane({ path, timeoutMs: 5000, logger, greet: (ask) => monitor.greet(ask) });
  monitor = new HealthMonitor({
    checks: true,
    dataplane,
    logger,
    check: async (_, target) => {
      checked.push(target);
      const finding = findings.get(target.address) ?? good;
      if (finding === bad && slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
      return finding;
    },
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(async () => {
  vi.useRealTimers();
  monitor.stop();
  dataplane.close();
  await fake.die();
  rmSync(folder, { recursive: true });
});

/** Lets seconds pass, as the agent's looks do: one a second. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await monitor.look(true);
    await vi.advanceTimersByTimeAsync(1000);
  }
  await monitor.look(true); // has been answered: what was told before it is there
}

async function configured(): Promise<void> {
  await dataplane.ask({ $case: "getConfig", value: {} }, "config");
}

const down = (number: number) => findings.set(`198.19.1.${number}`, bad);
const up = (number: number) => findings.set(`198.19.1.${number}`, good);
const health = async (name: string) =>
  (await monitor.states()).realServers.find((item) => item.rs === name)?.health;

describe("an RS that fails", () => {
  it("gets no share after its fall time, and all of it after its rise", async () => {
    await configured();
    await pass(2);
    expect(told.size).toBe(0);
    down(1);
    await pass(1);
    expect(told.size).toBe(0);
    await pass(2);
    expect(Object.fromEntries(told)).toEqual({ rs2: 0 });
    expect(await health("rs2")).toBe(RsHealth.DOWN);
    expect(log).toContainEqual(
      expect.objectContaining({ event: "rs_down", service: "web", rs: "rs2", reason: "ECONNREFUSED" }),
    );
    up(1);
    await pass(3);
    expect(told.get("rs2")).toBe(1000);
    expect((await monitor.states()).realServers[1]).toMatchObject({
      health: RsHealth.UP,
      lastLatencyUs: 2500,
      lastError: "",
    });
  });

  it("is told of with the sessions that the data plane counts", async () => {
    realServers = [rs(0, "rs1", { sessionsStandby: 3n, sessionsPrimary: 2n })];
    await configured();
    expect(await monitor.states()).toMatchObject({
      realServers: [{ sessionsActive: 0n, sessionsStandby: 3n, sessionsPrimary: 2n }],
      countedEpoch: 7n,
    });
  });

  it("gets its weight back step by step in its slow start", async () => {
    config.services[0]!.healthCheck = { ...rules, slowStartMs: 8000 };
    await configured();
    down(1);
    await pass(3);
    up(1);
    const shares: number[] = [];
    for (let i = 0; i < 12; i++) {
      await pass(1);
      shares.push(told.get("rs2")!);
    }
    expect(shares[0]).toBe(0);
    expect(shares.filter((share) => share > 0 && share < 1000).length).toBeGreaterThan(5);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1000);
  });

  it("goes on with its slow start when the agent is started anew", async () => {
    config.services[0]!.healthCheck = { ...rules, slowStartMs: 8000 };
    realServers[1]!.sharePermille = 400; // as the agent before has left it
    await configured();
    const shares: number[] = [];
    for (let i = 0; i < 6; i++) {
      await pass(1);
      shares.push(told.get("rs2")!);
    }
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[0]).toBeGreaterThan(400);
    expect(shares[0]).toBeLessThan(600);
    expect(shares[3]).toBeLessThan(1000);
    expect(shares[5]).toBe(1000);
    expect(told.size).toBe(1);
  });

  it("is checked at its own port, or that of the check", async () => {
    config.services[0]!.healthCheck = { ...rules, port: 8080 };
    await configured();
    await pass(2);
    expect(checked[0]).toEqual({ address: "198.19.1.0", pingAddress: "198.19.1.0", port: 8080 });
  });
});

describe("nothing follows", () => {
  it("while the LD does not get its packets", async () => {
    await configured();
    for (const number of [0, 1, 2]) down(number);
    for (let i = 0; i < 5; i++) {
      await monitor.look(false);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(checked).toEqual([]);
    expect(told.size).toBe(0);
    canProbe = false;
    await pass(5);
    expect(told.size).toBe(0);
  });

  it("from checks that fail while the data plane stands still", async () => {
    await configured();
    await pass(1);
    for (const number of [0, 1, 2]) down(number);
    online = undefined;
    await vi.advanceTimersByTimeAsync(4000); // less than the agent waits for an answer
    for (const number of [0, 1, 2]) up(number);
    goOn();
    await pass(1);
    expect(told.size).toBe(0);
  });

  it("from checks that fail while the LD is offline, though the last look saw it online", async () => {
    await configured();
    await pass(1);
    for (const number of [0, 1, 2]) down(number);
    online = false;
    await vi.advanceTimersByTimeAsync(4000);
    for (const number of [0, 1, 2]) up(number);
    online = true;
    await pass(1);
    expect(told.size).toBe(0);
  });

  it("for RSs without a check", async () => {
    config.services[0]!.healthCheck = undefined;
    await configured();
    down(0);
    await pass(5);
    expect(checked).toEqual([]);
    expect(await health("rs1")).toBe(RsHealth.RS_HEALTH_UNKNOWN);
  });
});

describe("a configuration", () => {
  it("that comes keeps what is known", async () => {
    await configured();
    down(1);
    await pass(4);
    realServers = [...realServers, rs(3, "rs4")];
    await monitor.configured(config);
    await pass(1);
    expect(await health("rs2")).toBe(RsHealth.DOWN);
    expect(await health("rs4")).toBe(RsHealth.UP);
  });

  it("after another, quicker than a check takes, keeps no RS up that does not answer", async () => {
    slowMs = 500;
    await configured();
    await pass(1);
    down(1);
    for (let i = 0; i < 16; i++) {
      config = { ...config, limits: [{ ...Limit.fromPartial({ name: "gold" }), sessions: i }] };
      await monitor.configured(config);
      await vi.advanceTimersByTimeAsync(250);
    }
    expect(await health("rs2")).toBe(RsHealth.DOWN);
  });

  it("that gives the LD other buckets says nothing of RSs whose answers may have gone astray", async () => {
    slowMs = 500;
    await configured();
    await pass(1);
    down(1);
    for (let i = 0; i < 16; i++) {
      config = { ...config, epoch: BigInt(i + 2), ownedBuckets: [{ first: 0, last: i }] };
      await monitor.configured(config);
      await vi.advanceTimersByTimeAsync(250);
    }
    expect(await health("rs2")).toBe(RsHealth.UP);
  });

  it("that takes the check away gives the RS its share back", async () => {
    await configured();
    down(1);
    await pass(4);
    config.services[0]!.healthCheck = undefined;
    await monitor.configured(config);
    expect(told.get("rs2")).toBe(1000);
  });

  it("in which the RS has another address begins anew", async () => {
    await configured();
    down(1);
    await pass(4);
    realServers[1] = rs(7, "rs2");
    told.delete("rs2");
    await monitor.configured(config);
    expect(await health("rs2")).toBe(RsHealth.UP);
  });
});

describe("a data plane that starts anew", () => {
  it("is told at once who is down", async () => {
    await configured();
    down(1);
    await pass(4);
    await fake.die();
    monitor.lost();
    told = new Map();
    realServers = [rs(0, "rs1"), rs(1, "rs2"), rs(2, "rs3")];
    fake = await FakeDataplane.listen(join(folder, "control.sock"), serve);
    vi.useRealTimers();
    await vi.waitFor(() => configured(), { timeout: 20_000 });
    expect(Object.fromEntries(told)).toEqual({ rs2: 0 });
  });

  it("or has outlived the agent: who was down has to rise first", async () => {
    realServers[1] = rs(1, "rs2", { sharePermille: 0 });
    await configured();
    expect(await health("rs2")).toBe(RsHealth.DOWN);
    expect(told.size).toBe(0);
    await pass(3);
    expect(told.get("rs2")).toBe(1000);
  });
});

describe("when too few are left", () => {
  it("all are used below the panic threshold", async () => {
    config.services[0]!.healthCheck = { ...rules, panicPercent: 50 };
    await configured();
    down(1);
    await pass(4);
    expect(told.get("rs2")).toBe(0);
    down(2);
    await pass(3);
    expect(told.get("rs2")).toBe(1000);
    expect(told.get("rs3") ?? 1000).toBe(1000);
    expect(await health("rs3")).toBe(RsHealth.DOWN);
    up(2);
    await pass(3);
    expect(told.get("rs2")).toBe(0);
    expect(log.map(({ event }) => event)).toEqual(expect.arrayContaining(["panic", "panic_over"]));
  });

  it("without one, a service with no RS gets no new sessions", async () => {
    await configured();
    for (const number of [0, 1, 2]) down(number);
    await pass(4);
    expect(Object.fromEntries(told)).toEqual({ rs1: 0, rs2: 0, rs3: 0 });
  });
});

describe("what clients see", () => {
  beforeEach(() => {
    const passive = { unanswered: 5, suspectMs: 3000 };
    config.services[0]!.healthCheck = HealthCheck.fromPartial({ kind: HealthCheck_Kind.NONE, passive });
  });

  it("makes an RS suspect for a while", async () => {
    await configured();
    await pass(1);
    realServers[2]!.unanswered = 5n;
    await pass(1);
    expect(Object.fromEntries(told)).toEqual({ rs3: 0 });
    expect(await health("rs3")).toBe(RsHealth.SUSPECT);
    await pass(4);
    expect(told.get("rs3")).toBe(1000);
  });

  it("takes no RS away for good that was suspect when the agent was started anew", async () => {
    realServers[2]!.sharePermille = 0; // suspect, when the agent before ended
    await configured();
    await pass(1);
    expect(await health("rs3")).toBe(RsHealth.UP);
    expect(told.get("rs3")).toBe(1000);
  });

  it("lets one come back slowly that was suspect then", async () => {
    config.services[0]!.healthCheck!.slowStartMs = 8000;
    realServers[2]!.sharePermille = 0;
    await configured();
    await pass(2);
    expect(told.get("rs3")).toBeGreaterThan(0);
    expect(told.get("rs3")).toBeLessThan(500);
    await pass(8);
    expect(told.get("rs3")).toBe(1000);
  });

  it("is what counts from then on when checks are taken away", async () => {
    const { passive } = config.services[0]!.healthCheck!;
    config = LdConfig.fromPartial({ services: [{ name: "web", healthCheck: { ...rules, passive } }] });
    await configured();
    down(1);
    await pass(4);
    expect(told.get("rs2")).toBe(0);
    config = LdConfig.fromPartial({ services: [{ name: "web", healthCheck: { passive } }] });
    await monitor.configured(config);
    await pass(1);
    expect(await health("rs2")).toBe(RsHealth.UP);
    expect(told.get("rs2")).toBe(1000);
  });

  it("is not held against an RS when it was the LD that had no answers", async () => {
    await configured();
    await pass(1);
    await monitor.look(false); // its link is down
    realServers[2]!.unanswered = 5n;
    await monitor.look(false);
    realServers[2]!.unanswered = 10n;
    await monitor.look(true);
    expect(await health("rs3")).toBe(RsHealth.UP);
    await pass(1);
    expect(told.size).toBe(0);
    realServers[2]!.unanswered = 15n; // now it is the RS
    await pass(1);
    expect(await health("rs3")).toBe(RsHealth.SUSPECT);
  });

  it("never takes the last one away", async () => {
    await configured();
    await pass(1);
    for (const item of realServers) item.unanswered = 5n;
    await pass(1);
    expect([...told.values()].every((share) => share === 1000)).toBe(true);
  });
});
