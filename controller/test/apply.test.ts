// The command line against parts that speak the real protocols: what is written, in which order, and how it ends.
import { readFileSync, writeFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { RsHealth, RsState, SessionFilter, SessionState } from "@sluice/proto/ld";
import { Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../src/cli/run.js";
import { compile, fromRanges } from "../src/compile/index.js";
import { decodeEntry, parseIp } from "../src/p4runtime/index.js";
import { parseState } from "../src/state/index.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, repositoryFile } from "./support/program.js";

const folder = useFolder();
let gw1: FakeSwitch;
let ld1: FakeLd;
let ld2: FakeLd;
let file: string;
let example: string;
/** Entries of the example. */
let entries: number;

/** Everything that is written to any part, in order: `+ service`, `~ route`, `- nexthop`, `ld1: web dns`. */
let events: string[];

const SIGNS = { [Update_Type.INSERT]: "+", [Update_Type.MODIFY]: "~", [Update_Type.DELETE]: "-" } as Record<
  number,
  string
>;

function watch(): void {
  gw1.onWrite = ({ updates }) => {
    for (const { type, entity } of updates) {
      if (entity?.entity?.$case === "tableEntry") {
        const event = `${SIGNS[type]} ${decodeEntry(gateway, entity.entity.value).table}`;
        if (events.at(-1) !== event) {
          events.push(event);
        }
      }
    }
  };
  for (const [name, ld] of Object.entries({ ld1, ld2 })) {
    ld.onApply = ({ services }) =>
      events.push(`${name}: ${services.map((service) => service.name).join(" ")}`);
  }
}

beforeEach(async () => {
  events = [];
  file = folder.path("sluice.yaml");
  example = repositoryFile("controller/examples/sluice.yaml").replaceAll("/run/sluice", folder.path(""));
  entries = compile(parseState(file, example)).switches[0]!.allEntries().length;
  writeFileSync(file, example);
  [gw1, ld1, ld2] = await Promise.all([
    FakeSwitch.listen(folder.socket("gw1.sock")),
    FakeLd.listen(folder.socket("ld1.agent.sock")),
    FakeLd.listen(folder.socket("ld2.agent.sock")),
  ]);
  watch();
});
afterEach(() => {
  gw1.stop();
  ld1.stop();
  ld2.stop();
});

async function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = { out: "", err: "" };
  const code = await run(argv, {
    stdout: { write: (text) => (io.out += text) },
    stderr: { write: (text) => (io.err += text) },
  });
  return { code, out: io.out, err: io.err.replaceAll(folder.path(""), "/run/sluice") };
}

/** The command on the example with some of its text replaced. */
function edit(...replacements: [string, string][]): void {
  writeFileSync(
    file,
    replacements.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, example),
  );
}

const without = (name: string) => new RegExp(`  - name: ${name}\\n(?:    .*\\n)+`);

