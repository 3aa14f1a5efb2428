import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counters, RsHealth, RsState } from "@sluice/proto/ld";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Agent, startAgent } from "../src/agent.js";
import { metricsPage } from "../src/metrics.js";
import { FakeDataplane, response } from "./fake_dataplane.js";

const status = { version: "1.2.3", uptimeMs: 1500n, workerCores: 2, state: undefined };
const rs = (name: string, sessions: bigint) => ({
  rs: name,
  sessionsTotal: sessions * 10n,
  sessionsActive: sessions,
  packetsIn: 100n,
  bytesIn: 6400n,
  packetsOut: 90n,
  bytesOut: 90_000_000_000_000_000n,
});
const worker = (core: number) => ({
  core,
  port: [{ name: "rx_packets", value: 5n }],
  drops: core === 3 ? [{ name: "not_syn", value: 7n }] : [],
  sessionsActive: 2n,
  sessionsCapacity: 50n,
});
const counters: Counters = {
  services: [
    { service: "web", realServers: [rs("rs1", 3n), rs("rs2", 4n)] },
    { service: 'odd "name"\\', realServers: [rs("rs1", 0n)] },
  ],
  port: [
    { name: "rx_packets", value: 10n },
    { name: "rx_missed", value: 6n },
  ],
  drops: [
    { name: "not_syn", value: 7n },
    { name: "no_session", value: 0n },
  ],
  sessionsActive: 4n,
  sessionsCapacity: 100n,
  workers: [worker(2), worker(3)],
};

const checked = (rs: string, health: RsHealth, sharePermille: number) =>
  RsState.fromPartial({ service: "web", rs, health, sharePermille, lastLatencyUs: 1500 });
const realServers = [
  checked("rs1", RsHealth.UP, 250),
  checked("rs2", RsHealth.DOWN, 0),
  checked("rs3", RsHealth.RS_HEALTH_UNKNOWN, 1000),
];

/** Reads a page as Prometheus does, and fails where it would: unknown lines, split groups, samples that come twice. */
function parsed(page: string): Map<string, string> {
  const samples = new Map<string, string>();
  const types = new Map<string, string>();
  let current = "";
  expect(page.endsWith("\n")).toBe(true);
  for (const line of page.trimEnd().split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    const sample = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\[\\"n])*",?)*\})? (\d+(?:\.\d+)?)$/.exec(line);
    if (type !== null) {
      expect(types.has(type[1]!)).toBe(false);
      types.set(type[1]!, type[2]!);
      current = type[1]!;
    } else if (sample !== null) {
      expect(sample[1]).toBe(current);
      expect(samples.has(`${sample[1]}${sample[2] ?? ""}`)).toBe(false);
      samples.set(`${sample[1]}${sample[2] ?? ""}`, sample[3]!);
    } else {
      expect(line).toMatch(/^# HELP \S+ \S/);
    }
  }
  for (const [name, type] of types) expect(type).toBe(name.endsWith("_total") ? "counter" : "gauge");
  return samples;
}

describe("the page", () => {
  it("has the counters by service and RS, by core and by drop reason, to the last digit", () => {
    const samples = parsed(metricsPage({ counters, status, realServers }));
    expect(Object.fromEntries(samples)).toMatchObject({
      sluice_ld_up: "1",
      'sluice_ld_info{version="1.2.3"}': "1",
      sluice_ld_uptime_seconds: "1.5",
      sluice_ld_sessions_active: "4",
      sluice_ld_sessions_capacity: "100",
      sluice_ld_rx_packets_total: "10",
      sluice_ld_rx_missed_total: "6",
      'sluice_ld_drops_total{reason="not_syn"}': "7",
      'sluice_ld_drops_total{reason="no_session"}': "0",
      'sluice_ld_rs_sessions_active{service="web",rs="rs2"}': "4",
      'sluice_ld_rs_sessions_total{service="web",rs="rs1"}': "30",
      'sluice_ld_rs_packets_total{service="web",rs="rs1",direction="in"}': "100",
      'sluice_ld_rs_bytes_total{service="web",rs="rs1",direction="out"}': "90000000000000000",
      'sluice_ld_rs_sessions_active{service="odd \\"name\\"\\\\",rs="rs1"}': "0",
      'sluice_ld_rs_up{service="web",rs="rs1"}': "1",
      'sluice_ld_rs_up{service="web",rs="rs2"}': "0",
      'sluice_ld_rs_weight_share{service="web",rs="rs1"}': "0.25",
      'sluice_ld_rs_check_latency_seconds{service="web",rs="rs1"}': "0.0015",
      'sluice_ld_core_rx_packets_total{core="2"}': "5",
      'sluice_ld_core_drops_total{core="3",reason="not_syn"}': "7",
      'sluice_ld_core_sessions_active{core="3"}': "2",
    });
  });

  it("says nothing of the health of what is not checked", () => {
    expect(metricsPage({ counters, status, realServers })).not.toContain('rs_up{service="web",rs="rs3"}');
  });

  it("says that the data plane is down", () => {
    expect(Object.fromEntries(parsed(metricsPage(undefined)))).toEqual({ sluice_ld_up: "0" });
  });
});

describe("the agent", () => {
  let folder: string;
  let agent: Agent | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  });
  afterEach(async () => {
    await agent?.stop();
    agent = undefined;
    rmSync(folder, { recursive: true });
  });

  const start = (metrics: string) =>
    startAgent({
      listen: `unix:${join(folder, "agent.sock")}`,
      dataplane: join(folder, "control.sock"),
      metrics,
      statusMs: 0,
      checks: false,
      logger: pino({ level: "silent" }),
    });

  it("serves them while the data plane comes and goes", async () => {
    agent = await start("127.0.0.1:0");
    const url = `http://127.0.0.1:${agent.metrics!.port}`;
    const scrape = async () => parsed(await (await fetch(`${url}/metrics`)).text());
    expect((await scrape()).get("sluice_ld_up")).toBe("0");
    const dataplane = await FakeDataplane.listen(join(folder, "control.sock"), (request, socket) => {
      const rsList = { realServers: [], canProbe: false, countedEpoch: 0n };
      socket.write(
        request.$case === "getStatus"
          ? response({ response: { $case: "status", value: status } })
          : request.$case === "listRs"
            ? response({ response: { $case: "rsList", value: rsList } })
            : response({ response: { $case: "counters", value: counters } }),
      );
    });
    expect((await scrape()).get("sluice_ld_rx_packets_total")).toBe("10");
    await dataplane.die();
    expect((await scrape()).get("sluice_ld_up")).toBe("0");
    expect((await fetch(`${url}/other`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(404);
  });

  it("does not start with an address that is none", async () => {
    await expect(start("9464")).rejects.toThrow("--metrics 9464: not host:port");
  });
});
