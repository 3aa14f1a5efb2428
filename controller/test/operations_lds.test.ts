// docs/operations-lds.md is what happens, with real LDs: every command in it is run, in its order, and the page has to have the output.
// After a change that is meant, `npx vitest run --project @sluice/controller operations -u` writes the page anew.

import { SessionFilter } from "@sluice/proto/ld";
import { type RunningServer, SoftSwitch, serve } from "@sluice/softswitch";
import { afterEach, beforeEach, it } from "vitest";
import { buildProbe } from "../src/cli/probe.js";
import { run } from "../src/cli/run.js";
import { fromRanges } from "../src/compile/index.js";
import { plainDocument } from "../src/state/index.js";
import { eventually, TestController } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { documentOf, expectPage } from "./support/page.js";
import { repositoryFile } from "./support/program.js";
import { canHaveLds, RealLds } from "./support/real_lds.js";

const PAGE = "docs/operations-lds.md";
const SHOWN_FOLDER = "/run/sluice";
const SHOWN_TIME = "2026-11-22T08:30:00.000Z";
const LDS = ["11", "12", "13", "14"].map((end, i) => ({ name: `ld${i + 1}`, mac: `02:00:00:00:02:${end}` }));
const CLIENTS = 8;
const TCP = 6;
const RST = 0x04;
/** Of an Ethernet frame with IPv4 and TCP without options: where the flags and the checksum are. */
const [FLAGS, CHECKSUM] = [47, 50];

const folder = useFolder();
let gateway: RunningServer;
let lds: RealLds;
let controller: TestController;

beforeEach(async () => {
  if (!canHaveLds) return;
  gateway = await serve(new SoftSwitch(), { grpcAddr: folder.socket("gw1.sock") });
  lds = await RealLds.start(folder.path(""), "10.0.2.1/24", LDS);
  controller = await TestController.start(folder.path(""), { auditMs: 200 });
  const document = documentOf(repositoryFile(PAGE)).replaceAll(SHOWN_FOLDER, folder.path(""));
  await controller.apply(plainDocument(document));
});
afterEach(async () => {
  if (!canHaveLds) return;
  await controller.stop();
  await lds.stop();
  await gateway.close();
});

interface Client {
  bucket: number;
  ld: (typeof LDS)[0];
  /** A SYN; the RST is made of it. */
  frame: Buffer;
}

/** Clients with a bucket each, half of them at each LD. */
async function clientsOf(names: readonly string[]): Promise<Client[]> {
  const { body } = await controller.client.get<{
    items: { ld: string; ranges: { first: number; last: number }[] }[];
  }>("/v1/measurements/buckets");
  return names.flatMap((name) => {
    const ld = LDS.find((one) => one.name === name)!;
    const buckets = [...fromRanges(body.items.find((item) => item.ld === name)!.ranges)];
    return buckets.slice(0, CLIENTS / names.length).map((bucket) => {
      const frame = buildProbe({
        srcMac: "02:00:00:00:02:fe",
        dstMac: ld.mac,
        vlan: 0,
        src: "198.51.100.7",
        dst: "203.0.113.10",
        protocol: TCP,
        srcPort: 40_000 + bucket,
        dstPort: 80,
      });
      return { bucket, ld, frame: Buffer.from(frame) };
    });
  });
}

/** A client's packet as the switch sends it to its LD: the tunnel's source port says the bucket. */
async function sendFrom(clients: readonly Client[], flags?: number): Promise<void> {
  const vxlan = Buffer.of(0x08, 0, 0, 0, 0, 0, 0, 0);
  await lds.send(
    clients.map(({ bucket, ld, frame }) => {
      const packet = Buffer.from(frame);
      if (flags !== undefined) {
        packet.writeUInt16BE(packet.readUInt16BE(CHECKSUM) - (flags - packet[FLAGS]!), CHECKSUM);
        packet[FLAGS] = flags;
      }
      const end = ld.mac.slice(-2);
      return { port: 0xc000 | (bucket << 4), to: `10.0.2.${end}`, payload: Buffer.concat([vxlan, packet]) };
    }),
  );
}