describe("apply", () => {
  it("makes empty parts hold what the file says; a second time nothing is written", async () => {
    const first = await sluice("apply", "-f", file);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toBe(
      `gw1: pipeline pushed, ${entries.toLocaleString("en-US")} entries written (${entries} inserted, 0 modified, 0 deleted)\n` +
        "ld1: configured (epoch 1, 512 buckets, 2 services)\n" +
        "ld2: configured (epoch 1, 512 buckets, 2 services)\n",
    );
    expect(gw1.entries.size).toBe(entries);
    const writes = gw1.writes.length;
    expect(await sluice("apply", "-f", file)).toEqual({
      code: 0,
      out: "Nothing to change: 1 switch and 2 LDs hold what is desired.\n",
      err: "",
    });
    expect([gw1.writes.length, gw1.pipelinesPushed, ld1.applied.length, ld2.applied.length]).toEqual([
      writes,
      1,
      1,
      1,
    ]);
    expect(await sluice("diff", "-f", file)).toEqual({ code: 0, out: "No difference.\n", err: "" });
  });

  it("lays the way first, then makes LDs ready, then steers to them", async () => {
    await sluice("apply", "-f", file);
    const lds = events.filter((event) => event.startsWith("ld")).sort();
    expect(lds).toEqual(["ld1: web dns", "ld2: web dns"]);
    const [begin, end] = [
      events.findIndex((event) => event.startsWith("ld")),
      events.findLastIndex((event) => event.startsWith("ld")),
    ];
    expect(events.slice(0, begin)).toEqual([
      "+ nexthop",
      "+ route",
      "+ vm",
      "+ ld",
      "+ local_ip",
      "+ tunnel_source",
      "+ source_policy",
      "+ priority_port",
      "+ icmp_source",
      "+ ld_source",
      "+ my_tunnel",
      "+ my_address",
      "+ my_mac",
      "+ network",
    ]);
    expect(events.slice(end + 1)).toEqual(["+ ld_of_bucket", "+ vip", "+ service"]);
  });

  it("takes a service away from the switch before the LDs forget it", async () => {
    await sluice("apply", "-f", file);
    events.length = 0;
    writeFileSync(file, example.replace(without("dns"), ""));
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0 });
    expect(events.slice(0, 3)).toEqual(["- service", "- vip", "- vm"]);
    expect(events.slice(3).sort()).toEqual(["ld1: web", "ld2: web"]);
  });

  it("moves buckets to an LD that joins only after the others have given them up", async () => {
    writeFileSync(file, example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    await sluice("apply", "-f", file);
    expect(ld1.config!.ownedBuckets).toEqual([{ first: 0, last: 1023 }]);
    events.length = 0;
    writeFileSync(file, example);
    const { code, out } = await sluice("apply", "-f", file);
    expect(code).toBe(0);
    expect(out).toContain("ld2: configured (epoch 2, 512 buckets, 2 services)");
    expect(events).toEqual([
      "+ nexthop",
      "+ route",
      "+ ld",
      "+ source_policy",
      "+ ld_source",
      "ld1: web dns",
      "ld2: web dns",
      "~ ld_of_bucket",
    ]);
    expect([ld1.config!.epoch, ld2.config!.epoch]).toEqual([2n, 2n]);
  });

  it("prints numbers for programs", async () => {
    const { out } = await sluice("apply", "-f", file, "-o", "json");
    expect(JSON.parse(out)).toEqual({
      changed: true,
      pipelines: 1,
      inserted: entries,
      modified: 0,
      deleted: 0,
      ldConfigs: 2,
      left: [],
    });
  });

  it("takes the file from SLUICE_FILE", async () => {
    const before = process.env.SLUICE_FILE;
    process.env.SLUICE_FILE = file;
    try {
      expect(await sluice("diff")).toMatchObject({ code: 1 });
    } finally {
      if (before === undefined) {
        delete process.env.SLUICE_FILE;
      } else {
        process.env.SLUICE_FILE = before;
      }
    }
  });
});

describe("apply, with failover,", () => {
  const failover = "    failover: { secret: 0123456789abcdef, hold_ms: 80 }\n";
  const heldSources = () =>
    [...gw1.entries.values()].flatMap((item) => {
      const entry = decodeEntry(gateway, item);
      return entry.table === "ld_source" ? [entry.params] : [];
    });

  beforeEach(async () => {
    example = example.replace("    lds:\n", `${failover}    lds:\n`);
    writeFileSync(file, example);
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0 });
  });

  it("tells switch and LD the same key, epoch and id, and where to send heartbeats", () => {
    for (const { config } of [ld1, ld2]) {
      const { heartbeat, epoch } = config!;
      expect(heartbeat).toMatchObject({ intervalMs: 10, holdMs: 80, previousEpoch: 0 });
      expect(heartbeat!.switches.map((address) => [...address])).toEqual([[10, 0, 2, 1]]);
      expect(heldSources()).toContainEqual({
        ld_id: heartbeat!.ldId,
        key: heartbeat!.key,
        epoch: Number(epoch),
        hold_us: 80_000,
      });
    }
    expect(new Set([ld1, ld2].map(({ config }) => config!.heartbeat!.key)).size).toBe(2);
    expect(ld1.config!.cluster!.replicationKey).toHaveLength(16);
    expect(ld1.config!.cluster!.replicationKey).toEqual(ld2.config!.cluster!.replicationKey);
  });

  it("keeps an LD's heartbeats believed while a new map goes out", async () => {
    const seen: string[] = [];
    ld1.onApply = ({ epoch, heartbeat }) =>
      seen.push(`ld1: epoch ${epoch}, also ${heartbeat!.previousEpoch}`);
    gw1.onWrite = ({ updates }) => {
      for (const { entity } of updates) {
        const entry =
          entity?.entity?.$case === "tableEntry" ? decodeEntry(gateway, entity.entity.value) : undefined;
        if (entry?.table === "ld_source" && entry.params?.ld_id === ld1.config!.heartbeat!.ldId) {
          seen.push(`switch: epoch ${entry.params.epoch}`);
        }
      }
    };
    writeFileSync(file, example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0 });
    expect(seen).toEqual(["ld1: epoch 2, also 1", "switch: epoch 2", "ld1: epoch 2, also 0"]);
    expect(await sluice("diff", "-f", file)).toMatchObject({ code: 0 });
  });

  it("keeps the map that is in force when an LD leaves and comes back", async () => {
    const before = ld1.config!.ownedBuckets;
    writeFileSync(file, example.replace(/ {6}- name: ld1\n(?: {8}.*\n)+/, ""));
    await sluice("apply", "-f", file);
    ld1.config = undefined;
    writeFileSync(file, example);
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0 });
    const held = fromRanges(ld1.config!.ownedBuckets);
    expect(held.size).toBe(512);
    expect([...fromRanges(ld2.config!.ownedBuckets)].some((bucket) => held.has(bucket))).toBe(false);
    // From nothing it would get what it had: it gets what ld2 gave up instead.
    expect(ld1.config!.ownedBuckets).not.toEqual(before);
  });

  it("shows no key", async () => {
    edit(["hold_ms: 80", "hold_ms: 81"], ["0123456789abcdef", "fedcba9876543210"]);
    const { out } = await sluice("diff", "-f", file);
    expect(out).toMatch(/~ replication: on, keys [0-9a-f]{8} -> on, keys [0-9a-f]{8}/);
    expect(out).toContain("held 80 ms");
    expect(out).not.toContain("0123456789abcdef");
  });
});

