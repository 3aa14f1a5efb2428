// What the parts count, asked of the controller: over the API, by `sluice get --server`, and as Prometheus reads it.
import { afterEach, beforeEach, expect, it } from "vitest";
import { plainDocument } from "../src/state/index.js";
import { runSluice } from "./support/cli.js";
import { eventually, TestController } from "./support/controller.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";

const folder = useFolder();
let gw1: FakeSwitch;
let lds: FakeLd[];
let controller: TestController;

beforeEach(async () => {
  [gw1, ...lds] = (await Promise.all([
    FakeSwitch.listen(folder.socket("gw1.sock")),
    FakeLd.listen(folder.socket("ld1.agent.sock")),
    FakeLd.listen(folder.socket("ld2.agent.sock")),
  ])) as [FakeSwitch, FakeLd, FakeLd];
  controller = await TestController.start(folder.path(""), { term: 7n });
  const text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
  await controller.apply(plainDocument(text));
});
afterEach(async () => {
  await controller.stop();
  gw1.stop();
  for (const ld of lds) ld.stop();
});

const sluice = (...argv: string[]) => runSluice(...argv, "--server", controller.address);

it.each([
  ["services", /^shop +192\.168\.0\.100:443\/tcp/m],
  ["eips", /^vm1 +203\.0\.113\.50/m],
  ["lds", /^ld1 +\S+ +up /m],
  ["drops", /^ld1 +no_session +2/m],
  ["buckets", /^gw1 +\S+ +ld1 +512 /m],
])("get %s is the same by the controller as by the file", async (what, line) => {
  const { code, out, err } = await sluice("get", what);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(line);
});

it("get says which part the controller cannot ask", async () => {
  gw1.stop();
  await eventually("the switch is lost", () =>
    controller.controller.reconciler.parts.some(({ state }) => state === "unreachable"),
  );
  const { code, err } = await sluice("get", "services");
  expect(code).toBe(3);
  expect(err).toContain("gw1");
  expect((await sluice("get", "lds")).code).toBe(0);
  expect(await controller.metrics()).toContain(
    'sluice_part_state{part="gw1",kind="switch",state="unreachable"} 1',
  );
});

it("Prometheus reads of the controller, switches, LDs, services and EIPs", async () => {
  const text = await controller.metrics();
  for (const line of [
    /^sluice_term 7$/m,
    /^sluice_desired_revision 1$/m,
    /^sluice_part_written_updates_total\{part="gw1",kind="switch"\} \d+$/m,
    /^sluice_drops_total\{part="ld1",kind="ld",reason="no_session"\} 2$/m,
    /^sluice_drops_total\{part="gw1",kind="switch",reason="acl"\} \d+$/m,
    /^sluice_ld_up\{ld="ld2",cluster="[^"]+"\} 1$/m,
    /^sluice_ld_ready\{ld="ld2",cluster="[^"]+"\} 1$/m,
    /^sluice_ld_packets_total\{ld="ld1",cluster="[^"]+",direction="in"\} 200$/m,
    /^sluice_service_packets_total\{service="shop",switch="gw1"\} \d+$/m,
    /^sluice_eip_bytes_total\{eip="vm1",switch="gw1",direction="out"\} \d+$/m,
    /^sluice_unlisted_objects\{section="eips"\} 0$/m,
    /^process_resident_memory_bytes \d+$/m,
  ]) {
    expect(text).toMatch(line);
  }
  // Names as Prometheus advises: what only grows, and nothing else, ends with _total.
  const types = [...text.matchAll(/^# TYPE (sluice_\w+) (\w+)$/gm)];
  expect(types.length).toBeGreaterThan(15);
  for (const [, name, type] of types) {
    expect([name, name!.endsWith("_total")]).toEqual([name, type === "counter"]);
  }
});
