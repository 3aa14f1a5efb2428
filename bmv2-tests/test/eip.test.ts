// `eip_in`, `eip_out`, `tunnel_source`: a public address that is one VM's, both ways, for IPv4 and IPv6.
import { describe, expect, test } from "vitest";
import { datagram, from, hopped, packetOf, ping, pingV6, RECIRCULATED_BYTES, to } from "../src/frames.js";
import { useGateway } from "../src/gateway.js";
import {
  build,
  countingBytes,
  fragments,
  fragmentsV6,
  ipv4,
  type Layer,
  payload,
  ROUTER_ALERT,
  tcp,
  udp,
  withFields,
} from "../src/packet/index.js";
import { packetWithChecksum } from "../src/packet/wanted_checksum.js";
import {
  bindingOf,
  EIP_A,
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
import { CARRIER, CLIENT, entry, FABRIC, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);

const fromClient = (packet: readonly Layer[]) => [...from(UPSTREAM), ...packet];
const toClient = (packet: readonly Layer[]) => ({
  port: UPSTREAM.port,
  layers: [...to(UPSTREAM), ...hopped(packet)],
});
const toVmOf = (eip: Eip, packet: readonly Layer[]) => ({ port: FABRIC.port, layers: toVm(eip, packet) });

/** One packet of each kind between two addresses. */
function kinds(src: string, dst: string): Record<string, Layer[]> {
  return {
    TCP: packetOf(src, dst, [tcp({ srcPort: 40_000, dstPort: 443 })]),
    "TCP with options and data": packetOf(src, dst, [
      tcp({ srcPort: 9, dstPort: 10, ack: 7, flags: 0x18, options: Uint8Array.of(1, 1, 1, 0) }),
      payload(countingBytes(333)),
    ]),
    UDP: datagram(src, dst, 5000, 6000, countingBytes(77)),
    "UDP without checksum": packetOf(src, dst, [
      udp({ srcPort: 5000, dstPort: 6000, checksum: 0 }),
      payload("x"),
    ]),
    "echo request": dst.includes(":") ? pingV6(src, dst) : ping(src, dst),
    "another protocol": dst.includes(":")
      ? [{ ...packetOf(src, dst, [])[0]!, nextHeader: 253 } as Layer, payload("other")]
      : [ipv4({ src, dst, protocol: 253 }), payload("other")],
  };
}

describe.each(VERSIONS)("$version", ({ version, client, a, b }) => {
  test.each(Object.keys(kinds(client, a.eip)))("in: %s reaches the VM in its host's tunnel", async (kind) => {
    const packet = kinds(client, a.eip)[kind]!;
    const good = !(version === "IPv6" && kind === "UDP without checksum");
    const gw = gateway();
    if (good) await gw.expectOut(UPSTREAM.port, fromClient(packet), toVmOf(a, packet));
    else await gw.expectOutOfBroken(UPSTREAM.port, fromClient(packet), toVmOf(a, packet));
  });

  test.each(Object.keys(kinds(a.address, client)))("out: %s leaves with the EIP as source", async (kind) => {
    const packet = kinds(a.address, client)[kind]!;
    const wanted = toClient(translated(packet, { src: a.eip }));
    const good = !(version === "IPv6" && kind === "UDP without checksum");
    const gw = gateway();
    if (good) await gw.expectOut(FABRIC.port, fromVm(a, packet), wanted);
    else await gw.expectOutOfBroken(FABRIC.port, fromVm(a, packet), wanted);
  });

  // Checksums are updated, not computed anew; what a full computation gives is what must come out.
  const EDGES = [0x0000, 0x0001, 0x7fff, 0x8000, 0xfffe];
  test.each(EDGES)("in: a TCP checksum that becomes %i", async (checksum) => {
    const plain = packetOf(client, a.address, [tcp({ srcPort: 4, dstPort: 5 }), payload(new Uint8Array(2))]);
    const inside = packetWithChecksum(plain, "tcp", checksum);
    const packet = translated(inside, { dst: a.eip });
    await gateway().expectOut(UPSTREAM.port, fromClient(packet), toVmOf(a, packet));
  });

  test.each([0x0001, 0x7fff, 0xfffe, 0xffff])("out: a UDP checksum that becomes %i", async (checksum) => {
    const outside = packetWithChecksum(
      datagram(a.eip, client, 5003, 5004, new Uint8Array(2)),
      "udp",
      checksum,
    );
    const packet = translated(outside, { src: a.address });
    await gateway().expectOut(FABRIC.port, fromVm(a, packet), toClient(outside));
  });

  test.each(EDGES)("in: a TCP checksum that was %i", async (checksum) => {
    const plain = packetOf(client, a.eip, [tcp({ srcPort: 4, dstPort: 5 }), payload(new Uint8Array(2))]);
    const packet = packetWithChecksum(plain, "tcp", checksum);
    await gateway().expectOut(UPSTREAM.port, fromClient(packet), toVmOf(a, packet));
  });

  test("a checksum that was wrong stays wrong by as much: the VM sees the damage", async () => {
    const packet = datagram(client, a.eip, 5003, 5004, "damaged");
    const [right, rightInside] = [packet, translated(packet, { dst: a.address })].map((layers) =>
      Buffer.from(build(layers)).readUInt16BE(layers[0]!.kind === "ipv4" ? 26 : 46),
    );
    const damaged = withFields(packet, "udp", { checksum: right! ^ 0x0100 });
    const shift = (right! ^ 0x0100) - right!;
    const inside = withFields(translated(packet, { dst: a.address }), "udp", {
      checksum: rightInside! + shift,
    });
    await gateway().expectOutOfBroken(UPSTREAM.port, fromClient(damaged), {
      port: FABRIC.port,
      layers: toVm(a, damaged, inside),
    });
  });

  test("each direction's cell of the EIP's counter counts packets and bytes as they came", async () => {
    const gw = gateway();
    const inward = fromClient(datagram(client, b.eip, 1, 2, "in"));
    const outward = fromVm(b, datagram(b.address, client, 2, 1, "outward"));
    const before = await gw.eipCounters(b.index);
    await gw.send(UPSTREAM.port, inward);
    await gw.send(FABRIC.port, outward);
    await gw.send(FABRIC.port, outward);
    const after = await gw.eipCounters(b.index);
    expect(after.in.packets - before.in.packets).toBe(1n);
    expect(after.in.bytes - before.in.bytes).toBe(BigInt(build(inward).length));
    expect(after.out.packets - before.out.packets).toBe(2n);
    expect(after.out.bytes - before.out.bytes).toBe(BigInt(2 * build(outward).length));
  });

  describe("a VM sends from its own address and its own host only", () => {
    const packet = datagram(a.address, client, 1, 2);

    test("another host's tunnel: dropped", async () => {
      await gateway().expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm({ ...a, host: HOST_B }, packet));
    });

    test("another VM's address: dropped", async () => {
      const gw = gateway();
      await gw.expectDrop(
        "SPOOFED_SOURCE",
        FABRIC.port,
        fromVm({ ...b, host: HOST_A }, datagram(b.address, client, 1, 2)),
      );
    });

    test("another VNI: dropped", async () => {
      await gateway().expectDrop("UNKNOWN_VM", FABRIC.port, fromVm({ ...a, vni: a.vni + 1 }, packet));
    });

    test("an address without EIP: dropped", async () => {
      const other = a.address.replace(/5$/, "77");
      await gateway().expectDrop("UNKNOWN_VM", FABRIC.port, fromVm(a, datagram(other, client, 1, 2)));
    });

    test("the EIP itself as source inside the VNI: dropped", async () => {
      await gateway().expectDrop("UNKNOWN_VM", FABRIC.port, fromVm(a, datagram(a.eip, client, 1, 2)));
    });

    test("a tunnel from an upstream network does not end here, whoever it says it is from", async () => {
      const gw = gateway();
      const [, ...forged] = fromVm(a, packet);
      // The gateway's tunnel address is its own on the fabric only; from upstream it is no tunnel and no route leads in.
      await gw.insert(entry.discard(0, "10.0.0.1/32"));
      await gw.expectDrop("ROUTE_DISCARD", UPSTREAM.port, [...from(UPSTREAM), ...forged]);
    });
  });

  test("one write to eip_in moves the EIP: nothing reaches or leaves the old VM any more", async () => {
    const gw = gateway();
    const inward = datagram(client, a.eip, 1, 2);
    const [fromOld, fromNew] = [
      datagram(a.address, client, 2, 1),
      datagram(a.address.replace(/5$/, "9"), client, 2, 1),
    ];
    const moved = {
      vni: a.vni,
      address: a.address.replace(/5$/, "9"),
      mac: "02:00:00:0a:00:09",
      host: HOST_B,
    };
    await gw.insert(sourceOf({ ...a, ...moved })); // prepared: says where, decides nothing
    await gw.expectOut(UPSTREAM.port, fromClient(inward), toVmOf(a, inward));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(moved, fromNew));
    await gw.expectOut(FABRIC.port, fromVm(a, fromOld), toClient(translated(fromOld, { src: a.eip })));

    await gw.modify(bindingOf(a, moved));

    await gw.expectOut(UPSTREAM.port, fromClient(inward), toVmOf({ ...a, ...moved }, inward));
    await gw.expectOut(FABRIC.port, fromVm(moved, fromNew), toClient(translated(fromNew, { src: a.eip })));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(a, fromOld));
  });

  test("moved to a VM of the same address and host in another VPC, it is no more the first one's", async () => {
    const gw = gateway();
    const twin = { ...a, vni: a.vni + 1 };
    const outward = datagram(a.address, client, 2, 1);
    await gw.insert(sourceOf(twin));
    await gw.modify(bindingOf(a, twin));
    await gw.expectDrop("SPOOFED_SOURCE", FABRIC.port, fromVm(a, outward));
    await gw.expectOut(FABRIC.port, fromVm(twin, outward), toClient(translated(outward, { src: a.eip })));
  });

  test("every fragment goes both ways; the checksum in the first one is right for the whole", async () => {
    const cut = (whole: Layer[]) =>
      version === "IPv4" ? fragments(whole, 40, 80) : fragmentsV6(whole, 0x1234, 40, 80);
    const whole = datagram(client, a.eip, 5000, 6000, countingBytes(100));
    const inside = cut(translated(whole, { dst: a.address }));
    for (const [i, piece] of cut(whole).entries()) {
      await gateway().expectOut(UPSTREAM.port, fromClient(piece), {
        port: FABRIC.port,
        layers: toVm(a, piece, inside[i]),
      });
    }
    const answer = datagram(a.address, client, 6000, 5000, countingBytes(100));
    const outside = cut(translated(answer, { src: a.eip }));
    for (const [i, piece] of cut(answer).entries()) {
      await gateway().expectOut(FABRIC.port, fromVm(a, piece), toClient(outside[i]!));
    }
  });

  test("one VM with two EIPs: each goes with an address of the VM", async () => {
    const gw = gateway();
    const second: Eip = { ...a, eip: a.eip.replace(/50$/, "58"), index: 20, address: `${a.address}8` };
    await gw.insert(bindingOf(second), sourceOf(second));
    for (const eip of [a, second]) {
      const inward = datagram(client, eip.eip, 1, 2);
      await gw.expectOut(UPSTREAM.port, fromClient(inward), toVmOf(eip, inward));
      const outward = datagram(eip.address, client, 2, 1);
      await gw.expectOut(FABRIC.port, fromVm(eip, outward), toClient(translated(outward, { src: eip.eip })));
    }
  });

  test("an EIP leaves by the network it belongs to, and is known there only", async () => {
    const gw = gateway();
    const carriers: Eip = { ...a, eip: a.eip.replace(/50$/, "5a").replace("113.5a", "113.60"), index: 21 };
    const vm = { ...carriers, address: `${a.address}9` };
    await gw.insert(bindingOf(vm, vm, CARRIER.networkId), sourceOf(vm, CARRIER));
    const inward = datagram(client, vm.eip, 1, 2);
    await gw.expectOut(CARRIER.port, [...from(CARRIER), ...inward], toVmOf(vm, inward));
    const outward = datagram(vm.address, client, 2, 1);
    await gw.expectOut(FABRIC.port, fromVm(vm, outward), {
      port: CARRIER.port,
      layers: [...to(CARRIER), ...hopped(translated(outward, { src: vm.eip }))],
    });
    // From another network the address is no EIP; its hairpin route leads to nothing.
    await gw.expectDrop("HAIRPIN_LOOP", UPSTREAM.port, fromClient(inward), true, RECIRCULATED_BYTES);
  });

  test("without an address for its tunnels the network's EIPs are dropped", async () => {
    const gw = gateway();
    await gw.remove(entry.tunnelSource(UPSTREAM.networkId, "10.0.0.1"));
    await gw.expectDrop("NO_TUNNEL_SOURCE", UPSTREAM.port, fromClient(datagram(client, a.eip, 1, 2)));
  });

  test("to a host without a route: dropped", async () => {
    const gw = gateway();
    await gw.insert(entry.discard(0, "10.99.0.0/16"));
    await gw.modify(bindingOf(a, { ...a, host: { ...HOST_A, vtep: "10.99.0.1" } }));
    await gw.expectDrop("ROUTE_DISCARD", UPSTREAM.port, fromClient(datagram(client, a.eip, 1, 2)));
  });
});

describe("IPv4 only", () => {
  test.each([0x0000, 0x0001, 0x00ff, 0xfeff, 0xff00, 0xfffe])(
    "an IPv4 header checksum that becomes %i",
    async (checksum) => {
      const inside = packetWithChecksum(datagram(CLIENT, EIP_A.address, 1, 2), "ipv4", checksum);
      const packet = translated(withFields(inside, "ipv4", { ttl: 65 }), { dst: EIP_A.eip });
      await gateway().expectOut(UPSTREAM.port, fromClient(packet), {
        port: FABRIC.port,
        layers: toVm(EIP_A, packet),
      });
      expect(Buffer.from(build(hopped(translated(packet, { dst: EIP_A.address })))).readUInt16BE(10)).toBe(
        checksum,
      );
    },
  );

  test("IPv4 options stay", async () => {
    const packet = withFields(datagram(CLIENT, EIP_A.eip, 1, 2), "ipv4", { options: ROUTER_ALERT });
    await gateway().expectOut(UPSTREAM.port, fromClient(packet), toVmOf(EIP_A, packet));
  });
});

tsharkDecodesAll(gateway);
