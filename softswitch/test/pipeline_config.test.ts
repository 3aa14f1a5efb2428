// SetForwardingPipelineConfig and GetForwardingPipelineConfig: P4Runtime specification, sections 14 and 15.
import { status } from "@grpc/grpc-js";
import {
  SetForwardingPipelineConfigRequest_Action as Action,
  GetForwardingPipelineConfigRequest_ResponseType as ResponseType,
} from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";
import { EVERY_ENTRY, inserts, pipelineConfig } from "./support/messages.js";

const { INVALID_ARGUMENT, FAILED_PRECONDITION, NOT_FOUND, UNIMPLEMENTED } = status;

let folder: ReturnType<typeof temporaryFolder>;
let fake: FakeControl;
let server: RunningServer;
let client: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  fake = new FakeControl();
  server = await serve(fake, { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  client = new TestClient(server.grpcAddr);
  await client.arbitrate(id(1));
});

afterEach(async () => {
  client.close();
  await server.close();
  folder.remove();
});

const set = (action: Action, config?: ReturnType<typeof pipelineConfig>) =>
  client.setPipeline({ action, config, electionId: id(1) });

describe("before there is a pipeline", () => {
  test("writes and reads: FAILED_PRECONDITION", async () => {
    await expect(client.write(inserts(1), id(1))).rejects.toMatchObject({ code: FAILED_PRECONDITION });
    expect((await client.read([EVERY_ENTRY])).error).toMatchObject({ code: FAILED_PRECONDITION });
  });

  test("the config is unset in the response", async () => {
    expect((await client.getPipeline()).config).toBeUndefined();
  });

  test("VERIFY changes nothing", async () => {
    await set(Action.VERIFY, pipelineConfig());
    expect(fake.calls).toEqual(["verify 2"]);
    expect((await client.getPipeline()).config).toBeUndefined();
    await expect(client.write(inserts(1), id(1))).rejects.toMatchObject({ code: FAILED_PRECONDITION });
  });

  test("RECONCILE_AND_COMMIT starts it", async () => {
    await set(Action.RECONCILE_AND_COMMIT, pipelineConfig());
    expect(fake.calls).toEqual(["install 2"]);
    await client.write(inserts(1), id(1));
  });

  test("COMMIT has nothing to commit", async () => {
    await expect(set(Action.COMMIT)).rejects.toMatchObject({ code: NOT_FOUND });
  });
});

