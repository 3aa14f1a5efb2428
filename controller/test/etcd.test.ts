// The store that several controllers share, on a real etcd: it keeps what the embedded one keeps, and only the leader writes.
// Needs `npm run build`: a lease has a thread of its own.

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  campaign,
  EtcdStore,
  type Leadership,
  openEtcd,
  StoreError,
  TooLargeError,
} from "../dist/store/index.js";
import { runSluice } from "./support/cli.js";
import { eventually } from "./support/controller.js";
import { TestEtcd } from "./support/etcd.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-etcd-"));
let etcd: TestEtcd;
let region = 0;
let place: ReturnType<typeof openEtcd>;

beforeAll(async () => {
  etcd = await TestEtcd.start(folder);
});
afterAll(async () => {
  await etcd.kill();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  place = openEtcd(`etcd:${etcd.address}/test/region-${++region}`, undefined);
});
afterEach(() => place.client.close());

interface Standing {
  leadership: Promise<Leadership | undefined>;
  /** APIs that were seen to lead, in order. */
  seen: (string | undefined)[];
  stop: AbortController;
}

/** @param leaseS - longer than any machine is busy with other things, where its end is not what is waited for */
function stand(api: string, leaseS = 30): Standing {
  const stop = new AbortController();
  const seen: (string | undefined)[] = [];
  const onLeader = (leader: string | undefined) => {
    if (leader !== seen.at(-1)) seen.push(leader);
  };
  const leadership = campaign(place, { api, leaseS, signal: stop.signal, onLeader });
  leadership.catch(() => {});
  return { leadership, seen, stop };
}

async function lead(api = "a"): Promise<Leadership> {
  const leadership = await stand(api).leadership;
  expect(leadership).toBeDefined();
  return leadership!;
}

const head = { time: "2026-11-26T00:00:00.000Z", actor: "ann", action: "test" };
const eips = (count: number, field: string) =>
  Array.from({ length: count }, (_, i) => {
    const key = `eips/vm${String(i).padStart(4, "0")}`;
    return { key, before: undefined, after: { name: key.slice(5), address: field } };
  });

