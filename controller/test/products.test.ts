// The products' commands, by a controller and parts that speak the real protocols.
import { writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { PeerReplication, type RealServer, RsState } from "@sluice/proto/ld";
import { Update_Type } from "@sluice/proto/p4runtime";
import { beforeEach, describe, expect, it } from "vitest";
import { run } from "../src/cli/run.js";
import { fromRanges } from "../src/compile/index.js";
import { decodeEntry, decodeItem, placeOf } from "../src/p4runtime/index.js";
import { eventually } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";
import { type Document, useRegion } from "./support/region.js";
import { exampleOverIpv6 } from "./support/underlay.js";

const folder = useFolder();
const region = useRegion(folder);

describe("the products", () => {
  it("a moved EIP is one write of one entry, without a look at the rest", async () => {
    const controller = await region.start({ auditMs: 600_000 });
    await controller.apply(region.document);
    const first = region.gw1.writes.length;
    region.gw1.mute.add("read");
    const { code, out, err } = await region.sluice("eip", "move", "phone", "--host", "10.0.6.9");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain('vm.host: "10.0.6.3" -> "10.0.6.9"');
    expect(out).toContain("all 3 parts have it");
    expect(region.updatesSince(first).map(({ type }) => type)).toEqual([Update_Type.MODIFY]);
    expect(region.bindingOf("100.64.9.7")).toContain("host=10.0.6.9");
  });

  it("a moved EIP is a few writes also in a VPC with a VIP, and to a host over IPv6 that is new", async () => {
    const controller = await region.start({ auditMs: 600_000 });
    await controller.apply(region.documentOf(exampleOverIpv6()));
    region.gw1.mute.add("read");
    const move = async (eip: string, host: string) => {
      const first = region.gw1.writes.length;
      const { code, err } = await region.sluice("eip", "move", eip, "--host", host);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      return region
        .updatesSince(first)
        .map(({ type, entity }) => `${Update_Type[type]} ${placeOf(decodeItem(gateway, entity!))}`);
    };
    expect(await move("vm1", "fd00:0:6::9")).toEqual([
      "INSERT host_source_v6",
      "INSERT host_v6",
      "MODIFY vm",
      "MODIFY eip_in",
    ]);
    expect(await move("vm1", "fd00:0:6::3")).toEqual([
      "MODIFY vm",
      "MODIFY eip_in",
      "DELETE host_v6",
      "DELETE host_source_v6",
    ]);
    await move("phone", "fd00:0:6::8");
    // A controller that compiles everything anew comes to the same.
    const before = region.gw1.writes.length;
    await region.stop(controller);
    region.gw1.mute.delete("read");
    await (await region.start()).settled(4);
    expect(region.gw1.writes.length).toBe(before);
  });

  it("an EIP is created, bound to a VIP, limited and released", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const vm = ["--vpc", "green", "--vm", "192.168.0.77", "--mac", "02:00:00:00:06:77", "--host", "10.0.6.2"];
    const created = await region.sluice("eip", "create", "new", "203.0.113.77", "--network", "bgp", ...vm);
    expect(created).toMatchObject({ code: 0, err: "" });
    expect(region.bindingOf("203.0.113.77")).toContain("address=192.168.0.77");
    // The same again is done already; something else under the name is not what was asked for.
    expect(
      (await region.sluice("eip", "create", "new", "203.0.113.77", "--network", "bgp", ...vm)).out,
    ).toContain("it is so already");
    const other = await region.sluice("eip", "create", "new", "203.0.113.78", "--network", "bgp", ...vm);
    expect(other.code).toBe(64);
    expect(other.err).toContain("EIP new exists already (sluice eip move new");
    expect((await region.sluice("limit", "set", "new", "--in", "10Mbps")).code).toBe(0);
    expect(
      [...region.gw1.entries.values()].filter((entry) => decodeEntry(gateway, entry).table === "eip_limit"),
    ).toHaveLength(3);
    const nowhere = await region.sluice("eip", "move", "new");
    expect(nowhere).toMatchObject({ code: 64, err: expect.stringContaining("give --vm, --host or --vip") });
    const bad = await region.sluice("limit", "set", "new", "--in", "much");
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('EIP new: limit: in: "much" is not a rate (write it like 100Mbps');
    expect((await region.sluice("eip", "release", "new")).code).toBe(0);
    expect(region.bindingOf("203.0.113.77")).toBeUndefined();
    expect((await region.sluice("history", "-o", "json")).out).toContain("eip release new");
  });

  it("a dry run shows the change and makes none", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const { code, out } = await region.sluice("eip", "release", "phone", "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain("- eips/phone");
    expect(out).toContain("Nothing was changed (--dry-run).");
    expect(controller.controller.region.revision).toBe(1);
  });

  it("a service gets real servers, and a cluster another LD", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const put = await region.sluice(
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
      (
        await region.sluice(
          "rs",
          "add",
          "mail",
          "m1",
          "--address",
          "10.0.4.2",
          "--port",
          "2525",
          "--weight",
          "3",
        )
      ).code,
    ).toBe(0);
    const mail = () => region.lds[0]!.config!.services.find(({ name }) => name === "mail");
    expect(mail()!.realServers).toMatchObject([{ name: "m1", port: 2525, weight: 3 }]);
    // What is not given again stays; a service that is there is not made another one.
    const moved = await region.sluice("rs", "add", "mail", "m1", "--address", "10.0.4.3", "--port", "2526");
    expect(moved.code).toBe(0);
    expect(mail()!.realServers).toMatchObject([{ name: "m1", port: 2526, weight: 3 }]);
    const create = (port: string, ...more: string[]) =>
      region.sluice(
        ...["service", "create", "mail", "--vip", "203.0.113.90", "--port", port, "--cluster", "east"],
        ...more,
      );
    expect(await create("25")).toMatchObject({ code: 0, out: expect.stringContaining("it is so already") });
    for (const other of [await create("26"), await create("25", "--vpc", "blue")]) {
      expect(other).toMatchObject({ code: 64, err: expect.stringContaining("service mail exists already") });
    }
    expect((await region.sluice("rs", "remove", "mail", "m1")).code).toBe(0);
    expect(mail()!.realServers).toEqual([]);
    const ld3 = await FakeLd.listen(folder.socket("ld3.agent.sock"));
    region.lds.push(ld3);
    const scaled = await region.sluice(
      ...["cluster", "scale", "east", "--add", "ld3", "--agent", folder.socket("ld3.agent.sock")],
      ...["--address", "10.0.2.4/24", "--gateway", "10.0.2.1", "--mac", "02:00:00:00:02:04"],
    );
    expect(scaled).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^warning: cluster east has no failover: .*\n$/),
    });
    const owned = region.lds.map(({ config }) => fromRanges(config!.ownedBuckets).size);
    expect(owned.reduce((sum, count) => sum + count)).toBe(1024);
    expect(Math.min(...owned)).toBeGreaterThan(300);
    const missing = await region.sluice(
      "rs",
      "add",
      "nothing",
      "m1",
      "--address",
      "10.0.4.2",
      "--port",
      "2525",
    );
    expect(missing.code).toBe(64);
    expect(missing.err).toContain("service nothing does not exist (sluice service create nothing");
  });
});