/** How many sessions the LDs have, but for those on standby; by real server. */
async function sessionsByServer(): Promise<Map<string, number>> {
  const { body } = await controller.client.get<{ items: { rs: string; sessions_active: number }[] }>(
    "/v1/measurements/rs",
  );
  const counts = new Map<string, number>();
  for (const { rs, sessions_active } of body.items) {
    counts.set(rs, (counts.get(rs) ?? 0) + Number(sessions_active));
  }
  return counts;
}

async function portsAt(rs: string): Promise<Set<number>> {
  const ports = new Set<number>();
  const { region, reconciler } = controller.controller;
  for (const { connection } of reconciler.partsOf(region.state).parts.lds) {
    for await (const session of connection.sessions(SessionFilter.fromPartial({ rs }))) {
      ports.add(session.clientPort);
    }
  }
  return ports;
}

async function holds(what: string, look: () => Promise<boolean>): Promise<void> {
  let found = false;
  const looking = setInterval(() => void look().then((now) => (found ||= now)), 50);
  try {
    await eventually(what, () => found);
  } finally {
    clearInterval(looking);
  }
}

let clients: Client[] = [];

/** What happens around the operator before a command. */
const BEFORE: Readonly<Record<string, () => Promise<void>>> = {
  "sluice drain rs web rs1 --no-wait": async () => {
    clients = await clientsOf(["ld1", "ld2"]);
    await sendFrom(clients);
    await holds("all clients have sessions", async () => {
      const counts = await sessionsByServer();
      return counts.get("rs1") === CLIENTS / 2 && counts.get("rs2") === CLIENTS / 2;
    });
  },
  "sluice drain rs web rs1": async () => {
    const ports = await portsAt("rs1");
    await sendFrom(
      clients.filter(({ bucket }) => ports.has(40_000 + bucket)),
      RST,
    );
  },
  "sluice get migrations": () =>
    holds("what there is to copy is copied", async () => {
      const { body } = await controller.client.get<{ items: { copied: boolean }[] }>(
        "/v1/measurements/migrations",
      );
      return body.items.every(({ copied }) => copied);
    }),
};

/** Words as a shell has them; between quotes is one. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

async function output(line: string): Promise<string> {
  await controller.settled(controller.controller.region.revision); // `--no-wait` does not
  await BEFORE[line]?.();
  let text = "";
  const stream = { write: (part: string) => (text += part) };
  const argv = wordsOf(line)
    .slice(1)
    .map((word) =>
      word.startsWith("systemctl")
        ? `kill ${lds.dataplaneOf("ld1").pid}`
        : word.replaceAll(SHOWN_FOLDER, folder.path("")),
    );
  const code = await run([...argv, "--server", controller.address], { stdout: stream, stderr: stream });
  const shown = text
    .replaceAll(/^(moving|draining|copying): .*\n/gm, "") // how far long work is, where the machine is slow
    .replaceAll(folder.path(""), SHOWN_FOLDER)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, SHOWN_TIME);
  return `${shown}${code === 0 ? "" : `(exit code ${code})\n`}`;
}

it.skipIf(!canHaveLds)(`every command of ${PAGE} prints what the page says`, { timeout: 600_000 }, () =>
  expectPage(PAGE, output),
);

it.skipIf(!canHaveLds)("an LD that dies, and one that hangs, are known by what they say", async () => {
  const said = () =>
    controller.lines
      .filter(({ event, part }) => event === "ld_health" && part === "ld2")
      .map(({ state }) => state);
  const becomes = (state: string) => eventually(`ld2 is ${state}`, () => said().at(-1) === state);
  await becomes("ready");
  lds.dataplaneOf("ld2").kill("SIGKILL");
  await eventually("it is known to be down", () => said().includes("down"));
  await becomes("ready"); // it has been started anew, and has what its agent and the other LD had for it
  const hanging = lds.dataplaneOf("ld2");
  hanging.kill("SIGSTOP");
  await becomes("unreachable");
  hanging.kill("SIGCONT");
  await becomes("ready");
});
