// Two controllers of one region, as processes, on a real etcd and a real soft switch: one is killed in the middle of its work, or
// sleeps through its own end, and the region goes on.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiClient } from "../src/api/index.js";
import { buildProbe } from "../src/cli/probe.js";
import { Switch } from "../src/p4runtime/index.js";
import { plainDocument } from "../src/state/index.js";
import { eventually } from "./support/controller.js";
import { TestEtcd } from "./support/etcd.js";
import { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";
import { type RunningTarget, targets } from "./support/targets.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
/** Each is an entry by its address and one by its VM. */
const EIPS = 5_000;
const UPSTREAM_PORT = 1;

// Eight processes start here, one after the other, on machines that may be busy.
vi.setConfig({ testTimeout: 600_000 });

const folder = useFolder();
let etcd: TestEtcd;
let gw1: RunningTarget;
let lds: FakeLd[];
let controllers: Map<string, ChildProcess>;
let client: ApiClient;
let document: { eips: Record<string, unknown>[] };

beforeEach(async () => {
  controllers = new Map();
  etcd = await TestEtcd.start(folder.path(""));
  gw1 = await targets[0]!.start(folder.socket("gw1.sock"));
  lds = await Promise.all(["ld1", "ld2"].map((name) => FakeLd.listen(folder.socket(`${name}.agent.sock`))));
  const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
  document = plainDocument(text.replace("203.0.113.0/24", "203.0.0.0/16")) as typeof document;
  client = new ApiClient({ server: ["a", "b"].map(api).join(), timeoutMs: 160_000 });
});
afterEach(async () => {
  for (const controller of controllers.values()) {
    controller.kill("SIGCONT");
    controller.kill("SIGKILL");
  }
  await gw1.stop();
  for (const ld of lds) ld.stop();
  await etcd.kill();
});

const api = (name: string) => folder.socket(`${name}.api.sock`);

/** Starts a controller and waits until its API answers. */
async function start(name: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      ...[main, "serve", "--store", `etcd:${etcd.address}/regions/test`, "--listen", api(name)],
      ...["--lease", "5", "--audit", "100"],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  controllers.set(name, child);
  await health(name, () => true);
}

/** Waits until a controller says of itself what it shall. */
async function health(name: string, wanted: (health: { leads: boolean; leader?: string }) => boolean) {
  const one = new ApiClient({ server: api(name), timeoutMs: 5_000 });
  const deadline = Date.now() + 150_000;
  for (;;) {
    const said = await one.get<{ leads: boolean; leader?: string }>("/healthz").catch(() => undefined);
    if (said !== undefined && wanted(said.body)) return;
    if (Date.now() > deadline) throw new Error(`controller ${name} says ${JSON.stringify(said?.body)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kills a controller when it has written a part of a large change. */
async function killInTheMiddle(name: string): Promise<void> {
  const child = controllers.get(name)!;
  const exited = once(child, "exit");
  const soft = gw1.soft!;
  const write = soft.writeEncoded.bind(soft);
  let updates = 0;
  const spy = vi.spyOn(soft, "writeEncoded").mockImplementation((bytes, starts, ends) => {
    updates += starts.length;
    if (updates > EIPS / 4) child.kill("SIGKILL");
    return write(bytes, starts, ends);
  });
  await exited;
  spy.mockRestore();
  controllers.delete(name);
}

/** A leads, B stands by, the example's state is everywhere. */
async function startBoth(): Promise<void> {
  await start("a");
  await health("a", ({ leads }) => leads);
  await start("b");
  await health("b", ({ leader }) => leader === api("a"));
  await apply(document);
}

async function apply(wanted: unknown): Promise<number> {
  const { body } = await client.put<{ revision: number }>("/v1/state", wanted, "apply");
  await settled(body.revision);
  return body.revision;
}

async function settled(revision: number): Promise<void> {
  const { body } = await client.get<{ settled: boolean; parts: unknown }>(
    `/v1/status?revision=${revision}&wait_ms=150000`,
  );
  expect(body.settled, JSON.stringify(body.parts)).toBe(true);
}

async function boundEips(): Promise<number> {
  const reader = await Switch.connect({
    name: "gw1",
    address: folder.socket("gw1.sock"),
    deviceId: 1n,
    write: false,
  });
  let count = 0;
  try {
    for await (const { table } of reader.read()) {
      count += table === "eip_in" ? 1 : 0;
    }
  } finally {
    reader.close();
  }
  return count;
}

/** Whether a packet to an EIP that was there from the beginning leaves to the host of its VM. */
function packetArrives(): boolean {
  const frame = buildProbe({
    ...{ srcMac: "02:00:00:00:01:02", dstMac: "02:00:00:00:00:01", vlan: 0, protocol: 6 },
    ...{ src: "198.51.100.7", dst: "203.0.113.50", srcPort: 40_000, dstPort: 22 },
  });
  return gw1.soft!.inject(UPSTREAM_PORT, frame).length === 1;
}

const more = () => ({
  ...document,
  eips: [
    ...document.eips,
    ...Array.from({ length: EIPS }, (_, i) => ({
      ...{ name: `more-${i}`, address: `203.0.${i >> 8}.${i & 255}`, network: "bgp" },
      vm: {
        ...{ vpc: "green", address: `172.16.${i >> 8}.${i & 255}`, host: "10.0.6.2" },
        mac: "02:00:00:00:06:77",
      },
    })),
  ],
});

describe("two controllers", () => {
  it("one that is killed in the middle of writing 10,000 entries: the other one completes it, and no packet is lost", async () => {
    await startBoth();
    const before = await boundEips();
    const asked = client.put<{ revision: number }>("/v1/state", more(), "apply");
    asked.catch(() => {}); // it is waited for below
    let lost = 0;
    let sent = 0;
    const watch = setInterval(() => {
      sent++;
      lost += packetArrives() ? 0 : 1;
    }, 5);
    try {
      await killInTheMiddle("a");
      const left = await boundEips();
      expect(left).toBeLessThan(before + EIPS);
      await health("b", ({ leads }) => leads);
      await settled((await asked).body.revision);
      expect(await boundEips()).toBe(before + EIPS);
    } finally {
      clearInterval(watch);
    }
    expect(sent).toBeGreaterThan(0);
    expect(lost).toBe(0);
    const { body } = await client.get<{ commits: { changes: number }[] }>("/v1/history");
    expect(body.commits[0]).toMatchObject({ action: "apply", changes: EIPS });
  });

  it("one that was stopped and goes on when another one leads changes nothing any more, and stands by", async () => {
    await startBoth();
    controllers.get("a")!.kill("SIGSTOP");
    await health("b", ({ leads }) => leads);
    const moved = { ...document, eips: document.eips.filter(({ name }) => name !== "vm1") };
    const revision = await apply(moved);
    expect(packetArrives()).toBe(false);
    const held = lds.map(({ config }) => config);
    controllers.get("a")!.kill("SIGCONT");
    await health("a", ({ leads, leader }) => !leads && leader === api("b"));
    // It had time to look at the parts several times, and what it believed was the old state.
    await settled(revision);
    expect(packetArrives()).toBe(false);
    expect(lds.map(({ config }) => config)).toEqual(held);
  });

  it("leave everything as it is while etcd is away, and one leads again when it is back", async () => {
    await startBoth();
    await etcd.kill();
    await health("a", ({ leads }) => !leads);
    expect(packetArrives()).toBe(true);
    const refused = await new ApiClient({ server: api("a"), timeoutMs: 5_000 })
      .get("/v1/state")
      .catch((reason) => reason);
    expect(refused.status).toBe(503);
    expect(refused.message).toContain("no controller leads");
    await etcd.start();
    await apply(more());
    expect(packetArrives()).toBe(true);
  });

  it("hand over at once when the one that leads is stopped as it should be", async () => {
    await startBoth();
    const child = controllers.get("a")!;
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(child.exitCode).toBe(0);
    await health("b", ({ leads }) => leads);
    await settled(1);
    await eventually("packets arrive", packetArrives);
  });
});
