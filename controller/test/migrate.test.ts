// `sluice migrate`, by a controller whose LDs say how far their copies are.
import { status } from "@grpc/grpc-js";
import { PeerReplication, RsState } from "@sluice/proto/ld";
import { afterEach, beforeEach, expect, it } from "vitest";
import { idsOf } from "../src/compile/index.js";
import { decodeEntry } from "../src/p4runtime/index.js";
import { parseValue, plainDocument } from "../src/state/index.js";
import { runSluice } from "./support/cli.js";
import { eventually, TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, repositoryFile } from "./support/program.js";

interface Document {
  clusters: { lds: Record<string, unknown>[]; [key: string]: unknown }[];
  [section: string]: unknown;
}

const folder = useFolder();
let gw1: FakeSwitch;
let east: FakeLd;
let west: FakeLd;
let document: Document;
let controller: TestController;

/** The example, with its second LD as a cluster of its own. */
function twoClusters(): Document {
  const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
  const whole = plainDocument(text) as Document;
  const [cluster] = whole.clusters;
  const [ld1, ld2] = cluster!.lds;
  const failover = (name: string) => ({ secret: `${name}-0123456789abcdef` });
  whole.clusters = [
    { ...cluster, failover: failover("east"), lds: [ld1!] },
    { ...cluster, name: "west", local_ips: ["198.18.1.0/30"], failover: failover("west"), lds: [ld2!] },
  ];
  return whole;
}

beforeEach(async () => {
  document = twoClusters();
  [gw1, east, west] = await Promise.all([
    FakeSwitch.listen(folder.socket("gw1.sock")),
    FakeLd.listen(folder.socket("ld1.agent.sock")),
    FakeLd.listen(folder.socket("ld2.agent.sock")),
  ]);
  controller = await TestController.start(folder.path(""));
  await controller.apply(document);
});
afterEach(async () => {
  await controller.stop();
  gw1.stop();
  east.stop();
  west.stop();
});

const sluice = (...argv: string[]) => runSluice(...argv, "--server", folder.socket("api.sock"));

/** Which cluster the switch steers the service to, and the one before. */
function steered(): [string, string] {
  const { clusters } = idsOf(parseValue("test", document));
  const nameOf = (id: unknown) => [...clusters].find(([, number]) => number === Number(id))?.[0] ?? "";
  for (const entry of gw1.entries.values()) {
    const { table, params } = decodeEntry(gateway, entry);
    if (table === "service") {
      return [nameOf(params?.cluster_id), nameOf(params?.previous_cluster_id)];
    }
  }
  return ["", ""];
}

/** What each LD says of the other one, and of sessions that have begun there. */
function say(buckets: number, guests = 0): void {
  const peer = (ldId: number | undefined) =>
    PeerReplication.fromPartial({
      ldId: ldId ?? 0,
      migration: true,
      whole: buckets === 1024,
      buckets: 1024,
      sessionsCopied: 40n,
      sessionsToCopy: 40n,
    });
  for (const [ld, other] of [
    [east, west],
    [west, east],
  ] as const) {
    ld.peers = [peer(other.config?.cluster?.ldId)];
    ld.realServers = [
      RsState.fromPartial({ service: "shop", rs: "rs1", sessionsGuest: BigInt(ld === west ? guests : 0) }),
    ];
  }
}

const names = (ld: FakeLd) => ld.config?.services.map(({ name }) => name);

it("copies first, then turns the switches; the service leaves when nobody is left", async () => {
  say(0);
  const migrating = sluice("migrate", "service", "shop", "--to", "west");
  await eventually("both clusters have it", () => names(east)?.[0] === names(west)?.[0]);
  expect(east.config?.migration?.key).toEqual(west.config?.migration?.key);
  await eventually("the switch knows both", () => steered()[1] === "west");
  expect(steered()).toEqual(["east", "west"]);
  expect((await sluice("get", "migrations")).out).toMatch(
    /^shop +east +west +east +0 of 1024 +40 of 40 +copying +0$/m,
  );
  say(1024, 7);
  const { code, out } = await migrating;
  expect(code).toBe(0);
  expect(out).toContain("Moved: service shop is at west, with 40 sessions that were copied.");
  expect(out).toContain("About 7 of them");
  expect(steered()).toEqual(["west", "east"]);
  expect(await sluice("migrate", "finish", "shop")).toMatchObject({
    code: 64,
    err: expect.stringContaining("about 7 sessions of service shop have begun at the other cluster"),
  });
  say(1024, 0);
  expect((await sluice("migrate", "finish", "shop")).code).toBe(0);
  expect(steered()).toEqual(["west", ""]);
  expect([names(east), names(west)]).toEqual([[], ["shop"]]);
  expect(west.config?.migration).toBeUndefined();
  const again = await sluice("migrate", "service", "shop", "--to", "west");
  expect([again.code, again.out]).toEqual([0, expect.stringContaining("Nothing to change")]);
});

