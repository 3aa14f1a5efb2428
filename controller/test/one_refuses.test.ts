// One LD that refuses what it is told, for as long as it does: what has nothing to do with LDs is done all the same.
import { expect, it } from "vitest";
import { decodeEntry } from "../src/p4runtime/index.js";
import { eventually } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";
import { useRegion } from "./support/region.js";

const region = useRegion(useFolder());
const tables = (name: string) =>
  [...region.gw1.entries.values()].filter((entry) => decodeEntry(gateway, entry).table === name).length;

it("EIPs move, come and go, and access lists change; services come when it takes them", async () => {
  const controller = await region.start();
  await controller.apply(region.document);
  region.lds[1]!.refusal = "no memory left";
  const [shop] = region.document.services as Record<string, unknown>[];
  await controller.client.put("/v1/services/more", { ...shop, name: "more", port: 8081 }, "x");
  const isRefused = () => controller.lines.filter(({ event }) => event === "reconcile_failed").length;
  await eventually("it is refused", () => isRefused() > 0);
  const [services, rules] = [tables("service"), tables("acl")];
  const phone = region.document.eips[2] as { vm: object };
  await controller.client.put("/v1/eips/phone", { ...phone, vm: { ...phone.vm, host: "10.0.6.9" } }, "x");
  await controller.client.delete("/v1/eips/vm1", "x");
  await controller.client.put("/v1/acl", [], "x");
  const before = isRefused();
  await eventually("it is refused again", () => isRefused() > before + 1);
  expect(region.bindingOf("100.64.9.7")).toContain("host=10.0.6.9");
  expect(region.bindingOf("203.0.113.50")).toBeUndefined();
  expect([rules, tables("acl")]).toEqual([3, 0]);
  expect(tables("service")).toBe(services);
  region.lds[1]!.refusal = undefined;
  await controller.settled(5);
  expect(tables("service")).toBe(services + 1);
});
