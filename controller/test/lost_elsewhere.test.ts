// An LD of another cluster that is dead for long: it keeps no LD from being drained, upgraded or added here.
import { PeerReplication, RsState } from "@sluice/proto/ld";
import { beforeEach, describe, expect, it } from "vitest";
import { fromRanges } from "../src/compile/index.js";
import { eventually } from "./support/controller.js";
import type { FakeLd } from "./support/fake_ld.js";
import { useFolder } from "./support/folder.js";
import { type Document, useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);
const owned = (ld: FakeLd) => fromRanges(ld.config?.ownedBuckets ?? []).size;

beforeEach(async () => {
  const [east] = region.document.clusters;
  const failover = { secret: "0123456789abcdef" };
  const dead = {
    name: "ld3",
    agent: folder.socket("ld3.agent.sock"),
    address: "10.0.2.4/24",
    gateway: "10.0.2.1",
    mac: "02:00:00:00:02:04",
  };
  region.document.clusters = [
    { ...east, failover },
    { ...east, name: "west", local_ips: ["198.18.1.0/30"], failover, lds: [dead] },
  ] as unknown as typeof region.document.clusters;
  const { client } = await region.start();
  await client.put("/v1/state", region.document, "apply");
  await eventually("the others have it", () => region.lds.every((ld) => owned(ld) === 512));
});

it("an LD is drained, and comes back", async () => {
  expect(await region.sluice("ld", "drain", "ld2")).toMatchObject({
    code: 0,
    out: "Drained: ld2 has no bucket and no session any more (sluice ld undrain ld2 gives it some).\n",
  });
  expect(region.lds.map(owned)).toEqual([1024, 0]);
  expect(await region.sluice("ld", "undrain", "ld2")).toMatchObject({ code: 0 });
  expect(region.lds.map(owned)).toEqual([512, 512]);
});

it("an LD leaves when it is empty, and who is late elsewhere is named", async () => {
  const { code, out } = await region.sluice("cluster", "scale", "east", "--remove", "ld2");
  expect(code).toBe(0);
  expect(out).toMatch(
    /^Revision 3; what it is about has it; not everywhere else yet: ld3 is unreachable \(/m,
  );
  expect(owned(region.lds[0]!)).toBe(1024);
});

it("an LD of the same cluster does", async () => {
  region.lds[0]!.stop();
  const { code, err } = await region.sluice("ld", "drain", "ld2");
  expect({ code, err }).toEqual({
    code: 5,
    err: expect.stringContaining("Not all buckets have moved yet: ld1 cannot be reached"),
  });
});

describe("a service", () => {
  beforeEach(async () => {
    const [east, west] = region.document.clusters as Document["clusters"] & Record<string, unknown>[];
    const [ld1, ld2] = east!.lds;
    const south = { ...east, name: "south", local_ips: ["198.18.2.0/30"], lds: [ld2!] };
    region.document.clusters = [{ ...east!, lds: [ld1!] }, south, west!];
    await region.running[0]!.client.put("/v1/state", region.document, "apply");
    await eventually("the others have it", () => region.lds.every((ld) => owned(ld) === 1024));
  });

  it("has a real server drained, and the command waits for its end", async () => {
    const [ld1] = region.lds as [FakeLd, FakeLd];
    const rs = { service: "shop", rs: "rs1", address: Uint8Array.of(192, 168, 0, 2), port: 8443 };
    ld1.realServers = [RsState.fromPartial({ ...rs, sessionsActive: 2n })];
    const drain = region.sluice("drain", "rs", "shop", "rs1", "-o", "json");
    await eventually("it is drained", () => ld1.config!.services[0]?.realServers[0]?.weight === 0);
    ld1.realServers = [RsState.fromPartial(rs)];
    const { code, out } = await drain;
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, settled: true, complete: true });
  });

  it("migrates, to its end", async () => {
    const [ld1, ld2] = region.lds as [FakeLd, FakeLd];
    const peer = PeerReplication.fromPartial({ migration: true, whole: true, buckets: 1024 });
    ld1.peers = [peer];
    ld2.peers = [peer];
    const { code, out } = await region.sluice("migrate", "service", "shop", "--to", "south");
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining("Moved: service shop is at south"),
    });
    expect((await region.sluice("migrate", "service", "shop", "--to", "west")).code).not.toBe(0);
  });
});
