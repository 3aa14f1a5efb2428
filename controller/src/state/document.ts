// The shape of sluice.yaml. docs/sluice-yaml.md is its reference; check.ts has the rules between its parts.
import { uint } from "../p4runtime/index.js";
import type { Place } from "./problems.js";
import {
  anyProtocol,
  ip,
  ipInterface,
  ipPrefix,
  ipv4Interface,
  ipv6,
  ipv6Interface,
  mac,
  name,
  type ProtocolPort,
  protocolPort,
  rate,
  rpcAddress,
  secret,
} from "./scalars.js";
import { checkServicePolicy, limit, servicePolicy, timeouts } from "./service_policy.js";
import {
  checked,
  flag,
  type Infer,
  integer,
  type JsonSchema,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  required,
  unsigned,
} from "./shapes.js";

const MAX_ID = 0xffff;
const MAX_VNI = 0xff_ffff;
const MAX_WEIGHT = 65_535;
/** EIPs that a switch has limits and counters for (p4src/sizes.p4); number 0 stays free. */
export const MAX_EIP_INDEX = 0xf_ffff;
const MAX_PRIORITY = 0x7fff_ffff;

const id = unsigned("an id", 1, MAX_ID);
const port = unsigned("a port", 1, 65_535);
const vlan = unsigned("a VLAN id", 0, 4094);
const vrf = unsigned("a VRF number", 0, MAX_ID);

const network = object("network", {
  name: required(name),
  id: optional(id),
  vrf: optional(vrf, uint(16, 0)),
  kind: optional(oneOf("a kind of network", ["upstream", "fabric"])),
  prefixes: optional(list("prefix", ipPrefix), []),
});

const switchPort = object(
  "port",
  {
    port: required(unsigned("a switch port", 0, 0xffff)),
    network: required(name),
    address: optional(ipv4Interface),
    address_v6: optional(ipv6Interface),
    vlan: optional(vlan, uint(12, 0)),
    learn: optional(flag, false),
  },
  "port",
);

const neighbor = object(
  "neighbor",
  {
    address: required(ip),
    mac: optional(mac),
    port: required(unsigned("a switch port", 0, 0xffff)),
    vlan: optional(vlan),
  },
  "address",
);

const route = checked(
  object(
    "route",
    {
      prefix: required(ipPrefix),
      via: optional(oneOrMore("neighbor", ip)),
      discard: optional(flag, false),
      vrf: optional(vrf),
    },
    "prefix",
  ),
  (value, at) =>
    ((value.via ?? []).length === 0) === !value.discard
      ? [
          {
            place: at(),
            message: `route ${value.prefix}: it needs either "via: NEIGHBOR" or "discard: true"`,
          },
        ]
      : [],
  { anyOf: [{ required: ["via"] }, { required: ["discard"] }] },
);

const switchShape = object("switch", {
  name: required(name),
  p4runtime: required(rpcAddress),
  device_id: optional(integer("a device id", 1, Number.MAX_SAFE_INTEGER), 1),
  mac: required(mac),
  tunnel_address: required(ip),
  region_entry: optional(flag, false),
  ports: optional(list("port", switchPort), []),
  neighbors: optional(list("neighbor", neighbor), []),
  routes: optional(list("route", route), []),
});

const ld = checked(
  object("LD", {
    name: required(name),
    id: optional(id),
    agent: required(rpcAddress),
    address: required(ipInterface),
    gateway: required(ip),
    address_v6: optional(ipv6Interface),
    gateway_v6: optional(ipv6),
    mac: required(mac),
    mtu_bytes: optional(integer("an MTU in bytes", 1280, 2000), 0),
    drained: optional(flag, false),
  }),
  (value, at) =>
    isGiven(at, "address_v6") === isGiven(at, "gateway_v6")
      ? []
      : [
          {
            place: at(),
            message: `LD ${value.name}: address_v6 and gateway_v6 belong together (give both, or none)`,
          },
        ],
  allOrNone("address_v6", "gateway_v6"),
);

const failover = object("failover", {
  secret: required(secret),
  heartbeat_ms: optional(integer("an interval in ms", 1, 10_000), 10),
  hold_ms: optional(integer("a hold time in ms", 2, 60_000), 50),
});

const cluster = object("cluster", {
  name: required(name),
  id: optional(id),
  steering_address: required(ip),
  local_ips: required(list("local IP", ipPrefix)),
  lds: required(list("LD", ld)),
  timeouts: optional(timeouts),
  failover: optional(failover),
});

const realServer = checked(
  object("real server", {
    name: required(name),
    address: required(ip),
    port: required(port),
    weight: optional(integer("a weight", 0, MAX_WEIGHT), 1),
    drain: optional(flag, false),
    vpc: optional(name),
    host: optional(ip),
    mac: optional(mac),
  }),
  (value, at) => {
    const given = [value.vpc, value.host, value.mac].filter((part) => part !== undefined).length;
    return given === 0 || given === 3
      ? []
      : [
          {
            place: at(),
            message: `real server ${value.name}: vpc, host and mac belong together (give all three, or none)`,
          },
        ];
  },
  allOrNone("vpc", "host", "mac"),
);

