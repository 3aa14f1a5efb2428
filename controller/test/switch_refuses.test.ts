// One of two switches refuses what is of no cluster: what the other one gets, and what waits for it.
import { status } from "@grpc/grpc-js";
import { beforeEach, expect, it } from "vitest";
import { type ApplyError, type EntryChange, executePlan, type Writes } from "../src/reconcile/index.js";
import { type Document, twoClusters, writesBetween } from "./support/two_clusters.js";

/** With gw2 beside gw1, of the same region. */
function twoSwitches(): Document {
  const document = twoClusters();
  const [gw1] = document.switches as Record<string, unknown>[];
  const gw2 = {
    ...structuredClone(gw1),
    name: "gw2",
    p4runtime: "unix:/run/gw2",
    tunnel_address: "10.255.0.2",
  };
  return { ...document, switches: [gw1, gw2] };
}

/** An EIP comes, one moves, one goes; and a way to a host goes, which is no EIP's own. */
function changeEips(document: Document): void {
  const eips = document.eips as Record<string, unknown>[];
  const [first, , phone] = eips as { vm: object }[];
  document.eips = [
    { ...phone, vm: { ...phone!.vm, host: "10.0.6.9" } },
    { ...first, name: "new", address: "203.0.113.60", vm: { ...first!.vm, address: "192.168.0.60" } },
  ];
  for (const gw of document.switches as { routes: object[] }[]) {
    gw.routes = gw.routes.filter((route) => (route as { prefix: string }).prefix !== "10.0.0.0/16");
  }
}

function addService(document: Document, cluster: string): void {
  const [shop] = document.services;
  document.services.push({ ...shop, name: `more-${cluster}`, port: 9000, cluster });
}

let written: Map<string, EntryChange[]>;
let configured: string[];
let pushed: string[];

beforeEach(() => {
  written = new Map();
  configured = [];
  pushed = [];
});

function refusal(part: string): Error {
  return Object.assign(new Error(`${part}: the table is full`), { code: status.RESOURCE_EXHAUSTED });
}

/** @param refuses - whether gw1 does, of changes, or of its pipeline */
function planOf(
  change: (document: Document) => void,
  refuses: (changes: EntryChange[] | undefined) => boolean,
) {
  const after = twoSwitches();
  change(after);
  return writesBetween(twoSwitches(), after, (part) => ({
    applyConfig: async () => {
      configured.push(part);
    },
    setPipeline: async () => {
      if (part === "gw1" && refuses(undefined)) throw refusal(part);
      pushed.push(part);
    },
    writePacked: async (changes: EntryChange[]) => {
      if (part === "gw1" && refuses(changes)) throw refusal(part);
      written.set(part, [...(written.get(part) ?? []), ...changes]);
    },
  }));
}

async function execute(plan: Writes): Promise<ApplyError> {
  return await executePlan(plan).then(
    () => expect.unreachable("gw1 refuses"),
    (error: ApplyError) => error,
  );
}

const refusesNewEips = (changes: EntryChange[] | undefined) =>
  changes?.some(({ type, table }) => type === "insert" && table === "eip_out") ?? false;

/** What there is to tell a switch, but for what `leave` names. */
const wantedOf = (plan: Writes, name: string, leave: (change: EntryChange) => boolean = () => false) =>
  plan.switches.find(({ part }) => part.spec.name === name)!.changes.filter((change) => !leave(change));

const sorted = (changes: readonly EntryChange[] = []) =>
  changes.map(({ type, table, entry }) => JSON.stringify([type, table, entry], bigints)).sort();
const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);

it("the other one gets all of its own", async () => {
  const plan = planOf(changeEips, refusesNewEips);
  const error = await execute(plan);
  expect([...error.reasons]).toEqual([["gw1", "gw1: the table is full"]]);
  expect([...error.waiting]).toEqual([]);
  expect(new Set(wantedOf(plan, "gw2").map(({ type }) => type))).toEqual(
    new Set(["insert", "modify", "delete"]),
  );
  expect(sorted(written.get("gw2"))).toEqual(sorted(wantedOf(plan, "gw2")));
});

