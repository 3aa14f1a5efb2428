// How LDs are, as they say by themselves: the controller looks at nothing by itself here, and none of its calls ends by its own time.
import { beforeEach, expect, it } from "vitest";
import { decodeEntry } from "../src/p4runtime/index.js";
import { eventually, type TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";
import { useRegion } from "./support/region.js";

/** Longer than a test may last. */
const NEVER_MS = 600_000;

const folder = useFolder();
const region = useRegion(folder);
let controller: TestController;
let ld2: FakeLd;

beforeEach(async () => {
  controller = await region.start({ auditMs: NEVER_MS, timeoutMs: NEVER_MS });
  await controller.apply(region.document);
  ld2 = region.lds[1]!;
  await eventually("both LDs say how they are", () => healths().join() === "ready,ready");
});

const partOf = (name: string) => controller.controller.reconciler.parts.find((part) => part.name === name)!;
const healths = () => ["ld1", "ld2"].map((name) => partOf(name).health?.state);
const shownAs = async () => /^ld2 +\S+ +(.*)/m.exec((await region.sluice("get", "lds")).out)?.[1];

it("one whose data plane dies is known to be down, and when it is back", async () => {
  ld2.dataPlaneUp = false;
  ld2.tell();
  await eventually("it is known", () => partOf("ld2").state === "unreachable");
  expect(partOf("ld2").health).toEqual({
    state: "down",
    reason: "the agent is up, the data plane is not",
  });
  expect(await controller.metrics()).toMatch(/^sluice_ld_up\{ld="ld2",cluster="east"\} 0$/m);
  ld2.dataPlaneUp = true;
  ld2.config = undefined; // another data plane, that has nothing
  ld2.tell();
  await eventually("it is as it was", () => partOf("ld2").state === "in sync" && ld2.config !== undefined);
  await eventually("both LDs are ready", () => healths().join() === "ready,ready");
});

it("one that may not have packets is known not to be ready, and why", async () => {
  ld2.online = false;
  ld2.tell();
  await eventually("it is known", () => partOf("ld2").health?.state === "not ready");
  expect(await shownAs()).toMatch(/^NOT READY: it has not all sessions of its buckets yet {2}/);
  expect((await region.sluice("status")).out).toMatch(
    /^ld2 +LD +in sync; not ready: it has not all sessions of its buckets yet /m,
  );
  const metrics = await controller.metrics();
  expect(metrics).toMatch(/^sluice_ld_up\{ld="ld2",cluster="east"\} 1$/m);
  expect(metrics).toMatch(/^sluice_ld_ready\{ld="ld2",cluster="east"\} 0$/m);
  ld2.online = true;
  ld2.stuckCores = [3];
  ld2.tell();
  await eventually("it is known", () => partOf("ld2").health?.reason.includes("core 3") === true);
  expect(controller.lines.filter(({ event }) => event === "ld_health").at(-1)).toMatchObject({
    part: "ld2",
    state: "not ready",
    reason: "its worker on core 3 makes no progress",
  });
});

it("one whose agent dies is known, and gets its configuration as soon as it is back", async () => {
  ld2.stop();
  await eventually("it is known", () => partOf("ld2").health?.state === "unreachable");
  expect(partOf("ld2").state).toBe("unreachable");
  ld2 = await FakeLd.listen(folder.socket("ld2.agent.sock"));
  region.lds[1] = ld2;
  await eventually("it is as it was", () => ld2.config !== undefined && partOf("ld2").state === "in sync");
});

it("one whose agent hangs holds nobody up", async () => {
  ld2.hangs = true;
  const [gw1] = region.document.switches as { routes: unknown[] }[];
  const routes = [...gw1!.routes, { prefix: "10.77.0.0/16", discard: true }];
  await controller.client.put("/v1/switches/gw1", { ...gw1, routes }, "x");
  await eventually("the switch has the route", () =>
    [...region.gw1.entries.values()].some(
      (entry) => decodeEntry(gateway, entry).match.prefix === "10.77.0.0/16",
    ),
  );
  expect(await shownAs()).toMatch(/^DOWN: .*its agent has said nothing for 3 s/);
  expect(await controller.metrics()).toMatch(/^sluice_ld_up\{ld="ld2",cluster="east"\} 0$/m);
  ld2.hangs = false;
  await eventually("it is in use again", () => partOf("ld2").state === "in sync");
});
