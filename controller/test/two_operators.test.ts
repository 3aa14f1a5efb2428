// Two operators at once, and parts that refuse: a command that waits for something sees that it does not come any more.
import { existsSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { PeerReplication } from "@sluice/proto/ld";
import { beforeEach, expect, it } from "vitest";
import { fromRanges } from "../src/compile/index.js";
import { eventually, type TestController } from "./support/controller.js";
import type { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { type Document, useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);
let controller: TestController;

beforeEach(async () => {
  const [east] = region.document.clusters;
  Object.assign(east!, { failover: { secret: "0123456789abcdef" } });
  controller = await region.start();
  await controller.apply(region.document);
});

const owned = (ld: FakeLd) => fromRanges(ld.config?.ownedBuckets ?? []).size;

/** Somebody else makes the cluster what it was at the beginning, but for LDs that are not named. */
async function putCluster(...names: string[]): Promise<number> {
  const [east] = region.document.clusters as Document["clusters"];
  const lds = east!.lds.filter(({ name }) => names.includes(name as string));
  const { body } = await controller.client.put<{ revision: number }>(
    "/v1/clusters/east",
    { ...east, lds },
    "x",
  );
  return body.revision;
}

/** The sessions of the next map do not come until `let` is called. */
function holdCopies(): { held: () => boolean; let(): void } {
  const [ld1] = region.lds as [FakeLd, FakeLd];
  let isHolding = true;
  ld1.onApply = ({ epoch, cluster, heartbeat }) => {
    const ldId = cluster!.lds.find((peer) => peer.ldId !== cluster!.ldId)?.ldId ?? 0;
    const taken = isHolding && epoch === 2n && heartbeat!.previousEpoch !== 0;
    ld1.peers = taken ? [PeerReplication.fromPartial({ ldId, sessionsToCopy: 9n })] : [];
  };
  return {
    held: () => ld1.peers.length > 0,
    let: () => {
      isHolding = false;
      ld1.peers = [];
    },
  };
}

it("an upgrade restarts nothing when somebody has given the LD its buckets back meanwhile", async () => {
  const copies = holdCopies();
  const marker = folder.path("restarted");
  const upgrade = region.sluice("ld", "upgrade", "ld2", "--command", `touch ${marker}`);
  await eventually("its buckets are on their way", copies.held);
  await putCluster("ld1", "ld2");
  copies.let();
  await eventually("it has them back", () => owned(region.lds[1]!) === 512);
  // Whatever the upgrade would wait for after its command.
  region.lds[1]!.uptimeMs = 1n;
  const { code, err, out } = await upgrade;
  expect({ code, out }).toEqual({ code: 64, out: "" });
  expect(err).toContain(
    "error: ld2 is not drained any more: somebody else has changed that meanwhile (sluice history shows who)\n",
  );
  expect(existsSync(marker)).toBe(false);
});

it("a drain is not said to be done when somebody has taken it back", async () => {
  const copies = holdCopies();
  const drain = region.sluice("ld", "drain", "ld2");
  await eventually("its buckets are on their way", copies.held);
  await putCluster("ld1", "ld2");
  copies.let();
  expect(await drain).toMatchObject({
    code: 64,
    out: "",
    err: expect.stringContaining("ld2 is not drained"),
  });
});

it("an upgrade that waits for a restart ends when the LD is not there any more, or not drained", async () => {
  const ld2 = region.lds[1]!;
  ld2.startedMs = performance.now() - 65_000;
  for (const [names, reason] of [
    [["ld1", "ld2"], "ld2 is not drained any more"],
    [["ld1"], "no cluster has an LD ld2"],
  ] as const) {
    const upgrade = region.sluice("ld", "upgrade", "ld2");
    await eventually("it is empty", () => owned(ld2) === 0);
    const before = ld2.statusCalls;
    await eventually("it is waited for", () => ld2.statusCalls > before + 8);
    const revision = await putCluster(...names);
    expect(await upgrade).toMatchObject({ code: 64, err: expect.stringContaining(reason) });
    await controller.settled(revision);
  }
});

it("a drain that a switch refuses to follow ends with the reason, and the LD stays drained", async () => {
  region.gw1.refuse = ({ type }) =>
    type === 2 ? { code: status.RESOURCE_EXHAUSTED, message: "no TCAM left" } : undefined;
  const { code, err, out } = await region.sluice("ld", "upgrade", "ld2", "--command", "true", "-o", "json");
  expect(code).toBe(5);
  expect(err).toContain("no TCAM left");
  expect(err).toContain("ld2 stays drained (sluice ld undrain ld2 ends that)");
  expect(JSON.parse(out)).toMatchObject({ revision: 2, settled: false });
});

it("buckets of a cluster without failover take connections with them, and the command says so", async () => {
  const [east] = region.document.clusters as (Document["clusters"][0] & { failover?: unknown })[];
  const { failover: _, ...bare } = east!;
  await controller.apply({ ...region.document, clusters: [bare] });
  const warning =
    "warning: cluster east has no failover: the connections of the buckets that move end (failover: of the cluster lets them go on)\n";
  const drain = await region.sluice("ld", "drain", "ld2");
  expect(drain).toMatchObject({ code: 0, err: expect.stringContaining(warning) });
  expect(drain.out).toContain("Drained: ld2 has no bucket");
  expect((await region.sluice("cluster", "scale", "east", "--remove", "ld2")).err).toContain(warning);
});
