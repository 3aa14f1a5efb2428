// Clients inside a VPC: an internal VIP answers them through `vm`, and an EIP that is bound to the VIP, or to the client, does
// not get in between.
import { describe, expect, test } from "vitest";
import {
  bucketOf,
  datagram,
  from,
  hopped,
  packetOf,
  ping,
  pingV6,
  to,
  toLd,
  tunnelled,
} from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import {
  ICMP,
  ICMPV6,
  type Ipv4,
  icmp,
  icmpv6,
  type Layer,
  quote,
  tcp,
  withFields,
} from "../src/packet/index.js";
import {
  bindingOf,
  type Eip,
  fromVm,
  HOST_A,
  HOST_B,
  PRODUCT_ENTRIES,
  sourceOf,
  toVm,
  translated,
  VERSIONS,
} from "../src/products.js";
import {
  CLUSTER,
  entry,
  FABRIC,
  FABRIC_MAC,
  FABRIC_TAGGED,
  GATEWAY_VTEP,
  LD1,
  LD2,
  type Ld,
  ldOf,
  UPSTREAM,
} from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);
const VNI = 0x3003;

describe.each(VERSIONS)("$version", ({ version, client: outsider, a, b }) => {
  const isV4 = version === "IPv4";
  const vip = isV4 ? "172.16.0.10" : "fd00:3::10";
  /** A VM in the VIP's VPC, with an EIP of its own. */
  const vm: Eip = {
    eip: isV4 ? "203.0.113.57" : "2001:db8:113::57",
    index: isV4 ? 50 : 51,
    vni: VNI,
    address: isV4 ? "172.16.0.77" : "fd00:3::77",
    mac: "02:00:00:0c:00:77",
    host: HOST_B,
  };
  /** The VIP's own EIP. */
  const vipEip: Eip = {
    ...vm,
    eip: isV4 ? "203.0.113.58" : "2001:db8:113::58",
    index: vm.index + 2,
    address: vip,
  };
  const internal = [
    entry.service(VNI, vip, 6, 443, CLUSTER),
    entry.vip(VNI, vip, CLUSTER),
    entry.vm(VNI, vm.address, vm.mac, vm.host.vtep),
  ];
  const eips = [
    bindingOf(vm),
    sourceOf(vm),
    entry.eipIn(UPSTREAM.networkId, vipEip.eip, { index: vipEip.index, vni: VNI, vip }),
    sourceOf(vipEip),
  ];
  /** With EIPs or without: inside the VPC it must not matter. */
  const SETUPS = { "without EIPs": internal, "client and VIP have EIPs": [...internal, ...eips] };

  const syn = (src: string, dst: string) => packetOf(src, dst, [tcp({ srcPort: 40_000, dstPort: 443 })]);
  const synAck = (src: string, dst: string) =>
    packetOf(src, dst, [tcp({ srcPort: 443, dstPort: 40_000, flags: 0x12 })]);
  const fromLd = (ld: Ld, packet: readonly Layer[], vni = VNI) => [
    ...from(ld.side),
    ...tunnelled(vni, packet, { ip: { src: ld.vtep } }),
  ];
  const atLd = (inside: readonly Layer[]) => {
    const bucket = bucketOf(VNI, inside);
    return { port: ldOf(bucket).side.port, layers: toLd(ldOf(bucket), VNI, bucket, inside, FABRIC_MAC) };
  };
  /** As the VM's host gets it from inside the VPC: nothing is translated. */
  const atHost = (packet: readonly Layer[]) => ({
    port: FABRIC.port,
    layers: toVm(vm, packet, packet, FABRIC_MAC),
  });

  describe.each(Object.entries(SETUPS))("%s", (_name, entries) => {
    test("a VM's packet to the VIP reaches an LD with the VM's own address", async () => {
      const gw = gateway();
      await gw.insert(...entries);
      const packet = syn(vm.address, vip);
      await gw.expectOut(FABRIC.port, fromVm(vm, packet), atLd(packet));
    });

    test("the LD's answer reaches the VM in its host's tunnel, with the VIP as source", async () => {
      const gw = gateway();
      await gw.insert(...entries);
      const pong = isV4
        ? ping(vip, vm.address, "pong", { type: 0 })
        : pingV6(vip, vm.address, "pong", { type: 129 });
      for (const ld of [LD1, LD2]) {
        for (const packet of [synAck(vip, vm.address), datagram(vip, vm.address, 6000, 4000), pong]) {
          await gw.expectOut(ld.side.port, fromLd(ld, packet), atHost(packet));
        }
      }
    });
  });

  test("the answer's tunnel comes from the address that the LD's network has for tunnels", async () => {
    const gw = gateway();
    await gw.insert(...internal);
    await gw.modify(entry.tunnelSource(FABRIC.networkId, "10.0.0.9"));
    const packet = synAck(vip, vm.address);
    const wanted = atHost(packet);
    const [mac, outer, ...rest] = [...wanted.layers] as [Layer, Ipv4, ...Layer[]];
    expect(outer.src).toBe(GATEWAY_VTEP);
    await gw.expectOut(FABRIC.port, fromLd(LD1, packet), {
      ...wanted,
      layers: [mac, { ...outer, src: "10.0.0.9" }, ...rest],
    });
    await gw.remove(entry.tunnelSource(FABRIC.networkId, "10.0.0.9"));
    await gw.expectDrop("NO_TUNNEL_SOURCE", FABRIC.port, fromLd(LD1, packet));
  });

  test("only an LD, from its own port, is served", async () => {
    const gw = gateway();
    await gw.insert(...internal);
    const packet = synAck(vip, vm.address);
    await gw.expectDrop("UNKNOWN_VM", FABRIC.port, fromVm({ ...vm, host: HOST_A }, packet));
    const elsewhere = [...from(FABRIC_TAGGED), ...tunnelled(VNI, packet, { ip: { src: LD1.vtep } })];
    await gw.expectDrop("UNKNOWN_VM", FABRIC_TAGGED.port, elsewhere);
    await gw.expectDrop("VNI_UNREACHABLE", LD1.side.port, fromLd(LD1, packet, VNI + 1));
    await gw.expectDrop("VNI_UNREACHABLE", LD1.side.port, fromLd(LD1, synAck(vip, a.address)));
  });

  test("ICMP errors inside the VPC: the VM's about an answer reach the session's LD, the LD's reach the VM", async () => {
    const gw = gateway();
    await gw.insert(...SETUPS["client and VIP have EIPs"]);
    const tooBig = isV4
      ? icmp({ type: ICMP.unreachable, code: 4, sequence: 1400 })
      : icmpv6({ type: ICMPV6.packetTooBig, rest: 1400 });
    const byVm = packetOf(vm.address, vip, [tooBig, quote(synAck(vip, vm.address), 8)]);
    const bucket = bucketOf(VNI, syn(vm.address, vip));
    await gw.expectOut(FABRIC.port, fromVm(vm, byVm), {
      port: ldOf(bucket).side.port,
      layers: toLd(ldOf(bucket), VNI, bucket, byVm, FABRIC_MAC),
    });
    const byLd = packetOf(vip, vm.address, [tooBig, quote(syn(vm.address, vip), 8)]);
    await gw.expectOut(LD1.side.port, fromLd(LD1, byLd), atHost(byLd));
  });

  test("the last hop ends here", async () => {
    const gw = gateway();
    await gw.insert(...internal);
    const packet = synAck(vip, vm.address);
    const low = isV4 ? withFields(packet, "ipv4", { ttl: 1 }) : withFields(packet, "ipv6", { hopLimit: 1 });
    await gw.expectDrop("TTL_EXCEEDED", LD1.side.port, fromLd(LD1, low));
  });

  test("a VM that moves to another host is reached there from its one write on", async () => {
    const gw = gateway();
    await gw.insert(...internal);
    await gw.modify(entry.vm(VNI, vm.address, vm.mac, HOST_A.vtep));
    const packet = synAck(vip, vm.address);
    await gw.expectOut(LD1.side.port, fromLd(LD1, packet), {
      port: FABRIC.port,
      layers: toVm({ ...vm, host: HOST_A }, packet, packet, FABRIC_MAC),
    });
  });

  describe("a VM without an EIP, or a real server,", () => {
    const local = isV4 ? "10.64.3.7" : "2001:db8:64:3::7";
    const prefix = isV4 ? "10.64.3.0/24" : "2001:db8:64:3::/64";
    const setUp = (gw: Gateway) => gw.insert(...internal, entry.localIp(VNI, prefix, CLUSTER));
    const toVip = syn(vm.address, vip);
    const toLocalIp = packetOf(vm.address, local, [tcp({ srcPort: 80, dstPort: 0x8405, flags: 0x12 })]);

    test("is heard from its own host", async () => {
      const gw = gateway();
      await setUp(gw);
      await gw.expectOut(FABRIC.port, fromVm(vm, toVip), atLd(toVip));
      await gw.expectOut(FABRIC.port, fromVm(vm, toLocalIp), {
        port: LD2.side.port,
        layers: toLd(LD2, VNI, 5, toLocalIp, FABRIC_MAC),
      });
    });

    test("is not heard from another host, and no service counts what it sends", async () => {
      const gw = gateway();
      await setUp(gw);
      const counters = () =>
        Promise.all(
          [entry.service(VNI, vip, 6, 443, CLUSTER), entry.localIp(VNI, prefix, CLUSTER)].map((key) =>
            gw.counter(key),
          ),
        );
      const before = await counters();
      for (const packet of [toVip, toLocalIp]) {
        await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...vm, host: HOST_A }, packet));
      }
      expect(await counters()).toEqual(before);
    });

    test("is heard from its new host once it has moved, from its old one no more", async () => {
      const gw = gateway();
      await setUp(gw);
      await gw.modify(entry.vm(VNI, vm.address, vm.mac, HOST_A.vtep));
      await gw.expectOut(FABRIC.port, fromVm({ ...vm, host: HOST_A }, toVip), atLd(toVip));
      await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(vm, toVip));
    });

    test("is nobody by another address, in another VNI, or as the VIP or a client outside", async () => {
      const gw = gateway();
      await setUp(gw);
      await gw.insert(entry.vip(VNI + 1, vip, CLUSTER));
      const unknown = isV4 ? "172.16.0.78" : "fd00:3::78";
      for (const src of [unknown, isV4 ? "172.16.0.11" : "fd00:3::11", outsider]) {
        await gw.expectDrop("UNKNOWN_VM", FABRIC.port, fromVm(vm, syn(src, vip)));
      }
      await gw.expectDrop("UNKNOWN_VM", FABRIC.port, fromVm(vm, datagram(vip, local, 1, 2)));
      await gw.expectDrop("UNKNOWN_VM", FABRIC.port, fromVm({ ...vm, vni: VNI + 1 }, toVip));
    });

    test("reaches nothing that the gateway does not serve in its VPC", async () => {
      const gw = gateway();
      await setUp(gw);
      await gw.expectDrop("VNI_UNREACHABLE", FABRIC.port, fromVm(vm, syn(vm.address, outsider)));
    });

    test("has the errors of routers before it believed from its host, and from no other", async () => {
      const gw = gateway();
      await setUp(gw);
      const router = isV4 ? "172.16.0.1" : "fd00:3::1";
      const tooBig = isV4
        ? icmp({ type: ICMP.unreachable, code: 4, sequence: 1400 })
        : icmpv6({ type: ICMPV6.packetTooBig, rest: 1400 });
      const request = packetOf(local, vm.address, [tcp({ srcPort: 0x8405, dstPort: 80 })]);
      const error = packetOf(router, local, [tooBig, quote(request, 8)]);
      await gw.expectOut(FABRIC.port, fromVm(vm, error), {
        port: LD2.side.port,
        layers: toLd(LD2, VNI, 5, error, FABRIC_MAC),
      });
      await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...vm, host: HOST_A }, error));
      const others = packetOf(local, a.address, [tcp({ srcPort: 0x8405, dstPort: 80 })]);
      const forged = packetOf(vm.address, local, [tooBig, quote(others, 8)]);
      await gw.expectDrop("UNKNOWN_VM", FABRIC.port, fromVm(vm, forged));
    });
  });

  test("a VM that only its EIP tells of uses the VIPs of its VPC, from its own host", async () => {
    const gw = gateway();
    await gw.insert(entry.service(VNI, vip, 6, 443, CLUSTER), bindingOf(vm), sourceOf(vm));
    const packet = syn(vm.address, vip);
    await gw.expectOut(FABRIC.port, fromVm(vm, packet), atLd(packet));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...vm, host: HOST_A }, packet));
  });

  test("to the VIP, too, a VM with an EIP sends from its own host only", async () => {
    const gw = gateway();
    await gw.insert(...SETUPS["client and VIP have EIPs"]);
    const packet = syn(vm.address, vip);
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...vm, host: HOST_A }, packet));
    const asVip = syn(vip, isV4 ? "172.16.0.11" : "fd00:3::11");
    await gw.insert(entry.vip(VNI, isV4 ? "172.16.0.11" : "fd00:3::11", CLUSTER));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(vm, asVip));
    // Another VM has the address now; who had it keeps the VIPs inside, but not the EIP.
    await gw.modify(bindingOf(vm, { ...a, host: HOST_A }));
    await gw.expectOut(FABRIC.port, fromVm(vm, packet), atLd(packet));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(vm, syn(vm.address, outsider)));
  });

  /** The four packets' ways between a VM with an EIP, here `sender`, and the VIP by its EIP, out and in again. */
  async function expectByEip(gw: Gateway, sender: Eip): Promise<void> {
    const question = syn(sender.address, vipEip.eip);
    const inside = translated(question, { src: sender.eip, dst: vip });
    await gw.expectOut(FABRIC.port, fromVm(sender, question), atLd(inside));
    const answer = synAck(vip, sender.eip);
    const outside = translated(answer, { src: vipEip.eip });
    const wanted = toVm(sender, outside, translated(outside, { dst: sender.address }), FABRIC_MAC);
    await gw.expectOut(LD1.side.port, fromLd(LD1, answer), { port: FABRIC.port, layers: wanted });
  }

  test("the VIP by its EIP, from a VM of the same VPC with an EIP of its own", async () => {
    const gw = gateway();
    await gw.insert(...SETUPS["client and VIP have EIPs"]);
    await expectByEip(gw, vm);
  });

  test("the VIP by its EIP, from a VM of another VPC", async () => {
    const gw = gateway();
    await gw.insert(...SETUPS["client and VIP have EIPs"]);
    await expectByEip(gw, a);
    await expectByEip(gw, b);
  });

  test("a client outside gets its answer by the VIP's EIP, as before", async () => {
    const gw = gateway();
    await gw.insert(...SETUPS["client and VIP have EIPs"]);
    const answer = synAck(vip, outsider);
    await gw.expectOut(LD1.side.port, fromLd(LD1, answer), {
      port: UPSTREAM.port,
      layers: [...to(UPSTREAM), ...hopped(translated(answer, { src: vipEip.eip }))],
    });
  });
});

tsharkDecodesAll(gateway);