describe("the store", () => {
  it.each([1, 99, 100, 101, 777])(
    "holds a commit of %i objects, its history, and its next leader sees both",
    async (count) => {
      const first = await lead();
      const store = await EtcdStore.open(place.keys, first);
      const changes = eips(count, "203.0.113.1");
      expect(await store.commit(0, { ...head, changes })).toEqual({ ...head, revision: 1, changes: count });
      const moved = changes.map(({ key, after }) => ({
        key,
        before: after,
        after: { ...after, address: "203.0.113.2" },
      }));
      const gone = { ...moved[0]!, after: undefined };
      await store.commit(1, { ...head, action: "move", changes: [gone, ...moved.slice(1)] });
      await store.close();

      const next = await EtcdStore.open(place.keys, await lead("b"));
      const { revision, objects } = await next.load();
      expect(revision).toBe(2);
      expect([...objects]).toEqual(moved.slice(1).map(({ key, after }) => [key, after]));
      expect(await next.history(10)).toEqual([
        { ...head, action: "move", revision: 2, changes: count },
        { ...head, revision: 1, changes: count },
      ]);
      expect(await next.history(10, 2)).toMatchObject([{ revision: 1 }]);
      expect((await next.read(1))?.changes).toEqual(JSON.parse(JSON.stringify(changes)));
      expect(await next.read(3)).toBeUndefined();
      await next.close();
    },
  );

  it("refuses a change that was made for another revision, and changes nothing", async () => {
    const store = await EtcdStore.open(place.keys, await lead());
    await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
    await expect(store.commit(0, { ...head, changes: eips(1, "203.0.113.9") })).rejects.toThrow(
      "is at revision 1",
    );
    expect((await store.load()).objects.get("eips/vm0000")).toMatchObject({ address: "203.0.113.1" });
    await store.close();
  });

  it("keeps nothing of a commit in the history that a leader had begun and nobody could read", async () => {
    // As it is when a leader dies before the head of a large commit.
    const stale = ["000000000000", "000000000001", "000000000002"];
    for (const number of stale) {
      await place.keys.put(`changes/000000000001/${number}`).value(JSON.stringify(eips(1, "203.0.113.9")));
    }
    const store = await EtcdStore.open(place.keys, await lead());
    const changes = eips(2, "203.0.113.1");
    await store.commit(0, { ...head, changes });
    expect((await store.read(1))?.changes).toEqual(JSON.parse(JSON.stringify(changes)));
    await store.close();
  });

  /** An object of so many bytes as JSON, of the same field written over and over. */
  const ofBytes = (bytes: number, text: string) => ({ rules: text.repeat(bytes).slice(0, bytes - 12) });

  it("takes an object as large as it may be, its changes, and its end", async () => {
    const store = await EtcdStore.open(place.keys, await lead());
    const values = ["a", "b", "é"].map((text) => ofBytes(text === "é" ? 350_000 : 700_000, text));
    for (const [revision, after] of [...values, undefined].entries()) {
      await store.commit(revision, {
        ...head,
        changes: [{ key: "acl", before: values[revision - 1], after }],
      });
      expect((await store.load()).objects.get("acl")).toEqual(after);
    }
    expect((await store.read(2))?.changes[0]).toMatchObject({ before: values[0], after: values[1] });
    await store.close();
  });

  it("refuses an object that etcd would not take, with its size and the limit, and goes on", async () => {
    const leadership = await lead();
    const store = await EtcdStore.open(place.keys, leadership);
    const lost: string[] = [];
    void leadership.lost.then((reason) => lost.push(reason));
    for (const after of [ofBytes(3_000_000, "a"), ofBytes(700_001, "a"), ofBytes(350_010, "é")]) {
      const changes = [...eips(1, "203.0.113.9"), { key: "acl", before: undefined, after }];
      const error = await store.commit(0, { ...head, changes }).catch((reason) => reason);
      const bytes = Buffer.byteLength(JSON.stringify(after)).toLocaleString("en-US");
      expect(error).toBeInstanceOf(TooLargeError);
      expect(error.message).toContain(`acl: it has ${bytes} bytes as JSON, and etcd takes 700,000`);
    }
    await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
    expect([...(await store.load()).objects.keys()]).toEqual(["eips/vm0000"]);
    expect(lost).toEqual([]);
    await store.close();
  });

  it("stays the leader's when etcd takes less than it does by default, and keeps nothing of what was refused", async () => {
    const small = await TestEtcd.start(join(folder, "small"), undefined, ["--max-request-bytes", "100000"]);
    place.client.close();
    place = openEtcd(`etcd:${small.address}/test/region`, undefined);
    try {
      const leadership = await lead();
      const store = await EtcdStore.open(place.keys, leadership);
      const lost: string[] = [];
      void leadership.lost.then((reason) => lost.push(reason));
      const large = { key: "acl", before: undefined, after: ofBytes(200_000, "a") };
      for (const changes of [[large], [...eips(150, "203.0.113.9"), large]]) {
        const error = await store.commit(0, { ...head, changes }).catch((reason) => reason);
        expect(error).toBeInstanceOf(TooLargeError);
        expect(error.message).toMatch(/etcd has refused .* acl .*200,000 bytes.*--max-request-bytes/s);
      }
      await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
      expect((await store.read(1))?.changes).toHaveLength(1);
      expect([...(await store.load()).objects.keys()]).toEqual(["eips/vm0000"]);
      expect(lost).toEqual([]);
      await store.close();
    } finally {
      await small.kill();
    }
  });

  it("has no history where none is asked for", async () => {
    const store = await EtcdStore.open(place.keys, await lead());
    await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
    expect(await store.history(0)).toEqual([]);
    await store.close();
  });

  it("finishes what a leader had begun when it died: what it stored counts, what nobody could read does not", async () => {
    const first = await lead();
    const store = await EtcdStore.open(place.keys, first);
    const changes = eips(300, "203.0.113.1");
    await store.commit(0, { ...head, changes });
    // As it is when the leader dies after the head, with a part of the objects.
    await place.keys.put("unfinished").value(1);
    await place.keys.delete().prefix("objects/eips/vm02");
    // And with changes of a next revision that it did not get to.
    await place.keys.put("changes/000000000002/000000000000").value(JSON.stringify(eips(100, "203.0.113.7")));
    await first.resign("the test says so");
    const next = await EtcdStore.open(place.keys, await lead("b"));
    const { revision, objects } = await next.load();
    expect([revision, objects.size]).toEqual([1, 300]);
    await next.commit(1, { ...head, changes: eips(250, "203.0.113.8") });
    expect((await next.read(2))?.changes).toHaveLength(250);
    await next.close();
  });

  it("is reached over mutual TLS, the lease as well, with a certificate of its authority, and in no other way", async () => {
    const [pki, strangers] = [join(folder, "pki"), join(folder, "strangers")];
    for (const directory of [pki, strangers]) {
      expect((await runSluice("pki", "init", directory, "--host", "127.0.0.1")).code).toBe(0);
      expect((await runSluice("pki", "user", directory, "etcd", "--role", "viewer")).code).toBe(0);
    }
    const server = join(pki, "controller", "server");
    const ca = join(pki, "users-ca.pem");
    const secure = await TestEtcd.start(join(folder, "secure"), {
      ca,
      cert: `${server}.pem`,
      key: `${server}.key`,
    });
    const open = (directory: string) =>
      openEtcd(`etcds:${secure.address}/test/region`, join(directory, "users", "etcd"));
    copyFileSync(ca, join(strangers, "users", "etcd", "ca.pem")); // it believes etcd, and etcd does not believe it
    const stranger = open(strangers);
    const nobody = new Etcd3({
      hosts: `https://${secure.address}`,
      credentials: { rootCertificate: readFileSync(ca) },
    });
    try {
      place.client.close();
      place = open(pki);
      const store = await EtcdStore.open(place.keys, await lead());
      await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
      expect((await store.load()).revision).toBe(1);
      await store.close();
      // By etcd itself, while the connection is made; a client that did not trust etcd would fail as well.
      await expect(stranger.keys.get("head")).rejects.toThrow("SSL alert");
      await expect(nobody.get("test/region/head")).rejects.toThrow("SSL alert");
      expect(await place.keys.get("head")).toContain('"revision":1');
    } finally {
      stranger.client.close();
      nobody.close();
      await secure.kill();
    }
  });

  it("refuses servers that it could only reach in the clear, and places it does not understand", () => {
    expect(() => openEtcd("etcd:192.0.2.1:2379/sluice", undefined)).toThrow("in the clear");
    expect(() => openEtcd("etcds:192.0.2.1:2379/sluice", undefined)).toThrow("--etcd-pki");
    expect(() => openEtcd("etcd:127.0.0.1:2379", undefined)).toThrow("write it like");
  });
});

