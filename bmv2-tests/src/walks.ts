// The design's four walks, one packet each, as docs/p4/walks.md shows them: what goes in, which entries it meets, what comes
// out. test/walks.test.ts runs them and compares the page with what the switch did.
import type { Entry } from "@sluice/controller/p4runtime";
import { bucketOf, from, packet, toService, tunnelled } from "./frames.js";
import { icmp, type Layer, quote, tcp } from "./packet/index.js";
import { bindingOf, EIP_A, fromVm, PRODUCT_ENTRIES, sourceOf } from "./products.js";
import {
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  GATEWAY_VTEP,
  LD1,
  LD2,
  LOCAL_IP,
  LOCAL_PREFIX,
  ldOf,
  SERVER,
  SERVICE_PORT,
  SERVICE_VIP,
  UPSTREAM,
} from "./standard.js";

export interface Step {
  title: string;
  /** What a reader should see in it. */
  note: string;
  port: number;
  frame: readonly Layer[];
  /** The entries that decide, in the order in which the packet meets them. */
  meets: Entry[];
}

export interface Walk {
  title: string;
  steps: Step[];
}

const syn = toService();
const bucket = bucketOf(0, syn);
const ld = ldOf(bucket);
const localPort = 0xa000 | bucket;

const VNI = 0x3003;
const INTERNAL_VIP = "172.16.0.10";
const CLUSTER_EIP = { ...EIP_A, eip: "203.0.113.59", index: 30, vni: VNI, address: INTERNAL_VIP };
const clusterSyn = packet(CLIENT, CLUSTER_EIP.eip, [tcp({ srcPort: 40_000, dstPort: 443 })]);
const insideBucket = bucketOf(VNI, packet(CLIENT, INTERNAL_VIP, [tcp({ srcPort: 40_000, dstPort: 443 })]));
const insideLd = ldOf(insideBucket);

const toLdEntries = (clusterId: number, at: number) => {
  const owner = ldOf(at);
  return [
    entry.bucket(clusterId, at, owner.id),
    entry.ld(owner.id, owner.vtep, owner.mac),
    entry.route(0, `${owner.vtep}/32`, owner.nexthopId),
    entry.nexthop(owner.nexthopId, owner.side, owner.wireMac),
  ];
};
const toHostEntries = [
  entry.route(0, `${EIP_A.host.vtep}/32`, EIP_A.host.nexthopId),
  entry.nexthop(EIP_A.host.nexthopId, FABRIC, EIP_A.host.wireMac),
];
const upstream = entry.network(UPSTREAM.port, 0, UPSTREAM.networkId, UPSTREAM.vrfId);
const toUpstream = [entry.route(0, "0.0.0.0/0", 1), entry.nexthop(1, UPSTREAM, UPSTREAM.peer.mac)];
const tunnelEnd = [
  entry.network(FABRIC.port, 0, FABRIC.networkId, FABRIC.vrfId),
  entry.myTunnel(GATEWAY_VTEP, FABRIC.networkId),
];
const ldSource = (of: typeof LD1) =>
  entry.ldSource(
    { port: of.side.port, networkId: of.side.networkId, vtep: of.vtep },
    { ldId: of.id, key: 0xfeed0000 + of.id, epoch: 1, holdUs: 0xffffffff },
  );

/** Beside the products' entries. */
const CLUSTER_ENTRIES = [
  entry.eipIn(UPSTREAM.networkId, CLUSTER_EIP.eip, { index: CLUSTER_EIP.index, vni: VNI, vip: INTERNAL_VIP }),
  sourceOf(CLUSTER_EIP),
  entry.service(VNI, INTERNAL_VIP, 6, 443, CLUSTER),
];
export const WALK_ENTRIES: readonly Entry[] = [...PRODUCT_ENTRIES, ...CLUSTER_ENTRIES];

