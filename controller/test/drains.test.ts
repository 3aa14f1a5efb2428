// How many sessions a real server that is drained still has: what the LDs count, and what nobody can say now.
import { RsState } from "@sluice/proto/ld";
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { useRegion } from "./support/region.js";

const region = useRegion(useFolder());

/** Of the LD's only real server, which is drained. */
function say(ld: number, counted: Partial<RsState>, countedEpoch = 0n): void {
  const { name, address, port } = region.lds[ld]!.config!.services[0]!.realServers[0]!;
  region.lds[ld]!.countedEpoch = countedEpoch;
  region.lds[ld]!.realServers = [
    RsState.fromPartial({ service: "shop", rs: name, address, port, ...counted }),
  ];
}

async function drains(): Promise<unknown> {
  const { out } = await region.sluice("get", "drains", "-o", "json");
  return JSON.parse(out);
}

/** An LD is gone, and the controller knows. */
async function lose(ld: number): Promise<void> {
  region.lds[ld]!.stop();
  const { reconciler } = region.running[0]!.controller;
  await eventually("it is lost", () =>
    reconciler.parts.some(({ name, state }) => name === `ld${ld + 1}` && state === "unreachable"),
  );
}

/** One for each LD. */
function twoClusters(): void {
  const [east] = region.document.clusters;
  const [ld1, ld2] = east!.lds;
  const failover = { secret: "0123456789abcdef" };
  const west = { ...east, name: "west", failover, local_ips: ["198.18.1.0/30"], lds: [ld2!] };
  region.document.clusters = [{ ...east, failover, lds: [ld1!] } as typeof west, west];
}

async function drain(): Promise<void> {
  const controller = await region.start();
  await controller.apply(region.document);
  await region.sluice("drain", "rs", "shop", "rs1", "--no-wait");
  await controller.settled(2);
}

describe("an LD that cannot be asked", () => {
  beforeEach(async () => {
    twoClusters();
    await drain();
    say(0, { sessionsActive: 3n });
  });

  it("does not count when it has nothing to do with them", async () => {
    await lose(1);
    const { code, out } = await region.sluice("get", "drains");
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^shop +rs1 +\S+ +3 +draining$/m),
    });
  });

  it("is named with the reason when it has", async () => {
    await lose(0);
    for (const what of ["drains", "rs"]) {
      expect(await region.sluice("get", what)).toMatchObject({
        code: 3,
        out: "",
        err: expect.stringMatching(/^error: LD ld1 \(.*\) is down: /),
      });
    }
  });
});

describe("the sessions of a cluster", () => {
  beforeEach(drain);

  it("count when they are idle and on standby everywhere, each once", async () => {
    say(0, { sessionsStandby: 2n, sessionsPrimary: 2n }, 7n);
    say(1, { sessionsStandby: 2n }, 7n);
    expect(await drains()).toMatchObject([{ sessions: 2, complete: false }]);
  });

  it("count once when the backup has the packets", async () => {
    say(0, { sessionsStandby: 2n, sessionsPrimary: 2n }, 7n);
    say(1, { sessionsActive: 2n }, 7n);
    expect(await drains()).toMatchObject([{ sessions: 2, complete: false }]);
  });

  it("are over when the primary's are, whatever a backup still keeps", async () => {
    say(0, {}, 7n);
    say(1, { sessionsStandby: 2n }, 7n);
    expect(await drains()).toMatchObject([{ sessions: 0, complete: true }]);
  });

  it("are over when there is none, of LDs that cannot say whose they are", async () => {
    say(0, {});
    say(1, {});
    expect(await drains()).toMatchObject([{ sessions: 0, complete: true }]);
  });

  it("are not known while an LD lacks some of them: every copy counts", async () => {
    say(0, {});
    say(1, { sessionsStandby: 2n }, 7n);
    expect(await drains()).toMatchObject([{ sessions: 2, complete: false }]);
  });

  it("are not known while the LDs hold different maps", async () => {
    say(0, { sessionsStandby: 2n }, 8n); // who has given its buckets away
    say(1, { sessionsStandby: 2n }, 7n); // to one that has not got them yet
    expect(await drains()).toMatchObject([{ complete: false }]);
  });

  it("are not known while an LD has no configuration, or one by which it opens new ones", async () => {
    say(0, {}, 7n);
    say(1, { weight: 1 }, 7n);
    expect(await drains()).toMatchObject([{ sessions: 0, complete: false }]);
    region.lds[1]!.realServers = [];
    expect(await drains()).toMatchObject([{ sessions: 0, complete: false }]);
  });

  it("keep the command waiting", async () => {
    const idle = { sessionsStandby: 1n, sessionsPrimary: 1n };
    say(0, idle, 7n);
    say(1, { sessionsStandby: 1n }, 7n);
    const [server] = region.lds[0]!.realServers;
    let asked = 0;
    Object.defineProperty(region.lds[0], "realServers", {
      get: () => [++asked < 3 ? server : { ...server, sessionsStandby: 0n, sessionsPrimary: 0n }],
    });
    const { out } = await region.sluice("drain", "rs", "shop", "rs1", "-o", "json");
    expect(JSON.parse(out)).toMatchObject({ complete: true });
    expect(asked).toBe(3);
  });
});

describe("a service on its way to another cluster", () => {
  it("has its sessions in both, and they count once", async () => {
    twoClusters();
    const controller = await region.start();
    await controller.apply(region.document);
    await region.sluice("migrate", "service", "shop", "--to", "west", "--no-wait");
    await controller.settled(2);
    await region.sluice("drain", "rs", "shop", "rs1", "--no-wait");
    await controller.settled(3);
    say(0, { sessionsActive: 2n, sessionsPrimary: 2n }, 7n);
    say(1, { sessionsStandby: 2n, sessionsPrimary: 2n }, 3n);
    expect(await drains()).toMatchObject([{ sessions: 2, complete: false }]);
    say(0, {}, 7n);
    say(1, { sessionsStandby: 1n, sessionsPrimary: 1n }, 3n);
    expect(await drains()).toMatchObject([{ sessions: 1, complete: false }]);
  });
});
