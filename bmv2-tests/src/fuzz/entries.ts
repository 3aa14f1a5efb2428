// Random entries: a first set that lets many frames through, and changes to it.
import { describeKey, type Entry, type EntryUpdate } from "@sluice/controller/p4runtime";
import { BUCKETS, entry } from "../standard.js";
import type { Random } from "./random.js";
import {
  ADDRESSES,
  anyPrefix,
  CLUSTERS,
  GATEWAY_MACS,
  L4_PORTS,
  LDS,
  NETWORKS,
  NEXTHOPS,
  OTHER_MACS,
  PORTS,
  PROTOCOLS,
  VLANS,
  VNIS,
  VRFS,
} from "./world.js";

/** 511 drops, what is beyond the target's 9 bits is cut to them. */
const EGRESS_PORTS = [...PORTS, 511, 513];

const MAKERS: Record<string, (random: Random) => Entry> = {
  network: (random) =>
    entry.network(random.pick(PORTS), random.pick(VLANS), random.pick(NETWORKS), random.pick(VRFS)),
  my_mac: (random) => entry.myMac(random.pick(random.oneIn(4) ? OTHER_MACS : GATEWAY_MACS)),
  my_address: (random) =>
    entry.myAddress(random.pick(NETWORKS), random.pick(ADDRESSES), random.pick(GATEWAY_MACS)),
  my_tunnel: (random) =>
    entry.myTunnel(random.pick(ADDRESSES), random.oneIn(8) ? random.pick(L4_PORTS) : 4789),
  service: (random) =>
    entry.service(
      random.pick(VNIS),
      random.pick(ADDRESSES),
      random.pick(PROTOCOLS),
      random.pick(L4_PORTS),
      random.pick(CLUSTERS),
    ),
  vip: (random) => entry.vip(random.pick(VNIS), random.pick(ADDRESSES), random.pick(CLUSTERS)),
  local_ip: (random) => entry.localIp(random.pick(VNIS), anyPrefix(random), random.pick(CLUSTERS)),
  ld_of_bucket: (random) => entry.bucket(random.pick(CLUSTERS), random.int(BUCKETS), random.pick(LDS)),
  ld: (random) =>
    entry.ld(random.pick(LDS), random.pick(ADDRESSES), random.pick(GATEWAY_MACS), random.pick(ADDRESSES)),
  route: (random) =>
    random.oneIn(10)
      ? entry.discard(random.pick(VRFS), anyPrefix(random))
      : entry.route(random.pick(VRFS), anyPrefix(random), random.pick(NEXTHOPS)),
  nexthop: (random) => ({
    table: "nexthop",
    match: { nexthop_id: random.pick(NEXTHOPS) },
    action: "forward",
    params: {
      port: random.pick(EGRESS_PORTS),
      vlan_id: random.pick(VLANS),
      src_mac: random.pick(GATEWAY_MACS),
      dst_mac: random.pick(OTHER_MACS),
    },
  }),
};

/** How often each maker is asked for the first set; keys that come twice are kept once. */
const FIRST: Record<string, number> = {
  network: 120,
  my_mac: 6,
  my_address: 6,
  my_tunnel: 8,
  service: 60,
  vip: 12,
  local_ip: 8,
  ld: 16,
  route: 60,
  nexthop: 16,
};

/** More that give than take, or the tables would run dry. */
const TYPES = ["insert", "insert", "insert", "insert", "insert", "modify", "modify", "delete"] as const;

/** What both switches should hold, and what to do to it next. */
export class EntryPlan {
  readonly #random: Random;
  readonly #held = new Map<string, Entry>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The first set. Nearly every bucket of every cluster is somebody's, so that steered packets get far. */
  first(): Entry[] {
    const hold = (made: Entry) => this.#held.set(describeKey(made), made);
    for (const [table, times] of Object.entries(FIRST)) {
      for (let i = 0; i < times; i++) hold(MAKERS[table]!(this.#random));
    }
    for (const mac of GATEWAY_MACS) hold(entry.myMac(mac));
    for (const vrf of VRFS) hold(entry.route(vrf, "0.0.0.0/0", this.#random.pick(NEXTHOPS)));
    for (const cluster of CLUSTERS) {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (!this.#random.oneIn(30)) hold(entry.bucket(cluster, bucket, this.#random.pick(LDS)));
      }
    }
    return [...this.#held.values()];
  }

  /** Changes that do not depend on each other; some are refused: what is there already, or is not there. */
  changes(count: number): EntryUpdate[] {
    const updates = new Map<string, EntryUpdate>();
    while (updates.size < count) {
      const made = MAKERS[this.#random.pick(Object.keys(MAKERS))]!(this.#random);
      const key = describeKey(made);
      if (updates.has(key)) continue;
      const type = this.#random.pick(TYPES);
      if (type === "delete" && GATEWAY_MACS.includes(String(made.match.mac))) continue; // without it all frames end at once
      updates.set(key, { type, entry: made });
      const isHeld = this.#held.has(key);
      if (type === "delete") this.#held.delete(key);
      else if (isHeld === (type === "modify")) this.#held.set(key, made);
    }
    return [...updates.values()];
  }
}