describe("with a pipeline", () => {
  const first = pipelineConfig("first", 77n, "{1}");
  const second = pipelineConfig("second", 78n, "{22}");

  beforeEach(async () => {
    await set(Action.VERIFY_AND_COMMIT, first);
    fake.calls.length = 0;
  });

  test.each([
    ["ALL", ResponseType.ALL, true, true],
    ["COOKIE_ONLY", ResponseType.COOKIE_ONLY, false, false],
    ["P4INFO_AND_COOKIE", ResponseType.P4INFO_AND_COOKIE, true, false],
    ["DEVICE_CONFIG_AND_COOKIE", ResponseType.DEVICE_CONFIG_AND_COOKIE, false, true],
  ])("%s", async (_, responseType, p4info, deviceConfig) => {
    const { config } = await client.getPipeline({ responseType });
    expect(config!.cookie).toEqual({ cookie: 77n });
    expect(config!.p4info).toEqual(p4info ? first.p4info : undefined);
    expect(Buffer.from(config!.p4DeviceConfig).toString()).toBe(deviceConfig ? "{1}" : "");
  });

  test("a config without a cookie comes back without one", async () => {
    await set(Action.VERIFY_AND_COMMIT, pipelineConfig());
    expect((await client.getPipeline()).config!.cookie).toBeUndefined();
  });

  test("saved, it is what reads and writes are about; COMMIT makes packets run through it", async () => {
    await set(Action.VERIFY_AND_SAVE, second);
    expect((await client.getPipeline()).config!.cookie).toEqual({ cookie: 78n });
    await set(Action.COMMIT);
    expect(fake.calls).toEqual(["save 4", "commit -"]);
    expect((await client.getPipeline()).config!.cookie).toEqual({ cookie: 78n });
    await expect(set(Action.COMMIT)).rejects.toMatchObject({ code: NOT_FOUND });
  });

  test("COMMIT with a config is refused and what was saved stays", async () => {
    await set(Action.VERIFY_AND_SAVE, second);
    await expect(set(Action.COMMIT, second)).rejects.toMatchObject({ code: INVALID_ARGUMENT });
    await set(Action.COMMIT);
  });

  test("VERIFY_AND_COMMIT forgets what was saved", async () => {
    await set(Action.VERIFY_AND_SAVE, second);
    await set(Action.VERIFY_AND_COMMIT, first);
    await expect(set(Action.COMMIT)).rejects.toMatchObject({ code: NOT_FOUND });
  });

  test("RECONCILE_AND_COMMIT of the same keeps all as it is, and takes the new cookie", async () => {
    await set(Action.RECONCILE_AND_COMMIT, pipelineConfig("first", 79n, "{1}"));
    expect(fake.calls).toEqual([]);
    expect((await client.getPipeline()).config!.cookie).toEqual({ cookie: 79n });
  });

  test("RECONCILE_AND_COMMIT of another program with the same P4Info", async () => {
    await set(Action.RECONCILE_AND_COMMIT, pipelineConfig("first", 77n, "{333}"));
    expect(fake.calls).toEqual(["reconcile 5"]);
  });

  test("RECONCILE_AND_COMMIT with another P4Info is refused", async () => {
    await expect(set(Action.RECONCILE_AND_COMMIT, second)).rejects.toMatchObject({
      code: UNIMPLEMENTED,
      details: expect.stringContaining("VERIFY_AND_COMMIT"),
    });
    expect(fake.calls).toEqual([]);
    expect((await client.getPipeline()).config!.cookie).toEqual({ cookie: 77n });
  });

  test.each([Action.VERIFY, Action.VERIFY_AND_SAVE, Action.VERIFY_AND_COMMIT])(
    "a refused program (action %i) leaves the one before",
    async (action) => {
      fake.refusal = "extern register_action (a.p4:12) is not supported";
      await expect(set(action, second)).rejects.toMatchObject({
        code: INVALID_ARGUMENT,
        details: fake.refusal,
      });
      fake.refusal = undefined;
      expect((await client.getPipeline()).config!.cookie).toEqual({ cookie: 77n });
      await client.write(inserts(1), id(1));
    },
  );
});

test.each([Action.VERIFY, Action.VERIFY_AND_SAVE, Action.VERIFY_AND_COMMIT, Action.RECONCILE_AND_COMMIT])(
  "action %i without a whole config is refused",
  async (action) => {
    const whole = pipelineConfig();
    for (const config of [
      undefined,
      { ...whole, p4info: undefined },
      { ...whole, p4DeviceConfig: new Uint8Array() },
    ]) {
      await expect(set(action, config)).rejects.toMatchObject({ code: INVALID_ARGUMENT });
    }
    expect(fake.calls).toEqual([]);
  },
);

test("an action that is none is refused", async () => {
  await expect(set(Action.UNSPECIFIED, pipelineConfig())).rejects.toMatchObject({ code: INVALID_ARGUMENT });
});

test("another device: NOT_FOUND", async () => {
  await expect(client.getPipeline({ deviceId: 2n })).rejects.toMatchObject({ code: NOT_FOUND });
  await expect(client.capabilities(2n)).rejects.toMatchObject({ code: NOT_FOUND });
});

test("a config larger than gRPC's usual limit", async () => {
  await set(Action.VERIFY_AND_COMMIT, pipelineConfig("big", undefined, " ".repeat(6_000_000)));
  expect(fake.calls).toEqual(["install 6000000"]);
});

test("the version is told, with or without a device", async () => {
  for (const device of [0n, 1n]) {
    expect(await client.capabilities(device)).toMatchObject({
      p4runtimeApiVersion: expect.stringMatching(/^1\.\d+\.\d+$/),
    });
  }
});
