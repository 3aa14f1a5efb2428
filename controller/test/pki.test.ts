// Certificates: who gets in, as what, and who does not.
import { mkdirSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { partCredentials } from "@sluice/proto/tls";
import { type RunningServer, SoftSwitch, serve } from "@sluice/softswitch";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiClient } from "../src/api/index.js";
import { ApiServer } from "../src/api/server.js";
import { RegionController } from "../src/daemon/index.js";
import { Switch } from "../src/p4runtime/index.js";
import { LevelStore } from "../src/store/index.js";
import { runSluice as sluice } from "./support/cli.js";
import { useFolder } from "./support/folder.js";
import { gatewayPipeline } from "./support/program.js";

const folder = useFolder();

const pki = (...names: string[]) => [folder.path("pki"), ...names].join("/");
const tls = (directory: string) => ({
  ca: readFileSync(`${directory}/ca.pem`),
  cert: readFileSync(`${directory}/server.pem`),
  key: readFileSync(`${directory}/server.key`),
});

beforeEach(async () => {
  mkdirSync(pki(), { recursive: true });
  expect(await sluice("pki", "init", pki())).toMatchObject({ code: 0, err: "" });
  for (const role of ["viewer", "operator", "admin"]) {
    expect((await sluice("pki", "user", pki(), `the-${role}`, "--role", role)).code).toBe(0);
  }
});

describe("the API over TLS", () => {
  let controller: RegionController;
  let api: ApiServer;
  let server: string;
  const lines: string[] = [];
  beforeEach(async () => {
    const log = pino({ level: "debug" }, { write: (line: string) => lines.push(line) });
    controller = await RegionController.start({
      store: await LevelStore.open(folder.path("store")),
      pipeline: gatewayPipeline,
      log,
    });
    api = new ApiServer({ controller, leader: undefined }, log, tls(pki("controller")));
    server = await api.listen("127.0.0.1:0");
  });
  afterEach(async () => {
    await api.close();
    await controller.close();
  });

  const as = (role: string) => new ApiClient({ server, pki: pki("users", `the-${role}`) });

  it("lets each role do what it may, and no more, and writes down who it was", async () => {
    const status = (work: Promise<unknown>) =>
      work.then(
        () => 200,
        (error) => error.status,
      );
    const vpc = { name: "blue", vni: 100 };
    const network = { name: "internet", kind: "upstream" };
    for (const role of ["viewer", "operator", "admin"]) {
      expect(await status(as(role).get("/v1/state"))).toBe(200);
    }
    expect(await status(as("viewer").put("/v1/vpcs/blue", vpc, "x"))).toBe(403);
    expect(await status(as("viewer").delete("/v1/vpcs/blue", "x"))).toBe(403);
    expect(await status(as("operator").put("/v1/vpcs/blue", vpc, "x"))).toBe(200);
    expect(await status(as("operator").put("/v1/networks/internet", network, "x"))).toBe(403);
    expect(await status(as("operator").put("/v1/state", {}, "x"))).toBe(403);
    expect(await status(as("admin").put("/v1/networks/internet", network, "x"))).toBe(200);
    const { body } = await as("viewer").get<{ commits: { actor: string }[] }>("/v1/history");
    expect(body.commits.map(({ actor }) => actor)).toEqual(["the-admin", "the-operator"]);
    const denied = await sluice(
      "eip",
      "release",
      "x",
      "--server",
      server,
      "--pki",
      pki("users", "the-viewer"),
    );
    expect(denied.code).toBe(7);
    expect(denied.err).toContain("the-viewer is a viewer; this needs the role operator");
    expect(lines.join("")).not.toMatch(/PRIVATE KEY|BEGIN CERT/);
  });

  it("shows secrets to admins alone, and keeps those that an operator writes back unseen", async () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const cluster = {
      name: "edge",
      steering_address: "10.255.1.1",
      local_ips: ["198.18.0.0/30"],
      lds: [
        {
          name: "ld1",
          agent: folder.socket("none.sock"),
          address: "10.0.2.2/24",
          gateway: "10.0.2.1",
          mac: "02:00:00:00:02:02",
        },
      ],
      failover: { secret },
    };
    const put = await as("admin").put("/v1/clusters/edge", cluster, "x");
    const seen = await as("operator").get<typeof cluster>("/v1/clusters/edge");
    expect(seen.body.failover.secret).toBe("(hidden)");
    const written = await as("operator").put(
      "/v1/clusters/edge",
      { ...seen.body, local_ips: ["198.18.4.0/30"] },
      "x",
    );
    const history = await as("viewer").get("/v1/history/2");
    const state = await as("viewer").get("/v1/state");
    for (const { body } of [put, written, history, state]) {
      expect(JSON.stringify(body)).toContain("edge");
      expect(JSON.stringify(body)).not.toContain(secret);
    }
    const all = await as("admin").get<{ document: { clusters: (typeof cluster)[] } }>("/v1/state");
    expect(all.body.document.clusters[0]).toMatchObject({
      local_ips: ["198.18.4.0/30"],
      failover: { secret },
    });
    expect(lines.join("")).not.toContain(secret);
  });

  it("answers nobody without a certificate of its authority", async () => {
    const without = new Promise((resolve) => {
      const call = request(
        {
          host: "127.0.0.1",
          port: server.split(":")[1],
          path: "/v1/state",
          ca: readFileSync(pki("users-ca.pem")),
        },
        (response) => resolve(response.statusCode),
      );
      call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      call.end();
    });
    expect(await without).not.toBe(200);
    expect(typeof (await without)).toBe("string");
  });
});

describe("a switch over TLS", () => {
  let running: RunningServer;
  beforeEach(async () => {
    expect((await sluice("pki", "part", pki(), "gw1", "--host", "127.0.0.1")).code).toBe(0);
    const grpcAddr = "127.0.0.1:0";
    running = await serve(new SoftSwitch(), { grpcAddr, pki: pki("parts", "gw1") });
  });
  afterEach(() => running.close());

  const connect = (credentials: ReturnType<typeof partCredentials>) =>
    Switch.connect({
      name: "gw1",
      address: running.grpcAddr,
      deviceId: 1n,
      timeoutMs: 5_000,
      credentials,
    }).then(
      (connection) => {
        const { state } = connection;
        connection.close();
        return state;
      },
      (error: Error) => error.name,
    );

  it("takes the controller, and nobody else: no user, no other part", async () => {
    expect(await connect(partCredentials(pki("controller"), running.grpcAddr))).toBe("primary");
    expect(await connect(partCredentials(undefined, running.grpcAddr))).toBe("P4RuntimeError");
    const { ChannelCredentials } = await import("@grpc/grpc-js");
    const of = (directory: string, name: string) =>
      ChannelCredentials.createSsl(
        readFileSync(pki("parts-ca.pem")),
        readFileSync(pki(directory, `${name}.key`)),
        readFileSync(pki(directory, `${name}.pem`)),
      );
    expect(await connect(of("users/the-admin", "client"))).toBe("P4RuntimeError");
    expect(await connect(of("parts/gw1", "server"))).toBe("P4RuntimeError");
  });
});

it("init makes no second authority over the first", async () => {
  const again = await sluice("pki", "init", pki());
  expect(again.code).toBe(64);
  expect(again.err).toContain("parts-ca.key is there already");
});
