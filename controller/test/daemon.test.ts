// The controller as a daemon, against parts that speak the real protocols: changes, drift, restarts, parts that are lost.
import { writeFileSync } from "node:fs";
import { PeerReplication, RsState } from "@sluice/proto/ld";
import { Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../src/api/index.js";
import { run } from "../src/cli/run.js";
import { fromRanges } from "../src/compile/index.js";
import { decodeEntry, describeAction } from "../src/p4runtime/index.js";
import { parseValue, plainDocument } from "../src/state/index.js";
import { LevelStore, StoreError } from "../src/store/index.js";
import { eventually, TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, repositoryFile } from "./support/program.js";

interface Document {
  networks: Record<string, unknown>[];
  eips: Record<string, unknown>[];
  clusters: { lds: Record<string, unknown>[] }[];
  [section: string]: unknown;
}

const folder = useFolder();
let gw1: FakeSwitch;
let lds: FakeLd[];
let document: Document;
let running: TestController[];

beforeEach(async () => {
  running = [];
  const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
  document = plainDocument(text) as Document;
  for (const network of document.networks) {
    network.kind ??= "upstream";
    network.prefixes ??= ["100.64.9.0/24"];
  }
  [gw1, ...lds] = (await Promise.all([
    FakeSwitch.listen(folder.socket("gw1.sock")),
    FakeLd.listen(folder.socket("ld1.agent.sock")),
    FakeLd.listen(folder.socket("ld2.agent.sock")),
  ])) as [FakeSwitch, FakeLd, FakeLd];
});
afterEach(async () => {
  await Promise.all(running.map((controller) => controller.stop()));
  gw1.stop();
  for (const ld of lds) ld.stop();
});

async function start(options: { auditMs?: number; timeoutMs?: number } = {}): Promise<TestController> {
  const controller = await TestController.start(folder.path(""), options);
  running.push(controller);
  return controller;
}

async function stop(controller: TestController): Promise<void> {
  running.splice(running.indexOf(controller), 1);
  await controller.stop();
}

async function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = { out: "", err: "" };
  const code = await run([...argv, "--server", `unix:${folder.path("api.sock")}`], {
    stdout: { write: (text) => (io.out += text) },
    stderr: { write: (text) => (io.err += text) },
  });
  return { code, ...io };
}

/** What an EIP is bound to on the switch. */
function bindingOf(eip: string): string | undefined {
  for (const entry of gw1.entries.values()) {
    const { table, match, ...call } = decodeEntry(gateway, entry);
    if (table === "eip_in" && match.eip === eip) {
      return describeAction(call);
    }
  }
  return undefined;
}

const updatesSince = (first: number) => gw1.writes.slice(first).flatMap(({ updates }) => updates);

