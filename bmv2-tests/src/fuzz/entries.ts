// Random entries: a first set that lets many frames through, and changes to it.
import { describeKey, type Entry, type EntryUpdate } from "@sluice/controller/p4runtime";
import { BUCKETS, entry } from "../standard.js";
import type { Random } from "./random.js";
import {
  ADDRESSES,
  ADDRESSES_V6,
  anyPrefix,
  CLUSTERS,
  EIP_INDEXES,
  GATEWAY_MACS,
  HEARTBEAT,
  HOSTS,
  L4_PORTS,
  LDS,
  NETWORKS,
  NEXTHOPS,
  OTHER_MACS,
  PORTS,
  PROTOCOLS,
  someAddress,
  TUNNEL_ENDS,
  TUNNEL_ENDS_V6,
  VLANS,
  VNIS,
  VRFS,
} from "./world.js";

/** 511 drops, what is beyond the target's 9 bits is cut to them. */
const EGRESS_PORTS = [...PORTS, 511, 513];

const SECOND_US = 1_000_000;

type Maker = (random: Random) => Entry;

/** Makers of what both versions of IP have. Unresolved neighbours and real limits are left out: time decides on them. */
function makersOf(version: 4 | 6): Record<string, Maker> {
  const suffix = version === 6 ? "_v6" : "";
  const address = (random: Random) => someAddress(random, version);
  const prefix = (random: Random) => anyPrefix(random, version);
  const makers: Record<string, Maker> = {
    my_address: (random) =>
      entry.myAddress(random.pick(NETWORKS), address(random), random.pick(GATEWAY_MACS)),
    icmp_source: (random) =>
      entry.icmpSource(
        random.pick(NETWORKS),
        random.oneIn(2) ? random.pick(VNIS) : undefined,
        address(random),
        1 + random.int(50),
      ),
    acl: (random) =>
      entry.acl(version, 1 + random.int(1000), random.oneIn(3) ? "allow" : "deny", {
        ...(random.oneIn(3) && { network_id: random.pick(NETWORKS) }),
        ...(random.oneIn(2) && { src: narrow(prefix(random)) }),
        ...(random.oneIn(2) && { dst: narrow(prefix(random)) }),
        protocol: random.pick(PROTOCOLS),
        ...(random.oneIn(2) && { src_port: random.pick(L4_PORTS) }),
        dst_port: random.pick(L4_PORTS),
      }),
    source_policy: (random) => {
      const [networkId, vni, of] = [random.pick(NETWORKS), random.pick(VNIS), prefix(random)];
      if (random.oneIn(3)) return entry.routeSourceInVrf(networkId, vni, of, random.pick(VRFS));
      return random.oneIn(4) ? entry.denySource(networkId, vni, of) : entry.acceptSource(networkId, vni, of);
    },
    eip_in: (random) => {
      const index = random.pick(EIP_INDEXES);
      const vni = random.pick(VNIS);
      const binding = random.oneIn(3)
        ? { index, vni, vip: address(random) }
        : {
            index,
            vni,
            address: address(random),
            mac: random.pick(OTHER_MACS),
            host: anyHost(random),
          };
      return entry.eipIn(random.pick(NETWORKS), address(random), binding);
    },
    eip_out: (random) =>
      entry.eipOut(
        random.pick(VNIS),
        address(random),
        random.pick(NETWORKS),
        random.pick(VRFS),
        address(random),
      ),
    vm: (random) => entry.vm(random.pick(VNIS), address(random), random.pick(OTHER_MACS), anyHost(random)),
    my_tunnel: (random) =>
      entry.myTunnel(address(random), random.pick(NETWORKS), random.oneIn(8) ? random.pick(L4_PORTS) : 4789),
    tunnel_source: (random) => entry.tunnelSource(random.pick(NETWORKS), address(random)),
    ld_source: (random) =>
      entry.ldSource(
        { port: random.pick(PORTS), networkId: random.pick(NETWORKS), vtep: address(random) },
        // So long a time that no run sees its end; going down ends it at once.
        { ldId: random.pick(LDS), ...HEARTBEAT, holdUs: 0xffffffff },
      ),
    flow_pin: (random) =>
      entry.flowPin(
        random.pick(VNIS),
        {
          src: address(random),
          dst: address(random),
          protocol: random.pick(PROTOCOLS),
          srcPort: random.pick(L4_PORTS),
          dstPort: random.pick(L4_PORTS),
        },
        random.pick(LDS),
      ),
    service: (random) =>
      entry.service(
        random.pick(VNIS),
        address(random),
        random.pick(PROTOCOLS),
        random.pick(L4_PORTS),
        random.pick(CLUSTERS),
        random.pick(CLUSTERS),
      ),
    vip: (random) => entry.vip(random.pick(VNIS), address(random), random.pick(CLUSTERS)),
    local_ip: (random) => entry.localIp(random.pick(VNIS), prefix(random), random.pick(CLUSTERS)),
    route: (random) => {
      const [vrf, to] = [random.pick(VRFS), prefix(random)];
      switch (random.int(12)) {
        case 0:
          return entry.discard(vrf, to);
        case 1:
          return entry.hairpin(vrf, to, random.pick(NETWORKS));
        case 2:
        case 3:
          return entry.routeToGroup(vrf, to, random.pick([1, 2, 9]));
        default:
          return entry.route(vrf, to, random.pick(NEXTHOPS));
      }
    },
  };
  return Object.fromEntries(Object.entries(makers).map(([table, maker]) => [`${table}${suffix}`, maker]));
}

