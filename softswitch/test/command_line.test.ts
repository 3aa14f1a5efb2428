// The program sluice-softswitch as it is started and ended.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { DataplaneInterfaceClient } from "@sluice/proto/bm";
import { SetForwardingPipelineConfigRequest_Action as Action } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { gatewayConfig, insertEntries, sideEntries } from "./support/gateway.js";
import { Lines } from "./support/netns.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const built = existsSync(MAIN);
if (!built) console.log("SKIPPED, command line: the switch is not built (npm run build)");

const run = (words: string[], wrapper: string[] = []) => {
  const [command, ...before] = [...wrapper, process.execPath];
  return spawnSync(command!, [...before, MAIN, ...words], { encoding: "utf8", timeout: 60_000 });
};

const NEVER = ["--grpc-addr", "unix:/tmp/sluice-never-used.sock"];

describe.skipIf(!built)("what cannot be started is refused in one line", () => {
  test.each([
    [["-i", "1@no-such-if"], "sluice-softswitch: interface no-such-if does not exist (see: ip link)"],
    [["-i", "1@"], "PORT@INTERFACE"],
    [["-i", "x@eth0"], "from 0 to 511"],
    [["-i", "512@eth0"], "from 0 to 511"],
    [["--cpu-port", "512"], "from 0 to 511"],
    [["-i", "5@a", "--cpu-port", "5"], "port 5: what is sent to it goes to the controller (--cpu-port)"],
    [["-i", "511@a"], "port 511: what is sent to it is dropped (--drop-port)"],
    [["--cpu-port", "6", "--drop-port", "6"], "port 6: what is sent to it is dropped (--drop-port)"],
    [["-i", "1@a", "-i", "1@b"], "Port 1 is given twice"],
    [["-i", "1@a", "-i", "2@a"], "Interface a is given twice"],
    [["--device-id", "0"], "from 1 to"],
    [["--log-level", "loud"], "one of trace"],
    [["--grpc-addr", "unix:/no/such/folder/x.sock"], "the folder /no/such/folder does not exist (create it)"],
    [["--grpc-addr", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"],
  ])("%j", (words, message) => {
    const { status, stderr } = run([...NEVER, ...words]);
    expect(status).toBe(1);
    expect(stderr.trim()).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() !== 0)("an interface without the privilege", () => {
    const wrapper = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--"];
    const { status, stderr } = run([...NEVER, "-i", "1@lo"], wrapper);
    expect(status).toBe(1);
    expect(stderr).toBe(
      "sluice-softswitch: interface lo: packet sockets need the privilege CAP_NET_RAW (run as root)\n",
    );
  });
});

describe.skipIf(!built)("without interfaces it needs no privilege", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let sluice: ChildProcess;
  let address: string;
  let packetAddress: string;

  beforeEach(async () => {
    folder = temporaryFolder();
    address = `unix:${folder.path}/p4rt.sock`;
    packetAddress = `unix:${folder.path}/packets.sock`;
    const words = ["--device-id", "7", "--grpc-addr", address, "--dp-grpc-addr", packetAddress];
    sluice = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "ignore", "pipe"] });
    await new Lines(sluice, "stderr").until((line) => line.includes("listening"));
  });

  afterEach(async () => {
    if (sluice.exitCode === null && sluice.signalCode === null) {
      sluice.kill("SIGKILL");
      await once(sluice, "exit");
    }
    folder.remove();
  });

  test("frames enter and leave by BMv2's packet stream", async () => {
    const client = new TestClient(address);
    const stream = client.stream();
    stream.ask(id(1), 7n);
    expect((await stream.elected()).code).toBe(0);
    const side = {
      port: 4,
      vlan: 0,
      network: 1,
      gateway: "10.0.0.254",
      neighbour: "10.0.0.1",
      mac: "02:00:00:00:00:01",
    };
    await client.setPipeline({
      deviceId: 7n,
      electionId: id(1),
      action: Action.VERIFY_AND_COMMIT,
      config: gatewayConfig,
    });
    await client.write(insertEntries(...sideEntries(side)), id(1), { deviceId: 7n });
    const packets = new DataplaneInterfaceClient(packetAddress, credentials.createInsecure());
    const packetStream = packets.packetStream();
    packetStream.on("error", () => {}); // our own cancellation
    const question =
      "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a0000fe";
    packetStream.write({
      id: 5n,
      deviceId: 7n,
      port: 4,
      packet: Buffer.from(question.replaceAll(" ", ""), "hex"),
    });
    const [answer] = await once(packetStream, "data", { signal: AbortSignal.timeout(60_000) });
    expect(answer).toMatchObject({ id: 5n, deviceId: 7n, port: 4 });
    expect(answer.packet.toString("hex")).toContain("08060001080006040002");
    packetStream.cancel();
    packets.close();
    client.close();
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends it with status 0, also with open streams",
    async (signal) => {
      const client = new TestClient(address);
      const stream = client.stream();
      stream.ask(id(1), 7n);
      await stream.elected();
      sluice.kill(signal);
      expect(await once(sluice, "exit")).toEqual([0, null]);
      expect(
        existsSync(address.slice("unix:".length)) || existsSync(packetAddress.slice("unix:".length)),
      ).toBe(false);
      expect((await stream.ended).code).not.toBe(0);
      client.close();
    },
  );

  test("a second one at the same address is refused, and the first goes on", async () => {
    const { status, stderr } = run(["--grpc-addr", address]);
    expect(status).toBe(1);
    expect(stderr).toContain("another process listens there");
    const client = new TestClient(address);
    expect(await client.capabilities(7n)).toMatchObject({ p4runtimeApiVersion: expect.any(String) });
    client.close();
  });
});