describe("the desired state", () => {
  it("is what was put, checked, stored with its history, and made so everywhere", async () => {
    const { client } = await start().then((controller) => controller);
    const [controller] = running;
    const revision = await controller!.apply(document);
    expect(revision).toBe(1);
    expect(bindingOf("203.0.113.50")).toContain("address=192.168.0.10");
    expect(lds.map(({ config }) => config?.services.map(({ name }) => name))).toEqual([["shop"], ["shop"]]);
    const { body } = await client.get<{ commits: { revision: number; actor: string; changes: number }[] }>(
      "/v1/history",
    );
    expect(body.commits).toMatchObject([{ revision: 1, actor: "local", action: "apply" }]);
    const state = await client.get<{ document: unknown }>("/v1/state");
    expect(() => parseValue("state", state.body.document)).not.toThrow();
  });

  it("is refused as a whole when it is wrong, with every problem, and nothing changes", async () => {
    const controller = await start();
    await controller.apply(document);
    const before = gw1.writes.length;
    const wrong = {
      ...document,
      eips: [
        { ...document.eips[0], network: "nowhere" },
        { ...document.eips[2], id: "x" },
      ],
    };
    const error = await controller.client.put("/v1/state", wrong, "apply").catch((reason) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error.status).toBe(422);
    expect(error.problems).toEqual([
      expect.stringContaining("EIP phone: id: x is not"),
      expect.stringContaining('network "nowhere" does not exist'),
    ]);
    const one = await controller.client
      .put("/v1/eips/vm1", { ...document.eips[0], network: "nowhere" }, "x")
      .catch((reason) => reason);
    expect(one.problems).toEqual(['EIP vm1: network "nowhere" does not exist (declare it under networks:)']);
    const taken = await controller.client
      .put(
        "/v1/eips/thief",
        { ...document.eips[2], name: "thief", address: "203.0.113.50", network: "bgp" },
        "x",
      )
      .catch((reason) => reason);
    expect(taken.problems.join()).toContain("203.0.113.50 in network bgp is another EIP already");
    expect(gw1.writes.length).toBe(before);
    expect(controller.controller.region.revision).toBe(1);
  });

  it("takes a repeated request for done, and a change for an older revision for a conflict", async () => {
    const controller = await start();
    await controller.apply(document);
    const eip = { ...document.eips[2], address: "100.64.9.8" };
    const first = await controller.client.put<{ revision: number }>("/v1/eips/phone", eip, "x", 1);
    expect(first.body.revision).toBe(2);
    const again = await controller.client.put<{ revision: number; changes: unknown[] }>(
      "/v1/eips/phone",
      eip,
      "x",
      1,
    );
    expect(again.body).toMatchObject({ revision: 2, changes: [] });
    const other = { ...eip, address: "100.64.9.9" };
    const error = await controller.client.put("/v1/eips/phone", other, "x", 1).catch((reason) => reason);
    expect(error.status).toBe(412);
    expect(error.message).toContain(
      "the desired state is at revision 2, and the change was made for revision 1",
    );
  });

  it("survives the controller, whose restart touches nothing that is right", async () => {
    const first = await start();
    await first.apply(document);
    await stop(first);
    const writes = gw1.writes.length;
    const applied = lds.map((ld) => ld.applied.length);
    const second = await start();
    await second.settled(1);
    expect(second.controller.region.document()).toMatchObject({ networks: expect.any(Array) });
    expect(gw1.writes.length).toBe(writes);
    expect(gw1.pipelinesPushed).toBe(1);
    expect(lds.map((ld) => ld.applied.length)).toEqual(applied);
  });

  it("is open to one process at a time", async () => {
    await start();
    await expect(LevelStore.open(folder.path("store"))).rejects.toThrow(StoreError);
    await expect(LevelStore.open(folder.path("store"))).rejects.toThrow("another process has it open");
  });
});

describe("drift", () => {
  it("is mended: an entry that is gone, one that does something else, one too many", async () => {
    const controller = await start();
    await controller.apply(document);
    const keys = [...gw1.entries.keys()];
    const binding = keys.find((key) => decodeEntry(gateway, gw1.entries.get(key)!).table === "eip_in")!;
    const good = gw1.entries.get(binding)!;
    gw1.entries.delete(binding);
    await eventually("the binding is back", () => gw1.entries.has(binding));
    expect(gw1.entries.get(binding)).toEqual(good);

    const other = keys.find((key) => decodeEntry(gateway, gw1.entries.get(key)!).table === "nexthop")!;
    const hop = gw1.entries.get(other)!;
    gw1.entries.delete(other);
    const stray = {
      ...hop,
      match: [
        { ...hop.match[0]!, fieldMatchType: { $case: "exact" as const, value: { value: Uint8Array.of(9) } } },
      ],
    };
    gw1.entries.set("stray", stray);
    await eventually("the next hop is back", () => gw1.entries.has(other));
    await eventually(
      "it is reported",
      () => controller.controller.reconciler.parts.find(({ name }) => name === "gw1")!.mended >= 2,
    );
    expect(controller.lines.filter(({ event }) => event === "drift").length).toBeGreaterThanOrEqual(2);
  });

  it("is mended: a switch that was rebooted empty, an LD that has lost its configuration", async () => {
    const controller = await start({ timeoutMs: 3_000 });
    await controller.apply(document);
    const held = gw1.entries.size;
    gw1.stop();
    gw1 = await FakeSwitch.listen(folder.socket("gw1.sock"));
    await eventually("the switch is as it was", () => gw1.entries.size === held);
    expect(gw1.pipelinesPushed).toBe(1);
    const [ld1] = lds as [FakeLd];
    const { config } = ld1;
    ld1.config = undefined;
    await eventually("the LD is configured", () => ld1.config !== undefined);
    expect(ld1.config!.services).toEqual(config!.services);
  });
});

