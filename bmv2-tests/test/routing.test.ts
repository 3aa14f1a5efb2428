// `route` and `nexthop`: what is not steered leaves by the longest prefix of its VRF.
import { describe, test } from "vitest";
import { datagram, from, hopped, packet, to } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import { padded, payload, ROUTER_ALERT, tcp } from "../src/packet/index.js";
import { CARRIER, CLIENT, entry, FABRIC, FABRIC_TAGGED, NEXTHOP, SERVER, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway();

describe("route", () => {
  test("a packet leaves by the next hop of its prefix, with the next hop's MACs and one TTL less", async () => {
    const packet = datagram(CLIENT, SERVER, 5000, 6000);
    await gateway().expectOut(UPSTREAM.port, [...from(UPSTREAM), ...packet], {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  });
});

tsharkDecodesAll(gateway);
