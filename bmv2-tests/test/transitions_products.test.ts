// As transitions.test.ts, of what a region offers besides EIPs of VMs and public IPv4 balancers: a balancer inside a VPC, an address that
// belongs to it or to a VM, IPv6 addresses and balancers, and a second upstream network on a VLAN with a VRF of its own.
import type { state } from "@sluice/controller";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  build,
  dissect,
  ethernet,
  ipv4,
  ipv6,
  type Layer,
  layerOf,
  tcp,
  udp,
  vlan,
  vxlan,
} from "../src/packet/index.js";
import {
  CLIENT,
  FABRIC,
  FABRIC_MAC,
  ldAddress,
  MAC,
  ROUTER_MAC,
  regionOf,
  UPSTREAM,
  VNI,
} from "./support/region.js";
import { Lab, lines, shuffled } from "./support/region_lab.js";

const CARRIER_MAC = "02:00:00:00:01:03";
const CLIENT_V6 = "2001:db8:9::2";
const CARRIER_VLAN = 30;

const INNER_VIP = "192.168.0.100";
const VIP_V6 = "2001:db8:113::10";
/** Sends to the VIP of its own VPC. */
const PEER = { address: "192.168.0.20", host: "10.0.6.2", mac: "02:00:00:00:06:20" };
const LDS = ["ld1", "ld2"];
const hostAt = (host: number) => `10.0.${6 + host}.2`;
const vmAt = (address: string, host: number) => ({
  vpc: "blue",
  address,
  mac: "02:00:00:00:06:30",
  host: hostAt(host),
});

/** Each EIP with the address of its VM. */
const FRONT = { eip: "203.0.113.60", vm: "192.168.0.30" };
const V6 = { eip: "2001:db8:113::60", vm: "fd00:100::20" };
const CARRIER = { eip: "100.64.9.60", vm: "192.168.0.31" };

type Place = number | undefined;

interface World {
  /** Whether the VPC's balancer is there. */
  inner: boolean;
  /** Whose the one address is: the balancer's, or a VM's on a host, or nobody's. */
  front: Place | "vip";
  v6: Place;
  carrier: Place;
  /** Whether the IPv6 balancer is there. */
  outerV6: boolean;
  lds: string[];
}

const place = fc.option(fc.nat(1), { nil: undefined });

const worlds: fc.Arbitrary<World> = fc
  .record({
    inner: fc.boolean(),
    front: fc.oneof(place, fc.constant("vip" as const)),
    v6: place,
    carrier: place,
    outerV6: fc.boolean(),
    lds: fc.subarray(LDS, { minLength: 1 }),
  })
  // An address belongs to a VIP that is there.
  .map((world) => (world.front === "vip" ? { ...world, inner: true } : world));

function stateOf({ inner, front, v6, carrier, outerV6, lds }: World): state.DesiredState {
  const owned = (name: string, { eip, vm }: typeof FRONT, network: string, at: Place) =>
    at === undefined ? [] : [{ name, address: eip, network, vm: vmAt(vm, at) }];
  const server = {
    name: "rs1",
    address: "192.168.0.2",
    port: 80,
    vpc: "blue",
    host: "10.0.6.2",
    mac: PEER.mac,
  };
  return regionOf({
    networks: [{ name: "carrier", kind: "upstream", vrf: 2, prefixes: ["100.64.9.0/24"] }],
    ports: [{ port: UPSTREAM, vlan: CARRIER_VLAN, network: "carrier", address: "100.64.0.1/30" }],
    neighbors: [{ address: "100.64.0.2", mac: CARRIER_MAC, port: UPSTREAM, vlan: CARRIER_VLAN }],
    routes: [{ prefix: "0.0.0.0/0", via: "100.64.0.2", vrf: 2 }],
    vms: [PEER],
    lds,
    services: [
      ...(inner
        ? [
            {
              name: "inner",
              vip: INNER_VIP,
              vpc: "blue",
              protocol: "tcp",
              port: 80,
              cluster: "edge",
              real_servers: [server],
            },
          ]
        : []),
      ...(outerV6 ? [{ name: "outer6", vip: VIP_V6, protocol: "tcp", port: 80, cluster: "edge" }] : []),
    ],
    eips: [
      ...(front === "vip"
        ? [
            {
              name: "front",
              address: FRONT.eip,
              network: "internet",
              vip: { vpc: "blue", address: INNER_VIP },
            },
          ]
        : owned("front", FRONT, "internet", front)),
      ...owned("v6", V6, "internet", v6),
      ...owned("carrier", CARRIER, "carrier", carrier),
    ],
  });
}

const request = (source: number) => tcp({ srcPort: source, dstPort: 80 });
const tunnelled = (host: string, ...inner: Layer[]) =>
  build([
    ethernet({ dst: MAC, src: FABRIC_MAC }),
    ipv4({ src: host, dst: "10.255.0.1" }),
    udp({ srcPort: 50_000, dstPort: 4789 }),
    vxlan({ vni: VNI }),
    ethernet({ dst: MAC, src: PEER.mac }),
    ...inner,
  ]);

const FRAMES = {
  front: build([
    ethernet({ dst: MAC, src: ROUTER_MAC }),
    ipv4({ src: CLIENT, dst: FRONT.eip }),
    request(40_000),
  ]),
  v6: build([
    ethernet({ dst: MAC, src: ROUTER_MAC }),
    ipv6({ src: CLIENT_V6, dst: V6.eip }),
    request(40_000),
  ]),
  carrier: build([
    ethernet({ dst: MAC, src: CARRIER_MAC }),
    vlan({ vid: CARRIER_VLAN }),
    ipv4({ src: CLIENT, dst: CARRIER.eip }),
    request(40_000),
  ]),
  outerV6: build([
    ethernet({ dst: MAC, src: ROUTER_MAC }),
    ipv6({ src: CLIENT_V6, dst: VIP_V6 }),
    request(40_001),
  ]),
  inner: tunnelled(PEER.host, ipv4({ src: PEER.address, dst: INNER_VIP }), request(40_002)),
};