describe("a part that is lost", () => {
  it("keeps no other part waiting, but no bucket of its cluster moves", async () => {
    const controller = await start({ timeoutMs: 1_000 });
    await controller.apply(document);
    const [ld1, ld2] = lds as [FakeLd, FakeLd];
    const owned = (ld: FakeLd) => fromRanges(ld.config!.ownedBuckets).size;
    const before = owned(ld1);
    ld2.dataPlaneUp = false;
    const { body } = await controller.client.put<{ revision: number }>(
      "/v1/eips/phone",
      {
        ...document.eips[2],
        vm: { vpc: "green", address: "192.168.0.11", mac: "02:00:00:00:06:31", host: "10.0.6.3" },
      },
      "x",
    );
    await eventually("the EIP has moved", () => bindingOf("100.64.9.7")?.includes("192.168.0.11") === true);
    await controller.settled(body.revision);
    const ld3 = await FakeLd.listen(folder.socket("ld3.agent.sock"));
    lds.push(ld3);
    const [cluster] = document.clusters as [Document["clusters"][0]];
    const third = {
      ...cluster.lds[0],
      name: "ld3",
      agent: folder.socket("ld3.agent.sock"),
      address: "10.0.2.4/24",
    };
    const scaled = await controller.client.put<{ revision: number }>(
      "/v1/clusters/east",
      { ...cluster, lds: [...cluster.lds, third] },
      "x",
    );
    const { reconciler } = controller.controller;
    await eventually("the LDs wait for the one that is lost", () =>
      reconciler.parts.some(({ name, state }) => name === "ld3" && state === "waiting"),
    );
    expect(reconciler.parts.find(({ name }) => name === "ld2")?.state).toBe("unreachable");
    expect(owned(ld1)).toBe(before);
    expect(ld3.config).toBeUndefined();
    expect(reconciler.applied).toBeLessThan(scaled.body.revision);
    ld2.dataPlaneUp = true;
    await controller.settled(scaled.body.revision);
    expect(lds.reduce((sum, ld) => sum + owned(ld), 0)).toBe(1024);
    expect(owned(ld3)).toBeGreaterThan(300);
  });
});