describe("on a terminal", () => {
  it("apply shows what it is about to change, asks, and changes it", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const file = folder.path("sluice.yaml");
    writeFileSync(
      file,
      JSON.stringify({ ...region.document, eips: region.document.eips.filter(({ name }) => name !== "vm1") }),
    );
    const said = await region.onTerminal("n\n", "apply", "-f", file);
    expect(said).toMatchObject({ code: 8, err: "apply this? [y/N] Nothing was changed.\n" });
    expect(said.out).toContain("- eips/vm1");
    expect(controller.controller.region.revision).toBe(1);
    const done = await region.onTerminal("y\n", "apply", "-f", file);
    expect(done.code).toBe(0);
    expect(done.out.indexOf("- eips/vm1")).toBeLessThan(done.out.indexOf("Revision 2; all 3 parts have it."));
    expect(await region.onTerminal("", "apply", "-f", file)).toMatchObject({
      code: 0,
      err: "",
      out: "Nothing to change: it is so already (revision 2).\n",
    });
  });

  it.each([
    [["eip", "move", "vm1", "--vm", "192.168.0.11"], "vm.address:"],
    [["eip", "release", "vm1"], "- eips/vm1"],
    [["rs", "remove", "shop", "rs1"], "real_servers[rs1].address"],
    [["service", "delete", "mail"], "- services/mail"],
    [["cluster", "scale", "east", "--remove", "ld2"], "lds[ld2].agent"],
  ])(
    "%j is shown and asked about; no, the end of the input and anything else are no",
    async (argv, shown) => {
      const controller = await region.start();
      const [shop] = region.document.services as Record<string, unknown>[];
      const mail = { ...shop, name: "mail", vip: "192.168.0.101" };
      await controller.apply({ ...region.document, services: [shop, mail] });
      for (const typed of ["n\n", "", "maybe\n"]) {
        const { code, out, err } = await region.onTerminal(typed, ...argv);
        expect({ code, err: err.replace(/^.*warning:.*\n/, "") }).toEqual({
          code: 8,
          err: `${argv.slice(0, 3).join(" ")}${argv[0] === "rs" ? " rs1" : ""}${argv[0] === "cluster" ? " --remove ld2" : ""}? [y/N] Nothing was changed.\n`,
        });
        expect(out).toContain(shown);
      }
      expect(controller.controller.region.revision).toBe(1);
    },
  );

  it("is changed what was shown, or nothing, when somebody else is faster", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const { client } = controller;
    const released = await region.onTerminal("yes\n", "eip", "release", "vm1");
    expect(released).toMatchObject({ code: 0, err: "eip release vm1? [y/N] " });
    expect(released.out.match(/- eips\/vm1/g)).toHaveLength(1);
    expect(released.out).toMatch(/\nRevision 2; all 3 parts have it\.\n$/);
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const silent = { isTTY: true, write: () => true };
    const moving = run(["eip", "release", "phone", "--server", controller.address], {
      stdin,
      stdout: silent,
      stderr: {
        write: (text) => {
          if (text.includes("[y/N]")) {
            const limit = { in: "1Mbps" };
            const other = region.document.eips.find(({ name }) => name === "phone")!;
            void client.put("/v1/eips/phone", { ...other, limit }, "x").then(() => stdin.end("y\n"));
          }
          return true;
        },
      },
    });
    expect(await moving).toBe(6);
    expect(controller.controller.region.revision).toBe(3);
  });

  it("nothing is asked with --yes, --dry-run, -o json, or where standard input is no terminal", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const release = ["eip", "release", "vm1"];
    for (const options of [["--dry-run"], ["-o", "json", "--dry-run"], ["--yes", "--dry-run"]]) {
      expect(await region.onTerminal("", ...release, ...options)).toMatchObject({ code: 0, err: "" });
    }
    expect(await region.onTerminal("", ...release, "--yes")).toMatchObject({ code: 0, err: "" });
    expect(await region.onTerminal(undefined, "eip", "release", "phone")).toMatchObject({
      code: 0,
      err: "",
    });
    expect(controller.controller.region.revision).toBe(3);
  });
});

