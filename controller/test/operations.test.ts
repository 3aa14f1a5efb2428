// docs/operations.md is what happens: every command in it is run, in its order, and the page has to have the output. After a change
// that is meant, `npx vitest run --project @sluice/controller operations -u` writes the page anew.
import { writeFileSync } from "node:fs";
import { type RunningServer, SoftSwitch, serve } from "@sluice/softswitch";
import { afterEach, beforeEach, it } from "vitest";
import { run } from "../src/cli/run.js";
import { eventually, TestController } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { documentOf, expectPage } from "./support/page.js";
import { repositoryFile } from "./support/program.js";

const folder = useFolder();
const SHOWN_FOLDER = "/run/sluice";
const SHOWN_TIME = "2026-11-22T08:30:00.000Z";

let gateway: RunningServer;
let controller: TestController;

beforeEach(async () => {
  gateway = await serve(new SoftSwitch(), { grpcAddr: folder.socket("gw1.sock") });
  controller = await TestController.start(folder.path(""), { auditMs: 200 });
});
afterEach(async () => {
  await controller.stop();
  await gateway.close();
});

/** What a command prints, and what a terminal shows of how it ended. */
async function output(line: string): Promise<string> {
  let text = "";
  const stream = { write: (part: string) => (text += part) };
  const words = line.replaceAll(SHOWN_FOLDER, folder.path("")).split(" ").slice(1);
  const argv = words.map((word) => (word === "sluice.yaml" ? folder.path("sluice.yaml") : word));
  const asks = /^sluice (apply|eip|limit|status|history)/.test(line);
  const code = await run([...argv, ...(asks ? ["--server", controller.address] : [])], {
    stdout: stream,
    stderr: stream,
  });
  if (line.includes("table delete")) {
    await eventually("the entry is back", () =>
      controller.controller.reconciler.parts.every(({ mended, state }) => mended > 0 && state === "in sync"),
    );
  }
  const shown = text
    .replaceAll(folder.path(""), SHOWN_FOLDER)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, SHOWN_TIME);
  return `${shown}${code === 0 ? "" : `(exit code ${code})\n`}`;
}

it("every command of docs/operations.md prints what the page says", async () => {
  const document = documentOf(repositoryFile("docs/operations.md"));
  writeFileSync(folder.path("sluice.yaml"), document.replaceAll(SHOWN_FOLDER, folder.path("")));
  await expectPage("docs/operations.md", output);
});
