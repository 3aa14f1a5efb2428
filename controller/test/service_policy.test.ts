import { Scheduler, type Service } from "@sluice/proto/ld";
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
