// A part that refuses what it is told: whoever asks how the region is sees which part, what it refused, and why.
import { status } from "@grpc/grpc-js";
import { expect, it } from "vitest";
import { eventually } from "./support/controller.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { bindingOn, useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);

it("a switch that refuses an update says so in the status until it takes it", async () => {
  const controller = await region.start();
  await controller.apply(region.document);
  const partOf = (name: string) => controller.controller.reconciler.parts.find((part) => part.name === name)!;
  region.gw1.refuse = () => ({ code: status.RESOURCE_EXHAUSTED, message: "no TCAM left" });
  const eip = { ...region.document.eips[2], name: "late", address: "100.64.9.8" };
  const moved = {
    ...eip,
    vm: { vpc: "blue", address: "192.168.0.77", mac: "02:00:00:00:06:77", host: "10.0.6.3" },
  };
  const { body } = await controller.client.put<{ revision: number }>("/v1/eips/late", moved, "x");
  await eventually("it was refused", () =>
    controller.lines.some(({ event }) => event === "reconcile_failed"),
  );
  expect(partOf("gw1")).toMatchObject({ state: "refusing" });
  expect(partOf("gw1").reason).toMatch(
    /^switch gw1 \(.*\) refused 1 of 1 updates: INSERT \S+\[.*\]: RESOURCE_EXHAUSTED: no TCAM left$/,
  );
  const { out } = await region.sluice("status");
  expect(out).toMatch(/gw1 +switch +refusing: .*no TCAM left/);
  // While it is tried again, too.
  const seen = new Set<string | undefined>();
  region.gw1.onWrite = () => seen.add(partOf("gw1").reason);
  await eventually("it was tried again", () => seen.size > 0);
  expect([...seen].join()).toContain("no TCAM left");
  region.gw1.refuse = () => undefined;
  await controller.settled(body.revision);
  expect(partOf("gw1")).toMatchObject({ state: "in sync" });
  expect(partOf("gw1").reason).toBeUndefined();
});

it("a switch that refuses an EIP keeps no other switch waiting", async () => {
  const gw2 = await FakeSwitch.listen(folder.socket("gw2.sock"));
  try {
    const [gw1] = region.document.switches as Record<string, unknown>[];
    const second = {
      ...gw1,
      name: "gw2",
      p4runtime: `unix:${folder.path("gw2.sock")}`,
      tunnel_address: "10.255.0.2",
    };
    region.document.switches = [gw1, second];
    const controller = await region.start();
    await controller.apply(region.document);
    const stateOf = (name: string) =>
      controller.controller.reconciler.parts.find((part) => part.name === name)!.state;
    region.gw1.refuse = () => ({ code: status.RESOURCE_EXHAUSTED, message: "no TCAM left" });
    const eip = { ...region.document.eips[2], name: "late", address: "100.64.9.8" };
    const vm = { vpc: "blue", address: "192.168.0.77", mac: "02:00:00:00:06:77", host: "10.0.6.3" };
    const { body } = await controller.client.put<{ revision: number }>("/v1/eips/late", { ...eip, vm }, "x");
    await eventually("gw2 has it", () => bindingOn(gw2, "100.64.9.8") !== undefined);
    await eventually(
      "gw1 is what is missing",
      () => stateOf("gw1") === "refusing" && stateOf("gw2") === "in sync",
    );
    await controller.client.delete("/v1/eips/vm1", "x");
    await eventually("gw2 has lost another one", () => bindingOn(gw2, "203.0.113.50") === undefined);
    expect(bindingOn(region.gw1, "203.0.113.50")).toBeDefined();
    region.gw1.refuse = () => undefined;
    await controller.settled(body.revision + 1);
    for (const gw of [region.gw1, gw2]) {
      expect(bindingOn(gw, "100.64.9.8")).toBeDefined();
      expect(bindingOn(gw, "203.0.113.50")).toBeUndefined();
    }
  } finally {
    gw2.stop();
  }
});

it("an LD that refuses its configuration is not in sync, and those that wait for it say for whom", async () => {
  const controller = await region.start();
  await controller.apply(region.document);
  const partOf = (name: string) => controller.controller.reconciler.parts.find((part) => part.name === name)!;
  const [ld1, ld2] = region.lds;
  ld2!.refusal = "1,000,001 services are more than 65,536";
  const [shop] = region.document.services as Record<string, unknown>[];
  const more = { ...shop, name: "more", port: 8081 };
  const { body } = await controller.client.put<{ revision: number }>("/v1/services/more", more, "x");
  await eventually("it was refused", () =>
    controller.lines.some(({ event }) => event === "reconcile_failed"),
  );
  expect(partOf("ld2")).toMatchObject({
    state: "refusing",
    reason: expect.stringMatching(/LD ld2 .* refused ApplyConfig: INVALID_ARGUMENT: 1,000,001 services/),
  });
  await eventually(
    "ld1 has its own",
    () => ld1!.config!.services.length === 2 && partOf("ld1").state === "in sync",
  );
  expect(partOf("gw1")).toMatchObject({
    state: "waiting",
    reason: "ld2 comes first",
  });
  ld2!.refusal = undefined;
  await controller.settled(body.revision);
  expect(controller.controller.reconciler.parts.map(({ state, reason }) => [state, reason])).toEqual([
    ["in sync", undefined],
    ["in sync", undefined],
    ["in sync", undefined],
  ]);
});

it("a switch that does not answer has refused nothing: it cannot be reached", async () => {
  const controller = await region.start({ timeoutMs: 2_000 });
  await controller.apply(region.document);
  region.gw1.mute.add("write");
  const eip = { ...region.document.eips[2], address: "100.64.9.8" };
  await controller.client.put("/v1/eips/phone", eip, "x");
  const seen = new Set<string>();
  const { reconciler } = controller.controller;
  await eventually("it was written in vain", () => {
    seen.add(reconciler.parts.find(({ name }) => name === "gw1")!.state);
    return controller.lines.filter(({ event }) => event === "reconcile_failed").length > 1;
  });
  expect(seen).toContain("unreachable");
  expect(seen).not.toContain("refusing");
  region.gw1.mute.clear();
  await controller.settled(2);
});
