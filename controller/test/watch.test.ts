// Live rates: what a report's counters grew by, per second of the test's own clock.
import { expect, it } from "vitest";
import { type Counted, type Rates, report, type WatchOptions } from "../src/cli/watch.js";

const RATES: Rates<Counted[]> = { labels: ["service", "switch"], linesOf: (lines) => lines };

/** Two looks of 2 s after the first: 1,000 packets and 125,000 bytes more each time, then a restart. */
const LOOKS: [packets: bigint, bytes: bigint][] = [
  [5_000n, 1_000_000n],
  [6_000n, 1_125_000n],
  [10n, 100n],
];

async function watched(
  options: Partial<WatchOptions>,
  isTTY = false,
): Promise<{ out: string; waits: number[] }> {
  const waits: number[] = [];
  let out = "";
  let nowMs = 0;
  let look = 0;
  const stdout = { isTTY, write: (text: string) => (out += text) };
  const measure = async () => {
    const [packets, bytes] = LOOKS[look++]!;
    return [
      { labels: ["web", "gw1"], packets, bytes },
      { labels: ["drops", "gw1"], packets: 7n },
    ];
  };
  const all = { file: "", output: "table", timeout: 1, watch: "2", count: "2", ...options } as WatchOptions;
  await report({ stdout, stderr: stdout }, all, measure, () => "the report\n", RATES, {
    nowMs: () => nowMs,
    waitMs: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
  });
  return { out, waits };
}

it("is one block an interval; what fell has no rate, nor bits where only packets are counted", async () => {
  const { out, waits } = await watched({});
  expect(waits).toEqual([2000, 2000]);
  expect(out).toBe(
    [
      "SERVICE  SWITCH  PACKETS/S   BITS/S",
      "web      gw1           500  500,000",
      "drops    gw1             0        -",
      "",
      "SERVICE  SWITCH  PACKETS/S  BITS/S",
      "web      gw1             -       -",
      "drops    gw1             0       -",
      "",
      "",
    ].join("\n"),
  );
});

it("is drawn over itself on a terminal", async () => {
  const { out } = await watched({ count: "1" }, true);
  expect(out.startsWith("\u001b[H\u001b[JSERVICE")).toBe(true);
});

it("is a line each time for programs", async () => {
  const { out } = await watched({ output: "json" });
  const lines = out.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[0]!)[0]).toEqual({
    service: "web",
    switch: "gw1",
    packets_per_s: 500,
    bits_per_s: 500_000,
  });
  expect(JSON.parse(lines[1]!)[0]).toEqual({ service: "web", switch: "gw1" });
});

it("without --watch it is the report, and a count without it a mistake", async () => {
  const options = { watch: undefined, count: undefined } as never;
  expect((await watched(options)).out).toBe("the report\n");
  await expect(watched({ watch: undefined } as never)).rejects.toThrow("--count is of --watch");
  await expect(watched({ watch: "0" })).rejects.toThrow("--watch 0: give a number above 0");
});
