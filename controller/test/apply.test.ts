// The command line against parts that speak the real protocols: what is written, in which order, and how it ends.
import { writeFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromRanges } from "../src/compile/index.js";
import { decodeEntry } from "../src/p4runtime/index.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { gateway } from "./support/program.js";
import { useSite } from "./support/site.js";

const site = useSite();
const sluice = (...argv: string[]) => site.sluice(...argv);

const without = (name: string) => new RegExp(`  - name: ${name}\\n(?:    .*\\n)+`);

describe("apply", () => {
  it("makes empty parts hold what the file says; a second time nothing is written", async () => {
    const first = await sluice("apply", "-f", site.file);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toBe(
      `gw1: pipeline pushed, ${site.entries.toLocaleString("en-US")} entries written (${site.entries} inserted, 0 modified, 0 deleted)\n` +
        "ld1: configured (epoch 1, 512 buckets, 2 services)\n" +
        "ld2: configured (epoch 1, 512 buckets, 2 services)\n",
    );
    expect(site.gw1.entries.size).toBe(site.entries);
    const writes = site.gw1.writes.length;
    expect(await sluice("apply", "-f", site.file)).toEqual({
      code: 0,
      out: "Nothing to change: 1 switch and 2 LDs hold what is desired.\n",
      err: "",
    });
    expect([
      site.gw1.writes.length,
      site.gw1.pipelinesPushed,
      site.ld1.applied.length,
      site.ld2.applied.length,
    ]).toEqual([writes, 1, 1, 1]);
    expect(await sluice("diff", "-f", site.file)).toEqual({ code: 0, out: "No difference.\n", err: "" });
  });

  it("lays the way first, then makes LDs ready, then steers to them", async () => {
    await sluice("apply", "-f", site.file);
    const lds = site.events.filter((event) => event.startsWith("ld")).sort();
    expect(lds).toEqual(["ld1: web dns", "ld2: web dns"]);
    const [begin, end] = [
      site.events.findIndex((event) => event.startsWith("ld")),
      site.events.findLastIndex((event) => event.startsWith("ld")),
    ];
    expect(site.events.slice(0, begin)).toEqual([
      "+ ld",
      "+ local_ip",
      "+ ld_source",
      "+ nexthop",
      "+ route",
      "+ vm",
      "+ tunnel_source",
      "+ source_policy",
      "+ priority_port",
      "+ icmp_source",
      "+ my_tunnel",
      "+ my_address",
      "+ my_mac",
      "+ network",
    ]);
    expect(site.events.slice(end + 1)).toEqual(["+ ld_of_bucket", "+ vip", "+ service"]);
  });

  it("takes a service away from the switch before the LDs forget it", async () => {
    await sluice("apply", "-f", site.file);
    site.events.length = 0;
    writeFileSync(site.file, site.example.replace(without("dns"), ""));
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
    expect(site.events.slice(0, 2)).toEqual(["- service", "- vip"]);
    expect(site.events.slice(2, 4).sort()).toEqual(["ld1: web", "ld2: web"]);
    expect(site.events.slice(4)).toEqual(["- vm"]);
  });

  it("moves buckets to an LD that joins only after the others have given them up", async () => {
    writeFileSync(site.file, site.example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    await sluice("apply", "-f", site.file);
    expect(site.ld1.config!.ownedBuckets).toEqual([{ first: 0, last: 1023 }]);
    site.events.length = 0;
    writeFileSync(site.file, site.example);
    const { code, out } = await sluice("apply", "-f", site.file);
    expect(code).toBe(0);
    expect(out).toContain("ld2: configured (epoch 2, 512 buckets, 2 services)");
    expect(site.events).toEqual([
      "+ ld",
      "+ ld_source",
      "+ nexthop",
      "+ route",
      "+ source_policy",
      "ld1: web dns",
      "ld2: web dns",
      "~ ld_of_bucket",
    ]);
    expect([site.ld1.config!.epoch, site.ld2.config!.epoch]).toEqual([2n, 2n]);
  });

  it("prints numbers for programs", async () => {
    const { out } = await sluice("apply", "-f", site.file, "-o", "json");
    expect(JSON.parse(out)).toEqual({
      changed: true,
      pipelines: 1,
      inserted: site.entries,
      modified: 0,
      deleted: 0,
      ldConfigs: 2,
      left: [],
    });
  });

  it("takes the file from SLUICE_FILE", async () => {
    const before = process.env.SLUICE_FILE;
    process.env.SLUICE_FILE = site.file;
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
    [...site.gw1.entries.values()].flatMap((item) => {
      const entry = decodeEntry(gateway, item);
      return entry.table === "ld_source" ? [entry.params] : [];
    });

  beforeEach(async () => {
    site.example = site.example.replace("    lds:\n", `${failover}    lds:\n`);
    writeFileSync(site.file, site.example);
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
  });

  it("tells switch and LD the same key, epoch and id, and where to send heartbeats", () => {
    for (const { config } of [site.ld1, site.ld2]) {
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
    expect(new Set([site.ld1, site.ld2].map(({ config }) => config!.heartbeat!.key)).size).toBe(2);
    expect(site.ld1.config!.cluster!.replicationKey).toHaveLength(16);
    expect(site.ld1.config!.cluster!.replicationKey).toEqual(site.ld2.config!.cluster!.replicationKey);
  });

  it("keeps an LD's heartbeats believed while a new map goes out", async () => {
    const seen: string[] = [];
    site.ld1.onApply = ({ epoch, heartbeat }) =>
      seen.push(`ld1: epoch ${epoch}, also ${heartbeat!.previousEpoch}`);
    site.gw1.onWrite = ({ updates }) => {
      for (const { entity } of updates) {
        const entry =
          entity?.entity?.$case === "tableEntry" ? decodeEntry(gateway, entity.entity.value) : undefined;
        if (entry?.table === "ld_source" && entry.params?.ld_id === site.ld1.config!.heartbeat!.ldId) {
          seen.push(`switch: epoch ${entry.params.epoch}`);
        }
      }
    };
    writeFileSync(site.file, site.example.replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, ""));
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
    expect(seen).toEqual(["ld1: epoch 2, also 1", "switch: epoch 2", "ld1: epoch 2, also 0"]);
    expect(await sluice("diff", "-f", site.file)).toMatchObject({ code: 0 });
  });

  it("keeps the map that is in force when an LD leaves and comes back", async () => {
    const before = site.ld1.config!.ownedBuckets;
    writeFileSync(site.file, site.example.replace(/ {6}- name: ld1\n(?: {8}.*\n)+/, ""));
    await sluice("apply", "-f", site.file);
    site.ld1.config = undefined;
    writeFileSync(site.file, site.example);
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
    const held = fromRanges(site.ld1.config!.ownedBuckets);
    expect(held.size).toBe(512);
    expect([...fromRanges(site.ld2.config!.ownedBuckets)].some((bucket) => held.has(bucket))).toBe(false);
    // From nothing it would get what it had: it gets what ld2 gave up instead.
    expect(site.ld1.config!.ownedBuckets).not.toEqual(before);
  });

  describe("when a third LD joins,", () => {
    let ld3: FakeLd;
    beforeEach(async () => {
      ld3 = await FakeLd.listen(site.folder.socket("ld3.agent.sock"));
      const [second] = /( {6}- name: ld2\n(?: {8}.*\n)+)/.exec(site.example)!;
      const third = second!
        .replaceAll("ld2", "ld3")
        .replace("10.0.2.3/24", "10.0.2.4/24")
        .replace("02:03", "02:04");
      writeFileSync(site.file, site.example.replace(second!, `${second}${third}`));
      site.gw1.reads.length = 0;
    });
    afterEach(() => ld3.stop());

    const tablesRead = ({ entities }: FakeSwitch["reads"][0]) =>
      entities.flatMap(({ entity }) =>
        entity?.$case === "tableEntry" ? [gateway.tables.get(entity.value.tableId).alias] : [],
      );

    it("looks at the whole switch once, then at what tells maps", async () => {
      expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
      const [first, ...rest] = site.gw1.reads.map(tablesRead);
      expect(first!.length).toBe([...gateway.tables].length);
      expect(rest.length).toBeGreaterThan(3);
      for (const tables of rest) {
        expect(tables).toEqual(["ld_of_bucket", "ld_source", "ld_source_v6", "previous_ld_of_bucket"]);
      }
      expect(fromRanges(ld3.config!.ownedBuckets).size).toBeGreaterThan(340);
      expect((await sluice("diff", "-f", site.file)).out).toBe("No difference.\n");
    });

    it("fills a switch that is rebooted on the way", async () => {
      let reboots = 0;
      ld3.onApply = ({ heartbeat, epoch }) => {
        if (heartbeat!.previousEpoch === 0 && epoch > 1n && reboots === 0) {
          reboots++;
          site.gw1.pipeline = undefined;
          site.gw1.entries.clear();
        }
      };
      expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
      expect([reboots, site.gw1.pipelinesPushed]).toEqual([1, 2]);
      expect((await sluice("diff", "-f", site.file)).out).toBe("No difference.\n");
    });
  });

  it("shows no key", async () => {
    site.edit(["hold_ms: 80", "hold_ms: 81"], ["0123456789abcdef", "fedcba9876543210"]);
    const { out } = await sluice("diff", "-f", site.file);
    expect(out).toMatch(/~ replication: on, keys [0-9a-f]{8} -> on, keys [0-9a-f]{8}/);
    expect(out).toContain("held 80 ms");
    expect(out).not.toContain("0123456789abcdef");
  });
});

describe("apply, when something is wrong,", () => {
  it("writes nothing for a bad file", async () => {
    site.edit(["port: 80\n", "port: 70000\n"]);
    const { code, err } = await sluice("apply", "-f", site.file);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: \S+sluice\.yaml:48:11: service web: port: 70000 is not a port \(a whole number from 1 to 65535\)\n1 problem in the file\.\nNothing was changed\.\n$/,
    );
    expect([site.gw1.writes.length, site.gw1.pipelinesPushed, site.events.length]).toEqual([0, 0, 0]);
  });

  it("writes nothing when a switch is down, says which, and completes the next time", async () => {
    site.gw1.stop();
    const { code, err } = await sluice("apply", "-f", site.file);
    expect(code).toBe(3);
    expect(err).toContain("error: switch gw1 (unix:/run/sluice/gw1.sock) is down: connect E");
    expect(err).toContain("Nothing was changed.");
    expect(site.events).toEqual([]);
    site.gw1 = await FakeSwitch.listen(site.folder.socket("gw1.sock"));
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0 });
    expect(site.gw1.entries.size).toBe(site.entries);
  });

  it("does what can be done when an LD is down, says so, and completes the next time", async () => {
    await sluice("apply", "-f", site.file);
    site.ld2.dataPlaneUp = false;
    site.edit(["port: 80\n", "port: 81\n"]);
    const { code, out, err } = await sluice("apply", "-f", site.file);
    expect(code).toBe(5);
    expect(out).toContain("gw1: 2 entries written (1 inserted, 0 modified, 1 deleted)");
    expect(out).toContain("ld1: configured (epoch 1, 512 buckets, 2 services)");
    expect(err).toBe(
      "LD ld2 (unix:/run/sluice/ld2.agent.sock) is down: the data plane is not available (are its agent and data plane running?)\n" +
        "Not everything is as desired yet: apply again.\n",
    );
    const port = (ld: FakeLd) => ld.config!.services.find(({ name }) => name === "web")!.port;
    expect([port(site.ld1), port(site.ld2)]).toEqual([81, 80]);
    site.ld2.dataPlaneUp = true;
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 0, err: "" });
    expect(port(site.ld2)).toBe(81);
  });

  it("stops where a switch refuses, says what, and completes the next time", async () => {
    site.gw1.refuse = ({ entity }) =>
      entity?.entity?.$case === "tableEntry" &&
      entity.entity.value.tableId === gateway.tables.get("service").id
        ? { code: status.RESOURCE_EXHAUSTED, message: "table is full" }
        : undefined;
    const { code, err } = await sluice("apply", "-f", site.file);
    expect(code).toBe(4);
    expect(err).toBe(
      "error: switch gw1 (unix:/run/sluice/gw1.sock) refused 2 of 2 updates:\n" +
        "  INSERT service[vni=0 vip=203.0.113.10 protocol=6 port=80]: RESOURCE_EXHAUSTED: table is full\n" +
        "  INSERT service[vni=100 vip=192.168.0.53 protocol=17 port=53]: RESOURCE_EXHAUSTED: table is full\n" +
        "Not everything was written. When the reason is gone, apply again.\n",
    );
    site.gw1.refuse = () => undefined;
    expect((await sluice("apply", "-f", site.file)).out).toBe(
      "gw1: 2 entries written (2 inserted, 0 modified, 0 deleted)\n",
    );
  });

  it("deletes nothing after something else was refused", async () => {
    await sluice("apply", "-f", site.file);
    site.gw1.refuse = ({ type }) =>
      type === Update_Type.INSERT ? { code: status.INTERNAL, message: "no" } : undefined;
    site.events.length = 0;
    site.edit(["port: 80\n", "port: 81\n"]);
    expect(await sluice("apply", "-f", site.file)).toMatchObject({ code: 4 });
    expect(site.events.filter((event) => event.startsWith("-"))).toEqual([]);
  });

  it("refuses more entries than a table holds before it writes any", async () => {
    const ports = Array.from(
      { length: 1025 },
      (_, i) => `      - { port: ${i + 3}, network: fabric }\n`,
    ).join("");
    site.edit(["    neighbors:\n", `${ports}    neighbors:\n`]);
    const { code, err } = await sluice("apply", "-f", site.file);
    expect(code).toBe(2);
    expect(err).toContain("table network: 1027 entries are wanted, but it holds 1024");
    expect(site.gw1.pipelinesPushed).toBe(0);
  });

  it("mends what was changed behind its back", async () => {
    await sluice("apply", "-f", site.file);
    const [key] = site.gw1.entries.keys();
    site.gw1.entries.delete(key!);
    site.ld1.config = { ...site.ld1.config!, services: [] };
    expect((await sluice("diff", "-f", site.file)).code).toBe(1);
    expect((await sluice("apply", "-f", site.file)).out).toBe(
      "gw1: 1 entry written (1 inserted, 0 modified, 0 deleted)\nld1: configured (epoch 1, 512 buckets, 2 services)\n",
    );
    expect(await sluice("diff", "-f", site.file)).toMatchObject({ code: 0 });
  });
});