describe("a drain of a real server", () => {
  const sessions = (...counts: bigint[]) => {
    for (const [i, ld] of region.lds.entries()) {
      const { realServers } = ld.config!.services[0]!;
      ld.realServers = realServers.map(({ name, address, port, weight }) =>
        RsState.fromPartial({ service: "shop", rs: name, address, port, weight, sessionsActive: counts[i]! }),
      );
    }
  };
  const weights = () =>
    region.lds.map(({ config }) => config?.services[0]?.realServers.map(({ weight }) => weight));

  it("is over when no LD has a session of it any more; then it leaves without a warning", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    sessions(3n, 2n);
    const drained = region.sluice("drain", "rs", "shop", "rs1", "-o", "json");
    await eventually("it weighs nothing", () => weights().flat().join() === "0,0");
    sessions(3n, 2n);
    const seen = await region.sluice("get", "drains");
    expect(seen.out).toMatch(/^shop +rs1 +192\.168\.0\.2:8443 +5 +draining$/m);
    sessions(0n, 1n);
    let over = false;
    void drained.then(() => {
      over = true;
    });
    await region.sluice("get", "drains");
    expect(over).toBe(false);
    sessions(0n, 0n);
    expect(JSON.parse((await drained).out)).toMatchObject({ revision: 2, complete: true });
    expect(await region.sluice("rs", "remove", "shop", "rs1")).toMatchObject({ code: 0, err: "" });
  });

  it("shows on a terminal how many of its sessions have ended", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    let left = 4n; // one ends whenever somebody has asked
    for (const [i, ld] of region.lds.entries()) {
      Object.defineProperty(ld, "realServers", {
        get: () => {
          const [{ name, address, port, weight }] = ld.config!.services[0]!.realServers as [RealServer];
          const sessionsActive = i > 0 ? 0n : weight === 0 && left > 0n ? left-- : left;
          return [RsState.fromPartial({ service: "shop", rs: name, address, port, weight, sessionsActive })];
        },
      });
    }
    const { code, out, err } = await region.onTerminal("", "drain", "rs", "shop", "rs1");
    expect([code, out]).toEqual([0, expect.stringContaining("Drained: no LD has a session of rs1")]);
    expect(err).toMatch(/draining \u2588+.* of 4 sessions/);
    expect(err.endsWith("\r\u001b[K")).toBe(true);
  });

  it("can be left alone and be undone; one that leaves undrained is warned of", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    expect((await region.sluice("drain", "rs", "shop", "rs1", "--no-wait")).out).toContain("drain: true");
    await controller.settled(2);
    expect(weights()).toEqual([[0], [0]]);
    await region.sluice("drain", "rs", "shop", "rs1", "--cancel");
    expect(weights()).toEqual([[1], [1]]);
    const { code, err } = await region.sluice("rs", "remove", "shop", "rs1", "--dry-run");
    expect({ code, err }).toEqual({
      code: 0,
      err: "warning: real server rs1 of service shop leaves with the sessions it has: they end (sluice drain rs shop rs1 lets them go on)\n",
    });
    const unknown = await region.sluice("drain", "rs", "shop", "rs9");
    expect(unknown).toMatchObject({
      code: 64,
      err: "error: service shop has no real server rs9 (it has rs1)\n",
    });
  });
});

