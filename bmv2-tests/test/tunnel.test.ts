// `my_tunnel`: VXLAN to one of the gateway's tunnel addresses is unwrapped, and what is inside goes on.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  from,
  hopped,
  packet,
  ping,
  to,
  toLd,
  toService,
  tunnelled,
} from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  ethernet,
  fragments,
  icmp,
  ipv4,
  type Layer,
  payload,
  ROUTER_ALERT,
  tcp,
  trailer,
  udp,
  vxlan,
  withFields,
} from "../src/packet/index.js";
import {
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  FABRIC_TAGGED,
  GATEWAY_VTEP,
  LD1,
  ldOf,
  NEXTHOP,
  PLAIN_VIP,
  SERVER,
  SERVICE_VIP,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();
/** An LD's answer to a client. */
const answer = packet(SERVICE_VIP, CLIENT, [tcp({ srcPort: 80, dstPort: 40_000, flags: 0x12 })]);
const toUpstream = (inner: readonly Layer[]) => ({
  port: UPSTREAM.port,
  layers: [...to(UPSTREAM), ...hopped(inner)],
});

describe("VNI 0", () => {
  const INSIDE: Record<string, Layer[]> = {
    TCP: answer,
    "TCP with data": packet(SERVICE_VIP, CLIENT, [
      tcp({ srcPort: 80, dstPort: 9, flags: 0x18 }),
      payload("hello"),
    ]),
    UDP: datagram(SERVICE_VIP, CLIENT, 5000, 6000, countingBytes(301)),
    ICMP: ping(SERVICE_VIP, CLIENT),
    "another protocol": [ipv4({ src: SERVICE_VIP, dst: CLIENT, protocol: 253 }), payload("x")],
    "IPv4 options": withFields(answer, "ipv4", { options: ROUTER_ALERT }),
    "a first fragment": fragments(datagram(SERVICE_VIP, CLIENT, 5000, 6000, "a".repeat(64)), 32)[0]!,
    "a later fragment": fragments(datagram(SERVICE_VIP, CLIENT, 5000, 6000, "a".repeat(64)), 32)[1]!,
    "the last 8 bytes of a TCP segment in fragments": fragments(
      packet(SERVICE_VIP, CLIENT, [tcp({ srcPort: 80, dstPort: 9 }), payload("a".repeat(12))]),
      24,
    )[1]!,
  };
  test.each(Object.entries(INSIDE))(
    "%s inside is routed as if it had come without a tunnel",
    async (_name, inner) => {
      await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, inner)], toUpstream(inner));
    },
  );

  test("a tunnel may come in tagged, with IPv4 options and a UDP checksum outside", async () => {
    const outer = tunnelled(0, answer, { ip: { options: ROUTER_ALERT } });
    const { checksum: _, ...summed } = outer[1] as ReturnType<typeof udp>;
    await gateway().expectOut(
      FABRIC_TAGGED.port,
      [...from(FABRIC_TAGGED), outer[0]!, summed as Layer, ...outer.slice(2)],
      toUpstream(answer),
    );
  });

  test("the outer header's TTL, DSCP and ECN are gone with it", async () => {
    const outer = { ip: { ttl: 2, dscp: 46, ecn: 1 } };
    await gateway().expectOut(
      FABRIC.port,
      [...from(FABRIC), ...tunnelled(0, answer, outer)],
      toUpstream(answer),
    );
  });

  test("an outer TTL of 1 is enough: the tunnel ends here", async () => {
    const outer = { ip: { ttl: 1 } };
    await gateway().expectOut(
      FABRIC.port,
      [...from(FABRIC), ...tunnelled(0, answer, outer)],
      toUpstream(answer),
    );
  });

  test("padding of the frame inside is kept as the frame's padding", async () => {
    const bytes = countingBytes(6);
    await gateway().expectOut(
      FABRIC.port,
      [...from(FABRIC), ...tunnelled(0, answer), trailer(bytes, true)],
      toUpstream([...answer, trailer(bytes)]),
    );
  });

  test("a packet to a VIP inside is steered", async () => {
    const client = toService({ src: "10.1.0.77" });
    const bucket = bucketOf(0, client);
    const ld = ldOf(bucket);
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, client)], {
      port: ld.side.port,
      layers: toLd(ld, 0, bucket, client, FABRIC_MAC),
    });
  });

  test("all fragments of a datagram to a VIP inside fall into one bucket, the one without ports", async () => {
    const whole = packet("10.1.0.77", PLAIN_VIP, [
      tcp({ srcPort: 40_000, dstPort: 80 }),
      payload("b".repeat(90)),
    ]);
    const pieces = fragments(whole, 32, 64);
    const bucket = bucketOf(0, pieces[0]!);
    expect(pieces.map((piece) => bucketOf(0, piece))).toEqual([bucket, bucket, bucket]);
    for (const piece of pieces) {
      await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, piece)], {
        port: ldOf(bucket).side.port,
        layers: toLd(ldOf(bucket), 0, bucket, piece, FABRIC_MAC),
      });
    }
  });

  test("a tunnel inside the tunnel is not opened", async () => {
    const inner = tunnelled(5, answer, { ip: { src: "10.0.0.50", dst: SERVER } });
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(0, inner)], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(inner)],
    });
  });
});

