// The real switch with the real program behind the real servers: what the fake of the other tests cannot show.
import { type ServiceError, status } from "@grpc/grpc-js";
import {
  SetForwardingPipelineConfigRequest_Action as Action,
  WriteRequest_Atomicity as Atomicity,
  Entity,
  type TableEntry,
  Update_Type,
} from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { SoftSwitch } from "../src/switch.js";
import { details, id, TestClient, temporaryFolder } from "./support/client.js";
import {
  CPU_PORT,
  GATEWAY_MAC,
  gatewayConfig,
  gatewayJson,
  insertEntries,
  MY_MAC,
  type NamedEntry,
  type Side,
  sideEntries,
  toEntity,
} from "./support/gateway.js";
import { EVERY_ENTRY } from "./support/messages.js";

const LEFT: Side = {
  port: 1,
  vlan: 0,
  network: 1,
  gateway: "10.1.0.254",
  neighbour: "10.1.0.1",
  mac: "02:00:00:00:00:01",
};
const RIGHT: Side = {
  port: 2,
  vlan: 0,
  network: 2,
  gateway: "10.2.0.254",
  neighbour: "10.2.0.1",
  mac: "02:00:00:00:00:02",
};
const ENTRIES = [MY_MAC, ...sideEntries(LEFT), ...sideEntries(RIGHT)];

/** A 20-byte IPv4 header and 8 bytes, from LEFT's neighbour to RIGHT's. */
const FRAME = Buffer.from(
  `${GATEWAY_MAC}${LEFT.mac}0800`.replaceAll(":", "") +
    "4500001c00000000401166cd0a0100010a0200010001000200080000",
  "hex",
);

let folder: ReturnType<typeof temporaryFolder>;
let softSwitch: SoftSwitch;
let server: RunningServer;
let client: TestClient;

beforeEach(async () => {
  folder = temporaryFolder();
  softSwitch = new SoftSwitch({ cpuPort: CPU_PORT });
  server = await serve(softSwitch, { grpcAddr: `unix:${folder.path}/p4rt.sock` });
  client = new TestClient(server.grpcAddr);
  await client.arbitrate(id(1));
});

afterEach(async () => {
  client.close();
  await server.close();
  folder.remove();
});

const set = (action: Action, config = gatewayConfig) =>
  client.setPipeline({ action, config: action === Action.COMMIT ? undefined : config, electionId: id(1) });

const write = (...entries: NamedEntry[]) => client.write(insertEntries(...entries), id(1));

async function tableEntries(): Promise<TableEntry[]> {
  const { batches, error } = await client.read([EVERY_ENTRY]);
  expect(error).toBeUndefined();
  return batches.flat().map(({ entity }) => (entity as { value: TableEntry }).value);
}

const DROPS = gatewayConfig.p4info?.counters.find(({ preamble }) => preamble?.alias === "drops")?.preamble
  ?.id;

/** All entries with their counters, and what was dropped for which reason. */
async function state(): Promise<string> {
  const { batches, error } = await client.read(
    [{ tableEntry: { counterData: {} } }, { counterEntry: { counterId: DROPS } }].map((json) =>
      Entity.fromJSON(json),
    ),
  );
  expect(error).toBeUndefined();
  return JSON.stringify(batches.flat().map((entity) => Entity.toJSON(entity)));
}

/** A register's cell, and what it holds. */
const cell = (registerId: number, index: bigint, value?: number) =>
  Entity.fromPartial({
    entity: {
      $case: "registerEntry",
      value: {
        registerId,
        index: { index },
        ...(value !== undefined && {
          data: { data: { $case: "bitstring" as const, value: Uint8Array.of(value) } },
        }),
      },
    },
  });

const portsOut = () => softSwitch.inject(1, FRAME).map(({ port }) => port);

/** The program with something else in it. */
function changed(
  change: (json: { actions: { primitives: { op: string }[] }[] }) => void,
): typeof gatewayConfig {
  const json = JSON.parse(Buffer.from(gatewayJson).toString());
  change(json);
  return { ...gatewayConfig, p4DeviceConfig: Buffer.from(JSON.stringify(json)) };
}

const unknownPrimitive = changed(({ actions }) => {
  actions.find(({ primitives }) => primitives.length > 0)!.primitives[0]!.op = "teleport";
});
/** Means the same. */
const reformatted = changed(() => {});

