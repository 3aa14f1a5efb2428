// The values of the document that are one word each: names, addresses, rates.
import {
  formatIp,
  formatIpPrefix,
  formatIpv4,
  formatIpv6,
  formatMac,
  type Interface,
  type Ip,
  type IpPrefix,
  type Ipv4,
  type Ipv6,
  type Mac,
  parseIp,
  parseIpInterface,
  parseIpPrefix,
  parseIpv6,
  parseMac,
  type Uint,
  uint,
  ValueError,
} from "../p4runtime/index.js";
import { type Shape, scalar } from "./shapes.js";

// Patterns say what a text looks like, for editors; whether it is right is said by the functions behind them.
const NAME = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";
const IPV4 = String.raw`(\d{1,3}\.){3}\d{1,3}`;
const IPV6 = "[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*";
const whole = (...alternatives: string[]) => ({ pattern: `^(${alternatives.join("|")})$` });

const NAME_EXPRESSION = new RegExp(NAME);

/** A name of nothing but digits is a number in YAML, and a name still. */
export const name: Shape<string> = scalar(
  "a name",
  { type: ["string", "integer"], pattern: NAME },
  (text) => {
    if (!NAME_EXPRESSION.test(text)) {
      throw new ValueError(
        `"${text}" is not a name (1 to 63 letters, digits, ".", "_" or "-", the ends letters or digits)`,
      );
    }
    return text;
  },
);

/** @throws ValueError for addresses that no host can have */
function checkHost(text: string, address: Uint8Array): Uint8Array {
  const bad =
    address.length === 4
      ? address[0] === 0 || address[0] === 127 || address[0]! >= 224
      : address[0] === 0xff || address.subarray(0, 15).every((octet) => octet === 0);
  if (bad) {
    throw new ValueError(`"${text}" is not a unicast address of a host`);
  }
  return address;
}

/** Says that an address is of the other family where that is what is wrong with it. */
function refuseIpv6(text: string): void {
  if (!text.includes(":")) {
    return;
  }
  const address = text.split("/")[0]!;
  try {
    parseIpv6(address);
  } catch {
    return;
  }
  throw new ValueError(`"${text}" is an IPv6 address; an IPv4 one is needed here`);
}

/** An address of either family. */
export const ip: Shape<Ip> = scalar("an address", whole(IPV4, IPV6), (text) =>
  formatIp(checkHost(text, parseIp(text))),
);

export const ipv6: Shape<Ipv6> = scalar("an IPv6 address", whole(IPV6), (text) =>
  formatIpv6(checkHost(text, parseIpv6(text))),
);

/** An address with the length of its subnet's prefix, as on an interface. */
export const ipv4Interface: Shape<Interface<Ipv4>> = scalar(
  "an IPv4 address with a prefix length",
  whole(`${IPV4}/\\d+`),
  (text) => {
    refuseIpv6(text);
    if (!text.includes("/")) {
      throw new ValueError(`"${text}" has no prefix length (write it like 10.0.2.1/24)`);
    }
    const { address, prefixLen } = parseIpInterface(text);
    return `${formatIpv4(address)}/${prefixLen}` as Interface<Ipv4>;
  },
);

export const ipv6Interface: Shape<Interface<Ipv6>> = scalar(
  "an IPv6 address with a prefix length",
  whole(`${IPV6}/\\d+`),
  (text) => {
    if (!text.includes(":") || !text.includes("/")) {
      throw new ValueError(
        `"${text}" is not an IPv6 address with a prefix length (write it like 2001:db8::1/64)`,
      );
    }
    const { address, prefixLen } = parseIpInterface(text);
    return `${formatIpv6(checkHost(text, address))}/${prefixLen}` as Interface<Ipv6>;
  },
);

/** An address of either family with the length of its subnet's prefix. */
export const ipInterface: Shape<Interface<Ipv4> | Interface<Ipv6>> = scalar(
  "an address with a prefix length",
  whole(`(${IPV4}|${IPV6})/\\d+`),
  (text) => {
    if (!text.includes("/")) {
      throw new ValueError(`"${text}" has no prefix length (write it like 10.0.2.1/24 or 2001:db8::1/64)`);
    }
    const { address, prefixLen } = parseIpInterface(text);
    return `${formatIp(checkHost(text, address))}/${prefixLen}` as Interface<Ipv4> | Interface<Ipv6>;
  },
);

