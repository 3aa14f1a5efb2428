// Writes with errors of single updates, and reads in parts: P4Runtime specification, sections 12.3 and 13.3.
import { status } from "@grpc/grpc-js";
import {
  SetForwardingPipelineConfigRequest_Action as Action,
  Entity,
  type Update,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { details, id, TestClient, temporaryFolder } from "./support/client.js";
import { BATCH, FakeControl } from "./support/fake.js";
import { EVERY_ENTRY, entry, insert, inserts, pipelineConfig } from "./support/messages.js";

let folder: ReturnType<typeof temporaryFolder>;
let server: RunningServer;
let client: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  server = await serve(new FakeControl(), { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  client = new TestClient(server.grpcAddr);
  await client.arbitrate(id(1));
  await client.setPipeline({ action: Action.VERIFY_AND_COMMIT, electionId: id(1), config: pipelineConfig() });
});

afterEach(async () => {
  client.close();
  await server.close();
  folder.remove();
});

const failureOf = (updates: Update[]) =>
  client.write(updates, id(1)).then(
    () => {
      throw new Error("the write went through");
    },
    (error) => error,
  );

const counter = Entity.fromPartial({ entity: { $case: "counterEntry", value: {} } });

describe("a write with errors", () => {
  test("one p4.v1.Error for each update, in order; OK ones say nothing", async () => {
    await client.write([insert(1)], id(1));
    const error = await failureOf([
      insert(2),
      insert(1),
      { type: Update_Type.DELETE, entity: entry(3) },
      { type: Update_Type.INSERT, entity: counter },
      insert(4),
    ]);
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/^3 of 5 updates failed; first: update 1: ALREADY_EXISTS: /);
    const { status: whole, errors } = details(error)!;
    expect(whole).toMatchObject({ code: status.UNKNOWN, message: error.details });
    expect(whole.details.map(({ typeUrl }) => typeUrl)).toEqual(
      Array(5).fill("type.googleapis.com/p4.v1.Error"),
    );
    expect(errors.map((one) => one.canonicalCode)).toEqual([
      status.OK,
      status.ALREADY_EXISTS,
      status.NOT_FOUND,
      status.UNIMPLEMENTED,
      status.OK,
    ]);
    expect(errors.map((one) => one.message.slice(0, 8))).toEqual([
      "",
      "the entr",
      "no entry",
      "only tab",
      "",
    ]);
  });

  // 1,000 empty errors are about the most that a trailer holds.
  test.each([100, 400, 1000])("%i failing updates: every one is told", async (count) => {
    await client.write(inserts(count), id(1));
    const { errors } = details(await failureOf(inserts(count)))!;
    expect(errors.map((one) => one.canonicalCode)).toEqual(Array(count).fill(status.ALREADY_EXISTS));
  });

  test.each([1500, 20_000])("%i failing updates: too many to be told, which is said", async (count) => {
    await client.write(inserts(count), id(1));
    const error = await failureOf(inserts(count));
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(
      new RegExp(`^${count} of ${count} updates failed; first: update 0: ALREADY_EXISTS`),
    );
    expect(error.details).toMatch(/send fewer updates at once$/);
    expect(details(error)).toBeUndefined();
  });

  test("an atomicity that does not exist is refused as a whole", async () => {
    await expect(client.write([insert(1)], id(1), { atomicity: 7 as never })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect((await client.read([EVERY_ENTRY])).batches).toEqual([]);
  });

  test("one failure among many", async () => {
    await client.write([insert(700)], id(1));
    const { errors } = details(await failureOf(inserts(900)))!;
    expect(errors.flatMap((one, index) => (one.canonicalCode === status.OK ? [] : [index]))).toEqual([700]);
  });
});

describe("a read", () => {
  const numbers = (batches: Entity[][]) => batches.flat().map((found) => Entity.toJSON(found));

  test("comes in parts that together are all", async () => {
    await client.write(inserts(2 * BATCH + 1), id(1));
    const { batches, error } = await client.read([EVERY_ENTRY]);
    expect(error).toBeUndefined();
    expect(batches.map((batch) => batch.length)).toEqual([BATCH, BATCH, 1]);
    expect(numbers(batches)).toEqual(inserts(2 * BATCH + 1).map(({ entity }) => Entity.toJSON(entity!)));
  });

  test("needs no primary", async () => {
    const reader = new TestClient(server.grpcAddr);
    client.close();
    expect((await reader.read([EVERY_ENTRY])).error).toBeUndefined();
    reader.close();
  });

  test("gives what it can, and then tells which requests failed", async () => {
    await client.write(inserts(2), id(1));
    const { batches, error } = await client.read([EVERY_ENTRY, counter, EVERY_ENTRY]);
    expect(batches.flat()).toHaveLength(4);
    expect(error).toMatchObject({ code: status.UNKNOWN });
    expect(details(error!)!.errors.map((one) => one.canonicalCode)).toEqual([
      status.OK,
      status.UNIMPLEMENTED,
      status.OK,
    ]);
  });

  test("of another device or role: NOT_FOUND", async () => {
    expect((await client.read([EVERY_ENTRY], { deviceId: 9n })).error).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect((await client.read([EVERY_ENTRY], { role: "sdn" })).error).toMatchObject({
      code: status.NOT_FOUND,
    });
  });
});
