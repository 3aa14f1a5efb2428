// The test kit's own packet builder: checked against published bytes, against itself and against tshark.
import { expect, test } from "vitest";
import { datagram, from, packet, ping, toService, tunnelled } from "../src/frames.js";
import {
  arp,
  BROADCAST,
  build,
  describeFrame,
  diffFrames,
  dissect,
  ethernet,
  fragments,
  hex,
  type Ipv4,
  icmp,
  internetChecksum,
  ipv4,
  type Layer,
  padded,
  payload,
  ROUTER_ALERT,
  tcp,
  trailer,
  udp,
  vlan,
  withFields,
} from "../src/packet/index.js";
import { askTshark, isTsharkOnPath } from "../src/packet/tshark.js";
import { FABRIC, FABRIC_TAGGED, UPSTREAM } from "../src/standard.js";

const ETHERNET = ethernet({ dst: "02:00:00:00:00:01", src: "02:00:00:00:00:02" });

const FRAMES: Record<string, Layer[]> = {
  "ARP request": [
    ethernet({ dst: BROADCAST, src: UPSTREAM.peer.mac }),
    arp({ operation: 1, senderMac: UPSTREAM.peer.mac, senderIp: "192.0.2.2", targetIp: "192.0.2.1" }),
  ],
  "TCP, tagged": [...from(FABRIC_TAGGED), ...toService()],
  "TCP with options, padded": padded([
    ...from(UPSTREAM),
    ...packet("192.0.2.7", "192.0.2.8", [
      tcp({ srcPort: 1, dstPort: 2, options: Uint8Array.of(2, 4, 5, 180) }),
    ]),
  ]),
  "UDP of odd length": [...from(UPSTREAM), ...datagram("192.0.2.7", "192.0.2.8", 5000, 6000, "odd")],
  "UDP without checksum": [
    ...from(UPSTREAM),
    ...packet("192.0.2.7", "192.0.2.8", [udp({ srcPort: 5000, dstPort: 6000, checksum: 0 }), payload("x")]),
  ],
  "ICMP with IPv4 options": [
    ...from(UPSTREAM),
    ...packet("192.0.2.7", "192.0.2.8", [icmp({ type: 8, identifier: 1 }), payload("abc")], {
      options: ROUTER_ALERT,
    }),
  ],
  "VXLAN with a padded frame inside": [
    ...from(FABRIC),
    ...tunnelled(7, ping("10.0.0.1", "10.0.0.2")),
    trailer(new Uint8Array(6), true),
  ],
};

test("the checksum of a published IPv4 header is reproduced", () => {
  // The example that circulates with explanations of RFC 1071.
  const header = Buffer.from("450000730000400040110000c0a80001c0a800c7", "hex");
  expect(internetChecksum(header)).toBe(0xb861);
  const layers = [
    ETHERNET,
    ipv4({ src: "192.168.0.1", dst: "192.168.0.199", dontFragment: 1, protocol: 17 }),
    payload(new Uint8Array(0x73 - 20)),
  ];
  expect(hex(build(layers).subarray(14, 34))).toBe("45000073000040004011b861c0a80001c0a800c7");
});

test("a UDP checksum that comes out as 0 is sent as 0xffff", () => {
  // Over these fields the sum is 0xffff when the payload is the checksum of the rest.
  const layers = (bytes: Uint8Array) => [
    ETHERNET,
    ipv4({ src: "192.0.2.1", dst: "192.0.2.2" }),
    udp({ srcPort: 1, dstPort: 2 }),
    payload(bytes),
  ];
  const checksumOf = (bytes: Uint8Array) => Buffer.from(build(layers(bytes))).readUInt16BE(40);
  const rest = checksumOf(Uint8Array.of(0, 0));
  expect(rest).not.toBe(0xffff);
  expect(checksumOf(Uint8Array.of(rest >> 8, rest & 0xff))).toBe(0xffff);
});