describe("apply, when something is wrong,", () => {
  it("writes nothing for a bad file", async () => {
    edit(["port: 80\n", "port: 70000\n"]);
    const { code, err } = await sluice("apply", "-f", file);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: \S+sluice\.yaml:48:11: service web: port: 70000 is not a port \(a whole number from 1 to 65535\)\n1 problem in the file\.\nNothing was changed\.\n$/,
    );
    expect([gw1.writes.length, gw1.pipelinesPushed, events.length]).toEqual([0, 0, 0]);
  });

  it("writes nothing when a switch is down, says which, and completes the next time", async () => {
    gw1.stop();
    const { code, err } = await sluice("apply", "-f", file);
    expect(code).toBe(3);
    expect(err).toContain("error: switch gw1 (unix:/run/sluice/gw1.sock) is down: connect E");
    expect(err).toContain("Nothing was changed.");
    expect(events).toEqual([]);
    gw1 = await FakeSwitch.listen(folder.socket("gw1.sock"));
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0 });
    expect(gw1.entries.size).toBe(entries);
  });

  it("does what can be done when an LD is down, says so, and completes the next time", async () => {
    await sluice("apply", "-f", file);
    ld2.dataPlaneUp = false;
    edit(["port: 80\n", "port: 81\n"]);
    const { code, out, err } = await sluice("apply", "-f", file);
    expect(code).toBe(5);
    expect(out).toContain("gw1: 2 entries written (1 inserted, 0 modified, 1 deleted)");
    expect(out).toContain("ld1: configured (epoch 1, 512 buckets, 2 services)");
    expect(err).toBe(
      "LD ld2 (unix:/run/sluice/ld2.agent.sock) is down: the data plane is not available (are its agent and data plane running?)\n" +
        "Not everything is as desired yet: apply again.\n",
    );
    const port = (ld: FakeLd) => ld.config!.services.find(({ name }) => name === "web")!.port;
    expect([port(ld1), port(ld2)]).toEqual([81, 80]);
    ld2.dataPlaneUp = true;
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 0, err: "" });
    expect(port(ld2)).toBe(81);
  });

  it("stops where a switch refuses, says what, and completes the next time", async () => {
    gw1.refuse = ({ entity }) =>
      entity?.entity?.$case === "tableEntry" &&
      entity.entity.value.tableId === gateway.tables.get("service").id
        ? { code: status.RESOURCE_EXHAUSTED, message: "table is full" }
        : undefined;
    const { code, err } = await sluice("apply", "-f", file);
    expect(code).toBe(4);
    expect(err).toBe(
      "error: switch gw1 (unix:/run/sluice/gw1.sock) refused 2 of 2 updates:\n" +
        "  INSERT service[vni=0 vip=203.0.113.10 protocol=6 port=80]: RESOURCE_EXHAUSTED: table is full\n" +
        "  INSERT service[vni=100 vip=192.168.0.53 protocol=17 port=53]: RESOURCE_EXHAUSTED: table is full\n" +
        "Not everything was written. When the reason is gone, apply again.\n",
    );
    gw1.refuse = () => undefined;
    expect((await sluice("apply", "-f", file)).out).toBe(
      "gw1: 2 entries written (2 inserted, 0 modified, 0 deleted)\n",
    );
  });

  it("deletes nothing after something else was refused", async () => {
    await sluice("apply", "-f", file);
    gw1.refuse = ({ type }) =>
      type === Update_Type.INSERT ? { code: status.INTERNAL, message: "no" } : undefined;
    events.length = 0;
    edit(["port: 80\n", "port: 81\n"]);
    expect(await sluice("apply", "-f", file)).toMatchObject({ code: 4 });
    expect(events.filter((event) => event.startsWith("-"))).toEqual([]);
  });

  it("refuses more entries than a table holds before it writes any", async () => {
    const ports = Array.from(
      { length: 1025 },
      (_, i) => `      - { port: ${i + 3}, network: fabric }\n`,
    ).join("");
    edit(["    neighbors:\n", `${ports}    neighbors:\n`]);
    const { code, err } = await sluice("apply", "-f", file);
    expect(code).toBe(2);
    expect(err).toContain("table network: 1027 entries are wanted, but it holds 1024");
    expect(gw1.pipelinesPushed).toBe(0);
  });

  it("mends what was changed behind its back", async () => {
    await sluice("apply", "-f", file);
    const [key] = gw1.entries.keys();
    gw1.entries.delete(key!);
    ld1.config = { ...ld1.config!, services: [] };
    expect((await sluice("diff", "-f", file)).code).toBe(1);
    expect((await sluice("apply", "-f", file)).out).toBe(
      "gw1: 1 entry written (1 inserted, 0 modified, 0 deleted)\nld1: configured (epoch 1, 512 buckets, 2 services)\n",
    );
    expect(await sluice("diff", "-f", file)).toMatchObject({ code: 0 });
  });
});

