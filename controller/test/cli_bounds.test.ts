// Commands at the bounds of what they take.
import { describe, expect, it } from "vitest";
import { report } from "../src/cli/watch.js";
import { runSluice } from "./support/cli.js";
import { useFolder } from "./support/folder.js";
import { useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);

describe("a command with a controller", () => {
  it("may wait for the parts for longer than one request does", async () => {
    await region.start().then((controller) => controller.apply(region.document));
    expect(
      await region.sluice("eip", "move", "vm1", "--host", "10.0.6.3", "--timeout", "700000"),
    ).toMatchObject({
      code: 0,
      out: expect.stringContaining("parts have it"),
      err: "",
    });
  });

  it("is told of times that no timer has before anything is asked", async () => {
    for (const time of ["2147483648", "1e300", "Infinity"]) {
      const outcome = await region.sluice("status", "--timeout", time);
      expect(outcome).toMatchObject({ code: 64, err: expect.stringContaining("milliseconds") });
    }
    for (const seconds of ["Infinity", "3000000"]) {
      const outcome = await region.sluice("get", "services", "--watch", seconds);
      expect(outcome).toMatchObject({ code: 64, err: expect.stringContaining("--watch") });
    }
  });

  it("may be asked for what no header can say", async () => {
    await region.start().then((controller) => controller.apply(region.document));
    expect(await region.sluice("eip", "release", "東京")).toMatchObject({
      code: 0,
      out: expect.stringContaining("Nothing to change"),
    });
  });

  it("names the certificates that it cannot read", async () => {
    const pki = folder.path("nowhere");
    const outcome = await runSluice("status", "--server", "127.0.0.1:1", "--pki", pki);
    expect(outcome.code).toBe(3);
    expect(outcome.err).toContain(`${pki}/ca.pem`);
    expect(outcome.err).not.toContain("    at ");
  });
});

it("--watch ends when nobody reads any more", async () => {
  const listeners: (() => void)[] = [];
  let printed = 0;
  const stdout = {
    on: (_: "error", listener: () => void) => listeners.push(listener),
    write: () => {
      printed++;
      for (const listener of listeners) listener();
    },
  };
  const options = { file: "", output: "table", timeout: 1, watch: "1", count: "5" } as const;
  const rates = { labels: ["what"], linesOf: () => [{ labels: ["a"], packets: 1n }] };
  const ticker = { nowMs: () => 0, waitMs: async () => {} };
  await report(
    { stdout, stderr: stdout },
    options,
    async () => [],
    () => "",
    rates,
    ticker,
  );
  expect(printed).toBe(1);
});
