// One LD of a cluster refuses its configuration, is dead, or hangs: what another cluster has to do goes on.
import { writeFileSync } from "node:fs";
import { RsState } from "@sluice/proto/ld";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromRanges } from "../src/compile/index.js";
import { decodeEntry, type Entry } from "../src/p4runtime/index.js";
import { runSluice } from "./support/cli.js";
import { eventually, type TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";
import { useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);
const failover = { secret: "0123456789abcdef" };
let controller: TestController;
let east: Record<string, unknown> & { lds: Record<string, unknown>[] };
let shop: Record<string, unknown>;
/** An LD that joins east. */
let second: Record<string, unknown>;
/** LDs of west. */
let [ld3, ld4]: FakeLd[] = [];

const owned = (ld: FakeLd | undefined) => fromRanges(ld?.config?.ownedBuckets ?? []).size;
const served = (ld: FakeLd | undefined) => (ld?.config?.services ?? []).map(({ name }) => name).sort();
const partOf = (name: string) => controller.controller.reconciler.parts.find((part) => part.name === name)!;
const put = (path: string, value: unknown) => controller.client.put(`/v1/${path}`, value, "x");

function entries(table: string): Entry[] {
  return [...region.gw1.entries.values()]
    .map((entry) => decodeEntry(gateway, entry))
    .filter((entry) => entry.table === table);
}

const ports = () =>
  entries("service")
    .map(({ match }) => match!.port)
    .sort();
const ldsOfBuckets = () => new Set(entries("ld_of_bucket").map(({ params }) => params!.ld_id)).size;

beforeEach(async () => {
  const [cluster] = region.document.clusters;
  const agents = ["ld3", "ld4"].map((name) => folder.socket(`${name}.agent.sock`));
  [ld3, ld4] = await Promise.all(agents.map((agent) => FakeLd.listen(agent)));
  const others = agents.map((agent, i) => ({
    ...cluster!.lds[0],
    name: `ld${i + 3}`,
    agent,
    address: `10.0.2.${i + 4}/24`,
    mac: `02:00:00:00:02:0${i + 4}`,
  }));
  second = cluster!.lds[1]!;
  east = { ...cluster!, failover, lds: [cluster!.lds[0]!] };
  const west = { ...cluster!, name: "west", local_ips: ["198.18.1.0/30"], failover, lds: others };
  shop = (region.document.services as Record<string, unknown>[])[0]!;
  const away = { ...shop, name: "away", port: 7000, cluster: "west" };
  region.document = { ...region.document, clusters: [east, west], services: [shop, away] };
  controller = await region.start({ timeoutMs: 2_000 });
  await controller.apply(region.document);
});

afterEach(() => {
  ld3!.stop();
  ld4!.stop();
});

const FAULTS: Record<string, () => void> = {
  refuses: () => {
    ld3!.refusal = "no memory left";
  },
  "is dead": () => ld3!.stop(),
  hangs: () => {
    ld3!.hangs = true;
  },
};

describe.each(Object.keys(FAULTS))("while an LD of west that has something to be told %s", (fault) => {
  beforeEach(async () => {
    FAULTS[fault]!();
    await put("services/late", { ...shop, name: "late", port: 7001, cluster: "west" });
    await eventually("the other LD of west has it", () => served(ld4).includes("late"));
    await eventually("the fault is known", () => partOf("ld3").state !== "in sync");
  });

  it("a service comes to east, and leaves", async () => {
    await put("services/more", { ...shop, name: "more", port: 8443 });
    await eventually("the LD has it", () => served(region.lds[0]).includes("more"));
    await eventually("the switch steers to it", () => ports().includes(8443));
    await controller.client.delete("/v1/services/more", "x");
    await eventually("nothing is steered there", () => !ports().includes(8443));
    await eventually("the LD has forgotten it", () => !served(region.lds[0]).includes("more"));
  });

  it("an LD joins east, and takes its buckets", async () => {
    await put("clusters/east", { ...east, lds: [...east.lds, second] });
    await eventually("it has its half", () => region.lds.every((ld) => owned(ld) === 512));
    await eventually("the switch knows", () => ldsOfBuckets() === 4);
    await eventually("they have settled", () =>
      region.lds.every((ld) => ld.config!.heartbeat?.previousEpoch === 0),
    );
  });
});

it("who waits for an LD that refuses is told, and no command of another cluster does", async () => {
  ld3!.refusal = "no memory left";
  await put("services/late", { ...shop, name: "late", port: 7001, cluster: "west" });
  await eventually("the switch waits", () => partOf("gw1").state === "waiting");
  expect(partOf("gw1")).toMatchObject({ reason: "ld3 comes first", waits_for: ["ld3"] });
  expect(ports()).not.toContain(7001);
  const rs = { service: "shop", rs: "rs1", address: Uint8Array.of(192, 168, 0, 2), port: 8443 };
  region.lds[0]!.realServers = [RsState.fromPartial(rs)];
  const { code, out } = await region.sluice("drain", "rs", "shop", "rs1", "-o", "json");
  expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, settled: true, complete: true });
  expect((await region.sluice("status")).out).toMatch(/ld3 +LD +refusing: .*no memory left/);
  ld3!.refusal = undefined;
  await eventually("it has it", () => ports().includes(7001));
  await eventually("nobody waits", () => partOf("gw1").state === "in sync");
  expect(partOf("gw1").waits_for).toBeUndefined();
});

it("an LD of west that has not got its sessions keeps no bucket of east from moving", async () => {
  await region.stop(controller);
  ld4!.online = false;
  // Nothing but the copies ends its waiting.
  controller = await region.start({ auditMs: 600_000 });
  await eventually("it is looked at", () => controller.controller.reconciler.applied > 0);
  const [here, west] = region.document.clusters as [typeof east, typeof east];
  const drained = west.lds.map((ld) => ({ ...ld, drained: ld.name === "ld3" }));
  await put("state", {
    ...region.document,
    clusters: [
      { ...here, lds: [...here.lds, second] },
      { ...west, lds: drained },
    ],
  });
  await eventually("it has its half", () => region.lds.every((ld) => owned(ld) === 512));
  await eventually("west copies", () =>
    controller.controller.reconciler.moves.some(({ waiting }) => waiting?.why === "copying"),
  );
  expect(owned(ld3)).toBe(512);
});

it("without a controller buckets of east move to the end, and the error says what west has refused", async () => {
  await region.stop(controller);
  ld3!.refusal = "no memory left";
  const [here, west] = region.document.clusters as [typeof east, typeof east];
  const late = { ...shop, name: "late", port: 7001, cluster: "west" };
  const document = {
    ...region.document,
    clusters: [{ ...here, lds: [...here.lds, second] }, west],
    services: [...(region.document.services as object[]), late],
  };
  writeFileSync(folder.path("sluice.yaml"), JSON.stringify(document));
  const { code, err } = await runSluice("apply", "-f", folder.path("sluice.yaml"));
  expect({ code, err }).toEqual({ code: 4, err: expect.stringContaining("no memory left") });
  expect(region.lds.map(owned)).toEqual([512, 512]);
  expect(ldsOfBuckets()).toBe(4);
  expect(ports()).not.toContain(7001);
});