test.each(Object.entries(FRAMES))(
  "%s: what the builder builds, the dissector reads, and back",
  (_name, layers) => {
    const frame = build(layers);
    expect(hex(build(dissect(frame)))).toBe(hex(frame));
    expect(dissect(frame).map((layer) => layer.kind)).toEqual(layers.map((layer) => layer.kind));
  },
);

test("the dissector takes any bytes, and building what it read gives them back", () => {
  const frame = build(FRAMES["VXLAN with a padded frame inside"]!);
  for (let length = 0; length <= frame.length; length++) {
    const cut = frame.subarray(0, length);
    expect(hex(build(dissect(cut)))).toBe(hex(cut));
  }
});

test("a field that is given is sent as given", () => {
  const wrong = withFields(FRAMES["UDP of odd length"]!, "ipv4", {
    totalLen: 9,
    ihl: 3,
    version: 6,
    checksum: 0xbeef,
  });
  const bytes = Buffer.from(build(wrong));
  expect([bytes[14], bytes.readUInt16BE(16), bytes.readUInt16BE(24)]).toEqual([0x63, 9, 0xbeef]);
});

test("fragments put together again are the packet", () => {
  const whole = [ETHERNET, ...datagram("192.0.2.1", "192.0.2.2", 5000, 6000, "a".repeat(50))];
  const pieces = fragments(whole, 16, 40);
  const headers = pieces.map((piece) => piece[1] as Ipv4);
  expect(headers.map((header) => [header.fragmentOffset, header.moreFragments])).toEqual([
    [0, 1],
    [2, 1],
    [5, 0],
  ]);
  expect(hex(Buffer.concat(pieces.map((piece) => build(piece).subarray(34))))).toBe(
    hex(build(whole).subarray(34)),
  );
});

test("a difference is told by the field's name, and a wrong checksum with the right one", () => {
  const layers = FRAMES["VXLAN with a padded frame inside"]!;
  const other = withFields(layers, "ipv4", { ttl: 9, checksum: 0x1111 }, 1);
  expect(diffFrames(build(layers), build(other))).toEqual([
    "inner ipv4.ttl: expected 64, got 9",
    expect.stringMatching(
      /^inner ipv4\.checksum: expected 0x\w+, got 0x1111 \(over these bytes it would be 0x\w+\)$/,
    ),
  ]);
  expect(diffFrames(build(layers), build(layers))).toEqual([]);
  expect(describeFrame(build(layers))).toContain("inner ethernet.src");
});

test("a frame with fewer layers differs by all that is missing", () => {
  const tagged = build([ETHERNET, vlan({ vid: 5 }), ...toService()]);
  const untagged = build([ETHERNET, ...toService()]);
  expect(diffFrames(tagged, untagged)).toContain("vlan.vid: expected 5, got no such field");
});

test("tshark decodes what the builder builds without complaint, and complains of each wrong checksum", (context) => {
  if (!isTsharkOnPath()) {
    console.log("skipped: tshark is not on PATH");
    context.skip();
  }
  const good = Object.values(FRAMES).map(build);
  const wrong = [
    withFields(FRAMES["UDP of odd length"]!, "ipv4", { checksum: 1 }),
    withFields(FRAMES["UDP of odd length"]!, "udp", { checksum: 1 }),
    withFields(FRAMES["TCP, tagged"]!, "tcp", { checksum: 1 }),
    withFields(FRAMES["ICMP with IPv4 options"]!, "icmp", { checksum: 1 }),
    withFields(FRAMES["UDP of odd length"]!, "ipv4", { totalLen: 500 }),
  ].map(build);
  const { protocols, complaints } = askTshark([...good, ...wrong]);
  expect(complaints.map(({ frame }) => frame)).toEqual(wrong.map((_, i) => good.length + i));
  expect(protocols[Object.keys(FRAMES).indexOf("VXLAN with a padded frame inside")]).toBe(
    "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp:data",
  );
});