describe("the products", () => {
  it("a moved EIP is one write of one entry, without a look at the rest", async () => {
    const controller = await start({ auditMs: 600_000 });
    await controller.apply(document);
    const first = gw1.writes.length;
    gw1.mute.add("read");
    const { code, out, err } = await sluice("eip", "move", "phone", "--host", "10.0.6.9");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain('vm.host: "10.0.6.3" -> "10.0.6.9"');
    expect(out).toContain("all 3 parts have it");
    expect(updatesSince(first).map(({ type }) => type)).toEqual([Update_Type.MODIFY]);
    expect(bindingOf("100.64.9.7")).toContain("host=10.0.6.9");
  });

  it("an EIP is created, bound to a VIP, limited and released", async () => {
    const controller = await start();
    await controller.apply(document);
    const vm = ["--vpc", "green", "--vm", "192.168.0.77", "--mac", "02:00:00:00:06:77", "--host", "10.0.6.2"];
    const created = await sluice("eip", "create", "new", "203.0.113.77", "--network", "bgp", ...vm);
    expect(created).toMatchObject({ code: 0, err: "" });
    expect(bindingOf("203.0.113.77")).toContain("address=192.168.0.77");
    // The same again is done already; something else under the name is not what was asked for.
    expect((await sluice("eip", "create", "new", "203.0.113.77", "--network", "bgp", ...vm)).out).toContain(
      "it is so already",
    );
    const other = await sluice("eip", "create", "new", "203.0.113.78", "--network", "bgp", ...vm);
    expect(other.code).toBe(64);
    expect(other.err).toContain("EIP new exists already (sluice eip move new");
    expect((await sluice("limit", "set", "new", "--in", "10Mbps")).code).toBe(0);
    expect(
      [...gw1.entries.values()].filter((entry) => decodeEntry(gateway, entry).table === "eip_limit"),
    ).toHaveLength(3);
    const bad = await sluice("limit", "set", "new", "--in", "much");
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('EIP new: limit: in: "much" is not a rate (write it like 100Mbps');
    expect((await sluice("eip", "release", "new")).code).toBe(0);
    expect(bindingOf("203.0.113.77")).toBeUndefined();
    expect((await sluice("history", "-o", "json")).out).toContain("eip release new");
  });

  it("a dry run shows the change and makes none", async () => {
    const controller = await start();
    await controller.apply(document);
    const { code, out } = await sluice("eip", "release", "phone", "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain("- eips/phone");
    expect(out).toContain("Nothing was changed (--dry-run).");
    expect(controller.controller.region.revision).toBe(1);
  });

  it("a service gets real servers, and a cluster another LD", async () => {
    const controller = await start();
    await controller.apply(document);
    const put = await sluice(
      "service",
      "create",
      "mail",
      "--vip",
      "203.0.113.90",
      "--port",
      "25",
      "--cluster",
      "east",
    );
    expect(put).toMatchObject({ code: 0, err: "" });
    expect(
      (await sluice("rs", "add", "mail", "m1", "--address", "10.0.4.2", "--port", "2525", "--weight", "3"))
        .code,
    ).toBe(0);
    const mail = () => lds[0]!.config!.services.find(({ name }) => name === "mail");
    expect(mail()!.realServers).toMatchObject([{ name: "m1", port: 2525, weight: 3 }]);
    expect((await sluice("rs", "remove", "mail", "m1")).code).toBe(0);
    expect(mail()!.realServers).toEqual([]);
    const ld3 = await FakeLd.listen(folder.socket("ld3.agent.sock"));
    lds.push(ld3);
    const scaled = await sluice(
      ...["cluster", "scale", "east", "--add", "ld3", "--agent", folder.socket("ld3.agent.sock")],
      ...["--address", "10.0.2.4/24", "--gateway", "10.0.2.1", "--mac", "02:00:00:00:02:04"],
    );
    expect(scaled).toMatchObject({ code: 0, err: "" });
    const owned = lds.map(({ config }) => fromRanges(config!.ownedBuckets).size);
    expect(owned.reduce((sum, count) => sum + count)).toBe(1024);
    expect(Math.min(...owned)).toBeGreaterThan(300);
    const missing = await sluice("rs", "add", "nothing", "m1", "--address", "10.0.4.2", "--port", "2525");
    expect(missing.code).toBe(64);
    expect(missing.err).toContain("service nothing does not exist (sluice service create nothing");
  });
});

it("on a terminal apply shows what it is about to change before it does", async () => {
  const controller = await start();
  await controller.apply(document);
  const file = folder.path("sluice.yaml");
  writeFileSync(
    file,
    JSON.stringify({ ...document, eips: document.eips.filter(({ name }) => name !== "vm1") }),
  );
  const written: { revision: number; text: string }[] = [];
  const code = await run(["apply", "-f", file, "--server", `unix:${folder.path("api.sock")}`], {
    stdout: {
      isTTY: true,
      write: (text) => written.push({ revision: controller.controller.region.revision, text }),
    },
    stderr: { write: () => {} },
  });
  expect(code).toBe(0);
  expect(written.map(({ revision }) => revision)).toEqual([1, 2]);
  expect(written[0]!.text).toContain("- eips/vm1");
  expect(written[1]!.text).toBe("Revision 2; all 3 parts have it.\n");
});

describe("a drain of a real server", () => {
  const sessions = (...counts: bigint[]) => {
    for (const [i, ld] of lds.entries()) {
      const { realServers } = ld.config!.services[0]!;
      ld.realServers = realServers.map(({ name, address, port, weight }) =>
        RsState.fromPartial({ service: "shop", rs: name, address, port, weight, sessionsActive: counts[i]! }),
      );
    }
  };
  const weights = () => lds.map(({ config }) => config?.services[0]?.realServers.map(({ weight }) => weight));

  it("is over when no LD has a session of it any more; then it leaves without a warning", async () => {
    const controller = await start();
    await controller.apply(document);
    sessions(3n, 2n);
    const drained = sluice("drain", "rs", "shop", "rs1", "-o", "json");
    await eventually("it weighs nothing", () => weights().flat().join() === "0,0");
    sessions(3n, 2n);
    const seen = await sluice("get", "drains");
    expect(seen.out).toMatch(/^shop +rs1 +192\.168\.0\.2:8443 +5 +draining$/m);
    sessions(0n, 1n);
    let over = false;
    void drained.then(() => {
      over = true;
    });
    await sluice("get", "drains");
    expect(over).toBe(false);
    sessions(0n, 0n);
    expect(JSON.parse((await drained).out)).toMatchObject({ revision: 2, complete: true });
    expect(await sluice("rs", "remove", "shop", "rs1")).toMatchObject({ code: 0, err: "" });
  });

  it("can be left alone and be undone; one that leaves undrained is warned of", async () => {
    const controller = await start();
    await controller.apply(document);
    expect((await sluice("drain", "rs", "shop", "rs1", "--no-wait")).out).toContain("drain: true");
    await controller.settled(2);
    expect(weights()).toEqual([[0], [0]]);
    await sluice("drain", "rs", "shop", "rs1", "--cancel");
    expect(weights()).toEqual([[1], [1]]);
    const { code, err } = await sluice("rs", "remove", "shop", "rs1", "--dry-run");
    expect({ code, err }).toEqual({
      code: 0,
      err: "warning: real server rs1 of service shop leaves with the sessions it has: they end (sluice drain rs shop rs1 lets them go on)\n",
    });
    const unknown = await sluice("drain", "rs", "shop", "rs9");
    expect(unknown).toMatchObject({
      code: 64,
      err: "error: service shop has no real server rs9 (it has rs1)\n",
    });
  });
});

describe("LDs of a cluster with failover", () => {
  const owned = (ld: FakeLd) => fromRanges(ld.config!.ownedBuckets).size;

  beforeEach(async () => {
    const [cluster] = document.clusters as [Document["clusters"][0] & { failover?: unknown }];
    cluster.failover = { secret: "0123456789abcdef" };
    const controller = await start({ auditMs: 600_000 });
    await controller.apply(document);
  });

  it("are drained and come back: step by step, and no switch learns a step before the sessions are there", async () => {
    const [ld1, ld2] = lds as [FakeLd, FakeLd];
    const primaries = () =>
      [...gw1.entries.values()].flatMap((item) => {
        const { table, params } = decodeEntry(gateway, item);
        return table === "ld_of_bucket"
          ? [`${params?.ld_id} ${params?.backup_id ?? params?.backup_ld_id}`]
          : [];
      });
    const before = primaries();
    ld1.onApply = ({ epoch, cluster, heartbeat }) => {
      const ldId = cluster!.lds.find((peer) => peer.ldId !== cluster!.ldId)!.ldId;
      const taken = epoch === 2n && heartbeat!.previousEpoch !== 0;
      ld1.peers = taken ? [PeerReplication.fromPartial({ ldId, sessionsToCopy: 9n })] : [];
    };
    const drain = sluice("ld", "drain", "ld2");
    await eventually("LDs hold the next map", () => ld1.config!.epoch > 1n);
    const { reconciler } = running[0]!.controller;
    await eventually("it is told what is waited for", () =>
      reconciler.moves.some(({ waiting }) => waiting?.reasons[0] === "ld1 has not got all sessions of ld2"),
    );
    expect(primaries()).toEqual(before);
    ld1.peers = [];
    expect(await drain).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringContaining("Drained: ld2 has no bucket"),
    });
    expect([owned(ld1), owned(ld2)]).toEqual([1024, 0]);
    expect((await sluice("ld", "undrain", "ld2")).out).toContain("Back in use: ld2");
    expect([owned(ld1), owned(ld2)]).toEqual([512, 512]);
  });

  it("are upgraded by one command, and leave when they are empty", async () => {
    const [ld1, ld2] = lds as [FakeLd, FakeLd];
    const upgrade = sluice("ld", "upgrade", "ld2", "--command", "true");
    await eventually("it is empty", () => owned(ld2) === 0);
    ld2.uptimeMs = 10n;
    expect(await upgrade).toMatchObject({ code: 0, out: expect.stringContaining("Back in use: ld2") });
    expect(owned(ld2)).toBe(512);
    const failed = await sluice("ld", "upgrade", "ld2", "--command", "exit 3");
    expect(failed).toMatchObject({ code: 64, err: expect.stringContaining("ld2 stays drained") });
    expect((await sluice("ld", "drain", "ld9")).err).toContain(
      "no cluster has an LD ld9 (there are ld1, ld2)",
    );
    expect(await sluice("cluster", "scale", "east", "--remove", "ld2")).toMatchObject({ code: 0 });
    expect([owned(ld1), owned(ld2)]).toEqual([1024, 0]);
  });
});
