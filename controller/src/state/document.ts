// The shape of sluice.yaml. docs/sluice-yaml.md is its reference; check.ts has the rules between its parts.
import {
  formatIpv4,
  formatMac,
  parseIpv4,
  parseIpv4Interface,
  parseIpv4Prefix,
  parseIpv6,
  parseMac,
  ValueError,
} from "../p4runtime/index.js";
import {
  checked,
  flag,
  type Infer,
  integer,
  list,
  object,
  oneOf,
  optional,
  required,
  type Shape,
  scalar,
} from "./shapes.js";

const MAX_ID = 0xffff;
const MAX_VNI = 0xff_ffff;
const MAX_WEIGHT = 65_535;
const MAX_TIMEOUT_MS = 7 * 24 * 3600 * 1000;

const name: Shape<string> = scalar("a name", (text) => {
  if (!/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i.test(text)) {
    throw new ValueError(
      `"${text}" is not a name (1 to 63 letters, digits, ".", "_" or "-", the ends letters or digits)`,
    );
  }
  return text;
});

/** Says that an address is of the other family where that is what is wrong with it. */
function refuseIpv6(text: string): void {
  const address = text.split("/")[0]!;
  try {
    parseIpv6(address);
  } catch {
    return;
  }
  throw new ValueError(`"${text}" is an IPv6 address; an IPv4 one is needed here`);
}

const ipv4: Shape<string> = scalar("an IPv4 address", (text) => {
  refuseIpv6(text);
  const address = parseIpv4(text);
  if (address[0] === 0 || address[0] === 127 || address[0]! >= 224) {
    throw new ValueError(`"${text}" is not a unicast address of a host`);
  }
  return formatIpv4(address);
});

/** An address with the length of its subnet's prefix, as on an interface. */
const ipv4Interface: Shape<string> = scalar("an IPv4 address with a prefix length", (text) => {
  refuseIpv6(text);
  if (!text.includes("/")) {
    throw new ValueError(`"${text}" has no prefix length (write it like 10.0.2.1/24)`);
  }
  const { address, prefixLen } = parseIpv4Interface(text);
  return `${formatIpv4(address)}/${prefixLen}`;
});

const ipv4Prefix: Shape<string> = scalar("an IPv4 prefix", (text) => {
  refuseIpv6(text);
  const { address, prefixLen } = parseIpv4Prefix(text);
  return `${formatIpv4(address)}/${prefixLen}`;
});

const mac: Shape<string> = scalar("a MAC address", (text) => {
  const bytes = parseMac(text);
  if ((bytes[0]! & 1) === 1 || bytes.every((octet) => octet === 0)) {
    throw new ValueError(`"${text}" is not the MAC address of one station (it is a group address, or zero)`);
  }
  return formatMac(bytes);
});

/** `unix:/path` or `host:port`. */
const rpcAddress: Shape<string> = scalar("an address", (text) => {
  const port = /^(?:[^:/\s]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(text)?.[1];
  if (!/^unix:\/\S+$/.test(text) && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new ValueError(
      `"${text}" is no address of a server (write it like unix:/run/sluice/gw1.sock or 192.0.2.1:9559)`,
    );
  }
  return text;
});

const id = integer("an id", 1, MAX_ID);
const port = integer("a port", 1, 65_535);
const vlan = integer("a VLAN id", 0, 4094);
const vrf = integer("a VRF number", 0, MAX_ID);
const timeout = integer("a timeout in ms", 1, MAX_TIMEOUT_MS);

const network = object("network", {
  name: required(name),
  id: optional(id),
  vrf: optional(vrf, 0),
  kind: optional(oneOf("a kind of network", ["upstream", "fabric"])),
});

const switchPort = object(
  "port",
  {
    port: required(integer("a switch port", 0, 0xffff)),
    network: required(name),
    address: optional(ipv4Interface),
    vlan: optional(vlan, 0),
  },
  "port",
);

const neighbor = object(
  "neighbor",
  {
    address: required(ipv4),
    mac: required(mac),
    port: required(integer("a switch port", 0, 0xffff)),
    vlan: optional(vlan),
  },
  "address",
);

const route = checked(
  object(
    "route",
    { prefix: required(ipv4Prefix), via: optional(ipv4), discard: optional(flag, false), vrf: optional(vrf) },
    "prefix",
  ),
  (value, at) =>
    (value.via === undefined) === !value.discard
      ? [
          {
            place: at(),
            message: `route ${value.prefix}: it needs either "via: NEIGHBOR" or "discard: true"`,
          },
        ]
      : [],
);

const switchShape = object("switch", {
  name: required(name),
  p4runtime: required(rpcAddress),
  device_id: optional(integer("a device id", 1, Number.MAX_SAFE_INTEGER), 1),
  mac: required(mac),
  tunnel_address: required(ipv4),
  ports: optional(list("port", switchPort), []),
  neighbors: optional(list("neighbor", neighbor), []),
  routes: optional(list("route", route), []),
});

const ld = object("LD", {
  name: required(name),
  id: optional(id),
  agent: required(rpcAddress),
  address: required(ipv4Interface),
  gateway: required(ipv4),
  mac: required(mac),
  mtu_bytes: optional(integer("an MTU in bytes", 1280, 9216), 0),
});

const timeouts = object("timeouts", {
  syn_sent_ms: optional(timeout, 0),
  syn_recv_ms: optional(timeout, 0),
  established_ms: optional(timeout, 0),
  fin_wait_ms: optional(timeout, 0),
  close_wait_ms: optional(timeout, 0),
  last_ack_ms: optional(timeout, 0),
  time_wait_ms: optional(timeout, 0),
  close_ms: optional(timeout, 0),
  udp_ms: optional(timeout, 0),
});

const cluster = object("cluster", {
  name: required(name),
  id: optional(id),
  steering_address: required(ipv4),
  local_ips: required(list("local IP", ipv4Prefix)),
  lds: required(list("LD", ld)),
  timeouts: optional(timeouts),
});

const realServer = checked(
  object("real server", {
    name: required(name),
    address: required(ipv4),
    port: required(port),
    weight: optional(integer("a weight", 0, MAX_WEIGHT), 1),
    vpc: optional(name),
    host: optional(ipv4),
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
);

const service = object("service", {
  name: required(name),
  vip: required(ipv4),
  protocol: required(oneOf("a protocol", ["tcp", "udp"])),
  port: required(port),
  cluster: required(name),
  scheduler: optional(oneOf("a scheduler", ["wrr"]), "wrr"),
  vpc: optional(name),
  real_servers: optional(list("real server", realServer), []),
});

export const documentShape = object("", {
  networks: optional(list("network", network), []),
  vpcs: optional(
    list("VPC", object("VPC", { name: required(name), vni: required(integer("a VNI", 1, MAX_VNI)) })),
    [],
  ),
  switches: optional(list("switch", switchShape), []),
  clusters: optional(list("cluster", cluster), []),
  services: optional(list("service", service), []),
});

/** The desired state of a region: what sluice.yaml says, checked, with defaults filled in. Addresses are canonical text. */
export type DesiredState = Infer<typeof documentShape>;
export type SwitchSpec = DesiredState["switches"][number];
export type NeighborSpec = SwitchSpec["neighbors"][number];
export type ClusterSpec = DesiredState["clusters"][number];
export type LdSpec = ClusterSpec["lds"][number];
export type ServiceSpec = DesiredState["services"][number];
export type RealServerSpec = ServiceSpec["real_servers"][number];