describe("pipelines", () => {
  test("frames are dropped before there is one, and forwarded with its entries", async () => {
    expect(portsOut()).toEqual([]);
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES);
    expect(portsOut()).toEqual([2]);
  });

  test.each([Action.VERIFY, Action.VERIFY_AND_SAVE, Action.VERIFY_AND_COMMIT])(
    "a construct that is not known is refused by name (action %i), and what ran goes on",
    async (action) => {
      await set(Action.VERIFY_AND_COMMIT);
      await write(...ENTRIES);
      await expect(set(action, unknownPrimitive)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringContaining("teleport"),
      });
      expect(portsOut()).toEqual([2]);
      expect(await tableEntries()).toHaveLength(ENTRIES.length);
    },
  );

  test("text that is no BMv2 JSON is refused", async () => {
    const broken = { ...gatewayConfig, p4DeviceConfig: Buffer.from("{") };
    await expect(set(Action.VERIFY_AND_COMMIT, broken)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test("VERIFY_AND_COMMIT clears the tables", async () => {
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES);
    await set(Action.VERIFY_AND_COMMIT);
    expect(await tableEntries()).toEqual([]);
    expect(portsOut()).toEqual([]);
  });

  test.each([
    ["the same program", gatewayConfig],
    ["another program with the same P4Info", reformatted],
  ])("RECONCILE_AND_COMMIT of %s keeps the entries and all counters", async (_, config) => {
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES, { table: "acl", match: {}, action: "acl_allow", priority: 1 });
    for (const port of [1, 1, 1, 5]) softSwitch.inject(port, FRAME); // port 5 belongs to no network
    const before = await state();
    expect(before).toMatch(/"packetCount":"3"/);
    expect(before).toMatch(/"packetCount":"1"/);
    const registers = gatewayConfig.p4info!.registers.map(({ preamble }) => preamble!.id);
    const filled = registers.map((register) => cell(register, 3n, 1));
    await client.write(
      filled.map((entity) => ({ type: Update_Type.MODIFY, entity })),
      id(1),
    );
    await set(Action.RECONCILE_AND_COMMIT, config);
    expect(await state()).toEqual(before);
    const { batches } = await client.read(registers.map((register) => cell(register, 3n)));
    expect(batches.flat().map(Entity.toJSON)).toEqual(filled.map(Entity.toJSON));
  });

  test("RECONCILE_AND_COMMIT of a program that cannot run changes nothing", async () => {
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES);
    await expect(set(Action.RECONCILE_AND_COMMIT, unknownPrimitive)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining("teleport"),
    });
    expect(portsOut()).toEqual([2]);
    expect(await tableEntries()).toHaveLength(ENTRIES.length);
  });

  test("packets run through the old one until COMMIT, then through the saved one with what was written to it", async () => {
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES);
    await set(Action.VERIFY_AND_SAVE, reformatted);
    expect(await tableEntries()).toEqual([]);
    await write(...ENTRIES.slice(0, 3));
    await expect(write(ENTRIES[0]!, ENTRIES[3]!)).rejects.toMatchObject({ code: status.UNKNOWN });
    expect(portsOut()).toEqual([2]);
    await set(Action.COMMIT);
    expect(await tableEntries()).toHaveLength(4);
    expect(portsOut()).toEqual([]);
    await write(...ENTRIES.slice(4));
    expect(portsOut()).toEqual([2]);
  });
});

describe("writes", () => {
  const [first, second, third] = insertEntries(...ENTRIES);
  const missing = {
    type: Update_Type.DELETE,
    entity: toEntity({ table: "vip", match: { vni: 0, vip: "1.2.3.4" } }),
  };

  beforeEach(() => set(Action.VERIFY_AND_COMMIT));

  test.each([
    ["CONTINUE_ON_ERROR", Atomicity.CONTINUE_ON_ERROR, 2, [status.OK, status.NOT_FOUND, status.OK]],
    ["ROLLBACK_ON_ERROR", Atomicity.ROLLBACK_ON_ERROR, 0, [status.ABORTED, status.NOT_FOUND, status.ABORTED]],
    ["DATAPLANE_ATOMIC", Atomicity.DATAPLANE_ATOMIC, 0, [status.ABORTED, status.NOT_FOUND, status.ABORTED]],
  ])("%s", async (_, atomicity, kept, codes) => {
    const error = await client
      .write([first!, missing, second!], id(1), { atomicity })
      .catch((thrown: ServiceError) => thrown);
    expect(details(error as ServiceError)!.errors.map((one) => one.canonicalCode)).toEqual(codes);
    expect(await tableEntries()).toHaveLength(kept);
    await client.write([third!], id(1), { atomicity });
    expect(await tableEntries()).toHaveLength(kept + 1);
  });

  test("thousands of entries, written in one batch, come back in parts of bounded size", async () => {
    const routes = Array.from({ length: 3000 }, (_, number) => ({
      table: "route",
      match: { vrf_id: 1, prefix: `10.3.${number >> 8}.${number & 0xff}/32` },
      action: "discard",
    }));
    await write(...routes);
    const { batches } = await client.read([EVERY_ENTRY]);
    expect(batches.flat()).toHaveLength(3000);
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(500);
  });

  test("a read that names a table that does not exist", async () => {
    const { error } = await client.read([
      Entity.fromPartial({ entity: { $case: "tableEntry", value: { tableId: 12345 } } }),
    ]);
    expect(error).toMatchObject({ code: status.UNKNOWN });
    expect(details(error!)!.errors[0]!.canonicalCode).not.toBe(status.OK);
  });
});

describe("packets", () => {
  test("a packet-out with metadata that the P4Info does not have is refused", async () => {
    await set(Action.VERIFY_AND_COMMIT);
    const { stream } = await client.arbitrate(id(2));
    stream.send({
      $case: "packet",
      value: { payload: FRAME, metadata: [{ metadataId: 9, value: Uint8Array.of(1) }] },
    });
    expect(await stream.nextOf("error")).toMatchObject({
      canonicalCode: status.INVALID_ARGUMENT,
      details: { $case: "packetOut" },
    });
  });

  test("an ARP reply for the gateway becomes a packet-in with its port and network", async () => {
    await set(Action.VERIFY_AND_COMMIT);
    await write(...ENTRIES);
    const { stream } = await client.arbitrate(id(2));
    const reply = Buffer.from(
      `${GATEWAY_MAC}${LEFT.mac}0806`.replaceAll(":", "") +
        "0001080006040002" +
        `${LEFT.mac}0a010001${GATEWAY_MAC}0a0100fe`.replaceAll(":", ""),
      "hex",
    );
    expect(softSwitch.inject(1, reply)).toEqual([]);
    const { payload, metadata } = await stream.nextOf("packet");
    expect(Buffer.from(payload).equals(reply)).toBe(true);
    expect(metadata.map(({ metadataId, value }) => [metadataId, value.at(-1)])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });
});
