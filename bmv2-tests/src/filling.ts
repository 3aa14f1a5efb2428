// How each table is filled to its size, and how a packet proves that one of its entries is there.
import type { Entry } from "@sluice/controller/p4runtime";
import { expect } from "vitest";
import {
  bucketOf,
  bucketOfFlow,
  datagram,
  from,
  hopped,
  packetOf,
  ping,
  pingV6,
  to,
  tunnelled,
  tunnelledV6,
} from "./frames.js";
import type { Gateway } from "./gateway.js";
import {
  addressBytes,
  dissect,
  type Ipv4,
  type Ipv6,
  type Layer,
  payload,
  tcp,
  vlan,
  withFields,
} from "./packet/index.js";
import {
  CLIENT_V6,
  EIP_A,
  EIP_A_V6,
  fromVm,
  HOST_A,
  PLAIN_VIP_V6,
  SERVER_V6,
  toVm,
  translated,
} from "./products.js";
import {
  CLIENT,
  CLUSTER,
  entry,
  FABRIC,
  GATEWAY_MAC,
  GATEWAY_VTEP,
  LD1,
  ldOf,
  NEXTHOP,
  PLAIN_VIP,
  SERVER,
  UPSTREAM,
} from "./standard.js";

export interface Filling {
  /** The entry with number `i`: different keys for all of them, and for none of the standard gateway. */
  make(i: number): Entry;
  /** Entries of other tables that a packet needs to get there. */
  also?(i: number): Entry[];
  /** Sends a packet that comes out as it does only when entry `i` is there. */
  prove(gw: Gateway, i: number): Promise<void>;
}

interface Version {
  suffix: "" | "_v6";
  client: string;
  server: string;
  vip: string;
  bits: 32 | 128;
  address(i: number): string;
  eip: typeof EIP_A;
  low(packet: Layer[]): Layer[];
}

const hex = (value: number) => value.toString(16);
const VERSIONS: readonly Version[] = [
  {
    suffix: "",
    client: CLIENT,
    server: SERVER,
    vip: PLAIN_VIP,
    bits: 32,
    address: (i) => `11.${(i >> 16) & 0xff}.${(i >> 8) & 0xff}.${i & 0xff}`,
    eip: EIP_A,
    low: (packet) => withFields(packet, "ipv4", { ttl: 1 }),
  },
  {
    suffix: "_v6",
    client: CLIENT_V6,
    server: SERVER_V6,
    vip: PLAIN_VIP_V6,
    bits: 128,
    address: (i) => `2001:db9:0:${hex(i >> 16)}::${hex(i & 0xffff)}`,
    eip: EIP_A_V6,
    low: (packet) => withFields(packet, "ipv6", { hopLimit: 1 }),
  },
];

const VNI = 0x77;
const VM_MAC = "02:00:00:0d:00:01";
const octet = (value: number) => hex(value & 0xff).padStart(2, "0");
export const macOf = (i: number) => `02:12:00:00:${octet(i >> 8)}:${octet(i)}`;
const fromUpstream = (packet: readonly Layer[]) => [...from(UPSTREAM), ...packet];
const atServers = (packet: readonly Layer[]) => ({
  port: FABRIC.port,
  layers: [...to(FABRIC), ...hopped(packet)],
});

/** A counter that a packet raises by one. */
async function proveByCounter(gw: Gateway, key: Entry, port: number, frame: readonly Layer[]): Promise<void> {
  const before = (await gw.counter(key)).packets;
  await gw.send(port, frame);
  expect((await gw.counter(key)).packets - before).toBe(1n);
}

