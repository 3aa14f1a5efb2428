// `sluice apply` of a file that knows nothing of what is under way: what ends by it is told.
import { writeFileSync } from "node:fs";
import { beforeEach, expect, it } from "vitest";
import { stringify } from "yaml";
import { useFolder } from "./support/folder.js";
import { useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);

beforeEach(async () => {
  const [east] = region.document.clusters;
  const [ld1, ld2] = east!.lds;
  const failover = { secret: "0123456789abcdef" };
  region.document.clusters = [
    { ...east, failover, lds: [ld1!] },
    { ...east, name: "west", local_ips: ["198.18.1.0/30"], failover, lds: [ld2!] },
  ] as unknown as typeof region.document.clusters;
  const controller = await region.start();
  await controller.apply(region.document);
});

const apply = (document: unknown, ...options: string[]) => {
  writeFileSync(folder.path("sluice.yaml"), stringify(document));
  return region.sluice("apply", "-f", folder.path("sluice.yaml"), ...options);
};

it("a migration that the file does not know ends, and says so", async () => {
  await region.sluice("migrate", "service", "shop", "--to", "west", "--no-wait");
  const dry = await apply(region.document, "--dry-run");
  const { code, err, out } = await apply(region.document, "-o", "json", "--timeout", "100000");
  const warning =
    "warning: the migration of service shop from east to west ends, with the sessions that have begun at the other cluster (sluice migrate finish shop waits for them)\n";
  expect({ code, err }).toEqual({ code: 0, err: warning });
  expect(dry.err).toBe(warning);
  expect(JSON.parse(out)).toMatchObject({ revision: 3, settled: true, parts: [{}, {}, {}] });
  expect((await region.sluice("migrate", "finish", "shop")).err).toBe("");
});

it("an LD that is not drained leaves, and says so", async () => {
  const [east, west] = region.document.clusters as [object & { lds: object[] }, { lds: object[] }];
  const both = { ...region.document, clusters: [{ ...east, lds: [...east.lds, ...west.lds] }] };
  expect((await apply(both)).err).toBe("");
  const one = { ...both, clusters: [east] };
  expect((await apply(one)).err).toBe(
    "warning: LD ld2 of cluster east leaves with its buckets: those are their backups' at once (sluice cluster scale east --remove ld2 empties it first)\n",
  );
  await apply(both);
  await region.sluice("ld", "drain", "ld2");
  expect((await apply(one)).err).toBe("");
});