describe("diff", () => {
  it("shows what apply would do, and does nothing", async () => {
    await sluice("apply", "-f", file);
    events.length = 0;
    edit(
      ["weight: 2", "weight: 5"],
      ["via: 10.0.2.254", "discard: true"],
      ["vip: 203.0.113.10", "vip: 203.0.113.11"],
    );
    const { code, out } = await sluice("diff", "-f", file);
    expect(code).toBe(1);
    await expect(out).toMatchFileSnapshot("goldens/diff.golden.txt");
    expect(events).toEqual([]);
  });

  it("shows buckets together", async () => {
    await sluice("apply", "-f", file);
    writeFileSync(file, example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    const { out } = await sluice("diff", "-f", file);
    expect(out).toContain("~ ld_of_bucket[cluster east] 512 buckets (");
    expect(out).toContain("~ epoch: 1 -> 2");
    expect(out.split("\n").length).toBeLessThan(18);
  });

  it("prints changes for programs", async () => {
    await sluice("apply", "-f", file);
    edit(["via: 10.0.2.254", "discard: true"]);
    const { out } = await sluice("diff", "-f", file, "-o", "json");
    expect(JSON.parse(out)).toEqual([
      {
        part: "gw1",
        type: "modify",
        what: expect.stringMatching(
          /^route\[vrf_id=0 prefix=10\.0\.0\.0\/16\] set_nexthop\(.*\) -> discard\(\)$/,
        ),
        entries: 1,
      },
    ]);
  });
});

describe("get and table", () => {
  beforeEach(async () => {
    await sluice("apply", "-f", file);
  });

  it.each([
    ["services", { service: "web", switch: "gw1", packets_per_s: 0, bits_per_s: 0 }],
    ["lds", { ld: "ld1", direction: "in", packets_per_s: 0 }],
    ["drops", { part: "ld1", reason: "no_session", packets_per_s: 0 }],
  ])("get %s can be watched", async (what, line) => {
    const { code, out } = await sluice(
      ...["get", what, "-f", file, "-o", "json", "--watch", "0.01", "--count", "2"],
    );
    expect(code).toBe(0);
    const blocks = out.trimEnd().split("\n");
    expect(blocks).toHaveLength(2);
    expect(JSON.parse(blocks[0]!)).toContainEqual(expect.objectContaining(line));
  });

  it.each(["services", "buckets", "lds", "sessions", "drops", "counters"])(
    "get %s, for people and for programs",
    async (what) => {
      const { code, out } = await sluice("get", what, "-f", file);
      expect(code).toBe(0);
      await expect(out).toMatchFileSnapshot(`goldens/get_${what}.golden.txt`);
      const json = await sluice("get", what, "-f", file, "-o", "json");
      await expect(json.out.replaceAll(folder.path(""), "/run/sluice")).toMatchFileSnapshot(
        `goldens/get_${what}.golden.json`,
      );
    },
  );

  it("get sessions of one service", async () => {
    const { out } = await sluice("get", "sessions", "-f", file, "--service", "dns", "-o", "json");
    expect(
      JSON.parse(out).map((session: { service: string; ld: string }) => `${session.ld} ${session.service}`),
    ).toEqual(["ld1 dns", "ld2 dns"]);
  });

  it("get sessions asks the LDs for what the options say", async () => {
    const filters =
      "--client 192.0.2.0/24 --client-port 4711 --vip 2001:db8::10 --vip-port 80 --rs rs1 --state established";
    await sluice("get", "sessions", "-f", file, ...filters.split(" "), "--limit", "7");
    expect(ld1.filters.map((filter) => SessionFilter.toJSON(filter))).toEqual([
      SessionFilter.toJSON({
        service: "",
        limit: 7,
        client: { address: Uint8Array.of(192, 0, 2, 0), len: 24 },
        clientPort: 4711,
        vip: parseIp("2001:db8::10"),
        vipPort: 80,
        rs: "rs1",
        state: SessionState.ESTABLISHED,
      }),
    ]);
  });

  it("get rs shows how each LD sees each real server, get drains what is left of those that weigh nothing", async () => {
    const state = (fields: Partial<RsState>) =>
      RsState.fromPartial({ service: "web", address: Uint8Array.of(10, 0, 4, 2), port: 80, ...fields });
    const since = BigInt(Date.UTC(2026, 0, 2, 3, 4, 5));
    ld1.realServers = [
      state({
        rs: "rs1",
        weight: 2,
        health: RsHealth.UP,
        sharePermille: 250,
        lastLatencyUs: 1500,
        sinceMs: since,
      }),
      state({ rs: "rs2", sharePermille: 1000, sessionsActive: 3n }),
      state({ rs: "rs3", sharePermille: 1000 }),
    ];
    ld2.realServers = [
      state({ rs: "rs1", weight: 2, health: RsHealth.DOWN, lastError: "ECONNREFUSED" }),
      state({ rs: "rs2", sharePermille: 1000, sessionsActive: 4n }),
    ];
    const { out } = await sluice("get", "rs", "-f", file);
    expect(out).toMatch(/^web +rs1 +10\.0\.4\.2:80 +ld1 +up +2 +25% .* 1\.5 ms +2026-01-02T03:04:05\.000Z$/m);
    expect(out).toMatch(/^web +rs1 +10\.0\.4\.2:80 +ld2 +down +2 +0% .* ECONNREFUSED$/m);
    const drains = await sluice("get", "drains", "-f", file, "-o", "json");
    expect(JSON.parse(drains.out)).toMatchObject([
      { rs: "rs2", sessions: 7, complete: false },
      { rs: "rs3", sessions: 0, complete: true },
    ]);
  });

  it("capture writes what each LD sends to a file of its own", async () => {
    const to = folder.path("flow.pcapng");
    const { code, out } = await sluice(
      "capture",
      "-f",
      file,
      "--client",
      "192.0.2.7",
      "--seconds",
      "2",
      "-w",
      to,
    );
    expect(code).toBe(0);
    expect(ld1.captures).toMatchObject([{ packets: 10_000, durationMs: 2000 }]);
    expect(ld1.captures[0]?.filter?.client?.len).toBe(32);
    for (const ld of ["ld1", "ld2"]) {
      const name = folder.path(`flow.${ld}.pcapng`);
      expect([...readFileSync(name)]).toEqual([10, 13, 13, 10, 1, 2, 3]);
      expect(out).toMatch(new RegExp(`^${ld} +${name} +7 +5$`, "m"));
    }
  });

  it("get lds shows one that is down, with the reason", async () => {
    ld2.stop();
    const { code, out } = await sluice("get", "lds", "-f", file);
    expect(code).toBe(0);
    expect(out).toMatch(/^ld2 +east +DOWN: LD ld2 \(unix:.*\) is down: /m);
    ld1.dataPlaneUp = false;
    expect((await sluice("get", "lds", "-f", file)).out).toMatch(
      /^ld1 +east +DOWN: the agent is up, the data plane is not/m,
    );
  });

  it("get services says which part it cannot ask", async () => {
    ld2.stop();
    const { code, out, err } = await sluice("get", "services", "-f", file);
    expect([code, out]).toEqual([3, ""]);
    expect(err).toMatch(/^error: LD ld2 \(unix:\S+\) is down: /);
    expect(err).not.toContain("Nothing was changed");
  });

  it("table dump shows one table, or all", async () => {
    const { out } = await sluice("table", "dump", "service", "--switch", "gw1", "-f", file);
    expect(out.split("\n")[0]).toMatch(/^ENTRY +ACTION +PACKETS +BYTES$/);
    expect(out).toMatch(
      /^service\[vni=100 vip=192\.168\.0\.53 protocol=17 port=53\] +steer_service\(.*\) +3 +300$/m,
    );
    const all = await sluice("table", "dump", "-f", file, "-o", "json");
    expect(JSON.parse(all.out)).toHaveLength(entries);
    expect((await sluice("table", "schema", "-f", file)).out).toContain(
      "table service (vni: bit<24>, vip: IPv4",
    );
  });

  it.each([
    [
      ["table", "dump", "servce"],
      'table "servce" does not exist in the P4 program (did you mean "service"?)',
    ],
    [["table", "dump", "--switch", "gw2"], 'switch "gw2" is not in'],
    [["diff", "--build", "no/such/directory"], "the P4 artifacts cannot be read: ENOENT"],
    [["get", "frobs"], "unknown command 'frobs'"],
    [["apply", "--frob"], "unknown option '--frob'"],
    [["get", "lds", "-o", "xml"], "argument 'xml' is invalid. Allowed choices are table, json, yaml."],
    [["get", "sessions", "--limit", "many"], "give a whole number"],
    [["get", "sessions", "--client", "192.0.2.1/24"], "did you mean 192.0.2.0/24?"],
    [["get", "sessions", "--vip-port", "65536"], "give a port from 1 to 65535"],
    [["get", "sessions", "--state", "open"], "give one of SYN_SENT, SYN_RECV, ESTABLISHED"],
    [["capture", "-w", "x", "--ld", "ld9"], 'LD "ld9" is not in'],
    [["capture", "-w", "x", "--seconds", "3601"], "give a number from 1 to 3600"],
    [["apply", "--timeout", "0"], "give a whole number of milliseconds above 0"],
  ])("says what is wrong with %j", async (argv, message) => {
    const { code, err } = await sluice(
      ...argv,
      ...(argv[1] === "frobs" || argv[1] === "--frob" ? [] : ["-f", file]),
    );
    expect(err).toContain(message);
    expect(code).toBe(64);
  });

  it("--help ends well", async () => {
    expect(await sluice("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Exit codes:") });
  });
});

