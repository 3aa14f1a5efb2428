// The command as a process: that it ends, and with which code. Needs `npm run build`.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = useFolder();

function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...argv], (_, out, err) =>
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
