// The command as a process: that it ends, and with which code. Needs `npm run build`.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { TestController } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = useFolder();

/** One that does not end by itself is ended, with the code -1. */
const ENDED = { timeout: 60_000, killSignal: "SIGKILL" } as const;

function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...argv], ENDED, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

it("ends after a command that reaches nobody", async () => {
  const file = folder.path("sluice.yaml");
  writeFileSync(
    file,
    repositoryFile("controller/examples/sluice.yaml").replaceAll("/run/sluice", folder.path("")),
  );
  expect(await sluice("apply", "-f", file)).toMatchObject({
    code: 3,
    out: "",
    err: expect.stringContaining("switch gw1"),
  });
  expect(await sluice("get", "lds", "-f", file)).toMatchObject({
    code: 0,
    out: expect.stringContaining("DOWN"),
    err: "",
  });
});

it("ends after --help", async () => {
  expect(await sluice("--help")).toMatchObject({
    code: 0,
    out: expect.stringContaining("Usage: sluice"),
    err: "",
  });
});

it("says nothing more when nobody reads any more", async () => {
  const outcome = await new Promise((resolve) => {
    const child = execFile(process.execPath, [main, "schema"], ENDED, (_, __, err) =>
      resolve({ code: child.exitCode, err }),
    );
    child.stdout!.destroy();
  });
  expect(outcome).toEqual({ code: 0, err: "" });
});

it("ends when it cannot serve", async () => {
  mkdirSync(folder.path("pki"));
  const where = ["--listen", "127.0.0.1:0", "--pki", folder.path("pki")];
  expect(await sluice("serve", "--store", folder.path("store"), ...where)).toMatchObject({
    code: 64,
    out: "",
    err: expect.stringContaining("ca.pem"),
  });
  const nowhere = await sluice(
    "serve",
    "--store",
    folder.path("store"),
    "--listen",
    "unix:/nowhere/at/all.sock",
  );
  expect(nowhere).toMatchObject({ code: 64, err: expect.not.stringContaining("    at ") });
});

it("takes no socket from a controller that answers there, and no file for a socket", async () => {
  const first = await TestController.start(folder.path(""));
  try {
    expect(await sluice("serve", "--store", folder.path("other"), "--listen", first.address)).toMatchObject({
      code: 64,
      err: expect.stringContaining("answers there already"),
    });
    expect((await first.client.get("/v1/status")).status).toBe(200);
  } finally {
    await first.stop();
  }
  writeFileSync(folder.path("notes"), "mine");
  const outcome = await sluice("serve", "--store", folder.path("other"), "--listen", folder.socket("notes"));
  expect(outcome.code).toBe(64);
  expect(readFileSync(folder.path("notes"), "utf8")).toBe("mine");
});