describe("colours", () => {
  it("are for terminals only, and for those that want them", async () => {
    const io = {
      stdout: {
        isTTY: true,
        text: "",
        write(text: string) {
          this.text += text;
        },
      },
      stderr: { write: () => {} },
    };
    const before = process.env.NO_COLOR;
    delete process.env.NO_COLOR;
    await run(["diff", "-f", file], io);
    process.env.NO_COLOR = "1";
    const plain = { ...io, stdout: { ...io.stdout, text: "" } };
    await run(["diff", "-f", file], plain);
    if (before === undefined) {
      delete process.env.NO_COLOR;
    } else {
      process.env.NO_COLOR = before;
    }
    expect(io.stdout.text).toContain("\u001b[32m+ my_mac");
    expect(plain.stdout.text).not.toContain("\u001b");
  });

  it("show what an apply is about to change, before its summary", async () => {
    let text = "";
    const terminal = { isTTY: true, write: (part: string) => (text += part) };
    expect(await run(["apply", "-f", file], { stdout: terminal, stderr: terminal })).toBe(0);
    const [diff, summary] = [text.indexOf("+ my_mac"), text.indexOf("gw1: pipeline pushed")];
    expect(diff).toBeGreaterThan(0);
    expect(summary).toBeGreaterThan(diff);
    expect(text).toContain("+ ld_of_bucket[cluster east] 512 buckets");
    expect((await sluice("apply", "-f", file)).out).not.toContain("my_mac");
  });
});