const service = checked(
  object("service", {
    name: required(name),
    vip: required(ip),
    protocol: required(oneOf("a protocol", ["tcp", "udp"])),
    port: required(port),
    cluster: required(name),
    migration: optional(object("migration", { from: required(name), to: required(name) }, "to")),
    vpc: optional(name),
    real_servers: optional(list("real server", realServer), []),
    ...servicePolicy,
  }),
  (value, at) => checkServicePolicy(value, at),
);

/** Keys that are given together or not at all. */
function allOrNone(...keys: string[]): JsonSchema {
  const others = (key: string) => keys.filter((other) => other !== key);
  return { dependencies: Object.fromEntries(keys.map((key) => [key, others(key)])) };
}

/** Whether a key is there, also when its value is wrong: what follows from that is no second error. */
function isGiven(at: (field?: string) => Place, field: string): boolean {
  return at(field) !== at();
}

const vpc = object("VPC", {
  name: required(name),
  vni: required(unsigned("a VNI", 1, MAX_VNI)),
  vms: optional(
    list("VM", object("VM", { address: required(ip), mac: required(mac), host: required(ip) }, "address")),
    [],
  ),
});

const eipShape = checked(
  object("EIP", {
    name: required(name),
    id: optional(unsigned("an EIP's id", 1, MAX_EIP_INDEX)),
    address: required(ip),
    network: required(name),
    vm: optional(
      object(
        "VM",
        { vpc: required(name), address: required(ip), mac: required(mac), host: required(ip) },
        "address",
      ),
    ),
    vip: optional(object("VIP", { vpc: required(name), address: required(ip) }, "address")),
    limit: optional(object("limit", { in: optional(rate), out: optional(rate) })),
  }),
  (value, at) =>
    isGiven(at, "vm") === isGiven(at, "vip")
      ? [
          {
            place: at(),
            message: `EIP ${value.name}: it needs either "vm:" or "vip:", that which the address belongs to`,
          },
        ]
      : [],
  { oneOf: [{ required: ["vm"] }, { required: ["vip"] }] },
);

const PORT_PROTOCOLS: readonly string[] = ["tcp", "udp"];

const aclRule = checked(
  object(
    "ACL rule",
    {
      priority: required(integer("a priority", 1, MAX_PRIORITY)),
      action: required(oneOf("an action", ["allow", "deny"])),
      network: optional(name),
      src: optional(ipPrefix),
      dst: optional(ipPrefix),
      protocol: optional(anyProtocol),
      src_port: optional(port),
      dst_port: optional(port),
    },
    "priority",
  ),
  (value, at) => {
    const rule = `ACL rule ${value.priority}`;
    const field = value.src_port === undefined ? "dst_port" : "src_port";
    return [
      ...(value[field] !== undefined &&
      !PORT_PROTOCOLS.includes(value.protocol ?? (isGiven(at, "protocol") ? "tcp" : ""))
        ? [{ place: at(field), message: `${rule}: a port needs its protocol (add "protocol: tcp" or udp)` }]
        : []),
      ...(value.src !== undefined &&
      value.dst !== undefined &&
      value.src.includes(":") !== value.dst.includes(":")
        ? [
            {
              place: at("dst"),
              message: `${rule}: src ${value.src} and dst ${value.dst} are not of one address family (no packet has both)`,
            },
          ]
        : []),
    ];
  },
);

const DEFAULT_PRIORITY_PORTS: ProtocolPort[] = [
  { protocol: "tcp", port: uint(16, 22) },
  { protocol: "tcp", port: uint(16, 3389) },
];

export const documentShape = object("", {
  networks: optional(list("network", network), []),
  vpcs: optional(list("VPC", vpc), []),
  switches: optional(list("switch", switchShape), []),
  clusters: optional(list("cluster", cluster), []),
  limits: optional(list("limit", limit), []),
  services: optional(list("service", service), []),
  eips: optional(list("EIP", eipShape), []),
  priority_ports: optional(list("priority port", protocolPort), DEFAULT_PRIORITY_PORTS),
  acl: optional(list("ACL rule", aclRule), []),
});

/** The desired state of a region: what sluice.yaml says, checked, with defaults filled in. Addresses are canonical text. */
export type DesiredState = Infer<typeof documentShape>;
export type SwitchSpec = DesiredState["switches"][number];
export type NeighborSpec = SwitchSpec["neighbors"][number];
export type ClusterSpec = DesiredState["clusters"][number];
export type LdSpec = ClusterSpec["lds"][number];
export type ServiceSpec = DesiredState["services"][number];
export type VpcSpec = DesiredState["vpcs"][number];
export type EipSpec = DesiredState["eips"][number];
export type AclRuleSpec = DesiredState["acl"][number];
export type RouteSpec = SwitchSpec["routes"][number];
export type RealServerSpec = ServiceSpec["real_servers"][number];

/** The cluster that a service migrates from or to, other than the one that gets its packets; undefined: it does not migrate. */
export function otherClusterOf({ cluster, migration }: ServiceSpec): string | undefined {
  return migration?.from === cluster ? migration.to : migration?.from;
}

/** The clusters whose LDs have the service: first the one that gets its packets. */
export function clustersOf(service: ServiceSpec): string[] {
  const other = otherClusterOf(service);
  return other === undefined ? [service.cluster] : [service.cluster, other];
}