function fillingsOf({
  suffix,
  client,
  server,
  vip,
  bits,
  address,
  eip,
  low,
}: Version): Record<string, Filling> {
  const plain = (src = client, dst = server) => datagram(src, dst, 1000, 2000);
  const inTunnel = (packet: readonly Layer[], dst: string) =>
    suffix === ""
      ? [...from(FABRIC), ...tunnelled(0, packet, { ip: { src: server, dst } })]
      : [...from(FABRIC), ...tunnelledV6(0, packet, { src: server, dst })];
  const bindingFor = (i: number) =>
    entry.eipIn(1, address(i), { index: i, vni: VNI, address: address(i), mac: VM_MAC, host: HOST_A.vtep });
  const vmOf = (i: number) => ({
    ...eip,
    eip: address(i),
    index: i,
    vni: VNI,
    address: address(i),
    mac: VM_MAC,
  });
  const fillings: Record<string, Filling> = {
    my_address: {
      make: (i) => entry.myAddress(UPSTREAM.networkId, address(i), GATEWAY_MAC),
      prove: async (gw, i) => {
        const question = suffix === "" ? ping(client, address(i)) : pingV6(client, address(i));
        const { frames } = await gw.send(UPSTREAM.port, fromUpstream(question));
        const answer = dissect(frames[0]!.frame)[1] as Ipv4 | Ipv6;
        expect([answer.src, answer.dst].map(addressBytes)).toEqual([address(i), client].map(addressBytes));
      },
    },
    my_tunnel: {
      make: (i) => entry.myTunnel(address(i), FABRIC.networkId),
      prove: (gw, i) => gw.expectOut(FABRIC.port, inTunnel(plain(), address(i)), atServers(plain())),
    },
    ld_source: {
      make: (i) =>
        entry.ldSource(
          { port: FABRIC.port, networkId: FABRIC.networkId, vtep: address(i) },
          { ldId: 1 + (i % 4095), key: i, epoch: 1, holdUs: 1 },
        ),
      prove(gw, i) {
        return proveByCounter(gw, this.make(i), FABRIC.port, [...from(FABRIC), ...plain(address(i))]);
      },
    },
    acl: {
      make: (i) => entry.acl(suffix === "" ? 4 : 6, 1 + i, "deny", { src: `${address(i)}/${bits}` }),
      prove: (gw, i) => gw.expectDrop("ACL", UPSTREAM.port, fromUpstream(plain(address(i)))),
    },
    icmp_source: {
      make: (i) => entry.icmpSource(FABRIC.networkId, i + 1, address(i)),
      prove: async (gw, i) => {
        const { frames } = await gw.send(FABRIC.port, [
          ...from(FABRIC),
          ...tunnelled(i + 1, low(plain(client, server))),
        ]);
        expect(frames).toHaveLength(1);
      },
    },
    source_policy: {
      make: (i) => entry.denySource(UPSTREAM.networkId, 0, `${address(i)}/${bits}`),
      prove: (gw, i) => gw.expectDrop("SPOOFED_SOURCE", UPSTREAM.port, fromUpstream(plain(address(i)))),
    },
    tunnel_source: {
      make: (i) => entry.tunnelSource(100 + i, address(i)),
      also: (i) => [
        entry.eipIn(100 + i, vip, {
          index: 9,
          vni: VNI,
          address: address(i),
          mac: VM_MAC,
          host: suffix === "" ? HOST_A.vtep : 9,
        }),
        ...(suffix === "" ? [] : [entry.hostV6(9, server)]),
      ],
      prove: async (gw, i) => {
        await gw.modify(entry.network(UPSTREAM.port, 0, 100 + i, 0));
        const { frames } = await gw.send(UPSTREAM.port, fromUpstream(plain(client, vip)));
        expect(frames.map(({ port }) => port)).toEqual([FABRIC.port]);
      },
    },
    eip_in: {
      make: bindingFor,
      prove: (gw, i) =>
        gw.expectOut(UPSTREAM.port, fromUpstream(plain(client, address(i))), {
          port: FABRIC.port,
          layers: toVm(vmOf(i), plain(client, address(i))),
        }),
    },
    eip_out: {
      make: (i) => entry.eipOut(VNI, address(i), 1, 0, address(i)),
      also: (i) => [bindingFor(i)],
      prove: (gw, i) =>
        gw.expectOut(FABRIC.port, fromVm(vmOf(i), plain(address(i), client)), {
          port: UPSTREAM.port,
          layers: [...to(UPSTREAM), ...hopped(translated(plain(address(i), client), { src: address(i) }))],
        }),
    },
    vm: {
      make: (i) => entry.vm(VNI, address(i), VM_MAC, HOST_A.vtep),
      prove: (gw, i) =>
        gw.expectOut(FABRIC.port, [...from(FABRIC), ...tunnelled(VNI, plain(client, address(i)))], {
          port: FABRIC.port,
          layers: toVm(vmOf(i), plain(client, address(i)), plain(client, address(i)), FABRIC.mac),
        }),
    },
    flow_pin: {
      make: (i) =>
        entry.flowPin(0, { src: address(i), dst: vip, protocol: 17, srcPort: 1000, dstPort: 2000 }, LD1.id),
      prove(gw, i) {
        return proveByCounter(gw, this.make(i), UPSTREAM.port, fromUpstream(plain(address(i), vip)));
      },
    },
    service: {
      make: (i) => entry.service(0, address(i), 6, 80, CLUSTER),
      prove(gw, i) {
        const syn = packetOf(client, address(i), [tcp({ srcPort: 1000, dstPort: 80 })]);
        return proveByCounter(gw, this.make(i), UPSTREAM.port, fromUpstream(syn));
      },
    },
    vip: {
      make: (i) => entry.vip(0, address(i), CLUSTER),
      prove(gw, i) {
        return proveByCounter(gw, this.make(i), UPSTREAM.port, fromUpstream(plain(client, address(i))));
      },
    },
    local_ip: {
      make: (i) => entry.localIp(0, `${address(i)}/${bits}`, CLUSTER),
      prove(gw, i) {
        return proveByCounter(gw, this.make(i), UPSTREAM.port, fromUpstream(plain(client, address(i))));
      },
    },
    route: {
      make: (i) => entry.route(0, `${address(i)}/${bits}`, NEXTHOP.servers),
      prove: (gw, i) =>
        gw.expectOut(
          UPSTREAM.port,
          fromUpstream(plain(client, address(i))),
          atServers(plain(client, address(i))),
        ),
    },
  };
  return Object.fromEntries(
    Object.entries(fillings).map(([table, filling]) => [`${table}${suffix}`, filling]),
  );
}