/** A prefix of either family; an address alone is one of full length. */
export const ipPrefix: Shape<IpPrefix> = scalar("a prefix", whole(`(${IPV4}|${IPV6})(/\\d+)?`), (text) =>
  formatIpPrefix(parseIpPrefix(text)),
);

export const mac: Shape<Mac> = scalar(
  "a MAC address",
  whole("([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"),
  (text) => {
    const bytes = parseMac(text);
    if ((bytes[0]! & 1) === 1 || bytes.every((octet) => octet === 0)) {
      throw new ValueError(
        `"${text}" is not the MAC address of one station (it is a group address, or zero)`,
      );
    }
    return formatMac(bytes);
  },
);

/** `unix:/path` or `host:port`. */
export const rpcAddress: Shape<string> = scalar(
  "a server's address",
  whole("unix:/.+", ".+:\\d+"),
  (text) => {
    const port = /^(?:[^:/\s]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(text)?.[1];
    if (!/^unix:\/\S+$/.test(text) && !(Number(port) >= 1 && Number(port) <= 65_535)) {
      throw new ValueError(
        `"${text}" is no address of a server (write it like unix:/run/sluice/gw1.sock or 192.0.2.1:9559)`,
      );
    }
    return text;
  },
);

const RATE_UNITS: Record<string, number> = { bps: 1, kbps: 1e3, mbps: 1e6, gbps: 1e9 };
/** A byte's time must fit 32 bits in 2^-20 us (p4src/controls/eip_limit.p4), and be known to 1 %. */
const MIN_RATE_BPS = 2e3;
const MAX_RATE_BPS = 100e9;

/** `100Mbps` -> bits per second. */
export const rate: Shape<number> = scalar(
  "a rate",
  whole(String.raw`\d+(\.\d+)?\s*[kKmMgG]?[bB][pP][sS]`),
  (text) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?bps)$/i.exec(text) ?? [];
    if (number === undefined || unit === undefined) {
      throw new ValueError(`"${text}" is not a rate (write it like 100Mbps; bps, kbps, Mbps or Gbps)`);
    }
    const rateBps = Math.round(Number(number) * RATE_UNITS[unit.toLowerCase()]!);
    if (!(rateBps >= MIN_RATE_BPS && rateBps <= MAX_RATE_BPS)) {
      throw new ValueError(
        `"${text}" cannot be a limit (2kbps to 100Gbps; leave it out for no limit, deny traffic by acl:)`,
      );
    }
    return rateBps;
  },
);

export interface ProtocolPort {
  protocol: "tcp" | "udp";
  port: Uint<16>;
}

/** `22/tcp` */
export const protocolPort: Shape<ProtocolPort> = scalar(
  "a port with its protocol",
  whole(String.raw`\d{1,5}/(tcp|udp)`),
  (text) => {
    const [, number, protocol] = /^(\d{1,5})\/(tcp|udp)$/.exec(text) ?? [];
    const port = Number(number);
    if (!(port >= 1 && port <= 65_535)) {
      throw new ValueError(`"${text}" is not a port with its protocol (write it like 22/tcp)`);
    }
    return { protocol: protocol as ProtocolPort["protocol"], port: uint(16, port) };
  },
);

const PROTOCOLS = ["tcp", "udp", "icmp"];
const MAX_PROTOCOL = 255;
const PROTOCOL_SCHEMA = {
  type: ["string", "integer"],
  anyOf: [{ enum: PROTOCOLS }, { type: "integer", minimum: 0, maximum: MAX_PROTOCOL }],
};

/** A protocol by name, or its number. ICMP is that of the packet's family. */
export const anyProtocol: Shape<string> = scalar("a protocol", PROTOCOL_SCHEMA, (text) => {
  if (!PROTOCOLS.includes(text) && !(/^\d{1,3}$/.test(text) && Number(text) <= MAX_PROTOCOL)) {
    throw new ValueError(`"${text}" is not a protocol (${PROTOCOLS.join(", ")}, or a number from 0 to 255)`);
  }
  return PROTOCOLS.includes(text) ? text : `${Number(text)}`;
});

const SECRET_MIN_CHARACTERS = 16;

/** Never part of a message: error texts end up in logs. */
export const secret: Shape<string> = scalar("a secret", { minLength: SECRET_MIN_CHARACTERS }, (text) => {
  if (text.length < SECRET_MIN_CHARACTERS) {
    throw new ValueError(
      `it has ${text.length} characters, fewer than ${SECRET_MIN_CHARACTERS} (make one by: openssl rand -hex 16)`,
    );
  }
  return text;
});
