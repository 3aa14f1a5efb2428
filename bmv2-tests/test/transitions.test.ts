// From any state of a region to any other, the order in which the controller writes: after every single update packets are sent
// through the switch, and none of them goes where neither the state before nor the one after would send it.
import { compile, type state } from "@sluice/controller";
import type { SoftSwitch } from "@sluice/softswitch";
import fc from "fast-check";
import { expect, test } from "vitest";
import { build, dissect, ethernet, ipv4, layerOf, tcp, udp, vxlan } from "../src/packet/index.js";
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

/** Who may have an EIP. Each is at one of two hosts. */
const VMS = ["192.168.0.10", "192.168.0.11", "192.168.0.12", "192.168.0.13"];
const EIPS = ["203.0.113.50", "203.0.113.51", "203.0.113.52"];
const VIPS = ["203.0.113.10", "203.0.113.11"];
const LDS = ["ld1", "ld2", "ld3"];
const hostOf = (vm: number, host: number) => ({
  vpc: "blue",
  address: VMS[vm]!,
  mac: `02:00:00:00:06:${10 + vm}`,
  host: `10.0.${6 + host}.2`,
});

/** For each EIP who has it, or nobody; for each VIP whether it is served; which LDs there are. */
interface World {
  owners: ({ vm: number; host: number } | undefined)[];
  served: boolean[];
  lds: string[];
}

const worlds: fc.Arbitrary<World> = fc.record({
  owners: fc
    .shuffledSubarray([0, 1, 2, 3], { minLength: EIPS.length, maxLength: EIPS.length })
    .chain((vms) =>
      fc.tuple(
        ...vms.map((vm) =>
          fc.option(fc.record({ vm: fc.constant(vm), host: fc.nat(1) }), { nil: undefined }),
        ),
      ),
    ),
  served: fc.tuple(...VIPS.map(() => fc.boolean())),
  lds: fc.subarray(LDS, { minLength: 1 }),
});

function stateOf({ owners, served, lds }: World): state.DesiredState {
  return regionOf({
    lds,
    services: VIPS.flatMap((vip, i) =>
      served[i] ? [{ name: `service${i}`, vip, protocol: "tcp", port: 80, cluster: "edge" }] : [],
    ),
    eips: EIPS.flatMap((address, i) => {
      const owner = owners[i];
      const vm = owner && hostOf(owner.vm, owner.host);
      return vm === undefined ? [] : [{ name: `eip${i}`, address, network: "internet", vm }];
    }),
  });
}

const fromClient = (dst: string, srcPort: number) =>
  build([ethernet({ dst: MAC, src: ROUTER_MAC }), ipv4({ src: CLIENT, dst }), tcp({ srcPort, dstPort: 80 })]);

/** Where a client's packet goes: `host VM`, `ld NAME`, or nowhere. */
function wayIn(gateway: SoftSwitch, dst: string, srcPort = 40_000): string {
  const out = gateway.inject(UPSTREAM, fromClient(dst, srcPort));
  if (out.length === 0) {
    return "nowhere";
  }
  const layers = dissect(out[0]!.frame);
  const outer = layerOf(layers, "ipv4");
  const inner = layerOf(layers, "ipv4", 1);
  return inner.dst === dst ? `ld ${outer.dst}` : `${outer.dst} ${inner.dst}`;
}

/** As whom a VM's packet reaches the client, or `nowhere`. */
function wayOut(gateway: SoftSwitch, { address, host }: ReturnType<typeof hostOf>): string {
  const out = gateway.inject(
    FABRIC,
    build([
      ethernet({ dst: MAC, src: FABRIC_MAC }),
      ipv4({ src: host, dst: "10.255.0.1" }),
      udp({ srcPort: 50_000, dstPort: 4789 }),
      vxlan({ vni: VNI }),
      ethernet({ dst: MAC, src: "02:00:00:00:06:10" }),
      ipv4({ src: address, dst: CLIENT }),
      tcp({ srcPort: 80, dstPort: 40_000 }),
    ]),
  );
  return out.length === 0 ? "nowhere" : layerOf(dissect(out[0]!.frame), "ipv4").src;
}

function ownerIn(world: World, eip: number): ReturnType<typeof hostOf> | undefined {
  const owner = world.owners[eip];
  return owner && hostOf(owner.vm, owner.host);
}

/** What the packets of two worlds may become while one is turned into the other. */
function checkPackets(lab: Lab, from: World, to: World): void {
  for (const [i, address] of EIPS.entries()) {
    const [before, after] = [ownerIn(from, i), ownerIn(to, i)];
    const allowed = [before, after].map((vm) => (vm === undefined ? "nowhere" : `${vm.host} ${vm.address}`));
    expect(allowed, `to EIP ${address}`).toContain(wayIn(lab.switch, address));
  }
  // A VM's packets leave as the EIP that it has, before or after. Between owners they may be dropped: eip_in alone says whose it is.
  for (const world of [from, to]) {
    for (const i of EIPS.keys()) {
      const vm = ownerIn(world, i);
      if (vm === undefined) continue;
      const stays = [from, to].every(
        (other) => ownerIn(other, i)?.address === vm.address && ownerIn(other, i)?.host === vm.host,
      );
      const own = EIPS.filter((_, j) =>
        [from, to].some((other) => ownerIn(other, j)?.address === vm.address),
      );
      const allowed = stays ? [EIPS[i]!] : [...own, "nowhere"];
      expect(allowed, `from ${vm.address} on ${vm.host}`).toContain(wayOut(lab.switch, vm));
    }
  }
  for (const [i, vip] of VIPS.entries()) {
    for (const port of [40_000, 40_001, 40_007, 41_234]) {
      const way = wayIn(lab.switch, vip, port);
      const known = [...new Set([...from.lds, ...to.lds])];
      const ld = known.find((name) => way === `ld ${ldAddress(name)}`);
      expect(ld ?? way, `to VIP ${vip}`).toBe(ld ?? "nowhere");
      if (from.served[i] && to.served[i]) {
        const services = ld && lab.lds.get(ld)?.services.map(({ name }) => name);
        expect(services, `${ld}, to which packets for VIP ${vip} go`).toContain(`service${i}`);
      }
    }
  }
}

test("no state in between sends a packet wrongly, and the end is that of a beginning from nothing", async () => {
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
      // Again: nothing is left to write.
      const held = lab.held();
      lab.check = () => expect.unreachable("a second apply wrote something");
      await lab.apply(stateOf(to), (items) => [...items]);
      expect(lab.held()).toEqual(held);
      // Every bucket has one owner, and it is one of the LDs there are.
      const owned = to.lds.flatMap((name) => [...compile.fromRanges(lab.lds.get(name)!.ownedBuckets)]);
      expect(owned.sort((a, b) => a - b)).toEqual(Array.from({ length: 1024 }, (_, bucket) => bucket));
    }),
    { numRuns: 8 },
  );
});
