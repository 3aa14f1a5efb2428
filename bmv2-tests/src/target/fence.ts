// How a test knows that nothing more will come out, without waiting: frames whose way out is known follow the frames under
// test, and their answers come after everything that came before them.
//
// Targets keep the order of frames only within one thread. simple_switch has four egress threads, a port belonging to
// number (port mod 4), so there is a fence frame for each; what goes to the controller travels on another stream and has its
// own. The fence has ports, a network and an address to itself: no entry of a test touches its way.
import type { Entry } from "@sluice/controller/p4runtime";
import { arp, BROADCAST, build, ethernet, payload, vlan } from "../packet/index.js";

/** One of each remainder mod 4. */
export const FENCE_PORTS = [500, 501, 502, 503] as const;
const NETWORK = 0xfffe;
/** Networks that packet-ins take turns in, since a network's are limited: one for each VLAN from 1. */
const PUNT_NETWORKS = Array.from({ length: 16 }, (_, i) => ({ vid: 1 + i, networkId: 0xff00 + i }));
/** Not for tests. */
export const FENCE_NETWORKS: ReadonlySet<number> = new Set([
  NETWORK,
  ...PUNT_NETWORKS.map(({ networkId }) => networkId),
]);

const MAC = "02:fe:00:00:00:01";
const ADDRESS = "169.254.255.254";
const ASKER_MAC = "02:fe:00:00:00:02";

/** Always present; left out of what tests see. */
export const FENCE_ENTRIES: readonly Entry[] = [
  ...FENCE_PORTS.map((port) => network(port, 0, NETWORK)),
  ...PUNT_NETWORKS.map(({ vid, networkId }) => network(FENCE_PORTS[0], vid, networkId)),
  ...[...FENCE_NETWORKS].map((networkId) => ({
    table: "my_address",
    match: { network_id: networkId, address: ADDRESS },
    action: "own_address",
    params: { mac: MAC },
  })),
];

function network(port: number, vlanId: number, networkId: number): Entry {
  return {
    table: "network",
    match: { port, vlan_id: vlanId },
    action: "set_network",
    params: { network_id: networkId, vrf_id: NETWORK },
  };
}

/** An ARP request that the gateway answers out of the port it came from. */
export function fenceQuestion(): Uint8Array {
  return build([
    ethernet({ dst: BROADCAST, src: ASKER_MAC }),
    arp({ operation: 1, senderMac: ASKER_MAC, senderIp: "169.254.0.1", targetIp: ADDRESS }),
  ]);
}

/** An ARP reply that the gateway gives to the controller; `number` tells one from another. */
export function fencePunt(number: number): Uint8Array {
  return build([
    ethernet({ dst: BROADCAST, src: ASKER_MAC }),
    vlan({ vid: PUNT_NETWORKS[number % PUNT_NETWORKS.length]!.vid }),
    arp({
      operation: 2,
      senderMac: ASKER_MAC,
      senderIp: numbered(number),
      targetMac: MAC,
      targetIp: ADDRESS,
    }),
  ]);
}

/** A frame that the controller sends after those under test. */
export function fencePacketOut(number: number): Uint8Array {
  return build([ethernet({ dst: MAC, src: ASKER_MAC, etherType: 0x88b5 }), payload(`fence ${number}`)]);
}

function numbered(number: number): string {
  return [1, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff].join(".");
}
