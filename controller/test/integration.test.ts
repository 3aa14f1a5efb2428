// The controller against real switches. The LDs are test doubles here; the lab has real ones.
import { writeFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../src/cli/run.js";
import { compile, fromRanges } from "../src/compile/index.js";
import { type Entry, MAX_UPDATES_PER_WRITE, P4RuntimeError, Switch, uint } from "../src/p4runtime/index.js";
import { parseState } from "../src/state/index.js";
import * as tables from "../src/tables/gateway.js";
import { runSluice } from "./support/cli.js";
import { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { gatewayPipeline, repositoryFile } from "./support/program.js";
import { type RunningTarget, targets } from "./support/targets.js";

const WAIT_MS = 60_000;

describe.each(targets)("on the $name", (target) => {
  const folder = useFolder();
  let running: RunningTarget;
  let lds: FakeLd[] = [];
  let address: string;
  let file: string;
  let text: string;
  const opened: Switch[] = [];

  beforeEach(async () => {
    address = folder.socket("gw1.sock");
    file = folder.path("sluice.yaml");
    text = repositoryFile("controller/examples/sluice.yaml").replaceAll("/run/sluice", folder.path(""));
    writeFileSync(file, text);
    running = await target.start(address);
    lds = await Promise.all(["ld1", "ld2"].map((name) => FakeLd.listen(folder.socket(`${name}.agent.sock`))));
    (await connect()).close(); // it may be another process that has to start first
  });
  afterEach(async () => {
    for (const connection of opened.splice(0)) {
      connection.close();
    }
    for (const ld of lds) {
      ld.stop();
    }
    await running.stop();
  });

  async function connect(): Promise<Switch> {
    const connection = await Switch.connect({ name: "gw1", address, deviceId: 1n, waitMs: WAIT_MS });
    opened.push(connection);
    return connection;
  }

  const sluice = (...argv: string[]) => runSluice(...argv, "-f", file);

  async function held(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for await (const entry of (await connect()).read()) {
      entries.push(entry);
    }
    return entries;
  }

  const sorted = (entries: Entry[]) =>
    entries
      .map(({ table, match, action, params }) => JSON.stringify([table, match, action, params ?? {}]))
      .sort();

  it("apply makes it hold exactly what is compiled; twice writes nothing", async () => {
    expect(await sluice("apply")).toMatchObject({ code: 0, err: "" });
    const desired = compile(parseState(file, text)).switches[0]!.allEntries();
    expect(sorted(await held())).toEqual(sorted(desired));
    expect((await sluice("apply")).out).toBe("Nothing to change: 1 switch and 2 LDs hold what is desired.\n");
    expect(await sluice("diff")).toMatchObject({ code: 0 });
  });

  it("any document replaces any other", async () => {
    await sluice("apply");
    const other = text
      .replace(/ {6}- name: ld2\n(?: {8}.*\n)+/, "")
      .replace("port: 80\n", "port: 8080\n")
      .replace("10.0.0.0/16", "10.0.0.0/15");
    writeFileSync(file, other);
    expect((await sluice("apply")).err).toBe("");
    expect(sorted(await held())).toEqual(sorted(compile(parseState(file, other)).switches[0]!.allEntries()));
    expect(await sluice("diff")).toMatchObject({ code: 0 });
  });

  it("a switch that is down is named, nothing is changed, and the next apply completes", async () => {
    await running.stop();
    const { code, err } = await sluice("apply");
    expect(code).toBe(3);
    expect(err).toContain(`switch gw1 (${address}) is down`);
    expect(lds.flatMap(({ applied }) => applied)).toEqual([]);
    running = await target.start(address);
    (await connect()).close();
    expect(await sluice("apply")).toMatchObject({ code: 0 });
    expect(await sluice("diff")).toMatchObject({ code: 0 });
  });

  it("a switch that restarted empty is filled again", async () => {
    await sluice("apply");
    await running.stop();
    running = await target.start(address);
    (await connect()).close();
    expect((await sluice("apply")).out).toMatch(/^gw1: pipeline pushed, 1,\d+ entries written .*\n$/);
  });

  it("refused updates are named, all of a batch", async () => {
    const connection = await connect();
    await connection.setPipeline(gatewayPipeline);
    const hops = Array.from({ length: MAX_UPDATES_PER_WRITE }, (_, i) =>
      tables.nexthop.forward(
        { nexthop_id: uint(16, i + 1) },
        { port: 1, vlan_id: 0, src_mac: "02:00:00:00:00:01", dst_mac: "02:00:00:00:00:02" },
      ),
    );
    await connection.insert(...hops);
    const error = await connection.insert(...hops).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(P4RuntimeError);
    expect(
      error.updates.map(({ code, subject }: { code: number; subject: string }) => [code, subject]),
    ).toEqual(
      hops.map(({ match }) => [status.ALREADY_EXISTS, `INSERT nexthop[nexthop_id=${match.nexthop_id}]`]),
    );
    const missing = await connection
      .delete({ table: "nexthop", match: { nexthop_id: 60_000 } }, hops[0]!)
      .then(
        () => undefined,
        (reason) => reason,
      );
    expect(missing.updates).toMatchObject([
      { index: 0, code: status.NOT_FOUND, subject: "DELETE nexthop[nexthop_id=60000]" },
    ]);
    expect(await connection.readEntry(hops[0]!)).toBeUndefined();
    expect(await connection.readEntry(hops[1]!)).toEqual(hops[1]);
  });

  it("counters and drops are read", async () => {
    await sluice("apply");
    expect(JSON.parse((await sluice("get", "drops", "-o", "json")).out)[0].drops).toMatchObject({
      no_route: 0,
      ipv4_checksum: 0,
    });
    expect(JSON.parse((await sluice("get", "services", "-o", "json")).out)[0]).toMatchObject({
      packets: 0,
      bytes: 0,
    });
  });
});

describe("on the soft switch, packets", () => {
  const folder = useFolder();

  it("for a VIP go to the LD that owns their bucket", async () => {
    const text = repositoryFile("controller/examples/sluice.yaml").replaceAll("/run/sluice", folder.path(""));
    writeFileSync(folder.path("sluice.yaml"), text);
    const running = await targets[0]!.start(folder.socket("gw1.sock"));
    const lds = await Promise.all(
      ["ld1", "ld2"].map((name) => FakeLd.listen(folder.socket(`${name}.agent.sock`))),
    );
    try {
      const io = { stdout: { write: () => {} }, stderr: { write: () => {} } };
      expect(await run(["apply", "-f", folder.path("sluice.yaml")], io)).toBe(0);
      const owned = lds.map(({ config }) => fromRanges(config!.ownedBuckets));
      const seen = new Set<number>();
      for (let port = 1024; port < 1024 + 64; port++) {
        const out = running.soft!.inject(1, synToVip(port));
        expect(out).toHaveLength(1);
        const frame = Buffer.from(out[0]!.frame);
        const bucket = (frame.readUInt16BE(34) >> 4) & 1023; // outer UDP source port
        const ld = frame[33]! - 2; // outer destination 10.0.2.2 or 10.0.2.3
        expect(frame.readUInt32BE(30)).toBe(0x0a000202 + ld);
        expect(owned[ld]!.has(bucket)).toBe(true);
        seen.add(ld);
      }
      expect([...seen].sort()).toEqual([0, 1]);
    } finally {
      for (const ld of lds) {
        ld.stop();
      }
      await running.stop();
    }
  });
});

/** A TCP SYN from 198.51.100.7 to 203.0.113.10:80, as the upstream router sends it. */
function synToVip(sourcePort: number): Uint8Array {
  const frame = Buffer.alloc(14 + 20 + 20);
  Buffer.from("020000000001" + "020000000102" + "0800", "hex").copy(frame);
  Buffer.from("4500002800004000400600" + "00" + "c6336407" + "cb00710a", "hex").copy(frame, 14);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) {
    sum += frame.readUInt16BE(i);
  }
  sum = (sum & 0xffff) + (sum >> 16);
  frame.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 24);
  frame.writeUInt16BE(sourcePort, 34);
  frame.writeUInt16BE(80, 36);
  frame.writeUInt16BE(0x5002, 46);
  frame.writeUInt16BE(0xffff, 48);
  return frame;
}
