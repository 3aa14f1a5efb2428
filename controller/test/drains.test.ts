// Who asks for the real servers that are drained, while LDs cannot be asked.
import { RsState } from "@sluice/proto/ld";
import { beforeEach, expect, it } from "vitest";
import { eventually } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { useRegion } from "./support/region.js";

const region = useRegion(useFolder());

beforeEach(async () => {
  const [east] = region.document.clusters;
  const [ld1, ld2] = east!.lds;
  region.document.clusters = [
    { ...east, lds: [ld1!] },
    { ...east, name: "west", local_ips: ["198.18.1.0/30"], lds: [ld2!] },
  ] as typeof region.document.clusters;
  const controller = await region.start();
  await controller.apply(region.document);
  await region.sluice("drain", "rs", "shop", "rs1", "--no-wait");
  await controller.settled(2);
  region.lds[0]!.realServers = [
    RsState.fromPartial({
      service: "shop",
      rs: "rs1",
      address: Uint8Array.of(10, 0, 4, 2),
      port: 80,
      sessionsActive: 3n,
    }),
  ];
});

/** An LD is gone, and the controller knows. */
async function lose(ld: number): Promise<void> {
  region.lds[ld]!.stop();
  const { reconciler } = region.running[0]!.controller;
  await eventually("it is lost", () =>
    reconciler.parts.some(({ name, state }) => name === `ld${ld + 1}` && state === "unreachable"),
  );
}

it("an LD that has nothing to do with them does not count", async () => {
  await lose(1);
  const { code, out } = await region.sluice("get", "drains");
  expect({ code, out }).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^shop +rs1 +\S+ +3 +draining$/m),
  });
});

it("one that has is named with the reason", async () => {
  await lose(0);
  for (const what of ["drains", "rs"]) {
    expect(await region.sluice("get", what)).toMatchObject({
      code: 3,
      out: "",
      err: expect.stringMatching(/^error: LD ld1 \(.*\) is down: /),
    });
  }
});
