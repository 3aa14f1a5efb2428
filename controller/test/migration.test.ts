import type { LdConfig } from "@sluice/proto/ld";
import { describe, expect, it } from "vitest";
import { compile, idsOf } from "../src/compile/index.js";
import type { Entry } from "../src/p4runtime/index.js";
import { factsOf } from "../src/reconcile/index.js";
import { sameConfig } from "../src/reconcile/ld_facts.js";
import { type InvalidDocument, parseState } from "../src/state/index.js";

const LDS = { west: ["w1", "w2"], east: ["e1", "e2", "e3"] } as const;

/** Two clusters, two services that are in the first one; `web` says where it moves. */
function documentOf(web: string, change: (text: string) => string = (text) => text): string {
  const clusters = Object.entries(LDS).map(
    ([name, lds], i) => `
  - name: ${name}
    steering_address: 10.0.1.100
    local_ips: [198.18.${i}.0/30]
    failover: { secret: ${name}-0123456789abcdef }
    lds:
${lds.map((ld, j) => `      - { name: ${ld}, agent: "unix:/run/${ld}.sock", address: 10.0.1.${10 * i + j + 10}/24, gateway: 10.0.1.1, mac: "02:00:00:00:0${i}:0${j}" }`).join("\n")}`,
  );
  return change(`
networks:
  - { name: fabric, kind: fabric }
switches:
  - name: gw1
    p4runtime: unix:/run/gw1.sock
    device_id: 1
    mac: "02:00:00:00:00:fe"
    tunnel_address: 10.0.1.2
    ports: [{ port: 1, network: fabric, address: 10.0.1.1/24 }]
clusters:${clusters.join("")}
services:
  - { name: web, vip: 203.0.113.10, protocol: tcp, port: 80, ${web}, real_servers: [{ name: r1, address: 10.0.1.50, port: 8080 }] }
  - { name: dns, vip: 203.0.113.10, protocol: udp, port: 53, cluster: west, real_servers: [{ name: r1, address: 10.0.1.50, port: 53 }] }
`);
}

const stateOf = (web: string) => parseState("test", documentOf(web));
const MIGRATION = "migration: { from: west, to: east }";
const COPYING = `cluster: west, ${MIGRATION}`;
const MOVED = `cluster: east, ${MIGRATION}`;

function configs(web: string): Map<string, LdConfig> {
  return new Map(compile(stateOf(web)).lds.map(({ spec, config }) => [spec.name, config]));
}

function entries(web: string): Entry[] {
  return compile(stateOf(web)).switches[0]!.allEntries();
}

function problems(text: string): string[] {
  try {
    parseState("test", text);
  } catch (error) {
    return (error as InvalidDocument).problems.map(({ message }) => message);
  }
  return [];
}

