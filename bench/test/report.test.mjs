import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withHugePages } from "../lib/huge_pages.mjs";
import { against, summarise } from "../lib/statistics.mjs";
import { lineChart } from "../lib/svg.mjs";
import { barChart, shortCount, table } from "../lib/text.mjs";

describe("statistics", () => {
  it("takes the middle of the runs, or of the two in the middle", () => {
    expect(summarise([3, 1, 10])).toEqual({ median: 3, least: 1, most: 10 });
    expect(summarise([10, 1, 2, 4])).toEqual({ median: 3, least: 1, most: 10 });
    expect(() => summarise([])).toThrow("nothing was measured");
  });

  it("judges floors and ceilings", () => {
    expect(against(0.25, 0.25).met).toBe(true);
    expect(against(0.24, 0.25).met).toBe(false);
    expect(against(193, 192, { atMost: true }).met).toBe(false);
    expect(against(192, 192, { atMost: true }).met).toBe(true);
  });
});

describe("text", () => {
  it("sets columns", () => {
    expect(
      table([
        ["", "rate", ""],
        ["one", "9.5", "met"],
        ["seventeen", "10.25", ""],
      ]),
    ).toEqual([
      "            rate", //
      "one          9.5  met",
      "seventeen  10.25",
    ]);
  });

  it("draws bars to scale, with a mark where they have to reach", () => {
    const points = [
      { label: "1 K", value: 10, bar: 5 },
      { label: "10 K", value: 2.5, bar: 5 },
    ];
    expect(barChart(points, 8)).toEqual([" 1 K ████│███ 10.0", "10 K ██  │ 2.5"]);
  });

  it("shortens counts", () => {
    expect([64, 1000, 100_000, 4_000_000].map(shortCount)).toEqual(["64", "1 K", "100 K", "4 M"]);
  });
});

describe("SVG", () => {
  it("puts a point twice as high when its value is twice as high, and equal factors equally far apart", () => {
    const point = (x, median) => ({ x, label: `${x}`, least: median, median, most: median });
    const svg = lineChart({
      title: "a < b",
      xLabel: "",
      yLabel: "",
      points: [point(1, 10), point(10, 20), point(100, 5)],
      bars: [],
    });
    const [[x1, y1], [x2, y2], [x3]] = /points="([^"]*)"/
      .exec(svg)[1]
      .split(" ")
      .map((pair) => pair.split(",").map(Number));
    const zero = 350;
    expect(x2 - x1).toBeCloseTo(x3 - x2);
    expect((zero - y2) / (zero - y1)).toBeCloseTo(2, 1);
    expect(svg).toContain("a &lt; b");
  });
});

describe("huge pages", () => {
  let folder;
  const set = (total, free) => {
    writeFileSync(join(folder, "nr_hugepages"), `${total}\n`);
    writeFileSync(join(folder, "free_hugepages"), `${free}\n`);
  };
  const total = () => Number(readFileSync(join(folder, "nr_hugepages"), "utf8"));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("asks for what is missing beside the pages of others, and gives it back, also after an error", async () => {
    set(10, 4);
    const body = async () => {
      expect(total()).toBe(22);
      throw new Error("stop");
    };
    await expect(withHugePages(16, body, folder)).rejects.toThrow("stop");
    expect(total()).toBe(10);
  });

  it("says so when the kernel has too few, and leaves a pool alone that has enough", async () => {
    set(0, 0); // the kernel would raise free_hugepages; here it has none to give
    expect(await withHugePages(16, async (enough) => enough, folder)).toBe(false);
    set(64, 32);
    expect(await withHugePages(16, async (enough) => enough && total(), folder)).toBe(64);
  });
});
