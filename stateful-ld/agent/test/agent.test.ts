import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  type CaptureBatch,
  CaptureRequest,
  Counters,
  LdConfig,
  Session,
  SessionFilter,
  SessionState,
} from "@sluice/proto/ld";
import { LdAgentClient } from "@sluice/proto/ld-agent";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Agent, startAgent } from "../src/agent.js";
import { type Answer, FakeDataplane, response } from "./fake_dataplane.js";

const config: LdConfig = LdConfig.fromPartial({
  vtep: Uint8Array.of(10, 0, 2, 2),
  epoch: 7n,
  ownedBuckets: [{ first: 0, last: 511 }],
});

let folder: string;
let socket: string;
let listen: string;
let agent: Agent | undefined;
let client: LdAgentClient;
let fake: FakeDataplane | undefined;
let log: Record<string, unknown>[];

const refuseAll: Answer = () => {
  throw new Error("not expected");
};

/** Until it is not going to come. */
const PATIENCE = { timeout: 20_000 };
/** How long the agent waits for the data plane: in no test but one that moves the clock. */
const TIMEOUT_MS = 60_000;

async function start() {
  agent = await startAgent({
    listen,
    dataplane: socket,
    statusMs: 0,
    checks: false,
    timeoutMs: TIMEOUT_MS,
    logger: pino({ level: "debug" }, { write: (line: string) => void log.push(JSON.parse(line)) }),
  });
  client = new LdAgentClient(listen, credentials.createInsecure());
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  socket = join(folder, "control.sock");
  listen = `unix:${join(folder, "agent.sock")}`;
  log = [];
});

afterEach(async () => {
  vi.useRealTimers();
  client?.close();
  await agent?.stop();
  agent = undefined;
  await fake?.die();
  fake = undefined;
  rmSync(folder, { recursive: true });
});

/** The same message with plain arrays where gRPC gives Buffers. */
const plain = (value: LdConfig | undefined) => value && LdConfig.fromJSON(LdConfig.toJSON(value));
const getConfig = () =>
  new Promise<LdConfig | undefined>((resolve, reject) =>
    client.getConfig({}, (error, answer) => (error ? reject(error) : resolve(plain(answer.config)))),
  );
const applyConfig = (value: LdConfig | undefined, term = 0n) =>
  new Promise<void>((resolve, reject) =>
    client.applyConfig({ config: value, term }, (error) => (error ? reject(error) : resolve())),
  );
