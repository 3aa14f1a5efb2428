import { ClientAddress, HealthCheck_Kind, Scheduler, type Service } from "@sluice/proto/ld";
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/index.js";
import { diffFacts, factsOf } from "../src/reconcile/index.js";
import { parseState } from "../src/state/index.js";
import { repositoryFile } from "./support/program.js";

const example = repositoryFile("controller/examples/sluice.yaml");

function configOf(service: string) {
  const state = parseState("sluice.yaml", example.replace("scheduler: wrr", service));
  return compile(state).lds[0]!.config;
}

function webOf(service: string): Service {
  return configOf(service).services.find(({ name }) => name === "web")!;
}

describe("how a service treats its sessions", () => {
  it.each([
    ["wrr", Scheduler.WEIGHTED_ROUND_ROBIN],
    ["wlc", Scheduler.WEIGHTED_LEAST_CONNECTIONS],
    ["source-hash", Scheduler.SOURCE_HASH],
    ["flow-hash", Scheduler.FLOW_HASH],
  ])("scheduler %s", (name, scheduler) => {
    expect(webOf(`scheduler: ${name}`).scheduler).toBe(scheduler);
  });

  it("is told to LDs key by key", () => {
    const web = webOf(
      "scheduler: source-hash\n    source_prefix: 24\n    source_prefix_v6: 56\n    timeouts: { fin_wait_ms: 5000 }",
    );
    expect(web).toMatchObject({
      sourcePrefixLen: 24,
      sourcePrefixLenV6: 56,
      timeouts: { finWaitMs: 5000, udpMs: 0 },
    });
  });

  it.each([
    ["toa", ClientAddress.TOA],
    ["proxy-v2", ClientAddress.PROXY_V2],
  ])("client address by %s", (name, clientAddress) => {
    expect(webOf(`client_address: ${name}`).clientAddress).toBe(clientAddress);
  });

  it("health checks have defaults, and what is said goes before", () => {
    expect(
      webOf("health_check: { type: http, status: 200, slow_start_ms: 30000 }").healthCheck,
    ).toMatchObject({
      kind: HealthCheck_Kind.HTTP,
      port: 0,
      intervalMs: 2000,
      timeoutMs: 1000,
      rise: 2,
      fall: 3,
      http: { path: "/", host: "203.0.113.10", statusMin: 200, statusMax: 200 },
      slowStartMs: 30_000,
      panicPercent: 0,
      passive: undefined,
    });
    expect(webOf("health_check: { type: udp, send: hello }").healthCheck).toMatchObject({
      kind: HealthCheck_Kind.UDP,
      send: Buffer.from("hello"),
      http: undefined,
    });
    expect(webOf("health_check: { type: none, passive: {} }").healthCheck).toMatchObject({
      kind: HealthCheck_Kind.NONE,
      passive: { unanswered: 5, suspectMs: 10_000 },
    });
    expect(webOf("scheduler: wrr").healthCheck).toBeUndefined();
  });

  it.each([
    [
      "{ type: tcp, path: / }",
      'service web: health check: path: only HTTP has one (set "type: http" or https)',
    ],
    ["{ type: http, status: 99 }", '"99" is not a range of HTTP statuses (write it like 200-399)'],
    ["{ type: http, path: health }", '"health" is not a path (it begins with a slash, and has no blanks)'],
    ["{ type: tcp, interval_ms: 50 }", "50 is not an interval in ms (a whole number from 100 to 600000)"],
    ["{ type: tcp, send: x }", 'send: only UDP is sent something (set "type: udp")'],
    ["{ type: none }", "it checks nothing (choose a type, or add passive:)"],
    ["{ type: icmp, port: 7 }", "ICMP has no ports (leave it out)"],
    ["{ type: ftp }", '"ftp" is not a type of check'],
    ["{ interval_ms: 500 }", 'key "type" is missing'],
  ])("health check %s is refused", (check, reason) => {
    expect(() => webOf(`health_check: ${check}`)).toThrow(reason);
  });

  it("a real server that is drained weighs nothing", () => {
    const text = example.replace("weight: 2", "weight: 2, drain: true");
    const [web] = compile(parseState("sluice.yaml", text)).lds[0]!.config.services;
    expect(web!.realServers[0]!.weight).toBe(0);
  });

  it("limits are dealt to the LDs by their buckets, and none is 0", () => {
    const text = example
      .replace("scheduler: wrr", "limit: gold")
      .replace(
        "services:",
        "limits:\n  - name: gold\n    bandwidth: { in: 10Mbps, out: 3kbps }\n    new_sessions_per_s: 1000\n    sessions: 1\n  - { name: unused, sessions: 1 }\nservices:",
      );
    const { lds } = compile(parseState("sluice.yaml", text));
    expect(lds.map(({ config }) => config.limits)).toEqual(
      lds.map(({ config }) => {
        const part = config.ownedBuckets.reduce((sum, { first, last }) => sum + last - first + 1, 0) / 1024;
        return [
          {
            name: "gold",
            bandwidthInBps: BigInt(Math.ceil(10e6 * part)),
            bandwidthOutBps: 2000n,
            newSessionsPerS: Math.ceil(1000 * part),
            sessions: 1,
          },
        ];
      }),
    );
    expect(lds[0]!.config.priorityPorts).toEqual([
      { protocol: 6, port: 22 },
      { protocol: 6, port: 3389 },
    ]);
    expect([...factsOf(lds[0]!.config)]).toContainEqual(["priority ports", "22/tcp, 3389/tcp"]);
    expect([...factsOf(lds[0]!.config)].map(([fact]) => fact)).toContain("limit gold");
  });

  it("access lists are told as prefixes", () => {
    const config = configOf(
      "reset: true\n    syn_cookie_threshold_per_s: 9\n    new_sessions_per_client_per_s: 5\n    allow: [192.0.2.0/24, 2001:db8::/32]\n    block: [192.0.2.7]",
    );
    const facts = factsOf(config);
    expect(facts.get("service web allow")).toBe("192.0.2.0/24, 2001:db8::/32");
    expect(facts.get("service web block")).toBe("192.0.2.7/32");
    expect(facts.get("service web reset")).toBe("true");
    expect(facts.get("service web synCookieThresholdPerS")).toBe("9");
    expect(facts.get("service web newSessionsPerSourcePerS")).toBe("5");
  });

  it("is a difference when it changes", () => {
    const before = factsOf(configOf("scheduler: source-hash"));
    const after = factsOf(
      configOf("scheduler: source-hash\n    source_prefix: 24\n    timeouts: { udp_ms: 9 }"),
    );
    expect(diffFacts(before, after)).toEqual([
      { type: "insert", fact: "service web sourcePrefixLen", after: "24" },
      { type: "insert", fact: "service web timeouts", after: "{udpMs:9}" },
    ]);
  });
});
