// `acl`, `acl_v6`: the block list, by priority, with counters.
import { describe, expect, test } from "vitest";
import { datagram, from, hopped, packet, packetOf, to, tunnelled } from "../src/frames.js";
import { type Gateway, useGateway } from "../src/gateway.js";
import { build, fragments, icmp, type Layer, quote, tcp } from "../src/packet/index.js";
import { CLIENT_V6, EIP_A, EIP_A_V6, fromVm, PRODUCT_ENTRIES, SERVER_V6, toVm } from "../src/products.js";
import { CLIENT, entry, FABRIC, LD1, SERVER, UPSTREAM } from "../src/standard.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";

const gateway = useGateway(PRODUCT_ENTRIES);

const CASES = [
  { version: 4, client: CLIENT, server: SERVER, near: "198.18.0.0/24", all: "198.18.0.0/15", eip: EIP_A },
  {
    version: 6,
    client: CLIENT_V6,
    server: SERVER_V6,
    near: "2001:db8:c::/64",
    all: "2001:db8:c::/47",
    eip: EIP_A_V6,
  },
] as const;

describe.each(CASES)("IPv$version", ({ version, client, server, near, all, eip }) => {
  const segment = (srcPort: number, dstPort: number, dst: string = server) =>
    packetOf(client, dst, [tcp({ srcPort, dstPort })]);
  const frame = (packet: readonly Layer[]) => [...from(UPSTREAM), ...packet];
  const passes = (gw: Gateway, packet: readonly Layer[]) =>
    gw.expectOut(UPSTREAM.port, frame(packet), {
      port: FABRIC.port,
      layers: [...to(FABRIC), ...hopped(packet)],
    });
  const blocked = (gw: Gateway, packet: readonly Layer[]) =>
    gw.expectDrop("ACL", UPSTREAM.port, frame(packet));

  test("without an entry that matches everything passes", async () => {
    const gw = gateway();
    await gw.insert(entry.acl(version, 10, "deny", { dst_port: 81 }));
    await passes(gw, segment(1, 80));
  });

  test.each([
    ["network_id", { network_id: 1 }, { network_id: 2 }],
    ["src", { src: near }, { src: near.replace("198.18.0", "198.18.1").replace("c::", "d::") }],
    [
      "dst",
      { dst: `${server}/${version === 4 ? 32 : 128}` },
      { dst: `${client}/${version === 4 ? 32 : 128}` },
    ],
    ["protocol", { protocol: 6 }, { protocol: 17 }],
    ["src_port", { src_port: 40_000 }, { src_port: 443 }],
    ["dst_port", { dst_port: 443 }, { dst_port: 40_000 }],
  ])("by %s", async (_name, matching, other) => {
    const gw = gateway();
    const packet = segment(40_000, 443);
    await gw.insert(entry.acl(version, 10, "deny", other));
    await passes(gw, packet);
    await gw.insert(entry.acl(version, 9, "deny", matching));
    await blocked(gw, packet);
  });

  test("the highest priority wins, whatever the order of insertion", async () => {
    const gw = gateway();
    await gw.insert(entry.acl(version, 20, "allow", { src: near }));
    await gw.insert(entry.acl(version, 10, "deny", { src: all }));
    await passes(gw, segment(1, 80));
    await gw.insert(entry.acl(version, 30, "deny", { dst_port: 80 }));
    await blocked(gw, segment(1, 80));
    await passes(gw, segment(1, 81));
  });

  test("each entry counts its packets and bytes, allowed or denied", async () => {
    const gw = gateway();
    const deny = entry.acl(version, 10, "deny", { dst_port: 80 });
    const allow = entry.acl(version, 20, "allow", { dst_port: 81 });
    await gw.insert(deny, allow);
    await blocked(gw, segment(1, 80));
    await blocked(gw, segment(2, 80));
    await passes(gw, segment(1, 81));
    const bytes = BigInt(build(frame(segment(1, 80))).length);
    expect(await gw.counter(deny)).toEqual({ packets: 2n, bytes: 2n * bytes });
    expect(await gw.counter(allow)).toEqual({ packets: 1n, bytes });
  });

  test("to an EIP, from a VM and out of an LD's tunnel: the packet inside", async () => {
    const gw = gateway();
    const [inward, outward] = [segment(1, 80, eip.eip), datagram(eip.address, client, 5000, 6000)];
    await gw.expectOut(UPSTREAM.port, frame(inward), { port: FABRIC.port, layers: toVm(eip, inward) });
    await gw.insert(
      entry.acl(version, 10, "deny", { dst_port: 80 }),
      entry.acl(version, 10, "deny", { src_port: 5000 }),
    );
    await blocked(gw, inward);
    await gw.expectDrop("ACL", FABRIC.port, fromVm(eip, outward));
    const answer = datagram(server, client, 5000, 6000);
    await gw.expectDrop("ACL", FABRIC.port, [
      ...from(FABRIC),
      ...tunnelled(0, answer, { ip: { src: LD1.vtep } }),
    ]);
  });
});

test("each version has its own list", async () => {
  const gw = gateway();
  await gw.insert(entry.acl(4, 10, "deny", { protocol: 6 }));
  const v6 = packetOf(CLIENT_V6, SERVER_V6, [tcp({ srcPort: 1, dstPort: 2 })]);
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...v6], {
    port: FABRIC.port,
    layers: [...to(FABRIC), ...hopped(v6)],
  });
});

test("of a fragment the ports are 0, so that all fragments share one fate", async () => {
  const gw = gateway();
  await gw.insert(entry.acl(4, 10, "deny", { protocol: 17, dst_port: 0 }));
  const whole = datagram(CLIENT, SERVER, 5000, 6000, "a".repeat(64));
  for (const piece of fragments(whole, 32)) {
    await gw.expectDrop("ACL", UPSTREAM.port, [...from(UPSTREAM), ...piece]);
  }
});

test("an ICMP error is matched by the packet it is about, turned round", async () => {
  const gw = gateway();
  await gw.insert(entry.acl(4, 10, "deny", { protocol: 17, dst_port: 5000 }));
  const about = (dstPort: number) =>
    packet(CLIENT, SERVER, [icmp({ type: 3, code: 3 }), quote(datagram(SERVER, CLIENT, dstPort, 33_434), 8)]);
  await gw.expectDrop("ACL", UPSTREAM.port, [...from(UPSTREAM), ...about(5000)]);
  const other = about(5001);
  await gw.expectOut(UPSTREAM.port, [...from(UPSTREAM), ...other], {
    port: FABRIC.port,
    layers: [...to(FABRIC), ...hopped(other)],
  });
});

tsharkDecodesAll(gateway);