it("goes on where it was interrupted, and can be taken back before and after the turn", async () => {
  say(0);
  await sluice("migrate", "service", "shop", "--to", "west", "--no-wait");
  await controller.settled(2);
  say(1024, 3);
  expect((await sluice("migrate", "service", "shop", "--to", "west", "-o", "json")).code).toBe(0);
  expect(steered()).toEqual(["west", "east"]);
  expect((await sluice("migrate", "abort", "shop")).code).toBe(0);
  expect(steered()).toEqual(["east", "west"]);
  say(1024, 0);
  await sluice("migrate", "finish", "shop");
  expect(steered()).toEqual(["east", ""]);
  expect([names(east), names(west)]).toEqual([["shop"], []]);
});

it("is over for who waits for it when somebody else takes it back before the switches have turned", async () => {
  say(0);
  const migrating = sluice("migrate", "service", "shop", "--to", "west");
  await eventually("the switch knows both", () => steered()[1] === "west");
  const abort = await sluice("migrate", "abort", "shop");
  expect(abort).toMatchObject({ code: 0, out: expect.stringContaining("migration.from") });
  say(1024);
  expect(await migrating).toMatchObject({
    code: 64,
    err: expect.stringContaining(
      "error: service shop does not migrate any more (somebody has ended it: sluice history shows who)\n",
    ),
  });
  expect(steered()).toEqual(["east", ""]);
  expect([names(east), names(west)]).toEqual([["shop"], []]);
});

it("is not said to be done when somebody has ended it, or turned back, before it was", async () => {
  say(1024);
  west.refusal = "no room";
  const migrate = ["migrate", "service", "shop", "--to", "west", "--timeout", "100000"];
  const first = sluice(...migrate, "-o", "json");
  await eventually("it is begun", () => controller.controller.region.revision === 2);
  await sluice("migrate", "finish", "shop", "--force", "--no-wait");
  west.refusal = undefined;
  expect(await first).toMatchObject({
    code: 64,
    out: "",
    err: expect.stringContaining("somebody has ended it"),
  });

  await sluice("migrate", "service", "shop", "--to", "west", "--no-wait");
  await controller.settled(4);
  gw1.refuse = () => ({ code: status.RESOURCE_EXHAUSTED, message: "no TCAM left" });
  const second = sluice(...migrate);
  await eventually("the switches are to turn", () => controller.controller.region.revision === 5);
  await sluice("migrate", "abort", "shop", "--no-wait");
  gw1.refuse = () => undefined;
  expect(await second).toMatchObject({
    code: 64,
    out: "",
    err: expect.stringContaining(
      "error: service shop is at east again: somebody else has changed that meanwhile (sluice history shows who)\n",
    ),
  });
});

it("that is taken back stays open for those who have begun at the other cluster, and for those whom nobody can ask about", async () => {
  say(1024, 3);
  await sluice("migrate", "service", "shop", "--to", "west");
  expect((await sluice("migrate", "abort", "shop")).code).toBe(0);
  east.realServers = [RsState.fromPartial({ service: "shop", rs: "rs1", sessionsGuest: 2n })];
  expect(await sluice("migrate", "abort", "shop")).toMatchObject({
    code: 0,
    out: expect.stringContaining("Nothing to change"),
  });
  west.stop();
  expect(await sluice("migrate", "abort", "shop")).toMatchObject({
    code: 3,
    err: expect.stringContaining("sluice migrate finish shop --force"),
  });
  expect(steered()).toEqual(["east", "west"]);
});

it("says what is wrong", async () => {
  expect(await sluice("migrate", "abort", "shop")).toMatchObject({
    code: 64,
    err: "error: service shop does not migrate (sluice get migrations lists those that do)\n",
  });
  const nowhere = await sluice("migrate", "service", "shop", "--to", "south");
  expect(nowhere.code).not.toBe(0);
  expect(nowhere.err).toContain('service shop: migration: to: cluster "south" does not exist');
  await sluice("migrate", "service", "shop", "--to", "west", "--no-wait");
  expect(await sluice("migrate", "service", "shop", "--to", "east")).toMatchObject({
    code: 64,
    err: expect.stringContaining("service shop migrates from east to west"),
  });
});