const getStatus = () =>
  new Promise<{ dataPlaneUp: boolean; version: string; dataPlaneUptimeMs: bigint }>((resolve, reject) =>
    client.getStatus({}, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
const filter = SessionFilter.fromPartial({
  service: "web",
  limit: 5,
  client: { address: Uint8Array.of(192, 0, 2, 0), len: 24 },
  vip: Uint8Array.of(203, 0, 113, 10),
  vipPort: 80,
  rs: "rs1",
  state: SessionState.ESTABLISHED,
});
async function listSessions(): Promise<number[]> {
  const ports: number[] = [];
  for await (const batch of client.listSessions({ filter })) {
    ports.push(...batch.sessions.map(({ clientPort }: Session) => clientPort));
  }
  return ports;
}
const failure = (call: Promise<unknown>): Promise<ServiceError> =>
  call.then(
    () => Promise.reject(new Error("the call succeeded")),
    (error) => error,
  );

const session = (clientPort: number) => Session.fromPartial({ clientPort, state: SessionState.ESTABLISHED });

describe("agent", () => {
  it("gives the data plane's configuration, unchanged", async () => {
    fake = await FakeDataplane.listen(socket, (request, to) => {
      expect(request.$case).toBe("getConfig");
      to.write(response({ response: { $case: "config", value: { config } } }));
    });
    await start();
    expect(await getConfig()).toEqual(plain(config));
  });

  it("says that none is applied yet by leaving it out", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => {
      to.write(response({ response: { $case: "config", value: { config: undefined } } }));
    });
    await start();
    expect(await getConfig()).toBeUndefined();
  });

  it("hands a configuration on and logs it as one line", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => to.write(response({})));
    await start();
    await applyConfig(config);
    const [request, ...more] = fake.requests;
    expect(request?.$case === "applyConfig" && plain(request.value)).toEqual(plain(config));
    expect(more).toEqual([]);
    expect(log.filter(({ event }) => event === "config_applied")).toMatchObject([
      { epoch: "7", buckets: 512 },
    ]);
  });

  it.each([
    [3, status.INVALID_ARGUMENT],
    [8, status.RESOURCE_EXHAUSTED],
    [9, status.FAILED_PRECONDITION],
    [99, status.UNKNOWN],
  ])("passes on code %i of the data plane with its reason", async (code, expected) => {
    fake = await FakeDataplane.listen(socket, (_, to) =>
      to.write(response({ code, message: "epoch 6 is older" })),
    );
    await start();
    expect(await failure(applyConfig(config))).toMatchObject({ code: expected, details: "epoch 6 is older" });
  });

  it("takes nothing of a controller whose term is over; one without a term is never too late", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => to.write(response({})));
    await start();
    await applyConfig(config, 12n);
    const late = await failure(applyConfig(config, 11n));
    expect(late).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(late.details).toContain("a controller of term 12 has been here");
    await applyConfig(config, 12n);
    await applyConfig(config, 0n);
    expect(await failure(applyConfig(config, 11n))).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(fake.requests).toHaveLength(3);
  });

  it("refuses a request without a configuration by itself", async () => {
    fake = await FakeDataplane.listen(socket, refuseAll);
    await start();
    expect(await failure(applyConfig(undefined))).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(fake.requests).toEqual([]);
  });

  it("streams sessions batch by batch", async () => {
    fake = await FakeDataplane.listen(socket, (request, to) => {
      if (request.$case === "listSessions") {
        expect(SessionFilter.toJSON(request.value)).toEqual(SessionFilter.toJSON(filter));
        const batch = (ports: number[], last: boolean) =>
          response({ response: { $case: "sessions", value: { sessions: ports.map(session), last } } });
        to.write(Buffer.concat([batch([1, 2], false), batch([], false), batch([3], true)]));
      } else {
        to.write(response({ response: { $case: "config", value: { config } } }));
      }
    });
    await start();
    const both = await Promise.all([listSessions(), getConfig()]);
    expect(both).toEqual([[1, 2, 3], plain(config)]);
  });

  it("answers others while somebody takes his time with a list, whose connection ends with the call", async () => {
    let asked: Socket | undefined;
    fake = await FakeDataplane.listen(socket, (request, to) => {
      if (request.$case === "listSessions") {
        asked = to;
        to.write(
          response({ response: { $case: "sessions", value: { sessions: [session(1)], last: false } } }),
        );
      } else {
        to.write(response({ response: { $case: "config", value: { config } } }));
      }
    });
    await start();
    const call = client.listSessions({ filter });
    for await (const { sessions } of call) {
      expect(sessions).toHaveLength(1);
      expect(await getConfig()).toEqual(plain(config));
      call.cancel();
      break;
    }
    await vi.waitFor(() => expect(asked!.destroyed).toBe(true), PATIENCE);
  });

  it("streams a capture by a connection of its own, which ends with the call", async () => {
    const parts = [Uint8Array.of(10, 13, 13, 10), Uint8Array.of(1, 2)];
    const request = CaptureRequest.fromPartial({ filter, packets: 7 });
    let asked: Socket | undefined;
    fake = await FakeDataplane.listen(socket, (message, to) => {
      if (message.$case === "capture") {
        asked = to;
        expect(CaptureRequest.toJSON(message.value)).toEqual(CaptureRequest.toJSON(request));
        for (const pcapng of parts) {
          to.write(response({ response: { $case: "capture", value: { pcapng, last: false, missed: 3n } } }));
        }
      } else {
        to.write(response({ response: { $case: "config", value: { config } } }));
      }
    });
    await start();
    const call = client.capture(request);
    const got: CaptureBatch[] = [];
    for await (const batch of call) {
      got.push(batch as CaptureBatch);
      if (got.length === parts.length) {
        expect(await getConfig()).toEqual(plain(config)); // while the capture runs
        call.cancel();
        break;
      }
    }
    expect(got.map(({ pcapng, missed }) => [Uint8Array.from(pcapng), missed])).toEqual(
      parts.map((part) => [part, 3n]),
    );
    await vi.waitFor(() => expect(asked!.destroyed).toBe(true), PATIENCE);
  });

  it("puts answers together from single bytes", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => {
      for (const byte of response({ response: { $case: "config", value: { config } } })) {
        to.write(Uint8Array.of(byte));
      }
    });
    await start();
    expect(await getConfig()).toEqual(plain(config));
  });

  it("is up while the data plane is not, and says so", async () => {
    await start();
    expect(await failure(getConfig())).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/^the data plane at .*control\.sock is not available: connect ENOENT/),
    });
    expect(await getStatus()).toMatchObject({ dataPlaneUp: false });
  });

  it("finds the data plane again after it died", async () => {
    const answer: Answer = (_, to) =>
      void to.write(
        response({
          response: {
            $case: "status",
            value: { version: "1.0", uptimeMs: 5n, workerCores: 2, state: undefined },
          },
        }),
      );
    fake = await FakeDataplane.listen(socket, answer);
    await start();
    expect(await getStatus()).toMatchObject({ dataPlaneUp: true, version: "1.0", dataPlaneUptimeMs: 5n });
    await fake.die();
    expect(await getStatus()).toMatchObject({ dataPlaneUp: false });
    fake = await FakeDataplane.listen(socket, answer);
    expect(await getStatus()).toMatchObject({ dataPlaneUp: true });
    expect(log.filter(({ event }) => event === "dataplane_lost")).toHaveLength(1);
    expect(log.filter(({ event }) => event === "dataplane_connected")).toHaveLength(2);
  });

  it("reports a data plane that hangs up in the middle of an answer", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => {
      const whole = response({ response: { $case: "config", value: { config } } });
      to.end(whole.subarray(0, whole.length - 3));
    });
    await start();
    expect(await failure(getConfig())).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("the data plane closed the connection"),
    });
  });

  it("reports a data plane that hangs up in the middle of a list", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => {
      to.end(response({ response: { $case: "sessions", value: { sessions: [session(1)], last: false } } }));
    });
    await start();
    expect(await failure(listSessions())).toMatchObject({ code: status.UNAVAILABLE });
  });

  it("ends the connection after a length that cannot be, and serves the next request on a new one", async () => {
    let lie = true;
    fake = await FakeDataplane.listen(socket, (_, to) => {
      to.write(
        lie
          ? Uint8Array.of(0xff, 0xff, 0xff, 0xff)
          : response({ response: { $case: "config", value: { config } } }),
      );
      lie = false;
    });
    await start();
    expect(await failure(getConfig())).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("a message claims 4294967295 bytes"),
    });
    expect(await getConfig()).toEqual(plain(config));
  });

  it("does not take a late answer for the next request's", async () => {
    let late: Socket | undefined;
    let begin = () => {};
    const asked = new Promise<void>((resolve) => {
      begin = resolve;
    });
    fake = await FakeDataplane.listen(socket, (request, to) => {
      if (request.$case === "getCounters") {
        late = to;
        begin();
      } else {
        late!.write(response({ response: { $case: "counters", value: Counters.fromPartial({}) } }));
        to.write(response({ response: { $case: "config", value: { config } } }));
      }
    });
    await start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const counters = failure(
      new Promise((resolve, reject) =>
        client.getCounters({}, (error, answer) => (error ? reject(error) : resolve(answer))),
      ),
    );
    await asked;
    vi.advanceTimersByTime(TIMEOUT_MS);
    vi.useRealTimers();
    expect(await counters).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining(`did not answer within ${TIMEOUT_MS} ms`),
    });
    expect(await getConfig()).toEqual(plain(config));
  });

  it("refuses an answer to another question", async () => {
    fake = await FakeDataplane.listen(socket, (_, to) => {
      to.write(
        response({
          response: {
            $case: "status",
            value: { version: "", uptimeMs: 0n, workerCores: 1, state: undefined },
          },
        }),
      );
    });
    await start();
    expect(await failure(getConfig())).toMatchObject({
      code: status.INTERNAL,
      details: "the data plane answered getConfig with status",
    });
  });
});

describe("listening", () => {
  it("replaces the socket of an agent that was killed", async () => {
    const path = listen.slice("unix:".length);
    // A listening socket whose file stays: what SIGKILL leaves behind.
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(folder, "dead.sock"), resolve));
    const { renameSync } = await import("node:fs");
    renameSync(join(folder, "dead.sock"), path);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(path)).toBe(true);
    await start();
    expect(await getStatus()).toMatchObject({ dataPlaneUp: false });
  });

  it("does not push a living agent aside", async () => {
    await start();
    await expect(
      startAgent({ listen, dataplane: socket, logger: pino({ level: "silent" }) }),
    ).rejects.toThrow(/another process listens on/);
  });

  it("does not remove what is not a socket", async () => {
    writeFileSync(listen.slice("unix:".length), "precious");
    await expect(
      startAgent({ listen, dataplane: socket, logger: pino({ level: "silent" }) }),
    ).rejects.toThrow(/is not a socket/);
  });

  it("leaves no socket behind when it stops", async () => {
    await start();
    client.close();
    await agent!.stop();
    agent = undefined;
    expect(existsSync(listen.slice("unix:".length))).toBe(false);
  });
});
