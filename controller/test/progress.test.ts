// What people see of long work, on a terminal and elsewhere. The clock is the test's.
import { expect, it } from "vitest";
import { type Progress, withProgress } from "../src/cli/progress.js";
import { countdown } from "../src/cli/waiting.js";

const WORK = { doing: "writing", units: "entries" };

/** 100,000 entries in 10 s, a thousand at a time. */
async function write(isTTY: boolean, output: "table" | "json", failAt = Infinity): Promise<string> {
  let text = "";
  let nowMs = 0;
  const stderr = { isTTY, write: (part: string) => (text += part) };
  const work = async (progress: Progress) => {
    progress.expect(60_000);
    progress.expect(40_000);
    for (let done = 0; done < 100_000; done += 1_000) {
      if (done >= failAt) {
        throw new Error("lost");
      }
      nowMs += 100;
      progress.advance(1_000);
    }
  };
  await withProgress({ stderr }, { output }, WORK, work, () => nowMs).catch(() => {});
  return text;
}

it("is a bar on a terminal, drawn over itself, and gone at the end", async () => {
  const drawn = (await write(true, "table")).split("\r\u001b[K");
  expect(drawn[0]).toBe("");
  expect(drawn.at(-1)).toBe("");
  expect(drawn.join("")).not.toContain("\n");
  const half = drawn.find((line) => line.includes(" 50,000 of 100,000 entries"))!;
  expect(half).toMatch(/^writing █{15}.*░{15}.* {2}50,000 of 100,000 entries, 5 s left$/);
});

it("draws nothing of work that is done at once", async () => {
  let text = "";
  const stderr = { isTTY: true, write: (part: string) => (text += part) };
  await withProgress(
    { stderr },
    { output: "table" },
    WORK,
    async (progress) => {
      progress.expect(2);
      progress.advance(1);
      progress.advance(1);
    },
    () => 0,
  );
  expect(text).toBe("");
});

it("is a line every five seconds elsewhere", async () => {
  expect(await write(false, "table")).toBe("writing: 50,000 of 100,000 entries, 5 s left\n");
});

it("is nothing where the output is for programs", async () => {
  expect(await write(true, "json")).toBe("");
});

it("takes the bar away when the work fails", async () => {
  expect((await write(true, "table", 50_000)).endsWith("\r\u001b[K")).toBe(true);
});

it("does not take the time before the first entry, nor a rate of long ago, for the rate of the rest", async () => {
  let text = "";
  let nowMs = 0;
  const stderr = { isTTY: false, write: (part: string) => (text += part) };
  const work = async (progress: Progress) => {
    progress.expect(100_000);
    nowMs += 60_000; // the pipeline is pushed
    progress.advance(1_000);
    for (let done = 1_000; done < 100_000; done += 1_000) {
      nowMs += done < 50_000 ? 1_000 : 250;
      progress.advance(1_000);
    }
  };
  await withProgress({ stderr }, { output: "table" }, WORK, work, () => nowMs);
  const lines = text.trimEnd().split("\n");
  expect(lines[0]).toBe("writing: 1,000 of 100,000 entries");
  expect(lines[1]).toBe("writing: 6,000 of 100,000 entries, 94 s left");
  expect(lines.at(-1)).toMatch(/ 9\d,000 of 100,000 entries, 2 s left$/);
});

it("counts what has ended of a number that falls, and rises meanwhile", () => {
  let [expected, done] = [0, 0];
  const show = countdown({
    expect: (more) => {
      expected += more;
    },
    advance: (more) => {
      done += more;
    },
  });
  const seen = [4, 3, 1, 5, 0].map((left) => {
    show(left);
    return [done, expected];
  });
  expect(seen).toEqual([
    [0, 4],
    [1, 4],
    [3, 4],
    [3, 8],
    [8, 8],
  ]);
});