describe("a VNI", () => {
  const VNI = 0xabcdef;
  const VIP = "10.9.0.1";

  test("inside which the gateway serves the destination: steered in that VNI", async () => {
    const gw = gateway();
    await gw.insert(entry.vip(VNI, VIP, CLUSTER), entry.vm(VNI, "10.9.0.77", LD1.mac, LD1.vtep));
    const client = toService({ src: "10.9.0.77", dst: VIP, dstPort: 443 });
    const bucket = bucketOf(VNI, client);
    const ld = ldOf(bucket);
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(VNI, client)], {
      port: ld.side.port,
      layers: toLd(ld, VNI, bucket, client, FABRIC_MAC),
    });
  });

  test("inside which the gateway serves nothing: dropped, though the network outside has a route", async () => {
    const gw = gateway();
    await gw.insert(entry.vm(VNI, SERVICE_VIP, LD1.mac, LD1.vtep));
    await gw.expectDrop("VNI_UNREACHABLE", FABRIC.port, [...from(FABRIC), ...tunnelled(VNI, answer)]);
  });

  test("inside which nothing is served, for an address that is served outside: dropped", async () => {
    const gw = gateway();
    await gw.insert(entry.vm(1, CLIENT, LD1.mac, LD1.vtep));
    await gw.expectDrop("VNI_UNREACHABLE", FABRIC.port, [...from(FABRIC), ...tunnelled(1, toService())]);
  });
});

describe("what is no tunnel of the gateway", () => {
  test("VXLAN that passes through is routed unopened", async () => {
    const passing = tunnelled(7, answer, { ip: { dst: SERVER } });
    await gateway().expectOut(FABRIC.port, [...from(FABRIC), ...passing], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(passing)],
    });
  });

  test("VXLAN to an address of the gateway at which no tunnel ends is dropped, whatever routes there are", async () => {
    const toAddress = tunnelled(0, answer, { ip: { dst: FABRIC_TAGGED.address } });
    await gateway().expectDrop("OWN_ADDRESS", FABRIC_TAGGED.port, [...from(FABRIC_TAGGED), ...toAddress]);
  });

  test("a tunnel that is taken away ends no more", async () => {
    const gw = gateway();
    await gw.remove(entry.myTunnel(GATEWAY_VTEP));
    await gw.expectDrop("OWN_ADDRESS", FABRIC.port, [...from(FABRIC), ...tunnelled(0, answer)]);
  });

  test("a tunnel address need not be one that the gateway answers pings at", async () => {
    const gw = gateway();
    await gw.insert(entry.myTunnel("10.0.0.200"));
    const toTunnel = tunnelled(0, answer, { ip: { dst: "10.0.0.200" } });
    await gw.expectOut(FABRIC.port, [...from(FABRIC), ...toTunnel], toUpstream(answer));
  });

  test("a fragment of a tunnel packet is not opened", async () => {
    const whole = tunnelled(0, datagram(SERVICE_VIP, CLIENT, 1, 2, "a".repeat(100)), {
      ip: { dontFragment: 0 },
    });
    for (const piece of fragments(whole, 64)) {
      await gateway().expectDrop("OWN_ADDRESS", FABRIC.port, [...from(FABRIC), ...piece]);
    }
  });

  test("UDP to the tunnel address and another port is dropped", async () => {
    const other = datagram("10.0.0.3", GATEWAY_VTEP, 1234, 48000);
    await gateway().expectDrop("OWN_ADDRESS", FABRIC.port, [...from(FABRIC), ...other]);
  });
});

