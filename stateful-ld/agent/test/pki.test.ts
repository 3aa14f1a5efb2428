// The agent behind TLS: it speaks to clients that its authority vouches for, and to nobody else.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { LdAgentClient } from "@sluice/proto/ld-agent";
import { partCredentials } from "@sluice/proto/tls";
import pino from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Agent, startAgent } from "../src/agent.js";

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** Long enough for a busy machine; what is refused is refused at once. */
const CALL_MS = 20_000;

let folder: string;
let agent: Agent | undefined;

const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });

/** An authority in a directory: ca.pem and ca.key. */
function makeAuthority(name: string): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  const files = ["-keyout", join(directory, "ca.key"), "-out", join(directory, "ca.pem")];
  openssl("req", "-x509", ...CURVE, ...files, "-subj", `/CN=${name}`, "-days", "1");
  return directory;
}

/** A certificate of the authority in `directory`, and its key: `name`.pem, `name`.key. */
function certify(directory: string, name: string): void {
  const path = (end: string) => join(directory, end);
  openssl(
    "req",
    ...CURVE,
    "-keyout",
    path(`${name}.key`),
    "-out",
    path("request.pem"),
    "-subj",
    `/CN=${name}`,
  );
  writeFileSync(path("extensions"), "subjectAltName=IP:127.0.0.1");
  const authority = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "1"];
  const files = ["-in", path("request.pem"), "-out", path(`${name}.pem`), "-extfile", path("extensions")];
  openssl("x509", "-req", ...authority, ...files);
}

/** What the controller shows parts; it believes the parts' authority, whoever has certified the controller itself. */
function controllerOf(authority: string): string {
  const directory = join(authority, "controller");
  mkdirSync(directory);
  certify(authority, "parts-client");
  for (const file of ["parts-client.pem", "parts-client.key"]) {
    copyFileSync(join(authority, file), join(directory, file));
  }
  copyFileSync(join(folder, "parts", "ca.pem"), join(directory, "parts-ca.pem"));
  return directory;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function start(pki: string): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const dataplane = join(folder, "control.sock");
  agent = await startAgent({
    listen: address,
    dataplane,
    pki,
    statusMs: 0,
    logger: pino({ level: "silent" }),
  });
  return address;
}

/** OK, or the code and the reason of the failure. */
function ask(address: string, how: ChannelCredentials): Promise<{ code: number; details: string }> {
  const client = new LdAgentClient(address, how);
  const options = { deadline: Date.now() + CALL_MS };
  return new Promise<{ code: number; details: string }>((resolve) => {
    client.getStatus({}, new Metadata(), options, (error: ServiceError | null) =>
      resolve(error ?? { code: status.OK, details: "" }),
    );
  }).finally(() => client.close());
}

let trusted: string;
let stranger: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  const parts = makeAuthority("parts");
  certify(parts, "server");
  trusted = controllerOf(parts);
  stranger = controllerOf(makeAuthority("others"));
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("an agent with --pki", () => {
  it("answers a controller that its authority vouches for", async () => {
    const address = await start(join(folder, "parts"));
    expect(await ask(address, partCredentials(trusted, address))).toMatchObject({ code: status.OK });
  });

  it("answers nobody else: another authority's, without a certificate, without TLS", async () => {
    const address = await start(join(folder, "parts"));
    const ca = credentials.createSsl(readFileSync(join(folder, "parts", "ca.pem")));
    for (const how of [partCredentials(stranger, address), ca, credentials.createInsecure()]) {
      expect(await ask(address, how)).toMatchObject({ code: status.UNAVAILABLE });
    }
    expect(await ask(address, partCredentials(trusted, address))).toMatchObject({ code: status.OK });
  });

  it("is not believed by a controller of another region", async () => {
    const address = await start(join(folder, "parts"));
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    for (const file of ["parts-client.pem", "parts-client.key"]) {
      copyFileSync(join(trusted, file), join(elsewhere, file));
    }
    copyFileSync(join(folder, "others", "ca.pem"), join(elsewhere, "parts-ca.pem"));
    expect(await ask(address, partCredentials(elsewhere, address))).toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  it("does not start without its files, and names the one that is missing", async () => {
    await expect(start(folder)).rejects.toThrow(/ca\.pem cannot be read: ENOENT.*sluice pki writes it/);
  });
});
