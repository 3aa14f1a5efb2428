import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { LdConfig } from "@sluice/proto/ld";
import { type GetStatusResponse, LdAgentClient, type WatchStatusResponse } from "@sluice/proto/ld-agent";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Agent, startAgent } from "../src/agent.js";
import { LastConfig } from "../src/last_config.js";
import { type Answer, FakeDataplane, response } from "./fake_dataplane.js";

const config = LdConfig.fromPartial({
  vtep: Uint8Array.of(10, 0, 2, 2),
  epoch: 7n,
  ownedBuckets: [{ first: 0, last: 511 }],
});
const plain = (value: LdConfig | undefined) => value && LdConfig.fromJSON(LdConfig.toJSON(value));

let folder: string;
let file: string;
let socket: string;
let agent: Agent | undefined;
let fake: FakeDataplane | undefined;
let client: LdAgentClient | undefined;
let log: Record<string, unknown>[];

/** Writes to the log of its own test, also when that is over. */
const logger = () => {
  const lines = log;
  return pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
};
const events = () => log.map(({ event }) => event);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  file = join(folder, "config");
  socket = join(folder, "control.sock");
  log = [];
});
afterEach(async () => {
  client?.close();
  client = undefined;
  await agent?.stop();
  agent = undefined;
  await fake?.die();
  fake = undefined;
  rmSync(folder, { recursive: true });
});

async function start(statusMs = 20, timeoutMs = 60_000): Promise<LdAgentClient> {
  const listen = `unix:${join(folder, "agent.sock")}`;
  agent = await startAgent({
    checks: false,
    listen,
    dataplane: socket,
    state: folder,
    statusMs,
    timeoutMs,
    logger: logger(),
  });
  client = new LdAgentClient(listen, credentials.createInsecure());
  return client;
}

const applyConfig = (value: LdConfig) =>
  new Promise<void>((resolve, reject) =>
    client!.applyConfig({ term: 0n, config: value }, (error) => (error ? reject(error) : resolve())),
  );
const getConfig = () =>
  new Promise<LdConfig | undefined>((resolve, reject) =>
    client!.getConfig({}, (error, answer) => (error ? reject(error) : resolve(plain(answer.config)))),
  );

const isOnDisk = (epoch: bigint) =>
  vi.waitFor(async () => expect((await new LastConfig(folder, logger()).load())?.epoch).toBe(epoch), {
    timeout: 20_000,
  });

/** A data plane that holds what it is given, as sluice-ld does, and forgets it when it dies. */
function holding(refuse?: string): Answer {
  let held: LdConfig | undefined;
  let uptimeMs = 0n;
  return (request, to) => {
    switch (request.$case) {
      case "getConfig":
        return void to.write(response({ response: { $case: "config", value: { config: held } } }));
      case "applyConfig":
        if (refuse !== undefined) return void to.write(response({ code: 3, message: refuse }));
        held = request.value;
        return void to.write(response({}));
      default:
        uptimeMs++;
        return void to.write(
          response({
            response: {
              $case: "status",
              value: {
                version: "1",
                uptimeMs,
                workerCores: 2,
                state: {
                  configured: held !== undefined,
                  epoch: held?.epoch ?? 0n,
                  online: true,
                  sessionsActive: 0n,
                  sessionsCapacity: 9n,
                  workers: [
                    { core: 1, turns: uptimeMs },
                    { core: 2, turns: 5n },
                  ],
                  peers: [],
                  localIpRules: 0,
                },
              },
            },
          }),
        );
    }
  };
}

/** Waits for a status that `wanted` accepts. */
function watchFor(wanted: (status: GetStatusResponse) => boolean): Promise<GetStatusResponse> {
  const stream = client!.watchStatus({});
  return new Promise((resolve, reject) => {
    stream.on("error", (error: ServiceError) => reject(error));
    stream.on("data", ({ status }: WatchStatusResponse) => {
      if (status !== undefined && wanted(status)) {
        stream.on("error", () => {});
        stream.cancel();
        resolve(status);
      }
    });
  });
}