/** Where a frame goes: `HOST VM` in a tunnel to a host, `ld NAME VIP` to an LD, `VLAN SOURCE` to an upstream network, or `nowhere`. */
function wayOf(lab: Lab, port: number, frame: Uint8Array): string {
  const [out] = lab.switch.inject(port, frame);
  if (out === undefined) {
    return "nowhere";
  }
  const layers = dissect(out.frame);
  if (out.port === UPSTREAM) {
    const tag = layers.some(({ kind }) => kind === "vlan") ? layerOf(layers, "vlan").vid : 0;
    const ip = layers.find(({ kind }) => kind === "ipv4" || kind === "ipv6") as { src: string };
    return `${tag} ${ip.src}`;
  }
  expect(layerOf(layers, "vxlan").vni).toBeOneOf([0, VNI]);
  const outer = layerOf(layers, "ipv4").dst;
  const afterTunnel = layers.slice(layers.findIndex(({ kind }) => kind === "vxlan"));
  const inner = afterTunnel.find(({ kind }) => kind === "ipv4" || kind === "ipv6") as { dst: string };
  const ld = LDS.find((name) => ldAddress(name) === outer);
  return ld === undefined ? `${outer} ${inner.dst}` : `ld ${ld} ${inner.dst}`;
}

const wayIn = ({ vm }: typeof FRONT, at: Place) => (at === undefined ? "nowhere" : `${hostAt(at)} ${vm}`);

function checkPackets(lab: Lab, from: World, to: World): void {
  const both = [from, to];
  const lds = [...new Set(both.flatMap((world) => world.lds))];
  /** To a VIP: an LD that is there before or after and has the service, or nowhere where the service is not. */
  const steered = (what: string, way: string, vip: string, service: string, wanted: boolean[]) => {
    const ld = lds.find((name) => way === `ld ${name} ${vip}`);
    expect(ld !== undefined || !wanted.every(Boolean), `${what}: ${way}`).toBe(true);
    if (ld !== undefined && wanted.every(Boolean)) {
      const services = lab.lds.get(ld)?.services.map(({ name }) => name);
      expect(services, `${ld}, where packets to ${what} go`).toContain(service);
    }
    return ld !== undefined;
  };

  const front = wayOf(lab, UPSTREAM, FRAMES.front);
  const fronts = both.map((world) => world.front);
  const isSteered =
    fronts.includes("vip") &&
    steered(
      "the EIP",
      front,
      INNER_VIP,
      "inner",
      fronts.map((one) => one === "vip"),
    );
  if (!isSteered) {
    const allowed = fronts.map((at) => (at === "vip" ? "an LD" : wayIn(FRONT, at)));
    expect(allowed, "to the EIP of a VM or a balancer").toContain(front);
  }
  for (const key of ["v6", "carrier"] as const) {
    const eip = key === "v6" ? V6 : CARRIER;
    const places = both.map((world) => world[key]);
    expect(
      places.map((at) => wayIn(eip, at)),
      `to the ${key} EIP`,
    ).toContain(wayOf(lab, UPSTREAM, FRAMES[key]));
    for (const at of places) {
      if (at === undefined) continue;
      const ip = key === "v6" ? ipv6({ src: eip.vm, dst: CLIENT_V6 }) : ipv4({ src: eip.vm, dst: CLIENT });
      const out = wayOf(lab, FABRIC, tunnelled(hostAt(at), ip, tcp({ srcPort: 80, dstPort: 40_000 })));
      const own = `${key === "v6" ? 0 : CARRIER_VLAN} ${eip.eip}`;
      expect(places[0] === places[1] ? [own] : [own, "nowhere"], `from the VM of the ${key} EIP`).toContain(
        out,
      );
    }
  }
  const probes = [
    {
      what: "the VIP in the VPC",
      port: FABRIC,
      frame: FRAMES.inner,
      vip: INNER_VIP,
      service: "inner",
      key: "inner",
    },
    {
      what: "the IPv6 VIP",
      port: UPSTREAM,
      frame: FRAMES.outerV6,
      vip: VIP_V6,
      service: "outer6",
      key: "outerV6",
    },
  ] as const;
  for (const { what, port, frame, vip, service, key } of probes) {
    const way = wayOf(lab, port, frame);
    if (
      !steered(
        what,
        way,
        vip,
        service,
        both.map((world) => world[key]),
      )
    ) {
      expect(way, `to ${what}`).toBe("nowhere");
    }
  }
}

test("no state in between sends a packet of any product wrongly, and the end is that of a beginning from nothing", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, worlds, fc.nat(), async (from, to, seed) => {
      const lab = new Lab();
      await lab.apply(stateOf(from), (items) => [...items]);
      lab.check = () => checkPackets(lab, from, to);
      lab.check();
      await lab.apply(stateOf(to), (items) => shuffled(items, seed));
      lab.check = () => {};
      checkPackets(lab, to, to);
      const fresh = new Lab();
      await fresh.apply(stateOf(to), (items) => [...items]);
      expect(lines(lab)).toEqual(lines(fresh));
    }),
    { numRuns: 8 },
  );
});
