// The agent as a process: how it starts and ends. Needs `npm run build`.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

let folder: string;
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-agent-"));
});
afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true });
});

interface Running {
  child: ChildProcessByStdio<null, Readable, Readable>;
  events: string[];
  /** Resolves with the event's line when it is logged. */
  logged(event: string): Promise<Record<string, unknown>>;
  ended: Promise<number | null>;
}

function start(): Running {
  const argv = [
    main,
    "--listen",
    `unix:${join(folder, "agent.sock")}`,
    "--dataplane",
    join(folder, "control.sock"),
  ];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const events: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const reader = createInterface(child.stdout);
  reader.on("line", (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    lines.push(entry);
    events.push(String(entry.event));
    reader.emit("entry");
  });
  return {
    child,
    events,
    async logged(event) {
      for (;;) {
        const found = lines.find((entry) => entry.event === event);
        if (found !== undefined) {
          return found;
        }
        await once(reader, "entry");
      }
    },
    // "close": also what it wrote last has been read then.
    ended: once(child, "close").then(([code]) => code as number | null),
  };
}

it.each(["SIGTERM", "SIGINT"] as const)("ends cleanly on %s", async (signal) => {
  const agent = start();
  await agent.logged("listening");
  expect(existsSync(join(folder, "agent.sock"))).toBe(true);
  agent.child.kill(signal);
  expect(await agent.ended).toBe(0);
  expect(agent.events).toEqual(["listening", "stopping"]);
  expect(existsSync(join(folder, "agent.sock"))).toBe(false);
});

it("starts again after it was killed, on the socket that is left", async () => {
  const first = start();
  await first.logged("listening");
  first.child.kill("SIGKILL");
  await first.ended;
  expect(existsSync(join(folder, "agent.sock"))).toBe(true);
  await start().logged("listening");
});

it("says in one line why it cannot start", async () => {
  writeFileSync(join(folder, "agent.sock"), "");
  const agent = start();
  expect(await agent.logged("start_failed")).toMatchObject({
    reason: expect.stringContaining("is not a socket"),
  });
  expect(await agent.ended).toBe(1);
  expect(agent.events).toEqual(["start_failed"]);
});
