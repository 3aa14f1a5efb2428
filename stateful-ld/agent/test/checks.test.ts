// Checks of real servers, on loopback: what the data plane does to addresses is no matter of theirs.
import { execFileSync } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HealthCheck, HealthCheck_Kind } from "@sluice/proto/ld";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runCheck } from "../src/health/check.js";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of opened.splice(0)) await close();
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function udp(
  answer: (message: Buffer) => string | undefined,
): Promise<{ port: number; socket: UdpSocket }> {
  const socket = createSocket("udp4");
  socket.on("message", (message, { port, address }) => {
    const text = answer(message);
    if (text !== undefined) socket.send(text, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  opened.push(() => socket.close());
  return { port: socket.address().port, socket };
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await (opened.pop() as () => Promise<void>)();
  return port;
}

const http = { path: "/health", host: "web.example", statusMin: 200, statusMax: 299 };
const check = (fields: Partial<HealthCheck>, port: number, address = "127.0.0.1") =>
  runCheck(HealthCheck.fromPartial({ timeoutMs: 10_000, ...fields }), {
    address,
    pingAddress: address,
    port,
  });

describe("TCP", () => {
  it("is good when the connection is accepted, and leaves none behind", async () => {
    let ended: Promise<string> | undefined;
    const server = createServer((socket) => {
      ended = new Promise((resolve) => {
        socket.on("error", ({ message }) => resolve(message));
        socket.on("close", () => resolve("closed"));
      });
    });
    const port = await listening(server);
    expect(await check({ kind: HealthCheck_Kind.TCP }, port)).toMatchObject({ verdict: "good" });
    expect(await ended).toMatch(/ECONNRESET|closed/);
  });

  it("is bad when it is refused", async () => {
    expect(await check({ kind: HealthCheck_Kind.TCP }, await closedPort())).toEqual({
      verdict: "bad",
      error: "ECONNREFUSED",
    });
  });
});

const answering =
  (status: number): RequestListener =>
  (request, response) => {
    const { url, headers } = request;
    response.writeHead(url === "/health" && headers.host === "web.example" ? status : 404).end("body");
  };

describe("HTTP", () => {
  it.each([
    [204, { verdict: "good" }],
    [302, { verdict: "bad", error: "HTTP status 302" }],
    [503, { verdict: "bad", error: "HTTP status 503" }],
  ])("status %i, of a range from 200 to 299", async (status, finding) => {
    const port = await listening(createHttp(answering(status)));
    expect(await check({ kind: HealthCheck_Kind.HTTP, http }, port)).toMatchObject(finding);
  });

  it("is bad when nothing is answered in time", async () => {
    const port = await listening(createHttp(() => {}));
    expect(await check({ kind: HealthCheck_Kind.HTTP, http, timeoutMs: 50 }, port)).toEqual({
      verdict: "bad",
      error: "no answer within 50 ms",
    });
  });

  it("is bad when it is something else that answers", async () => {
    const port = await listening(createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));
    expect(await check({ kind: HealthCheck_Kind.HTTP, http }, port)).toMatchObject({ verdict: "bad" });
  });
});

describe("HTTPS", () => {
  it("asks over TLS, whoever has signed the certificate", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
    opened.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const subject = ["-subj", "/CN=self-signed", "-days", "1"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject], {
      stdio: "ignore",
    });
    const tls = { key: readFileSync(key), cert: readFileSync(cert) };
    const port = await listening(createHttps(tls, answering(200)) as unknown as Server);
    expect(await check({ kind: HealthCheck_Kind.HTTPS, http }, port)).toMatchObject({ verdict: "good" });
    const plain = await listening(createHttp(answering(200)));
    expect(await check({ kind: HealthCheck_Kind.HTTPS, http }, plain)).toMatchObject({ verdict: "bad" });
  });
});

describe("UDP", () => {
  it("is good when what is sent is answered", async () => {
    const { port } = await udp((message) => (message.toString() === "ping" ? "pong" : undefined));
    const send = Buffer.from("ping");
    expect(await check({ kind: HealthCheck_Kind.UDP, send }, port)).toMatchObject({ verdict: "good" });
  });

  it("is bad when it is not", async () => {
    const { port } = await udp(() => undefined);
    const fields = { kind: HealthCheck_Kind.UDP, send: Buffer.from("ping"), timeoutMs: 50 };
    expect(await check(fields, port)).toEqual({ verdict: "bad", error: "no answer within 50 ms" });
  });

  it("with nothing to send, takes silence for good", async () => {
    const { port } = await udp(() => undefined);
    expect(await check({ kind: HealthCheck_Kind.UDP, timeoutMs: 50 }, port)).toMatchObject({
      verdict: "good",
    });
  });

  it("is bad when ICMP says that nobody is there", async () => {
    const { port, socket } = await udp(() => undefined);
    opened.pop();
    await new Promise<void>((resolve) => socket.close(resolve));
    expect(await check({ kind: HealthCheck_Kind.UDP }, port)).toEqual({
      verdict: "bad",
      error: "ECONNREFUSED",
    });
  });

  it("is undecided when the socket cannot have that destination, as an IPv6 one on a host without", async () => {
    const found = check({ kind: HealthCheck_Kind.UDP, send: Buffer.from("ping") }, 7, "255.255.255.255");
    expect(await found).toEqual({ verdict: "undecided", error: "EACCES" });
  });
});

describe("ICMP", () => {
  it("is good when a ping is answered, with the time it took", async () => {
    const finding = await check({ kind: HealthCheck_Kind.ICMP }, 0);
    expect(finding).toMatchObject({ verdict: "good" });
    expect(finding.verdict === "good" && finding.latencyMs).toBeLessThan(10_000);
  });

  it("is undecided when ping cannot be run", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    expect(await check({ kind: HealthCheck_Kind.ICMP }, 0)).toMatchObject({ verdict: "undecided" });
  });
});
