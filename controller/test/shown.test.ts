// The command line against parts that speak the real protocols: what it shows of them.

import { readFileSync, writeFileSync } from "node:fs";
import { RsHealth, RsState, SessionFilter, SessionState } from "@sluice/proto/ld";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { run } from "../src/cli/run.js";
import { idsOf } from "../src/compile/index.js";
import { measureServices } from "../src/measure/index.js";
import { parseIp } from "../src/p4runtime/index.js";
import { type DesiredState, parseValue } from "../src/state/index.js";
import { runOnTerminal } from "./support/cli.js";
import { useSite } from "./support/site.js";

const site = useSite();
const sluice = (...argv: string[]) => site.sluice(...argv);

describe("diff", () => {
  it("shows what apply would do, and does nothing", async () => {
    await sluice("apply", "-f", site.file);
    site.events.length = 0;
    site.edit(
      ["weight: 2", "weight: 5"],
      ["via: 10.0.2.254", "discard: true"],
      ["vip: 203.0.113.10", "vip: 203.0.113.11"],
    );
    const { code, out } = await sluice("diff", "-f", site.file);
    expect(code).toBe(1);
    await expect(out).toMatchFileSnapshot("goldens/diff.golden.txt");
    expect(site.events).toEqual([]);
  });

  it("shows buckets together", async () => {
    await sluice("apply", "-f", site.file);
    writeFileSync(site.file, site.example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    const { out } = await sluice("diff", "-f", site.file);
    expect(out).toContain("~ ld_of_bucket[cluster east] 512 buckets (");
    expect(out).toContain("~ epoch: 1 -> 2");
    expect(out.split("\n").length).toBeLessThan(18);
  });

  it("prints changes for programs", async () => {
    await sluice("apply", "-f", site.file);
    site.edit(["via: 10.0.2.254", "discard: true"]);
    const { out } = await sluice("diff", "-f", site.file, "-o", "json");
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
    await sluice("apply", "-f", site.file);
  });

  it.each([
    ["services", { service: "web", switch: "gw1", packets_per_s: 0, bits_per_s: 0 }],
    ["lds", { ld: "ld1", direction: "in", packets_per_s: 0 }],
    ["drops", { part: "ld1", reason: "no_session", packets_per_s: 0 }],
  ])("get %s can be watched", async (what, line) => {
    const { code, out } = await sluice(
      ...["get", what, "-f", site.file, "-o", "json", "--watch", "0.01", "--count", "2"],
    );
    expect(code).toBe(0);
    const blocks = out.trimEnd().split("\n");
    expect(blocks).toHaveLength(2);
    expect(JSON.parse(blocks[0]!)).toContainEqual(expect.objectContaining(line));
  });

  it.each(["services", "buckets", "lds", "sessions", "drops", "counters"])(
    "get %s, for people and for programs",
    async (what) => {
      const { code, out } = await sluice("get", what, "-f", site.file);
      expect(code).toBe(0);
      await expect(out).toMatchFileSnapshot(`goldens/get_${what}.golden.txt`);
      const json = await sluice("get", what, "-f", site.file, "-o", "json");
      await expect(json.out.replaceAll(site.folder.path(""), "/run/sluice")).toMatchFileSnapshot(
        `goldens/get_${what}.golden.json`,
      );
    },
  );

  it.each([
    ...["services", "eips", "buckets", "neighbors", "lds", "rs", "drains", "migrations", "sessions"],
    ...["drops", "counters"],
  ])("get %s says the same as JSON and as YAML", async (what) => {
    const [json, yaml] = await Promise.all(
      ["json", "yaml"].map((format) => sluice("get", what, "-f", site.file, "-o", format)),
    );
    expect([json!.code, yaml!.code]).toEqual([0, 0]);
    expect(yaml!.out).toMatch(json!.out === "[]\n" ? /^\[\]\n$/ : /^(?:- )?\w+: /);
    expect(parse(yaml!.out)).toEqual(JSON.parse(json!.out));
  });

  it("get sessions of one service", async () => {
    const { out } = await sluice("get", "sessions", "-f", site.file, "--service", "dns", "-o", "json");
    expect(
      JSON.parse(out).map((session: { service: string; ld: string }) => `${session.ld} ${session.service}`),
    ).toEqual(["ld1 dns", "ld2 dns"]);
  });

  it("get sessions asks the LDs for what the options say", async () => {
    const filters =
      "--client 192.0.2.0/24 --client-port 4711 --vip 2001:db8::10 --vip-port 80 --rs rs1 --state established";
    await sluice("get", "sessions", "-f", site.file, ...filters.split(" "), "--limit", "7");
    expect(site.ld1.filters.map((filter) => SessionFilter.toJSON(filter))).toEqual([
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
    site.ld1.realServers = [
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
    site.ld2.realServers = [
      state({ rs: "rs1", weight: 2, health: RsHealth.DOWN, lastError: "ECONNREFUSED" }),
      state({ rs: "rs2", sharePermille: 1000, sessionsActive: 4n }),
      state({ rs: "rs3", sharePermille: 1000 }),
    ];
    const { out } = await sluice("get", "rs", "-f", site.file);
    expect(out).toMatch(/^web +rs1 +10\.0\.4\.2:80 +ld1 +up +2 +25% .* 1\.5 ms +2026-01-02T03:04:05\.000Z$/m);
    expect(out).toMatch(/^web +rs1 +10\.0\.4\.2:80 +ld2 +down +2 +0% .* ECONNREFUSED$/m);
    const drains = await sluice("get", "drains", "-f", site.file, "-o", "json");
    expect(JSON.parse(drains.out)).toMatchObject([
      { rs: "rs2", sessions: 7, complete: false },
      { rs: "rs3", sessions: 0, complete: true },
    ]);
  });

  it("capture writes what each LD sends to a file of its own", async () => {
    const to = site.folder.path("flow.pcapng");
    const { code, out } = await sluice(
      "capture",
      "-f",
      site.file,
      "--client",
      "192.0.2.7",
      "--seconds",
      "2",
      "-w",
      to,
    );
    expect(code).toBe(0);
    expect(site.ld1.captures).toMatchObject([{ packets: 10_000, durationMs: 2000 }]);
    expect(site.ld1.captures[0]?.filter?.client?.len).toBe(32);
    for (const ld of ["ld1", "ld2"]) {
      const name = site.folder.path(`flow.${ld}.pcapng`);
      expect([...readFileSync(name)]).toEqual([10, 13, 13, 10, 1, 2, 3]);
      expect(out).toMatch(new RegExp(`^${ld} +${name} +7 +5$`, "m"));
    }
  });

  it("get lds shows one that is down, with the reason", async () => {
    site.ld2.stop();
    const { code, out } = await sluice("get", "lds", "-f", site.file);
    expect(code).toBe(0);
    expect(out).toMatch(/^ld2 +east +DOWN: LD ld2 \(unix:.*\) is down: /m);
    site.ld1.dataPlaneUp = false;
    expect((await sluice("get", "lds", "-f", site.file)).out).toMatch(
      /^ld1 +east +DOWN: the agent is up, the data plane is not/m,
    );
  });

  it("get services says which part it cannot ask", async () => {
    site.ld2.stop();
    const { code, out, err } = await sluice("get", "services", "-f", site.file);
    expect([code, out]).toEqual([3, ""]);
    expect(err).toMatch(/^error: LD ld2 \(unix:\S+\) is down: /);
    expect(err).not.toContain("Nothing was changed");
  });

  it("table dump shows one table, or all", async () => {
    const { out } = await sluice("table", "dump", "service", "--switch", "gw1", "-f", site.file);
    expect(out.split("\n")[0]).toMatch(/^ENTRY +ACTION +PACKETS +BYTES$/);
    expect(out).toMatch(
      /^service\[vni=100 vip=192\.168\.0\.53 protocol=17 port=53\] +steer_service\(.*\) +3 +300$/m,
    );
    const all = await sluice("table", "dump", "-f", site.file, "-o", "json");
    expect(JSON.parse(all.out)).toHaveLength(site.entries);
    expect((await sluice("table", "schema", "-f", site.file)).out).toContain(
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
    [["apply", "--timeout", "0"], "give a whole number of milliseconds from 1"],
  ])("says what is wrong with %j", async (argv, message) => {
    const { code, err } = await sluice(
      ...argv,
      ...(argv[1] === "frobs" || argv[1] === "--frob" ? [] : ["-f", site.file]),
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
    await run(["diff", "-f", site.file], io);
    process.env.NO_COLOR = "1";
    const plain = { ...io, stdout: { ...io.stdout, text: "" } };
    await run(["diff", "-f", site.file], plain);
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
    expect(await run(["apply", "-f", site.file], { stdout: terminal, stderr: terminal })).toBe(0);
    const [diff, summary] = [text.indexOf("+ my_mac"), text.indexOf("gw1: pipeline pushed")];
    expect(diff).toBeGreaterThan(0);
    expect(summary).toBeGreaterThan(diff);
    expect(text).toContain("+ ld_of_bucket[cluster east] 512 buckets");
    expect((await sluice("apply", "-f", site.file)).out).not.toContain("my_mac");
  });

  it("are asked about where somebody can answer: no writes nothing", async () => {
    const before = site.events.length;
    const said = await runOnTerminal("no\n", "apply", "-f", site.file);
    expect(said).toMatchObject({ code: 8, err: "apply this? [y/N] Nothing was changed.\n" });
    expect(said.out).toContain("+ my_mac");
    expect([site.events.length, site.gw1.pipelinesPushed]).toEqual([before, 0]);
    const done = await runOnTerminal("y\n", "apply", "-f", site.file);
    expect(done.code).toBe(0);
    expect(done.out.match(/\+ my_mac/g)).toHaveLength(1);
    expect(await runOnTerminal("", "apply", "-f", site.file)).toMatchObject({
      code: 0,
      out: "Nothing to change: 1 switch and 2 LDs hold what is desired.\n",
    });
  });
});

it("a real server over IPv6 is shown so that its port can be told from its address", async () => {
  const server = { name: "rs1", address: "fd00::7", port: 8080, weight: 1 };
  const service = { name: "web", vip: "2001:db8::10", port: 80, protocol: "tcp", real_servers: [server] };
  const state = { ...parseValue("nothing", {}), services: [service] } as unknown as DesiredState;
  const [web] = await measureServices({ state, ids: idsOf(state), switches: [], lds: [], close: () => {} });
  expect(web).toMatchObject({
    vip: "[2001:db8::10]:80/tcp",
    real_servers: [{ address: "[fd00::7]:8080" }],
  });
});