describe("a service that migrates", () => {
  it("is at both clusters, and no other service is", () => {
    const lds = configs(COPYING);
    const names = (ld: string) => lds.get(ld)!.services.map(({ name }) => name);
    expect(names("w1")).toEqual(["web", "dns"]);
    expect(names("e3")).toEqual(["web"]);
  });

  it("has LDs of both clusters know each other by one key and one epoch", () => {
    const lds = configs(COPYING);
    const ids = idsOf(stateOf(COPYING)).lds;
    const [west, east] = [lds.get("w1")!.migration!, lds.get("e1")!.migration!];
    expect(west.services).toEqual(["web"]);
    expect(west.key).toHaveLength(16);
    expect([east.key, east.epoch, east.services]).toEqual([west.key, west.epoch, west.services]);
    expect(west.lds.map(({ ldId }) => ldId)).toEqual(LDS.east.map((name) => ids.get(name)));
    expect(east.lds.map(({ ldId }) => ldId)).toEqual(LDS.west.map((name) => ids.get(name)));
    expect(west.buckets).toEqual(lds.get("e1")!.cluster!.buckets);
    expect(east.buckets).toEqual(lds.get("w1")!.cluster!.buckets);
    expect(west.key).not.toEqual(lds.get("w1")!.cluster!.replicationKey.slice(0, 16));
  });

  it("changes nothing at LDs when the switches turn from one cluster to the other", () => {
    const [before, after] = [configs(COPYING), configs(MOVED)];
    for (const [name, config] of before) {
      expect(sameConfig(config, after.get(name))).toBe(true);
    }
  });

  it("is steered to one of them, with the other as a hint", () => {
    const ids = idsOf(stateOf(COPYING)).clusters;
    const params = (web: string) =>
      entries(web).find(({ table, match }) => table === "service" && match.port === 80)!.params;
    expect(params(COPYING)).toEqual({ cluster_id: ids.get("west"), previous_cluster_id: ids.get("east") });
    expect(params(MOVED)).toEqual({ cluster_id: ids.get("east"), previous_cluster_id: ids.get("west") });
    expect(params("cluster: east")).toEqual({ cluster_id: ids.get("east"), previous_cluster_id: 0 });
    const hints = (web: string) => entries(web).filter(({ table }) => table === "previous_ld_of_bucket");
    expect(hints("cluster: east")).toEqual([]);
    expect(hints(MOVED)).toHaveLength(2 * 1024);
    const owners = new Map(
      entries(MOVED)
        .filter(({ table }) => table === "ld_of_bucket")
        .map(({ match, params }) => [JSON.stringify(match), params!.ld_id]),
    );
    expect(
      hints(MOVED).every(({ match, params }) => owners.get(JSON.stringify(match)) === params!.ld_id),
    ).toBe(true);
  });

  it("has another epoch when who has which bucket is another one, or when another service moves", () => {
    const epoch = (text: string) => compile(parseState("test", text)).lds[0]!.config.migration!.epoch;
    const text = documentOf(COPYING);
    expect(epoch(documentOf(MOVED))).toBe(epoch(text));
    expect(epoch(text.replace("name: e3", "name: e4"))).not.toBe(epoch(text));
    expect(epoch(text.replace("cluster: west, real", `cluster: west, ${MIGRATION}, real`))).not.toBe(
      epoch(text),
    );
  });

  it("shows in what people see of an LD, but its key does not", () => {
    const facts = factsOf(configs(COPYING).get("w1"));
    expect(facts.get("migration of")).toBe("web");
    expect(facts.get("migration LDs")).toContain("at 10.0.1.21");
    expect(facts.get("migration map")).toMatch(/^[0-9a-f]{8}$/);
    expect(factsOf(configs("cluster: west").get("w1")).has("migration of")).toBe(false);
  });
});

describe("a migration that cannot be", () => {
  it.each([
    ["west", "west", "from and to are both west (name two clusters)"],
    ["east", "east", "from and to are both east (name two clusters)"],
    ["west", "north", 'to: cluster "north" does not exist (declare it under clusters:)'],
  ])("from %s to %s is refused", (from, to, reason) => {
    expect(problems(documentOf(`cluster: west, migration: { from: ${from}, to: ${to} }`))).toEqual([
      `service web: migration: ${reason}`,
    ]);
  });

  it("is one from or to the cluster that gets the packets", () => {
    const text = documentOf("cluster: south, migration: { from: west, to: east }");
    expect(problems(text).at(-1)).toBe(
      "service web: migration: cluster south, which gets the service's packets, is neither of the two (name it as from or to)",
    );
  });

  it("needs sessions to be replicated in both clusters", () => {
    const text = documentOf(COPYING).replace(/ {4}failover: \{ secret: east.*\n/, "");
    expect(problems(text)).toEqual([
      "service web: migration: cluster east does not replicate its sessions (give it failover:)",
    ]);
  });

  it("needs a local IP of the real servers' family in the other cluster, too", () => {
    const text = documentOf(COPYING).replace("local_ips: [198.18.1.0/30]", 'local_ips: ["fd00::/126"]');
    expect(problems(text)).toEqual([
      "service web: real server r1: 10.0.1.50: cluster east has no local IP of IPv4 to reach it from (add one under local_ips:)",
    ]);
  });

  it("is one of a cluster with a third one", () => {
    const text = documentOf(COPYING)
      .replace(
        "services:",
        '  - name: south\n    steering_address: 10.0.1.100\n    local_ips: [198.18.9.1]\n    failover: { secret: south-0123456789abcdef }\n    lds: [{ name: s1, agent: "unix:/run/s1.sock", address: 10.0.1.40/24, gateway: 10.0.1.1, mac: "02:00:00:00:09:01" }]\nservices:',
      )
      .replace("cluster: west, real", "cluster: west, migration: { from: west, to: south }, real");
    expect(problems(text)).toEqual([
      "service dns: migration: cluster west migrates services with cluster east already (service web; one pair of clusters at a time)",
    ]);
  });
});
