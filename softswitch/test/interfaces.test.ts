// The switch as a process, on real interfaces: the compiled gateway between the kernels of two namespaces.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { DataplaneInterfaceClient } from "@sluice/proto/bm";
import { SetForwardingPipelineConfigRequest_Action as Action, PacketOut } from "@sluice/proto/p4runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import {
  CPU_PORT,
  GATEWAY_MAC,
  gatewayConfig,
  insertEntries,
  MY_MAC,
  type Side,
  sideEntries,
} from "./support/gateway.js";
import { EVERY_ENTRY } from "./support/messages.js";
import { Lab, Lines, whyNoNetns } from "./support/netns.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const WIRE = fileURLToPath(new URL("support/wire.mjs", import.meta.url));

const obstacle = existsSync(MAIN) ? whyNoNetns() : "the switch is not built (npm run build)";
if (obstacle !== undefined) console.log(`SKIPPED, interfaces: ${obstacle}`);

/** Until the switch is taken for dead. Never a proof of anything. */
const PATIENCE = { timeout: 60_000 };

const mac = (number: number) => `02:00:00:00:00:0${number}`;
const LEFT: Side = {
  port: 1,
  vlan: 0,
  network: 1,
  gateway: "10.1.0.254",
  neighbour: "10.1.0.1",
  mac: mac(1),
};
const RIGHT: Side = {
  port: 2,
  vlan: 0,
  network: 2,
  gateway: "10.2.0.254",
  neighbour: "10.2.0.1",
  mac: mac(2),
};
/** Behind the same cable as LEFT, in a VLAN. */
const TAGGED: Side = {
  port: 1,
  vlan: 7,
  network: 3,
  gateway: "10.3.0.254",
  neighbour: "10.3.0.1",
  mac: mac(3),
};

/** Its port is no interface. */
const STREAMED: Side = {
  port: 9,
  vlan: 0,
  network: 4,
  gateway: "10.4.0.254",
  neighbour: "10.4.0.1",
  mac: mac(4),
};

const ipHex = (address: string) => Buffer.from(address.split(".").map(Number)).toString("hex");
const hex = (...parts: string[]) => parts.join("").replaceAll(":", "").replaceAll(" ", "");

