// Random frames: mostly well formed and near the entries, some with one field wrong, some cut, grown or overwritten.
import {
  arp,
  build,
  concat,
  type Ethernet,
  ethernet,
  fragments,
  fragmentsV6,
  HEARTBEAT_PORT,
  heartbeat,
  type Ipv4,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  nd,
  ndOption,
  padded,
  payload,
  quote,
  tcp,
  trailer,
  udp,
  type Vlan,
  VXLAN_PORT,
  vlan,
  vxlan,
  withFields,
} from "../packet/index.js";
import type { PortFrame } from "../target/target.js";
import type { Random } from "./random.js";
import {
  anyAddress,
  anyAddressV6,
  anyMac,
  HEARTBEAT,
  L4_PORTS,
  LDS,
  PORTS,
  PROTOCOLS,
  someAddress,
  TUNNEL_ENDS,
  TUNNEL_ENDS_V6,
  VLANS,
  VNIS,
} from "./world.js";

/** A frame and the port at which it enters. */
export function randomFrame(random: Random): PortFrame {
  const port = random.oneIn(50) ? random.int(500) : random.pick(PORTS);
  const frame = build(randomLayers(random));
  return { port: port === 255 ? 0 : port, frame: random.oneIn(6) ? mutate(random, frame) : frame };
}

export function randomLayers(random: Random): Layer[] {
  const head: Layer[] = [ethernet({ dst: anyMac(random), src: anyMac(random) })];
  if (random.oneIn(2)) head.push(vlan({ vid: random.pick(VLANS), pcp: random.int(8), dei: random.int(2) }));
  if (random.oneIn(12)) return finish(random, [...head, randomArp(random)]);
  if (random.oneIn(60)) {
    const last = head.pop() as Ethernet | Vlan;
    const etherType = random.pick([0x86dd, 0x8100, 0x88a8, 0, 0x0801, random.int(65536)]);
    return finish(random, [...head, { ...last, etherType }, payload(random.bytes(random.int(80)))]);
  }
  const layers = [...head, ...randomPacket(random, 0)];
  if (random.oneIn(12)) {
    const whole = build(layers).length - 14 - 20;
    const cuts = whole > 48 ? [8 * (1 + random.int(4))] : [];
    if (!layers.some(({ kind }) => kind === "ipv4")) return finish(random, layers);
    return finish(random, random.pick(fragments(layers, ...cuts)));
  }
  return finish(random, layers);
}

function finish(random: Random, layers: Layer[]): Layer[] {
  if (random.oneIn(3)) return padded(layers);
  return random.oneIn(20) ? [...layers, trailer(random.bytes(random.int(40)))] : layers;
}

function randomArp(random: Random): Layer {
  const wrong = random.oneIn(6)
    ? random.pick([{ hardwareType: 6 }, { protocolType: 0x86dd }, { hardwareLen: 8 }, { protocolLen: 16 }])
    : {};
  return arp({
    operation: random.oneIn(8) ? random.int(5) : 1 + random.int(2),
    senderMac: anyMac(random),
    senderIp: anyAddress(random),
    targetMac: anyMac(random),
    targetIp: anyAddress(random),
    ...wrong,
  });
}

function randomIpv4(random: Random): Ipv4 {
  const header = ipv4({
    src: anyAddress(random),
    dst: anyAddress(random),
    ttl: random.oneIn(12) ? random.int(3) : 1 + random.int(255),
    dscp: random.int(64),
    ecn: random.int(4),
    identification: random.int(65536),
    dontFragment: random.int(2),
  });
  if (random.oneIn(10)) header.options = random.bytes(4 * (1 + random.int(10)));
  if (random.oneIn(25)) {
    const wrong: Partial<Ipv4>[] = [
      { version: random.int(16) },
      { ihl: random.int(16) },
      { totalLen: random.int(random.pick([64, 256, 65536])) },
      { checksum: random.pick([0, 0xffff, random.int(65536)]) },
      { reserved: 1 },
      { moreFragments: 1 },
      { fragmentOffset: random.pick([1, 0x1fff, random.int(0x2000)]) },
    ];
    Object.assign(header, random.pick(wrong));
  }
  return header;
}

