// What of a plan waits for what: clusters have tracks of their own, but where something passes from one to another.
import { expect, it } from "vitest";
import { type Tracks, tracksOf } from "../src/reconcile/tracks.js";
import { type Cluster, type Document, twoClusters, writesBetween } from "./support/two_clusters.js";

const tracks = (before: Document | undefined, after: Document) => tracksOf(writesBetween(before, after));

/** By track its LDs, and the tables that it writes. */
function shown({ clusters }: Tracks) {
  return clusters.map(({ lds, switches }) => ({
    lds: lds.map(({ part }) => part.spec.name),
    tables: new Set(switches.flatMap(({ changes }) => changes.map(({ table }) => table))),
  }));
}

const ldsOf = (found: Tracks) => shown(found).map(({ lds }) => lds);

it("two clusters have nothing to do with each other, and EIPs and routes with neither", () => {
  const found = tracks(undefined, twoClusters());
  const tables = new Set(["ld", "ld_source", "ld_of_bucket", "local_ip", "service"]);
  expect(ldsOf(found)).toEqual([["ld1"], ["ld2"]]);
  for (const track of shown(found)) {
    expect([...tables].filter((table) => !track.tables.has(table))).toEqual([]);
  }
  const [own, ...ofOthers] = found.switches;
  expect(ofOthers).toEqual([]);
  const common = new Set(own!.switches[0]!.changes.map(({ table }) => table));
  expect([...common].filter((table) => tables.has(table))).toEqual([]);
  expect([...common]).toEqual(expect.arrayContaining(["eip_in", "eip_out", "acl", "route", "nexthop"]));
  expect(own!.lds).toEqual([]);
});

it("what has nothing to be told is in no track", () => {
  const after = twoClusters();
  after.services.push({ ...after.services[0], name: "more", port: 8443 });
  const [track, ...others] = shown(tracks(twoClusters(), after));
  expect(others).toEqual([]);
  expect(track).toEqual({ lds: ["ld1"], tables: new Set(["service"]) });
});

it.each<[string, (document: Document) => void]>([
  ["a service goes to the other one", ({ services }) => Object.assign(services[1]!, { cluster: "east" })],
  [
    "a service migrates to the other one",
    ({ services }) => Object.assign(services[1]!, { migration: { from: "west", to: "east" } }),
  ],
  [
    "a service takes the address of one of the other one",
    ({ services }) => {
      services[0]!.port = 7001;
      services[1]!.port = 443;
    },
  ],
  [
    "an LD goes to the other one",
    ({ clusters }) => {
      const [east, west] = clusters as [Cluster, Cluster];
      const spare = {
        ...west.lds[0]!,
        name: "ld3",
        agent: "unix:/run/ld3",
        address: "10.0.2.4/24",
        mac: "02:00:00:00:02:04",
      };
      east.lds.push(...west.lds.splice(0, 1, spare));
    },
  ],
  [
    "a local IP does, of another prefix",
    ({ clusters }) => {
      const [east, west] = clusters as [Cluster, Cluster];
      east.local_ips = ["198.18.0.0/31", "198.18.1.0/31"];
      west.local_ips = ["198.18.0.2/31", "198.18.1.2/31"];
    },
  ],
])("%s: both go by one track", (_, change) => {
  const after = twoClusters();
  change(after);
  const [lds, ...others] = ldsOf(tracks(twoClusters(), after));
  expect(others).toEqual([]);
  expect(lds).toEqual(expect.arrayContaining(["ld1", "ld2"]));
});
