// `--server A,B`: whoever leads answers, whatever the others do.
import { once } from "node:events";
import { createServer, get, type RequestListener, type Server } from "node:http";
import { createServer as createSilent, type Server as Silent } from "node:net";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { ApiClient } from "../src/api/index.js";
import { ApiServer } from "../src/api/server.js";
import { useFolder } from "./support/folder.js";

const folder = useFolder();
const opened: (Server | Silent)[] = [];
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});

/** Longer than a test may last: nobody waits for it. */
const TIMEOUT_MS = 600_000;

function open(name: string, server: Server | Silent): Promise<string> {
  opened.push(server);
  return new Promise((resolve) => server.listen(folder.path(name), () => resolve(folder.socket(name))));
}

const answering = (name: string, listener: RequestListener) => open(name, createServer(listener));
const silent = (name: string) =>
  open(
    name,
    createSilent((socket) => socket.on("error", () => {})),
  );
const answer =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(JSON.stringify(body));

it("one that hangs keeps nobody waiting", async () => {
  const a = await silent("a");
  const b = await answering("b", answer(200, { leads: true }));
  const client = new ApiClient({ server: `${a},${b}`, timeoutMs: TIMEOUT_MS });
  expect(await client.get("/healthz")).toMatchObject({ body: { leads: true } });
});

it("one that hangs while the other begins to lead is not waited for either", async () => {
  const a = await silent("a");
  let asked = 0;
  const b = await answering("b", (request, response) =>
    answer(++asked < 3 ? 503 : 200, { title: "it stands by" })(request, response),
  );
  const client = new ApiClient({ server: `${a},${b}`, timeoutMs: TIMEOUT_MS });
  expect((await client.get("/healthz")).status).toBe(200);
  expect(asked).toBe(3);
});

it("one that takes its time is asked once, and its answer taken", async () => {
  let asked = 0;
  const a = await answering("a", (request, response) => {
    asked++;
    setTimeout(() => answer(200, { done: true })(request, response), 1_500);
  });
  const b = await answering("b", answer(503, { title: "it stands by" }));
  const client = new ApiClient({ server: `${a},${b}`, timeoutMs: TIMEOUT_MS });
  expect(await client.put("/v1/state", {}, "apply")).toMatchObject({ body: { done: true } });
  expect(asked).toBe(1);
});

it("what is wrong with a request is said by whoever finds it; none that leads, after the time", async () => {
  const a = await silent("a");
  const wrong = await answering("b", answer(422, { title: "1 problem" }));
  const client = new ApiClient({ server: `${a},${wrong}`, timeoutMs: TIMEOUT_MS });
  await expect(client.put("/v1/state", {}, "apply")).rejects.toMatchObject({ status: 422 });
  const standing = await answering("c", answer(503, { title: "it stands by" }));
  const nobody = new ApiClient({ server: `${a},${standing}`, timeoutMs: 700 });
  await expect(nobody.get("/healthz")).rejects.toMatchObject({ name: "ApiError" });
});

it("one that stands by has metrics of itself", async () => {
  const server = new ApiServer(
    { controller: undefined, leader: "unix:/run/b.sock" },
    pino({ level: "silent" }),
  );
  const address = await server.listen(folder.socket("api.sock"));
  try {
    const [response] = await once(
      get({ socketPath: address.slice("unix:".length), path: "/metrics" }),
      "response",
    );
    expect(response.statusCode).toBe(200);
    const text = Buffer.concat(await response.toArray()).toString();
    expect(text).toContain("sluice_leads 0");
    expect(text).toContain('sluice_leader{api="unix:/run/b.sock"} 1');
    expect(text).toContain("process_cpu_seconds_total");
    expect(text).not.toContain("sluice_part_state");
  } finally {
    await server.close();
  }
});