function randomPacket(random: Random, depth: number): Layer[] {
  if (random.oneIn(3)) return randomPacketV6(random, depth);
  const header = randomIpv4(random);
  const data = payload(random.bytes(random.oneIn(40) ? random.int(3000) : random.int(64)));
  const srcPort = random.oneIn(4) ? random.int(65536) : random.pick(L4_PORTS);
  const dstPort = random.oneIn(4) ? random.int(65536) : random.pick(L4_PORTS);
  if (depth < 2 && random.oneIn(4)) {
    const src = random.oneIn(2) ? random.pick(TUNNEL_ENDS) : header.src;
    return [{ ...header, src }, ...randomTunnel(random, srcPort, depth)];
  }
  if (depth === 0 && random.oneIn(12)) return [header, ...randomHeartbeat(random)];
  if (random.oneIn(10)) {
    // An ICMP error about a packet that its receiver sent, mostly.
    const probe = withFields(randomProbe(random, 4), "ipv4", random.oneIn(8) ? {} : { src: header.dst });
    const type = random.pick([3, 3, 4, 11, 12]);
    return [header, icmp({ type, code: random.int(5) }), quote(probe, random.oneIn(4) ? random.int(64) : 8)];
  }
  switch (random.pick(PROTOCOLS)) {
    case 6:
      return [header, tcp({ srcPort, dstPort, flags: random.int(256), seq: random.uint32() }), data];
    case 17:
      return [header, udp({ srcPort, dstPort, ...(random.oneIn(4) ? { checksum: 0 } : {}) }), data];
    case 1: {
      const type = random.oneIn(3) ? random.int(256) : 8;
      const wrong = random.oneIn(6) ? { checksum: random.pick([0, 0xffff, 0xf7ff, random.int(65536)]) } : {};
      const code = random.oneIn(8) ? 1 : 0;
      return [
        header,
        icmp({ type, code, identifier: random.int(3), sequence: random.int(3), ...wrong }),
        data,
      ];
    }
    default:
      return [{ ...header, protocol: random.int(256) }, data];
  }
}

/** A packet that somebody may have sent: what an ICMP error is about. */
function randomProbe(random: Random, version: 4 | 6): Layer[] {
  const ports = { srcPort: random.pick(L4_PORTS), dstPort: random.pick(L4_PORTS) };
  const [src, dst] = [someAddress(random, version), someAddress(random, version)];
  const head = version === 4 ? ipv4({ src, dst }) : ipv6({ src, dst });
  const l4 = [
    tcp(ports),
    udp({ ...ports, ...(random.oneIn(3) ? { checksum: 0 } : {}) }),
    version === 4 ? icmp({ type: 8 }) : icmpv6({ type: 128 }),
  ];
  return [head, random.pick(l4), payload(random.bytes(random.int(20)))];
}

let lastSequence = 0;

function randomHeartbeat(random: Random): Layer[] {
  lastSequence += random.oneIn(8) ? 0 : 1;
  const wrong = random.oneIn(6) ? random.pick([{ key: 1 }, { epoch: 4 }, { ldId: 77 }]) : {};
  const flags = random.oneIn(3) ? 1 : 0;
  const beat = { ldId: random.pick(LDS), flags, sequence: lastSequence, ...HEARTBEAT, ...wrong };
  return [udp({ srcPort: HEARTBEAT_PORT, dstPort: HEARTBEAT_PORT }), heartbeat(beat)];
}