describe.skipIf(obstacle !== undefined)("the switch on interfaces", () => {
  const lab = new Lab();
  const folder = temporaryFolder();
  const address = `unix:${folder.path}/p4rt.sock`;
  const packetAddress = `unix:${folder.path}/packets.sock`;
  let sluice: ChildProcess;
  let log: Lines;
  let client: TestClient;
  let stream: ReturnType<TestClient["stream"]>;
  let wire: ChildProcess;
  let wireOut: Lines;

  beforeAll(async () => {
    lab.add("left", "right", "switch");
    connectLeft();
    lab.link("right", "eth0", "switch", "s2");
    setUpHost("right", RIGHT);
    // As a frame is forwarded, it is whole: segments that offloads merged would be dropped. Checksum offload stays on.
    for (const [node, name] of [
      ["left", "eth0"],
      ["right", "eth0"],
    ] as const) {
      turnMergingOff(node, name);
    }
    const words = ["--grpc-addr", address, "--dp-grpc-addr", packetAddress, "--cpu-port", String(CPU_PORT)];
    sluice = lab.start("switch", process.execPath, MAIN, ...words, "-i", "1@s1", "-i", "2@s2");
    log = new Lines(sluice, "stderr");
    await log.until((line) => line.includes("listening"));
    client = new TestClient(address);
    ({ stream } = await client.arbitrate(id(1)));
    await client.setPipeline({ action: Action.VERIFY_AND_COMMIT, electionId: id(1), config: gatewayConfig });
    const entries = [MY_MAC, ...[LEFT, RIGHT, TAGGED, STREAMED].flatMap(sideEntries)];
    await client.write(insertEntries(...entries), id(1));
    await startWire();
  });

  afterAll(async () => {
    client?.close();
    await lab.remove();
    folder.remove();
  });

  function connectLeft(): void {
    lab.link("left", "eth0", "switch", "s1");
    setUpHost("left", LEFT);
  }

  function setUpHost(node: string, side: Side): void {
    lab.ip(node, "link", "set", "eth0", "address", side.mac);
    lab.ip(node, "address", "add", `${side.neighbour}/24`, "dev", "eth0");
    lab.ip(node, "route", "add", "default", "via", side.gateway);
  }

  function turnMergingOff(node: string, name: string): void {
    lab.run(node, "ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off");
  }

  async function startWire(): Promise<void> {
    wire = lab.start("left", process.execPath, WIRE, "eth0");
    wireOut = new Lines(wire, "stdout");
    await wireOut.until((line) => line === "ready");
  }

  const ping = (count: number) =>
    lab.run("left", "ping", "-c", `${count}`, "-i", "0.02", "-W", "5", RIGHT.neighbour);

  const counters = async () => {
    const seen = log.all.length;
    sluice.kill("SIGUSR2");
    return JSON.parse(await log.until((line) => line.includes('"rxFrames"'), seen));
  };

  test("ARP is answered and pings go through", () => {
    expect(ping(20)).toContain("20 packets transmitted, 20 received");
    expect(lab.run("left", "ip", "neigh", "show", LEFT.gateway)).toContain(GATEWAY_MAC);
  });

  test("TCP data arrives whole, with checksums left to the cards", async () => {
    expect(lab.run("left", "ethtool", "-k", "eth0")).toMatch(
      /tx-checksum-ip-generic: on|tx-checksumming: on/,
    );
    const bytes = 3_000_000;
    const server = lab.start("right", process.execPath, "-e", RECEIVER);
    const lines = new Lines(server, "stdout");
    await lines.until((line) => line === "ready");
    const sent = lab.run("left", process.execPath, "-e", SENDER, RIGHT.neighbour, `${bytes}`).trim();
    expect(await lines.until((line) => line.startsWith("sha256"))).toBe(sent);
  });

  test("VLAN tags, which the kernel keeps beside the frame, come in and go out", async () => {
    // ARP: who has TAGGED's gateway? Asked in VLAN 7 with priority 5.
    const zero = "00:00:00:00:00:00";
    const question = `0001 0800 06 04 0001 ${TAGGED.mac} 0a030001 ${zero} 0a0300fe`;
    wire.stdin!.write(`${hex("ffffffffffff", TAGGED.mac, "8100 a007 0806", question)}\n`);
    const answer = hex(TAGGED.mac, GATEWAY_MAC, "8100");
    const line = await wireOut.until((frame) => frame.startsWith(answer));
    expect(line.slice(answer.length + 1, answer.length + 4)).toBe("007");
    expect(line).toContain(hex("0806 0001 0800 06 04 0002", GATEWAY_MAC, "0a0300fe", TAGGED.mac, "0a030001"));
  });

  test("packet-out leaves by its interface, and packet-in comes from one", async () => {
    const frame = hex(LEFT.mac, GATEWAY_MAC, "88b5", "c0ffee".repeat(20));
    const packet = PacketOut.fromPartial({
      payload: Buffer.from(frame, "hex"),
      metadata: [{ metadataId: 1, value: Uint8Array.of(1) }],
    });
    stream.send({ $case: "packet", value: packet });
    await wireOut.until((line) => line === frame);

    const reply = hex(
      GATEWAY_MAC,
      LEFT.mac,
      "0806 0001 0800 06 04 0002",
      LEFT.mac,
      "0a010001",
      GATEWAY_MAC,
      "0a0100fe",
    );
    wire.stdin!.write(`${reply}\n`);
    for (;;) {
      const { payload } = await stream.nextOf("packet");
      if (Buffer.from(payload).toString("hex").startsWith(reply)) break;
    }
  });

  test("ports that are no interfaces belong to BMv2's packet stream", async () => {
    const packets = new DataplaneInterfaceClient(packetAddress, credentials.createInsecure());
    const packetStream = packets.packetStream();
    packetStream.on("error", () => {}); // our own cancellation
    const next = async () => (await once(packetStream, "data", { signal: AbortSignal.timeout(60_000) }))[0];
    const ask = (side: Side, from: string) =>
      Buffer.from(
        hex(
          "ffffffffffff",
          side.mac,
          "0806 0001 0800 06 04 0001",
          side.mac,
          from,
          "000000000000",
          ipHex(side.gateway),
        ),
        "hex",
      );

    const out = PacketOut.fromPartial({
      payload: Buffer.from("to port 9"),
      metadata: [{ metadataId: 1, value: Uint8Array.of(9) }],
    });

    let arrival = next();
    packetStream.write({ id: 5n, deviceId: 1n, port: STREAMED.port, packet: ask(STREAMED, "0a040001") });
    expect(await arrival).toMatchObject({ id: 5n, port: STREAMED.port });

    // In by the stream at an interface's port, out of that interface and not by the stream.
    arrival = next();
    packetStream.write({ id: 6n, deviceId: 1n, port: LEFT.port, packet: ask(LEFT, "0a01004d") });
    await wireOut.until((line) =>
      line.includes(hex("0806 0001 0800 06 04 0002", GATEWAY_MAC, "0a0100fe", LEFT.mac, "0a01004d")),
    );
    stream.send({ $case: "packet", value: out });
    expect(await arrival).toMatchObject({ id: 0n, port: 9, packet: Buffer.from("to port 9") });

    packetStream.cancel();
    packets.close();
  });

  test("large writes and reads while frames flow", async () => {
    const pinging = lab.start("left", "ping", "-c", "200", "-i", "0.01", "-W", "5", "-q", RIGHT.neighbour);
    const lines = new Lines(pinging, "stdout");
    const routes = Array.from({ length: 2000 }, (_, number) => ({
      table: "route",
      match: { vrf_id: 9, prefix: `10.9.${number >> 8}.${number & 0xff}/32` },
      action: "discard",
    }));
    await client.write(insertEntries(...routes), id(1));
    const { batches, error } = await client.read([EVERY_ENTRY]);
    expect(error).toBeUndefined();
    expect(batches.flat().length).toBeGreaterThan(2000);
    expect(await lines.until((line) => line.includes("transmitted"))).toContain("200 received");
  });

  test("an interface that goes down and comes back", async () => {
    lab.ip("switch", "link", "set", "s1", "down");
    lab.ip("switch", "link", "set", "s1", "up");
    expect(ping(3)).toContain("3 received");
  });

  test("an interface that is taken away and made anew", async () => {
    wire.kill("SIGKILL");
    await once(wire, "exit");
    lab.ip("switch", "link", "delete", "s1");
    connectLeft();
    turnMergingOff("left", "eth0");
    await log.until((line) => line.includes("the interface is back"));
    expect(ping(3)).toContain("3 received");
    await startWire();
  });

  test("an interface that goes to another namespace and comes back as it was", async () => {
    const from = log.all.length;
    lab.add("elsewhere"); // where its index is free, so that it keeps it
    lab.move("switch", "s1", "elsewhere");
    lab.move("elsewhere", "s1", "switch");
    lab.ip("switch", "link", "set", "s1", "up");
    await log.until((line) => line.includes("the interface is back"), from);
    expect(ping(3)).toContain("3 received");
  });

  test("an interface that is taken away with frames that wait, and made anew", async () => {
    wire.kill("SIGKILL");
    await once(wire, "exit");
    const before = (await counters()).ports[0].rxFrames;
    const from = log.all.length;
    sluice.kill("SIGSTOP");
    const unanswered = lab.start("left", "ping", "-c", "3", "-i", "0.02", "-W", "1", RIGHT.neighbour);
    await once(unanswered, "exit");
    lab.ip("switch", "link", "delete", "s1");
    sluice.kill("SIGCONT");
    await expect.poll(async () => (await counters()).ports[0].rxFrames, PATIENCE).toBeGreaterThan(before);
    connectLeft();
    turnMergingOff("left", "eth0");
    await log.until((line) => line.includes("the interface is back"), from);
    expect(ping(3)).toContain("3 received");
    await startWire();
  });

  test("frames of every length up to the longest, and beyond, leave it standing", async () => {
    for (let length = 14; length <= 200; length++) wire.stdin!.write(`${"a5".repeat(length)}\n`);
    const before = (await counters()).ports[0];
    for (const [node, name] of [
      ["left", "eth0"],
      ["switch", "s1"],
    ] as const) {
      lab.ip(node, "link", "set", name, "mtu", "20000");
    }
    const longPings = lab.start("left", "ping", "-c", "3", "-i", "0.01", "-s", "12000", RIGHT.neighbour);
    await expect.poll(async () => (await counters()).ports[0].rxTooLong, PATIENCE).toBe(before.rxTooLong + 3);
    longPings.kill();
    const jumboPings = lab.start("left", "ping", "-c", "3", "-i", "0.01", "-s", "8000", RIGHT.neighbour);
    // 8,042 bytes come in, and do not fit out.
    await expect.poll(async () => (await counters()).ports[1].txDropped, PATIENCE).toBeGreaterThanOrEqual(3);
    jumboPings.kill();
    await log.until((line) => line.includes("frames were lost") && line.includes('"s2 txDropped"'));
    expect(ping(3)).toContain("3 received");
    expect((await counters()).failed).toBe(0);
  });

  test("SIGTERM ends it with status 0, its socket removed", async () => {
    sluice.kill("SIGTERM");
    const [code] = await once(sluice, "exit");
    expect(code).toBe(0);
    expect(existsSync(address.slice("unix:".length))).toBe(false);
  });
});

const RECEIVER = `
  const hash = require("node:crypto").createHash("sha256");
  require("node:net").createServer((socket) => {
    socket.on("data", (data) => hash.update(data));
    socket.on("end", () => { console.log("sha256 " + hash.digest("hex")); process.exit(); });
  }).listen(5001, () => console.log("ready"));
`;

const SENDER = `
  const data = require("node:crypto").randomBytes(Number(process.argv[2]));
  const socket = require("node:net").connect(5001, process.argv[1]);
  socket.end(data);
  socket.on("close", () => console.log("sha256 " + require("node:crypto").createHash("sha256").update(data).digest("hex")));
`;