it("the one that refuses is told nothing that comes after what it has refused", async () => {
  await execute(planOf(changeEips, refusesNewEips));
  expect((written.get("gw1") ?? []).filter(({ type }) => type !== "insert")).toEqual([]);
});

it("a cluster that it is to be told of waits for it, and so does what packets of that cluster may need", async () => {
  const plan = planOf((document) => {
    changeEips(document);
    addService(document, "east");
  }, refusesNewEips);
  const error = await execute(plan);
  expect([...error.waiting].sort()).toEqual([
    ["gw2", ["gw1"]],
    ["ld1", ["gw1"]],
  ]);
  expect(configured).toEqual([]);
  const waits = ({ type, table }: EntryChange) =>
    table === "service" || (type === "delete" && !/^(eip_|vm|acl)/.test(table));
  expect(wantedOf(plan, "gw2").filter(waits).length).toBeGreaterThan(1);
  expect(sorted(written.get("gw2"))).toEqual(sorted(wantedOf(plan, "gw2", waits)));
});

it("a cluster that it has been told of does not", async () => {
  const isOfCluster = ({ table }: EntryChange) => table === "service";
  const plan = planOf((document) => {
    changeEips(document);
    addService(document, "east");
  }, refusesNewEips);
  const gw1 = plan.switches.find(({ part }) => part.spec.name === "gw1")!;
  gw1.changes = gw1.changes.filter((change) => !isOfCluster(change));
  const error = await execute(plan);
  expect([...error.waiting]).toEqual([]);
  expect(new Set(configured)).toEqual(new Set(["ld1"]));
  expect(sorted(written.get("gw2"))).toEqual(sorted(wantedOf(plan, "gw2")));
});

it("LDs that get another way to it wait until it has its end of it", async () => {
  const plan = planOf(
    (document) => {
      const [gw1] = document.switches as Record<string, unknown>[];
      gw1!.tunnel_address = "10.255.0.9";
    },
    (changes) => changes?.some(({ type, table }) => type === "insert" && table === "my_tunnel") ?? false,
  );
  const error = await execute(plan);
  expect(configured).toEqual([]);
  expect([...error.waiting].sort()).toEqual([
    ["gw2", ["gw1"]], // what it has of the address before
    ["ld1", ["gw1"]],
    ["ld2", ["gw1"]],
  ]);
});

it("a cluster that has got all keeps nothing from going, whatever is refused afterwards", async () => {
  const plan = planOf(
    (document) => {
      changeEips(document);
      addService(document, "east");
    },
    (changes) => changes?.some(({ type, table }) => type === "modify" && table === "eip_in") ?? false,
  );
  const error = await execute(plan);
  expect([...error.reasons.keys()]).toEqual(["gw1"]);
  expect([...error.waiting]).toEqual([]);
  expect(sorted(written.get("gw2"))).toEqual(sorted(wantedOf(plan, "gw2")));
});

it("what packets of a cluster may need waits for the part that keeps that cluster, and for no other", async () => {
  const plan = planOf((document) => {
    changeEips(document);
    addService(document, "west");
  }, refusesNewEips);
  const gw1 = plan.switches.find(({ part }) => part.spec.name === "gw1")!;
  gw1.changes = gw1.changes.filter(({ table }) => table !== "service");
  const ld2 = plan.lds.find(({ part }) => part.spec.name === "ld2")!;
  ld2.part.connection.applyConfig = () => Promise.reject(new Error("ld2 refuses"));
  const error = await execute(plan);
  expect([...error.reasons.keys()].sort()).toEqual(["gw1", "ld2"]);
  expect([...error.waiting]).toEqual([["gw2", ["ld2"]]]);
});

it("a pipeline that it refuses is no reason for the other one to wait", async () => {
  const plan = planOf(changeEips, (changes) => changes === undefined);
  for (const item of plan.switches) item.push = true;
  const error = await execute(plan);
  expect([...error.reasons.keys()]).toEqual(["gw1"]);
  expect(pushed).toEqual(["gw2"]);
  expect(written.get("gw1")).toBeUndefined();
  expect(sorted(written.get("gw2"))).toEqual(sorted(wantedOf(plan, "gw2")));
});