/** Over IPv4 by its address, or over IPv6 by its number. */
function anyHost(random: Random): string | number {
  return random.oneIn(3) ? random.pick(HOSTS) : random.pick(random.oneIn(4) ? ADDRESSES : TUNNEL_ENDS);
}

/** The ternary form of a prefix; one of length 0 matches anything and is left to other fields. */
function narrow(prefix: string): string {
  return prefix.endsWith("/0") ? prefix.replace(/\/0$/, "/1") : prefix;
}

const MAKERS: Record<string, Maker> = {
  ...makersOf(4),
  ...makersOf(6),
  network: (random) =>
    entry.network(random.pick(PORTS), random.pick(VLANS), random.pick(NETWORKS), random.pick(VRFS)),
  my_mac: (random) => entry.myMac(random.pick(random.oneIn(4) ? OTHER_MACS : GATEWAY_MACS)),
  // A byte that costs no time: the limit's path is taken, and never limits. A packet on its second pass has an earlier time than
  // one that overtook it meanwhile, so there is some tolerance.
  eip_limit: (random) =>
    entry.eipLimit(random.pick(EIP_INDEXES), random.oneIn(2) ? "in" : "out", 0, SECOND_US, SECOND_US),
  priority_port: (random) => entry.priorityPort(random.pick(PROTOCOLS), random.pick(L4_PORTS)),
  ld_of_bucket: (random) =>
    entry.bucket(random.pick(CLUSTERS), random.int(BUCKETS), random.pick(LDS), random.pick(LDS)),
  previous_ld_of_bucket: (random) =>
    entry.previousBucket(random.pick(CLUSTERS), random.int(BUCKETS), random.pick(LDS)),
  ld: (random) => {
    const addresses = random.oneIn(3) ? ADDRESSES_V6 : ADDRESSES;
    return entry.ld(
      random.pick(LDS),
      random.pick(addresses),
      random.pick(GATEWAY_MACS),
      random.pick(addresses),
    );
  },
  host_v6: (random) => entry.hostV6(random.pick(HOSTS), someAddress(random, 6)),
  host_source_v6: (random) =>
    entry.hostSourceV6(
      random.pick(NETWORKS),
      random.oneIn(2) ? someAddress(random, 6) : random.pick(TUNNEL_ENDS_V6),
      random.pick(HOSTS),
    ),
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
  eip_limit: 6,
  priority_port: 6,
  host_v6: 6,
  host_source_v6: 16,
  previous_ld_of_bucket: 200,
  ld: 16,
  nexthop: 16,
  ...Object.fromEntries(
    Object.entries({
      my_address: 6,
      my_tunnel: 30,
      tunnel_source: 8,
      ld_source: 60,
      icmp_source: 10,
      acl: 8,
      source_policy: 12,
      eip_in: 24,
      eip_out: 30,
      vm: 40,
      flow_pin: 40,
      service: 60,
      vip: 12,
      local_ip: 8,
      route: 60,
    }).flatMap(([table, times]) => [
      [table, times],
      [`${table}_v6`, times],
    ]),
  ),
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
    for (const vrf of VRFS) {
      hold(entry.route(vrf, "0.0.0.0/0", this.#random.pick(NEXTHOPS)));
      hold(entry.route(vrf, "::/0", this.#random.pick(NEXTHOPS)));
    }
    for (const cluster of CLUSTERS) {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (!this.#random.oneIn(30))
          hold(entry.bucket(cluster, bucket, this.#random.pick(LDS), this.#random.pick(LDS)));
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
