// `network` and `my_mac`: from which network a frame comes, and whether it is for the gateway.
import { describe, test } from "vitest";
import { datagram, from, hopped, to } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import { arp, BROADCAST, build, ethernet, payload, vlan, withFields } from "../src/packet/index.js";
import { CLIENT, entry, FABRIC, FABRIC_TAGGED, GATEWAY_MAC, SERVER, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();
const packet = datagram(CLIENT, SERVER, 5000, 6000);
const routed = { port: FABRIC.port, layers: [...to(FABRIC), ...hopped(packet)] };
const [mac] = from(UPSTREAM);

describe("network", () => {
  test("an untagged frame belongs to VLAN 0 of its port", async () => {
    await gateway().expectOut(UPSTREAM.port, [mac!, ...packet], routed);
  });

  test("a priority-tagged frame belongs to VLAN 0, too (IEEE 802.1Q)", async () => {
    await gateway().expectOut(UPSTREAM.port, [mac!, vlan({ vid: 0, pcp: 6 }), ...packet], routed);
  });

  test("a frame from a port without networks is dropped", async () => {
    await gateway().expectDrop("UNKNOWN_NETWORK", 9, [mac!, ...packet]);
  });

  test("a frame of another VLAN is dropped on a port that has untagged ones", async () => {
    await gateway().expectDrop("UNKNOWN_NETWORK", UPSTREAM.port, [mac!, vlan({ vid: 30 }), ...packet]);
  });

  test("an untagged frame is dropped on a port that has tagged ones only", async () => {
    const [fabricMac] = from(FABRIC_TAGGED);
    await gateway().expectDrop("UNKNOWN_NETWORK", FABRIC_TAGGED.port, [fabricMac!, ...packet]);
  });

  test("the highest VLAN and the highest port can carry a network", async () => {
    const gw = gateway();
    await gw.insert(entry.network(510, 4094, 77, 0));
    await gw.expectOut(510, [mac!, vlan({ vid: 4094, dei: 1 }), ...packet], routed);
  });

  test("several VLANs of one port are several networks, each with its VRF", async () => {
    const gw = gateway();
    await gw.insert(entry.network(5, 10, 50, 0), entry.network(5, 11, 51, 8));
    await gw.expectOut(5, [mac!, vlan({ vid: 10 }), ...packet], routed);
    await gw.expectDrop("NO_ROUTE", 5, [mac!, vlan({ vid: 11 }), ...packet]);
  });

  test("a network that is taken away takes no frame any more", async () => {
    const gw = gateway();
    await gw.remove(entry.network(UPSTREAM.port, 0, UPSTREAM.networkId, UPSTREAM.vrfId));
    await gw.expectDrop("UNKNOWN_NETWORK", UPSTREAM.port, [mac!, ...packet]);
  });

  test("a frame that is cut off inside its VLAN tag is dropped as a parser error", async () => {
    const whole = build([mac!, vlan({ vid: 30 }), ...packet]);
    await gateway().expectDrop("PARSER_ERROR", FABRIC_TAGGED.port, whole.subarray(0, 16));
  });

  test("a frame with two VLAN tags is no IP frame", async () => {
    const twice = [mac!, vlan({ vid: 30 }), vlan({ vid: 31 }), ...packet];
    await gateway().expectDrop("UNSUPPORTED_ETHERTYPE", FABRIC_TAGGED.port, twice);
  });
});

describe("my_mac", () => {
  test("a frame to one of the gateway's MACs is taken", async () => {
    const gw = gateway();
    const other = "02:00:00:00:00:77";
    await gw.insert(entry.myMac(other));
    await gw.expectOut(UPSTREAM.port, [{ ...mac!, dst: other } as typeof mac & object, ...packet], routed);
  });

  test.each([
    ["of a neighbour", "02:00:00:00:00:55"],
    ["that differs in the first bit", "82:00:00:00:00:01"],
    ["that differs in the last bit", "02:00:00:00:00:00"],
    ["of all stations (an IPv4 packet)", BROADCAST],
    ["of a multicast group", "01:00:5e:00:00:01"],
  ])("a frame to the MAC %s is dropped", async (_name, dst) => {
    await gateway().expectDrop("NOT_FOR_GATEWAY", UPSTREAM.port, [
      ethernet({ dst, src: UPSTREAM.peer.mac }),
      ...packet,
    ]);
  });

  test("an ARP request to a neighbour's MAC is dropped", async () => {
    await gateway().expectDrop("NOT_FOR_GATEWAY", UPSTREAM.port, [
      ethernet({ dst: "02:00:00:00:00:55", src: UPSTREAM.peer.mac }),
      arp({
        operation: 1,
        senderMac: UPSTREAM.peer.mac,
        senderIp: UPSTREAM.peer.address,
        targetIp: UPSTREAM.address,
      }),
    ]);
  });

  test("a MAC that is taken away is the gateway's no more", async () => {
    const gw = gateway();
    await gw.remove(entry.myMac(GATEWAY_MAC));
    await gw.expectDrop("NOT_FOR_GATEWAY", UPSTREAM.port, [mac!, ...packet]);
  });

  test.each([
    ["MACsec", 0x88e5],
    ["a slow protocol", 0x8809],
    ["IEEE 802.3 length", 46],
    ["IEEE 802.1ad", 0x88a8],
  ])("a frame for the gateway with ethertype of %s is dropped", async (_name, etherType) => {
    const frame = [
      ethernet({ dst: GATEWAY_MAC, src: UPSTREAM.peer.mac, etherType }),
      payload(new Uint8Array(46)),
    ];
    await gateway().expectDrop("UNSUPPORTED_ETHERTYPE", UPSTREAM.port, frame, false);
  });

  test("a tagged frame for the gateway that is neither IP nor ARP is dropped", async () => {
    const frame = [
      withFields(from(FABRIC_TAGGED), "vlan", { etherType: 0x88e5 }),
      [payload(new Uint8Array(46))],
    ].flat();
    await gateway().expectDrop("UNSUPPORTED_ETHERTYPE", FABRIC_TAGGED.port, frame, false);
  });

  test("a frame that is cut off inside its MACs is dropped as a parser error", async () => {
    const whole = build([mac!, ...packet]);
    for (const length of [1, 6, 13]) {
      await gateway().expectDrop("PARSER_ERROR", UPSTREAM.port, whole.subarray(0, length));
    }
  });
});

tsharkDecodesAll(gateway);
