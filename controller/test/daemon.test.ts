import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/api/index.js";
import { fromRanges } from "../src/compile/index.js";
import { decodeEntry } from "../src/p4runtime/index.js";
import { parseValue } from "../src/state/index.js";
import { LevelStore, StoreError } from "../src/store/index.js";
import { eventually } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";
import { type Document, useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);

describe("the desired state", () => {
  it("is what was put, checked, stored with its history, and made so everywhere", async () => {
    const { client } = await region.start().then((controller) => controller);
    const [controller] = region.running;
    const revision = await controller!.apply(region.document);
    expect(revision).toBe(1);
    expect(region.bindingOf("203.0.113.50")).toContain("address=192.168.0.10");
    expect(region.lds.map(({ config }) => config?.services.map(({ name }) => name))).toEqual([
      ["shop"],
      ["shop"],
    ]);
    const { body } = await client.get<{ commits: { revision: number; actor: string; changes: number }[] }>(
      "/v1/history",
    );
    expect(body.commits).toMatchObject([{ revision: 1, actor: "local", action: "apply" }]);
    const state = await client.get<{ document: unknown }>("/v1/state");
    expect(() => parseValue("state", state.body.document)).not.toThrow();
  });

  it("is refused as a whole when it is wrong, with every problem, and nothing changes", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const before = region.gw1.writes.length;
    const wrong = {
      ...region.document,
      eips: [
        { ...region.document.eips[0], network: "nowhere" },
        { ...region.document.eips[2], id: "x" },
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
      .put("/v1/eips/vm1", { ...region.document.eips[0], network: "nowhere" }, "x")
      .catch((reason) => reason);
    expect(one.problems).toEqual(['EIP vm1: network "nowhere" does not exist (declare it under networks:)']);
    const taken = await controller.client
      .put(
        "/v1/eips/thief",
        { ...region.document.eips[2], name: "thief", address: "203.0.113.50", network: "bgp" },
        "x",
      )
      .catch((reason) => reason);
    expect(taken.problems.join()).toContain("203.0.113.50 in network bgp is another EIP already");
    const elsewhere = {
      ...region.document.eips[2],
      vm: { vpc: "blue", address: "192.168.0.2", mac: "02:00:00:00:06:31", host: "10.0.6.3" },
    };
    const moved = await controller.client.put("/v1/eips/phone", elsewhere, "x").catch((reason) => reason);
    expect(moved.problems.join()).toContain("but service shop: real server rs1 says 10.0.6.2");
    expect(region.gw1.writes.length).toBe(before);
    expect(controller.controller.region.revision).toBe(1);
  });

  it("takes a repeated request for done, and a change for an older revision for a conflict", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const eip = { ...region.document.eips[2], address: "100.64.9.8" };
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
    const first = await region.start();
    await first.apply(region.document);
    await region.stop(first);
    const writes = region.gw1.writes.length;
    const applied = region.lds.map((ld) => ld.applied.length);
    const second = await region.start();
    await second.settled(1);
    expect(second.controller.region.document()).toMatchObject({ networks: expect.any(Array) });
    expect(region.gw1.writes.length).toBe(writes);
    expect(region.gw1.pipelinesPushed).toBe(1);
    expect(region.lds.map((ld) => ld.applied.length)).toEqual(applied);
  });

  it("is open to one process at a time", async () => {
    await region.start();
    await expect(LevelStore.open(folder.path("store"))).rejects.toThrow(StoreError);
    await expect(LevelStore.open(folder.path("store"))).rejects.toThrow("another process has it open");
  });
});

describe("drift", () => {
  it("is mended: an entry that is gone, one that does something else, one too many", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const keys = [...region.gw1.entries.keys()];
    const binding = keys.find(
      (key) => decodeEntry(gateway, region.gw1.entries.get(key)!).table === "eip_in",
    )!;
    const good = region.gw1.entries.get(binding)!;
    region.gw1.entries.delete(binding);
    await eventually("the binding is back", () => region.gw1.entries.has(binding));
    expect(region.gw1.entries.get(binding)).toEqual(good);

    const other = keys.find((key) => decodeEntry(gateway, region.gw1.entries.get(key)!).table === "nexthop")!;
    const hop = region.gw1.entries.get(other)!;
    region.gw1.entries.delete(other);
    const stray = {
      ...hop,
      match: [
        { ...hop.match[0]!, fieldMatchType: { $case: "exact" as const, value: { value: Uint8Array.of(9) } } },
      ],
    };
    region.gw1.entries.set("stray", stray);
    await eventually("the next hop is back", () => region.gw1.entries.has(other));
    await eventually(
      "it is reported",
      () => controller.controller.reconciler.parts.find(({ name }) => name === "gw1")!.mended >= 2,
    );
    expect(controller.lines.filter(({ event }) => event === "drift").length).toBeGreaterThanOrEqual(2);
  });

  it("is looked for also when the clock has been set back", async () => {
    await region.start().then((controller) => controller.apply(region.document));
    const [key, entry] = [...region.gw1.entries].find(
      ([, held]) => decodeEntry(gateway, held).table === "eip_in",
    )!;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
    try {
      region.gw1.entries.delete(key);
      await eventually("the binding is back", () => region.gw1.entries.has(key));
      expect(region.gw1.entries.get(key)).toEqual(entry);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is mended: a switch that was rebooted empty, as soon as it is back", async () => {
    const controller = await region.start({ auditMs: 600_000 });
    await controller.apply(region.document);
    const held = region.gw1.entries.size;
    region.gw1.stop();
    region.gw1 = await FakeSwitch.listen(folder.socket("gw1.sock"));
    await eventually("the switch is as it was", () => region.gw1.entries.size === held);
    expect(region.gw1.pipelinesPushed).toBe(1);
  });

  it("is mended: an LD that has lost its configuration", async () => {
    const controller = await region.start();
    await controller.apply(region.document);
    const [ld1] = region.lds as [FakeLd];
    const { config } = ld1;
    ld1.config = undefined;
    await eventually("the LD is configured", () => ld1.config !== undefined);
    expect(ld1.config!.services).toEqual(config!.services);
  });
});

describe("a part that is lost", () => {
  it("keeps no other part waiting, but no bucket of its cluster moves", async () => {
    const controller = await region.start({ timeoutMs: 1_000 });
    await controller.apply(region.document);
    const [ld1, ld2] = region.lds as [FakeLd, FakeLd];
    const owned = (ld: FakeLd) => fromRanges(ld.config!.ownedBuckets).size;
    const before = owned(ld1);
    ld2.dataPlaneUp = false;
    const { body } = await controller.client.put<{ revision: number }>(
      "/v1/eips/phone",
      {
        ...region.document.eips[2],
        vm: { vpc: "green", address: "192.168.0.11", mac: "02:00:00:00:06:31", host: "10.0.6.3" },
      },
      "x",
    );
    await eventually(
      "the EIP has moved",
      () => region.bindingOf("100.64.9.7")?.includes("192.168.0.11") === true,
    );
    await controller.settled(body.revision);
    const ld3 = await FakeLd.listen(folder.socket("ld3.agent.sock"));
    region.lds.push(ld3);
    const [cluster] = region.document.clusters as [Document["clusters"][0]];
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
    expect(region.lds.reduce((sum, ld) => sum + owned(ld), 0)).toBe(1024);
    expect(owned(ld3)).toBeGreaterThan(300);
  });
});