function randomPacketV6(random: Random, depth: number): Layer[] {
  const header = ipv6({
    src: anyAddressV6(random),
    dst: anyAddressV6(random),
    hopLimit: random.oneIn(12) ? random.int(3) : 1 + random.int(255),
    dscp: random.int(64),
    ecn: random.int(4),
    flowLabel: random.int(1 << 20),
    ...(random.oneIn(25) && random.pick([{ version: random.int(16) }, { payloadLen: random.int(200) }])),
  });
  const data = payload(random.bytes(random.oneIn(40) ? random.int(3000) : random.int(64)));
  const ports = { srcPort: random.pick(L4_PORTS), dstPort: random.pick(L4_PORTS) };
  if (depth < 2 && random.oneIn(4)) {
    const src = random.oneIn(2) ? random.pick(TUNNEL_ENDS_V6) : header.src;
    return [{ ...header, src }, ...randomTunnel(random, ports.srcPort, depth)];
  }
  if (depth === 0 && random.oneIn(12)) return [header, ...randomHeartbeat(random)];
  switch (random.int(8)) {
    case 0:
    case 1:
      return [header, tcp({ ...ports, flags: random.int(256) }), data];
    case 2:
    case 3:
      return [header, udp({ ...ports, ...(random.oneIn(6) ? { checksum: 0 } : {}) }), data];
    case 4:
      return [header, icmpv6({ type: random.pick([128, 128, 129, 0, 200]), rest: random.int(9) }), data];
    case 5: {
      const probe = withFields(randomProbe(random, 6), "ipv6", random.oneIn(8) ? {} : { src: header.dst });
      return [
        header,
        icmpv6({ type: 1 + random.int(4) }),
        quote(probe, random.oneIn(4) ? random.int(64) : 8),
      ];
    }
    case 6: {
      const question = { ...header, hopLimit: random.oneIn(8) ? 64 : 255 };
      const option = random.oneIn(3) ? [] : [ndOption(1, anyMac(random))];
      return [question, icmpv6({ type: 135 + random.int(2) }), nd(someAddress(random, 6)), ...option];
    }
    default: {
      const pieces = fragmentsV6([header, udp(ports), payload(random.bytes(60))], random.int(1000), 8, 40);
      return random.oneIn(4) ? [{ ...header, nextHeader: random.int(256) }, data] : random.pick(pieces);
    }
  }
}

function randomTunnel(random: Random, srcPort: number, depth: number): Layer[] {
  const wrongType = random.oneIn(12) ? { etherType: random.pick([0x0806, 0x8100, 0x86dd]) } : {};
  return [
    udp({ srcPort, dstPort: VXLAN_PORT, ...(random.oneIn(2) ? { checksum: 0 } : {}) }),
    vxlan({
      vni: random.pick(VNIS),
      flags: random.oneIn(10) ? random.int(256) : 8,
      reserved: random.oneIn(10) ? random.int(1 << 24) : 0,
    }),
    ethernet({ dst: anyMac(random), src: anyMac(random), ...wrongType }),
    ...randomPacket(random, depth + 1),
  ];
}

/** Changes a frame as wires, bugs and attackers do. Never gives back an empty frame: such cannot be sent. */
export function mutate(random: Random, frame: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(frame);
  switch (random.int(7)) {
    case 0: // cut
      return bytes.slice(0, 1 + random.int(bytes.length));
    case 1: // grown
      return concat(bytes, random.bytes(1 + random.int(random.pick([8, 256, 9000]))));
    case 2: // one bit
      bytes[random.int(bytes.length)]! ^= 1 << random.int(8);
      return bytes;
    case 3: {
      // several bytes among the headers
      const reach = Math.min(bytes.length, 110);
      for (let i = 1 + random.int(4); i > 0; i--) {
        bytes[random.int(reach)] = random.pick([0, 1, 0x45, 0x7f, 0x80, 0xff, random.int(256)]);
      }
      return bytes;
    }
    case 4: {
      // a piece twice
      const at = random.int(bytes.length);
      const piece = bytes.slice(at, at + 1 + random.int(40));
      return concat(bytes.subarray(0, at), piece, bytes.subarray(at));
    }
    case 5: {
      // a piece gone
      const at = random.int(bytes.length);
      const rest = concat(bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(20)));
      return rest.length > 0 ? rest : bytes;
    }
    default: // noise
      return random.bytes(1 + random.int(random.pick([20, 120, 2000])));
  }
}
