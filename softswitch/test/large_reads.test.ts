// What is read is sent in parts that a client takes whose gRPC library has its usual limit of 4 MB a message.
import {
  SetForwardingPipelineConfigRequest_Action as Action,
  Entity,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { exact, TestProgram } from "./support/program.js";

let folder: ReturnType<typeof temporaryFolder>;
let program: TestProgram;
let server: RunningServer;
let client: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  program = new TestProgram("matching", { cpuPort: 510 });
  server = await serve(program.switch, { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  client = new TestClient(server.grpcAddr);
  await client.arbitrate(id(1));
  const config = { p4info: program.p4info, p4DeviceConfig: program.deviceConfig, cookie: undefined };
  await client.setPipeline({ action: Action.VERIFY_AND_COMMIT, electionId: id(1), config });
});

afterEach(async () => {
  client.close();
  await server.close();
  folder.remove();
});

const groups = (count: number, replicas: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: Update_Type.INSERT,
    entity: Entity.fromPartial({
      entity: {
        $case: "packetReplicationEngineEntry",
        value: {
          type: {
            $case: "multicastGroupEntry",
            value: {
              multicastGroupId: index + 1,
              replicas: Array.from({ length: replicas }, (_, instance) => ({
                portKind: { $case: "egressPort", value: 300 },
                instance: 1000 + instance,
              })),
            },
          },
        },
      },
    }),
  }));

const EVERY_GROUP = Entity.fromPartial({
  entity: {
    $case: "packetReplicationEngineEntry",
    value: { type: { $case: "multicastGroupEntry", value: {} } },
  },
});

test("many groups of many replicas", async () => {
  const written = groups(300, 2000); // 5 MB
  program.switch.write(written);
  const { batches, error } = await client.read([EVERY_GROUP]);
  expect(error).toBeUndefined();
  const encoded = (entity: Entity) => Entity.encode(entity).finish().length;
  expect(batches.flat().map(encoded)).toEqual(written.map(({ entity }) => encoded(entity)));
});

test("entries with long metadata", async () => {
  const metadata = Buffer.alloc(1_500_000, "x");
  for (let half = 1; half <= 4; half++) {
    const match = { half: exact(half), address: exact(half) };
    program.insert("exact_table", { match, action: ["mark", half], metadata });
  }
  const tableId = program.id("tables", "exact_table");
  const { batches, error } = await client.read([
    Entity.fromPartial({ entity: { $case: "tableEntry", value: { tableId } } }),
  ]);
  expect(error).toBeUndefined();
  expect(batches.flat()).toHaveLength(4);
});
