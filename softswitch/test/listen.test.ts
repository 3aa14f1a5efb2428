// Where the servers listen, and what happens to what is there already.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningServer, serve } from "../src/serve.js";
import { id, TestClient, temporaryFolder } from "./support/client.js";
import { FakeControl } from "./support/fake.js";

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
const servers: RunningServer[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  path = `${folder.path}/p4rt.sock`;
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  folder.remove();
});

async function start(grpcAddr: string, dpGrpcAddr?: string): Promise<RunningServer> {
  const server = await serve(new FakeControl(), {
    grpcAddr,
    ...(dpGrpcAddr === undefined ? {} : { dpGrpcAddr }),
  });
  servers.push(server);
  return server;
}

async function becomesPrimary(address: string): Promise<number> {
  const client = new TestClient(address);
  const { code } = await client.arbitrate(id(1));
  client.close();
  return code;
}

test("a socket that a dead process left is replaced", async () => {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("ready"))`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(statSync(path).isSocket()).toBe(true);
  expect(await becomesPrimary((await start(`unix:${path}`)).grpcAddr)).toBe(0);
});

test("a socket with a live server is left alone", async () => {
  const { grpcAddr } = await start(`unix:${path}`);
  await expect(start(grpcAddr)).rejects.toThrow(`${path}: another process listens there`);
  expect(await becomesPrimary(grpcAddr)).toBe(0);
});

test("a file that is no socket is left alone", async () => {
  writeFileSync(path, "precious");
  await expect(start(`unix:${path}`)).rejects.toThrow(`${path}: there is a file that is no socket`);
  expect(existsSync(path)).toBe(true);
});

test("a path that is relative, too long or in no folder", async () => {
  await expect(start("unix:p4rt.sock")).rejects.toThrow("must be absolute");
  await expect(start(`unix:/tmp/${"x".repeat(110)}`)).rejects.toThrow("longer than 107 bytes");
  await expect(start(`unix:${folder.path}/none/p4rt.sock`)).rejects.toThrow(
    `the folder ${folder.path}/none does not exist`,
  );
});

test("close removes the socket and the path is free", async () => {
  const server = await start(`unix:${path}`);
  await server.close();
  expect(existsSync(path)).toBe(false);
  expect(await becomesPrimary((await start(`unix:${path}`)).grpcAddr)).toBe(0);
});

test("close ends open streams", async () => {
  const server = await start(`unix:${path}`);
  const client = new TestClient(server.grpcAddr);
  const { stream } = await client.arbitrate(id(1));
  await server.close();
  expect((await stream.ended).code).not.toBe(0);
  client.close();
});

test("host:0 tells the port that was bound", async () => {
  const { grpcAddr } = await start("127.0.0.1:0");
  expect(grpcAddr).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  expect(await becomesPrimary(grpcAddr)).toBe(0);
  await expect(start(grpcAddr)).rejects.toThrow(grpcAddr);
});

test("when the second service cannot listen, the first does not either", async () => {
  writeFileSync(`${path}.packets`, "");
  await expect(start(`unix:${path}`, `unix:${path}.packets`)).rejects.toThrow(`${path}.packets`);
  expect(existsSync(path)).toBe(false);
});