describe("the lead", () => {
  it("is one controller's; the next one is told whose, and has it at once when that one resigns", async () => {
    const first = await lead("a");
    const second = stand("b");
    await eventually("the second one knows who leads", () => second.seen.includes("a"));
    await first.resign("the test says so");
    expect(await first.lost).toBe("the test says so");
    const next = (await second.leadership)!;
    expect(next.term).toBeGreaterThan(first.term);
    await next.resign("over");
  });

  it("passes to the next one when the lease of one that is silent is over, and etcd takes nothing of that one any more", async () => {
    const first = await lead("a");
    const store = await EtcdStore.open(place.keys, first);
    await store.commit(0, { ...head, changes: eips(1, "203.0.113.1") });
    const second = stand("b");
    // What the end of a lease does in etcd, without the old leader's noticing.
    await place.keys.delete().key(first.key);
    const next = (await second.leadership)!;
    const theirs = await EtcdStore.open(place.keys, next);
    await theirs.commit(1, { ...head, changes: eips(2, "203.0.113.2") });
    const error = await store
      .commit(1, { ...head, changes: eips(3, "203.0.113.3") })
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error.message).toContain("another controller leads now");
    expect(await first.lost).toContain("a commit failed");
    const large = await store
      .commit(1, { ...head, changes: eips(400, "203.0.113.3") })
      .catch((reason) => reason);
    expect(large).toBeInstanceOf(StoreError);
    expect((await theirs.load()).objects.size).toBe(2);
    await theirs.close();
  });

  it("is lost when etcd does not answer for as long as the lease, and can be had again when it does", async () => {
    const first = (await stand("a", 1).leadership)!;
    await etcd.kill();
    expect(await first.lost).toMatch(/has not answered for 1 s|lease is over/);
    await etcd.start();
    place.client.close();
    place = openEtcd(`etcd:${etcd.address}/test/region-${region}`, undefined);
    const again = await lead("a");
    expect(again.term).toBeGreaterThan(first.term);
    await again.resign("over");
  });

  it("is no longer waited for after the signal", async () => {
    const first = await lead("a");
    const second = stand("b");
    await eventually("the second one stands by", () => second.seen.includes("a"));
    second.stop.abort();
    expect(await second.leadership).toBeUndefined();
    await first.resign("over");
    expect(await place.keys.getAll().prefix("candidates/").count()).toBe(0);
  });
});
