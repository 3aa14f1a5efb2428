// The metrics that Prometheus reads are those that docs/api.md tells of: names, types and labels.
import { expect, it } from "vitest";
import { renderMetrics } from "../src/api/metrics.js";
import { plainDocument } from "../src/state/index.js";
import { TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";

const folder = useFolder();

/** `name type {labels}`: of each metric of the text, once for each set of labels that its samples have. */
function exposed(text: string): string[] {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
  const samples = [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)].map(
    ([, name, labels = ""]) =>
      `${name} ${types.get(name!)} {${[...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).sort()}}`,
  );
  const silent = [...types].filter(([name]) => !samples.some((sample) => sample.startsWith(`${name} `)));
  return [...samples, ...silent.map(([name, type]) => `${name} ${type} without a sample`)];
}

/** The same of the page's table, and the families that it names by their beginnings alone: `process_*`. */
function told(page: string): { metrics: string[]; families: string[] } {
  const section = page.slice(page.indexOf("## Metrics"));
  const rows = [...section.matchAll(/^\| (`.*?) \| (.*?) ?\|/gm)];
  const inTicks = (cell: string) => [...cell.matchAll(/`([\w*]+)`/g)].map(([, word]) => word!);
  const all = rows.flatMap(([, names, labels]) =>
    inTicks(names!).map((name) => ({ name, labels: inTicks(labels!) })),
  );
  return {
    metrics: all
      .filter(({ name }) => !name.endsWith("*"))
      .map(
        ({ name, labels }) =>
          `${name} ${name.endsWith("_total") ? "counter" : "gauge"} {${labels.toSorted()}}`,
      ),
    families: all.flatMap(({ name }) => (name.endsWith("*") ? [name.slice(0, -1)] : [])),
  };
}

it("every metric is in the table of the page with its labels, and no other", async () => {
  const parts = await Promise.all([
    FakeSwitch.listen(folder.socket("gw1.sock")),
    FakeLd.listen(folder.socket("ld1.agent.sock")),
    FakeLd.listen(folder.socket("ld2.agent.sock")),
  ]);
  const controller = await TestController.start(folder.path(""), { term: 7n });
  try {
    const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
    await controller.apply(plainDocument(text));
    // Only one that stands by has a leader to tell of.
    const standingBy = await renderMetrics({ controller: undefined, leader: "unix:/run/b.sock" }, 0);
    const found = new Set([...exposed(await controller.metrics()), ...exposed(standingBy.text)]);
    found.delete("sluice_leader gauge without a sample");
    const { metrics, families } = told(repositoryFile("docs/api.md"));
    const family = (metric: string) => families.find((start) => metric.startsWith(start));
    expect([...found].filter((metric) => family(metric) === undefined).sort()).toEqual(metrics.sort());
    expect(new Set([...found].flatMap((metric) => family(metric) ?? []))).toEqual(new Set(families));
  } finally {
    await controller.stop();
    for (const part of parts) part.stop();
  }
});

it("what an LD's port has lost is counted by what it was for", async () => {
  const ld = await FakeLd.listen(folder.socket("ld1.agent.sock"));
  const parts = [
    await FakeSwitch.listen(folder.socket("gw1.sock")),
    await FakeLd.listen(folder.socket("ld2.agent.sock")),
    ld,
  ];
  ld.port = [
    { name: "rx_missed", value: 6n },
    { name: "rx_no_mbuf", value: 7n },
    { name: "rx_errors", value: 8n },
  ];
  const controller = await TestController.start(folder.path(""));
  try {
    const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
    await controller.apply(plainDocument(text));
    const lines = (await controller.metrics()).split("\n");
    const lost = lines.filter((line) => /^sluice_ld_rx_.*ld="ld1"/.test(line));
    expect(lost).toEqual([
      'sluice_ld_rx_missed_total{ld="ld1",cluster="east"} 6',
      'sluice_ld_rx_no_mbuf_total{ld="ld1",cluster="east"} 7',
      'sluice_ld_rx_errors_total{ld="ld1",cluster="east"} 8',
    ]);
  } finally {
    await controller.stop();
    for (const part of parts) part.stop();
  }
});