/** By table. `ecmp_group` has groups, and its own test. */
export const FILLINGS: Readonly<Record<string, Filling>> = {
  ...fillingsOf(VERSIONS[0]!),
  ...fillingsOf(VERSIONS[1]!),
  network: {
    make: (i) => entry.network(100 + (i >> 12), i & 0xfff, UPSTREAM.networkId, 0),
    prove: (gw, i) => {
      const packet = datagram(CLIENT, SERVER, 1, 2);
      const frame = [from(UPSTREAM)[0]!, vlan({ vid: i & 0xfff }), ...packet];
      return gw.expectOut(100 + (i >> 12), frame, atServers(packet));
    },
  },
  my_mac: {
    make: (i) => entry.myMac(macOf(i)),
    prove: (gw, i) => {
      const packet = datagram(CLIENT, SERVER, 1, 2);
      const frame = withFields(fromUpstream(packet), "ethernet", { dst: macOf(i) });
      return gw.expectOut(UPSTREAM.port, frame, atServers(packet));
    },
  },
  eip_limit: {
    make: (i) => entry.eipLimit(i >> 1, i & 1 ? "out" : "in", 0xffffffff, 0, 0),
    also: (i) => [
      entry.eipIn(1, "11.255.0.1", {
        index: i >> 1,
        vni: VNI,
        address: "11.255.0.2",
        mac: VM_MAC,
        host: HOST_A.vtep,
      }),
      entry.eipOut(VNI, "11.255.0.2", 1, 0, "11.255.0.1"),
    ],
    prove: async (gw, i) => {
      const vm = { ...EIP_A, vni: VNI, address: "11.255.0.2" };
      const [src, dst] = i & 1 ? [vm.address, CLIENT] : [CLIENT, "11.255.0.1"];
      const packet = packetOf(src, dst, [tcp({ srcPort: 1, dstPort: 2 }), payload(new Uint8Array(8000))]);
      const [port, frame] = i & 1 ? [FABRIC.port, fromVm(vm, packet)] : [UPSTREAM.port, fromUpstream(packet)];
      expect((await gw.send(port, frame)).frames).toHaveLength(1);
      await gw.expectDrop("RATE_LIMIT", port, frame); // 33 s early
    },
  },
  priority_port: {
    make: (i) => entry.priorityPort(17, 3000 + i),
    prove: async (gw, i) => {
      const eip = { ...EIP_A, eip: "11.255.0.3", index: 1000 + i };
      await gw.insert(
        entry.eipIn(1, eip.eip, {
          index: eip.index,
          vni: VNI,
          address: "11.255.0.4",
          mac: VM_MAC,
          host: HOST_A.vtep,
        }),
        entry.eipLimit(eip.index, "in", 0xffffffff, 0, 0xffffffff),
      );
      const to = (port: number) =>
        gw.send(UPSTREAM.port, fromUpstream(datagram(CLIENT, eip.eip, 1, port, new Uint8Array(8000))));
      expect((await to(3000 + i)).frames).toHaveLength(1);
      expect((await to(3000 + i)).frames).toHaveLength(1);
      expect((await to(2999)).frames).toHaveLength(0); // low priority
    },
  },
  ld_of_bucket: {
    make: (i) => entry.bucket(2 + (i >> 10), i & 1023, 1 + (i % 4000)),
    also: (i) => [
      entry.vip(0, "11.255.0.5", 2 + (i >> 10)),
      ...(i % 4000 > 1 ? [entry.ld(1 + (i % 4000), LD1.vtep, LD1.mac)] : []),
    ],
    prove: async (gw, i) => {
      // A flow that falls into this bucket.
      let srcPort = 0;
      const bucketFor = (port: number) =>
        bucketOfFlow(0, { src: CLIENT, dst: "11.255.0.5", protocol: 17, srcPort: port, dstPort: 53 });
      while (bucketFor(srcPort) !== (i & 1023)) srcPort++;
      const key = entry.ld(1 + (i % 4000), LD1.vtep, LD1.mac);
      const frame = fromUpstream(datagram(CLIENT, "11.255.0.5", srcPort, 53));
      await proveByCounter(gw, key, UPSTREAM.port, frame);
    },
  },
  previous_ld_of_bucket: {
    make: (i) => entry.previousBucket(100 + (i >> 10), i & 1023, 1 + (i % 65_535)),
    also: (i) => [entry.service(0, "11.255.0.6", 17, 53, CLUSTER, 100 + (i >> 10))],
    prove: async (gw, i) => {
      let srcPort = 0;
      const bucketFor = (port: number) =>
        bucketOfFlow(0, { src: CLIENT, dst: "11.255.0.6", protocol: 17, srcPort: port, dstPort: 53 });
      while (bucketFor(srcPort) !== (i & 1023)) srcPort++;
      const packet = datagram(CLIENT, "11.255.0.6", srcPort, 53);
      const { frames } = await gw.send(UPSTREAM.port, fromUpstream(packet));
      const tagged = ldOf(bucketOf(0, packet)).side.vid === undefined ? 0 : 4;
      const vxlan = Buffer.from(frames[0]!.frame).subarray(14 + tagged + 20 + 8);
      expect(vxlan.readUIntBE(1, 3)).toBe(1 + (i % 65_535));
    },
  },
  ld: {
    make: (i) => entry.ld(10 + i, GATEWAY_VTEP.replace(/1$/, `${1 + (i % 250)}`), LD1.mac),
    also: (i) => [
      entry.flowPin(
        0,
        { src: CLIENT, dst: PLAIN_VIP, protocol: 17, srcPort: 1, dstPort: 2 + (i % 60_000) },
        10 + i,
      ),
    ],
    prove(gw, i) {
      const frame = fromUpstream(datagram(CLIENT, PLAIN_VIP, 1, 2 + (i % 60_000)));
      return proveByCounter(gw, this.make(i), UPSTREAM.port, frame);
    },
  },
  host_v6: {
    make: (i) => entry.hostV6(10 + i, SERVER_V6),
    also: (i) => [
      entry.eipIn(1, `11.254.${i >> 8}.${i & 0xff}`, {
        index: 1,
        vni: VNI,
        address: "11.255.0.8",
        mac: VM_MAC,
        host: 10 + i,
      }),
      entry.tunnelSource(UPSTREAM.networkId, "fd00:10::1"),
    ],
    prove: async (gw, i) => {
      const packet = datagram(CLIENT, `11.254.${i >> 8}.${i & 0xff}`, 1, 2);
      const { frames } = await gw.send(UPSTREAM.port, fromUpstream(packet));
      expect(frames.map(({ port }) => port)).toEqual([FABRIC.port]);
    },
  },
  host_source_v6: {
    make: (i) => entry.hostSourceV6(FABRIC.networkId, VERSIONS[1]!.address(i), 10 + i),
    also: (i) => [
      entry.eipIn(1, `11.254.${i >> 8}.${i & 0xff}`, {
        index: 1,
        vni: VNI,
        address: `11.253.${i >> 8}.${i & 0xff}`,
        mac: VM_MAC,
        host: 10 + i,
      }),
      entry.eipOut(VNI, `11.253.${i >> 8}.${i & 0xff}`, 1, 0, `11.254.${i >> 8}.${i & 0xff}`),
      entry.myTunnel("fd00:10::1", FABRIC.networkId),
    ],
    prove: async (gw, i) => {
      const packet = datagram(`11.253.${i >> 8}.${i & 0xff}`, CLIENT, 1, 2);
      const ends = { src: VERSIONS[1]!.address(i), dst: "fd00:10::1" };
      const { frames } = await gw.send(FABRIC.port, [...from(FABRIC), ...tunnelledV6(VNI, packet, ends)]);
      expect(frames.map(({ port }) => port)).toEqual([UPSTREAM.port]);
    },
  },
  nexthop: {
    make: (i) => entry.nexthop(100 + i, FABRIC, macOf(i)),
    also: (i) => [entry.route(0, `11.252.${i >> 8}.${i & 0xff}/32`, 100 + i)],
    prove: (gw, i) => {
      const packet = datagram(CLIENT, `11.252.${i >> 8}.${i & 0xff}`, 1, 2);
      return gw.expectOut(UPSTREAM.port, fromUpstream(packet), {
        port: FABRIC.port,
        layers: [...to(FABRIC, macOf(i)), ...hopped(packet)],
      });
    },
  },
};