describe("LDs of a cluster with failover", () => {
  const owned = (ld: FakeLd) => fromRanges(ld.config!.ownedBuckets).size;

  beforeEach(async () => {
    const [cluster] = region.document.clusters as [Document["clusters"][0] & { failover?: unknown }];
    cluster.failover = { secret: "0123456789abcdef" };
    const controller = await region.start({ auditMs: 600_000 });
    await controller.apply(region.document);
  });

  it("are drained and come back: step by step, and no switch learns a step before the sessions are there", async () => {
    const [ld1, ld2] = region.lds as [FakeLd, FakeLd];
    const primaries = () =>
      [...region.gw1.entries.values()].flatMap((item) => {
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
    const drain = region.sluice("ld", "drain", "ld2");
    await eventually("LDs hold the next map", () => ld1.config!.epoch > 1n);
    const { reconciler } = region.running[0]!.controller;
    await eventually("it is told what is waited for", () =>
      reconciler.moves.some(({ waiting }) => waiting?.reasons[0] === "ld1 has not got all sessions of ld2"),
    );
    expect(primaries()).toEqual(before);
    ld1.peers = [];
    expect(await drain).toMatchObject({
      code: 0,
      out: expect.stringContaining("Drained: ld2 has no bucket"),
    });
    expect([owned(ld1), owned(ld2)]).toEqual([1024, 0]);
    expect((await region.sluice("ld", "undrain", "ld2")).out).toContain("Back in use: ld2");
    expect([owned(ld1), owned(ld2)]).toEqual([512, 512]);
  });

  it("come back into use also while one has not been found yet since its restart", async () => {
    const ld2 = region.lds[1]!;
    expect((await region.sluice("ld", "drain", "ld2")).code).toBe(0);
    const { reconciler, region: desired } = region.running[0]!.controller;
    ld2.dataPlaneUp = false;
    ld2.tell();
    const isLost = () =>
      reconciler.parts.some(({ name, state }) => name === "ld2" && state === "unreachable");
    await eventually("the controller has lost it", isLost);
    const undrain = region.sluice("ld", "undrain", "ld2");
    const east = () => desired.get("clusters/east") as Document["clusters"][0];
    await eventually("it is to have buckets", () => east().lds.every(({ drained }) => drained !== true));
    const before = ld2.statusCalls;
    await eventually("it is looked for again and again", () => ld2.statusCalls >= before + 5);
    expect(isLost()).toBe(true);
    ld2.dataPlaneUp = true;
    expect(await undrain).toMatchObject({ code: 0, out: expect.stringContaining("Back in use: ld2") });
    expect(owned(ld2)).toBe(512);
  });

  it("are upgraded by one command, and leave when they are empty", async () => {
    const [ld1, ld2] = region.lds as [FakeLd, FakeLd];
    ld2.startedMs = performance.now() - 65_000;
    const upgrade = region.sluice("ld", "upgrade", "ld2", "--command", "true");
    await eventually("it is empty", () => owned(ld2) === 0);
    const isAsked = (times: number) => {
      const before = ld2.statusCalls;
      return eventually("it is asked again and again", () => ld2.statusCalls >= before + times);
    };
    await isAsked(5);
    ld2.lateMs = 600; // however late it answers, it is the one from before
    await isAsked(4);
    const east = region.running[0]!.controller.region.get("clusters/east") as Document["clusters"][0];
    expect(east.lds.find(({ name }) => name === "ld2")).toMatchObject({ drained: true });
    expect(owned(ld2)).toBe(0);
    ld2.lateMs = 0;
    ld2.dataPlaneUp = false;
    ld2.tell();
    const parts = () => region.running[0]!.controller.reconciler.parts;
    await eventually("the controller has lost it", () =>
      parts().some(({ name, state }) => name === "ld2" && state === "unreachable"),
    );
    ld2.dataPlaneUp = true;
    ld2.startedMs = performance.now();
    expect(await upgrade).toMatchObject({ code: 0, out: expect.stringContaining("Back in use: ld2") });
    expect(owned(ld2)).toBe(512);
    const failed = await region.sluice("ld", "upgrade", "ld2", "--command", "exit 3");
    expect(failed).toMatchObject({ code: 64, err: expect.stringContaining("ld2 stays drained") });
    expect((await region.sluice("ld", "drain", "ld9")).err).toContain(
      "no cluster has an LD ld9 (there are ld1, ld2)",
    );
    expect(await region.sluice("cluster", "scale", "east", "--remove", "ld2")).toMatchObject({ code: 0 });
    expect([owned(ld1), owned(ld2)]).toEqual([1024, 0]);
  });
});