describe("the file", () => {
  it("comes back as it was, and is its owner's alone", async () => {
    const last = new LastConfig(folder, logger());
    await last.save(config);
    expect(plain(await last.load())).toEqual(plain(config));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(log).toEqual([]);
  });

  it("holds the last of several configurations that are saved at once", async () => {
    const last = new LastConfig(folder, logger());
    await Promise.all([1n, 2n, 3n].map((epoch) => last.save({ ...config, epoch })));
    expect((await last.load())?.epoch).toBe(3n);
  });

  it("is none at first, which is nothing to complain of", async () => {
    expect(await new LastConfig(folder, logger()).load()).toBeUndefined();
    expect(log).toEqual([]);
  });

  it.each([
    ["is cut short", () => truncateSync(file, statSync(file).size - 1), /its checksum is wrong/],
    [
      "has a flipped bit",
      () => {
        const content = readFileSync(file);
        content[content.length - 1]! ^= 1;
        writeFileSync(file, content);
      },
      /its checksum is wrong/,
    ],
    ["is something else", () => writeFileSync(file, "vtep: 10.0.2.2\n"), /does not begin with/],
    ["is empty", () => writeFileSync(file, ""), /does not begin with/],
  ])("is refused when it %s, and says so", async (_, damage, reason) => {
    const last = new LastConfig(folder, logger());
    await last.save(config);
    damage();
    expect(await last.load()).toBeUndefined();
    expect(log).toMatchObject([
      { event: "config_refused", path: file, reason: expect.stringMatching(reason) },
    ]);
    await last.save(config);
    expect(await last.load()).toBeDefined();
  });

  it("is written when it can be, after all; until then the one that is in force is known all the same", async () => {
    const directory = join(folder, "absent");
    const last = new LastConfig(directory, logger());
    await last.save(config);
    await last.again();
    expect((await last.load())?.epoch).toBe(7n);
    expect(events()).toEqual(["config_not_saved"]); // once, not with every attempt
    mkdirSync(directory);
    await last.again();
    expect(events()).toEqual(["config_not_saved", "config_saved"]);
    expect((await new LastConfig(directory, logger()).load())?.epoch).toBe(7n);
    rmSync(join(directory, "config"));
    await last.again(); // there is nothing that it has not written
    expect(await last.load()).toBeUndefined();
  });

  it("is left alone when it says what is in force, and is written when it does not", async () => {
    const last = new LastConfig(folder, logger());
    await last.save(config);
    const { ino } = statSync(file);
    await last.keep(config);
    expect(statSync(file).ino).toBe(ino);
    await last.keep({ ...config, epoch: 8n });
    expect((await last.load())?.epoch).toBe(8n);
    writeFileSync(file, "nonsense");
    await last.keep(config);
    expect((await last.load())?.epoch).toBe(7n);
    expect(log).toEqual([]);
  });

  it("that cannot be written is logged, and nothing else fails", async () => {
    const last = new LastConfig(join(folder, "absent"), logger());
    await last.save(config);
    expect(log).toMatchObject([{ event: "config_not_saved", reason: expect.stringContaining("ENOENT") }]);
  });
});