export const WALKS: readonly Walk[] = [
  {
    title: "VIP, client to real server",
    steps: [
      {
        title: "A client's SYN to a service goes to the LD of its bucket",
        note: `\`crc32(VNI, source, destination, protocol, ports) mod 1024\` of this packet is ${bucket}; the tunnel's source port is \`0xC000 | ${bucket} << 4\` = ${0xc000 | (bucket << 4)}.`,
        port: UPSTREAM.port,
        frame: [...from(UPSTREAM), ...syn],
        meets: [
          upstream,
          entry.service(0, SERVICE_VIP, 6, SERVICE_PORT, CLUSTER),
          ...toLdEntries(CLUSTER, bucket),
        ],
      },
    ],
  },
  {
    title: "Real server to client",
    steps: [
      {
        title: "The server answers to the local IP; the bucket is in the local port",
        note: `The local port is ${localPort}; its low 10 bits are ${localPort & 1023}: the same bucket, so the same LD.`,
        port: FABRIC.port,
        frame: [
          ...from(FABRIC),
          ...packet(SERVER, LOCAL_IP, [tcp({ srcPort: 8080, dstPort: localPort, flags: 0x12 })]),
        ],
        meets: [entry.localIp(0, LOCAL_PREFIX, CLUSTER), ...toLdEntries(CLUSTER, bucket)],
      },
      {
        title: "The LD answers for the VIP through the gateway",
        note: "VNI 0: the packet inside is routed as if it had come without a tunnel.",
        port: ld.side.port,
        frame: [
          ...from(ld.side),
          ...tunnelled(
            0,
            packet(SERVICE_VIP, CLIENT, [tcp({ srcPort: SERVICE_PORT, dstPort: 40_000, flags: 0x12 })]),
            { ip: { src: ld.vtep } },
          ),
        ],
        meets: [entry.myTunnel(GATEWAY_VTEP, ld.side.networkId), ...toUpstream],
      },
    ],
  },
  {
    title: "EIP, in and out",
    steps: [
      {
        title: "In: a client's SYN to the EIP reaches the VM in its host's tunnel",
        note: "The destination is the VM's; IPv4's and TCP's checksums are updated, not computed anew.",
        port: UPSTREAM.port,
        frame: [...from(UPSTREAM), ...packet(CLIENT, EIP_A.eip, [tcp({ srcPort: 40_000, dstPort: 22 })])],
        meets: [
          upstream,
          bindingOf(EIP_A),
          entry.tunnelSource(UPSTREAM.networkId, GATEWAY_VTEP),
          ...toHostEntries,
        ],
      },
      {
        title: "Out: the VM's answer leaves with the EIP as source",
        note: "`eip_out` finds the EIP; `eip_in` must agree that it is bound to this address, in this VNI, on this host.",
        port: FABRIC.port,
        frame: fromVm(
          EIP_A,
          packet(EIP_A.address, CLIENT, [tcp({ srcPort: 22, dstPort: 40_000, flags: 0x12 })]),
        ),
        meets: [...tunnelEnd, sourceOf(EIP_A), bindingOf(EIP_A), ...toUpstream],
      },
      {
        title: "In: an ICMP error about the VM's packet",
        note: "The quoted header is translated, too: its source was the EIP and is the VM's address again, its checksum with it.",
        port: UPSTREAM.port,
        frame: [
          ...from(UPSTREAM),
          ...packet("198.18.9.9", EIP_A.eip, [
            icmp({ type: 3, code: 4, sequence: 1400 }),
            quote(packet(EIP_A.eip, CLIENT, [tcp({ srcPort: 22, dstPort: 40_000, flags: 0x10 })]), 8),
          ]),
        ],
        meets: [
          upstream,
          bindingOf(EIP_A),
          entry.tunnelSource(UPSTREAM.networkId, GATEWAY_VTEP),
          ...toHostEntries,
        ],
      },
    ],
  },
  {
    title: "EIP on an internal CLB",
    steps: [
      {
        title: "In: translated to the internal VIP, then steered inside the VNI",
        note: `The bucket is that of the packet inside VNI ${VNI}: ${insideBucket}.`,
        port: UPSTREAM.port,
        frame: [...from(UPSTREAM), ...clusterSyn],
        meets: [upstream, CLUSTER_ENTRIES[0]!, CLUSTER_ENTRIES[2]!, ...toLdEntries(CLUSTER, insideBucket)],
      },
      {
        title: "Out: the LD answers for the internal VIP",
        note: "Only a known LD may: `ld_source` knows it by port, network and address.",
        port: insideLd.side.port,
        frame: [
          ...from(insideLd.side),
          ...tunnelled(
            VNI,
            packet(INTERNAL_VIP, CLIENT, [tcp({ srcPort: 443, dstPort: 40_000, flags: 0x12 })]),
            { ip: { src: insideLd.vtep } },
          ),
        ],
        meets: [
          ldSource(insideLd.id === LD1.id ? LD1 : LD2),
          entry.myTunnel(GATEWAY_VTEP, insideLd.side.networkId),
          CLUSTER_ENTRIES[1]!,
          CLUSTER_ENTRIES[0]!,
          ...toUpstream,
        ],
      },
    ],
  },
];

/** `service[vni=0 vip=203.0.113.10 protocol=6 port=80] → steer_service(cluster_id=1 previous_cluster_id=0)` */
export function entryText({ table, match, action, params = {} }: Entry): string {
  const list = (values: Record<string, unknown>) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ");
  return `${table}[${list(match)}] → ${action}(${list(params)})`;
}