describe("bad tunnel packets", () => {
  test.each([0x00, 0x04, 0xf7])("flags %i, which say that there is no VNI, are dropped", async (flags) => {
    const frame = [...from(FABRIC), ...tunnelled(0, answer, { flags })];
    await gateway().expectDrop("VXLAN_HEADER", FABRIC.port, frame, false);
  });

  test("flags beside the VNI's, and the reserved bits, are ignored (RFC 7348, section 5)", async () => {
    const frame = [...from(FABRIC), ...tunnelled(0, answer, { flags: 0xff })];
    const withReserved = withFields(frame, "vxlan", { reserved: 0xfedcba, reserved2: 0x98 });
    await gateway().expectOut(FABRIC.port, withReserved, toUpstream(answer));
  });

  test("a frame inside that is no IP is dropped", async () => {
    const inner = [payload(new Uint8Array(46))];
    for (const innerEtherType of [0x0806, 0x88e5, 0x8100]) {
      const frame = [...from(FABRIC), ...tunnelled(0, inner, { innerEtherType })];
      await gateway().expectDrop("VXLAN_HEADER", FABRIC.port, frame, false);
    }
  });

  test("a tunnel packet that is cut off in its VXLAN, inner Ethernet, IPv4 or TCP header is a parser error", async () => {
    const frame = build([...from(FABRIC), ...tunnelled(0, answer)]);
    for (const length of [42, 49, 50, 63, 64, 83, 84, 103]) {
      await gateway().expectDrop("PARSER_ERROR", FABRIC.port, frame.subarray(0, length));
    }
  });

  test("a frame inside may not be longer than the tunnel packet around it", async () => {
    const inner = datagram(SERVICE_VIP, CLIENT, 1, 2, countingBytes(40));
    const whole = build(inner).length + 50;
    // The bytes are all there, but the outer header says that the last of them is padding.
    const frame = withFields([...from(FABRIC), ...tunnelled(0, inner)], "ipv4", { totalLen: whole - 1 });
    await gateway().expectDrop("IP_LENGTH", FABRIC.port, frame, false);
  });

  test("options of the outer header are no room for the frame inside", async () => {
    const inner = datagram(SERVICE_VIP, CLIENT, 1, 2, countingBytes(40));
    const whole = build(inner).length + 50 + ROUTER_ALERT.length;
    const fields = { options: ROUTER_ALERT, totalLen: whole - 1 };
    const frame = withFields([...from(FABRIC), ...tunnelled(0, inner)], "ipv4", fields);
    await gateway().expectDrop("IP_LENGTH", FABRIC.port, frame, false);
  });

  test.each([20, 28, 35, 36, 49])(
    "an outer total length of %i leaves no room for a frame inside: what follows is padding, not a frame",
    async (totalLen) => {
      const frame = withFields([...from(FABRIC), ...tunnelled(0, answer)], "ipv4", { totalLen });
      await gateway().expectDrop("VXLAN_HEADER", FABRIC.port, frame, false);
    },
  );

  test("an outer total length beyond the frame is dropped", async () => {
    const frame = withFields([...from(FABRIC), ...tunnelled(0, answer)], "ipv4", { totalLen: 1000 });
    await gateway().expectDrop("IP_LENGTH", FABRIC.port, frame, false);
  });

  test("a tunnel packet with a bad outer checksum is not opened", async () => {
    const frame = withFields([...from(FABRIC), ...tunnelled(0, answer)], "ipv4", { checksum: 0x1234 });
    await gateway().expectDrop("IPV4_CHECKSUM", FABRIC.port, frame, false);
  });

  test("a packet inside that names no next hop is dropped", async () => {
    const gw = gateway();
    await gw.remove(entry.nexthop(NEXTHOP.upstream, UPSTREAM, UPSTREAM.peer.mac));
    await gw.expectDrop("UNKNOWN_NEXTHOP", FABRIC.port, [...from(FABRIC), ...tunnelled(0, answer)]);
  });

  test("an empty frame inside is dropped", async () => {
    const frame = [
      ...from(FABRIC),
      ipv4({ src: LD1.vtep, dst: GATEWAY_VTEP }),
      udp({ srcPort: 0xc000, dstPort: 4789, checksum: 0 }),
      vxlan({ vni: 0 }),
      ethernet({ dst: FABRIC_MAC, src: LD1.mac, etherType: 0x0800 }),
    ];
    await gateway().expectDrop("PARSER_ERROR", FABRIC.port, frame, false);
  });

  test("an ICMP packet for the tunnel address is the gateway's own matter", async () => {
    const question = packet("10.0.0.3", GATEWAY_VTEP, [icmp({ type: 0 }), payload("x")]);
    await gateway().expectDrop("OWN_ADDRESS", FABRIC.port, [...from(FABRIC), ...question]);
  });
});

tsharkDecodesAll(gateway);