describe("a data plane that starts anew", () => {
  it("gets its last configuration without anybody asking", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start();
    await applyConfig(config);
    await fake.die();
    await watchFor(({ dataPlaneUp }) => !dataPlaneUp);
    fake = await FakeDataplane.listen(socket, holding());
    const { state } = await watchFor((status) => status.state?.configured === true);
    expect(state?.epoch).toBe(7n);
    expect(events()).toContain("config_restored");
  });

  it("has it before a controller can see it without", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start(0);
    await applyConfig(config);
    await fake.die();
    await vi.waitFor(() => expect(events()).toContain("dataplane_lost"), { timeout: 20_000 });
    fake = await FakeDataplane.listen(socket, holding());
    expect(await getConfig()).toEqual(plain(config));
  });

  it("gets it from an agent that has been started anew as well", async () => {
    await new LastConfig(folder, logger()).save(config);
    fake = await FakeDataplane.listen(socket, holding());
    await start();
    expect((await watchFor((status) => status.state?.configured === true)).state?.epoch).toBe(7n);
  });

  it("keeps what it holds when only the agent was away", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start(0);
    await applyConfig(config);
    await agent!.stop();
    client!.close();
    await new LastConfig(folder, logger()).save({ ...config, epoch: 3n });
    await start(0);
    expect((await getConfig())?.epoch).toBe(7n);
    expect(events()).not.toContain("config_restored");
    await isOnDisk(7n);
  });

  it("gets the last one, not the last that could be written", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start();
    await applyConfig(config);
    mkdirSync(join(folder, "config.next")); // nothing can be written now
    await applyConfig({ ...config, epoch: 8n });
    expect(events()).toContain("config_not_saved");
    await fake.die();
    await watchFor(({ dataPlaneUp }) => !dataPlaneUp);
    fake = await FakeDataplane.listen(socket, holding());
    expect((await watchFor((status) => status.state?.configured === true)).state?.epoch).toBe(8n);
    rmSync(join(folder, "config.next"), { recursive: true });
    await isOnDisk(8n);
  });

  it("gets the one that it took later than the agent waited for", async () => {
    const hold = holding();
    const late: (() => void)[] = [];
    fake = await FakeDataplane.listen(socket, (request, to) => {
      if (request.$case === "applyConfig") late.push(() => hold(request, to));
      else hold(request, to);
    });
    await start(20, 200);
    await expect(applyConfig(config)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    late[0]!();
    await watchFor((seen) => seen.state?.epoch === 7n);
    await isOnDisk(7n);
  });

  it("that refuses it is still served, and the refusal is logged", async () => {
    await new LastConfig(folder, logger()).save(config);
    fake = await FakeDataplane.listen(socket, holding("vtep: not for me"));
    await start(0);
    expect(await getConfig()).toBeUndefined();
    expect(log).toContainEqual(
      expect.objectContaining({ event: "config_not_restored", reason: "vtep: not for me" }),
    );
  });

  it("starts without one when the file is damaged", async () => {
    writeFileSync(file, "nonsense");
    chmodSync(file, 0o600);
    fake = await FakeDataplane.listen(socket, holding());
    await start(0);
    expect(await getConfig()).toBeUndefined();
    expect(events()).toContain("config_refused");
  });
});

describe("the status stream", () => {
  it("says at once how the LD is, and when the data plane goes and comes", async () => {
    await start();
    expect(await watchFor(() => true)).toMatchObject({ dataPlaneUp: false });
    fake = await FakeDataplane.listen(socket, holding());
    await watchFor(({ dataPlaneUp }) => dataPlaneUp);
    await fake.die();
    await watchFor(({ dataPlaneUp }) => !dataPlaneUp);
  });

  it("says it again and again, though nothing changes", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start();
    const stream = client!.watchStatus({});
    stream.on("error", () => {}); // it is cancelled
    const seen: bigint[] = [];
    await new Promise<void>((resolve) =>
      stream.on("data", ({ status }: WatchStatusResponse) => {
        if (status?.dataPlaneUp) seen.push(status.dataPlaneUptimeMs);
        if (seen.length === 4) resolve();
      }),
    );
    stream.cancel();
    expect(new Set(seen).size).toBe(4); // each is a look of its own
  });

  it("names workers that make no progress, and logs each once", async () => {
    fake = await FakeDataplane.listen(socket, holding());
    await start();
    expect((await watchFor(({ stuckCores }) => stuckCores.length > 0)).stuckCores).toEqual([2]);
    const { dataPlaneUptimeMs } = await watchFor(() => true);
    await watchFor((status) => status.dataPlaneUptimeMs > dataPlaneUptimeMs + 3n);
    expect(log.filter(({ event }) => event === "worker_stuck")).toMatchObject([{ core: 2 }]);
  });
});
