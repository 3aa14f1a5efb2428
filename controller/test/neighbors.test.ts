// Neighbours that nobody declared: what is asked of whom and when, and frames through a switch that a controller keeps.
import { Update_Type, WriteRequest } from "@sluice/proto/p4runtime";
import { SoftSwitch, serve } from "@sluice/softswitch";
import { afterEach, describe, expect, it, vi } from "vitest";
import { heard, MAX_LEARNED, NeighborTable, question } from "../src/neighbors/index.js";
import { formatAddress, ip, mac, parseIp, uint } from "../src/p4runtime/index.js";
import { parseValue } from "../src/state/index.js";
import { eventually, TestController } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { gateway } from "./support/program.js";

const MAC = "02:00:00:00:00:01";
const NEIGHBOR_MAC = "02:00:00:00:01:02";
const OTHER_MAC = "02:00:00:00:01:03";
const CPU_PORT = 255;

const hex = (text: string) => Buffer.from(text.replaceAll(/[\s:]/g, ""), "hex");
const octets = (address: string) => Buffer.from(address.split(".").map(Number));

function arpReply(mac: string, address: string, to = "192.0.2.1"): Buffer {
  const body = [hex("0001 0800 0604 0002"), hex(mac), octets(address), hex(MAC), octets(to)];
  return Buffer.concat([hex(MAC), hex(mac), hex("0806"), ...body, Buffer.alloc(18)]);
}

/** A UDP datagram with a good header checksum; what comes behind it does not matter. */
function ipv4Frame(from: string, to: string): Buffer {
  const header = Buffer.concat([hex("4500 001c 0000 0000 4011 0000"), octets(from), octets(to)]);
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16BE(i);
  header.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10);
  return Buffer.concat([
    hex(MAC),
    hex(NEIGHBOR_MAC),
    hex("0800"),
    header,
    hex("1388 1389 0008 0000"),
    Buffer.alloc(18),
  ]);
}

function ipv6Frame(to: string): Buffer {
  const addresses = [parseIp("2001:db8:2::9"), parseIp(to)];
  const header = hex(`${MAC} ${NEIGHBOR_MAC} 86dd 6000 0000 0008 1140`);
  return Buffer.concat([header, ...addresses, hex("1388 1389 0008 1234")]);
}

/** The answer to a solicitation. */
function advertisement(mac: string, solicitation: Buffer): Buffer {
  const [asker, target] = [solicitation.subarray(22, 38), solicitation.subarray(62, 78)];
  const header = hex(`${MAC} ${mac} 86dd 6000 0000 0020 3aff`);
  return Buffer.concat([header, target, asker, hex("8800 0000 6000 0000"), target, hex(`0201 ${mac}`)]);
}

const document = (ports: unknown[], neighbors: unknown[] = [], routes: unknown[] = []) => ({
  networks: [
    { name: "internet", kind: "upstream" },
    { name: "fabric", kind: "fabric" },
  ],
  switches: [
    {
      name: "gw1",
      p4runtime: "unix:/run/gw1.sock",
      mac: MAC,
      tunnel_address: "10.255.0.1",
      ports,
      neighbors,
      routes,
    },
  ],
});

describe("questions and answers", () => {
  const from = { mac: MAC, address: "192.0.2.1", vlan: 0 };

  it("are ARP for IPv4, to everybody or to one", () => {
    expect(question(from, "192.0.2.9")).toEqual(
      Buffer.concat([
        hex("ffffffffffff"),
        hex(MAC),
        hex("0806 0001 0800 0604 0001"),
        hex(MAC),
        hex("c0000201 000000000000 c0000209"),
        Buffer.alloc(18),
      ]),
    );
    const tagged = question({ ...from, vlan: 30 }, "192.0.2.9", NEIGHBOR_MAC);
    expect(tagged.subarray(0, 20)).toEqual(
      Buffer.concat([hex(NEIGHBOR_MAC), hex(MAC), hex("8100 001e 0806 0001")]),
    );
    expect(heard(arpReply(NEIGHBOR_MAC, "192.0.2.9"))).toEqual({
      kind: "answer",
      address: "192.0.2.9",
      mac: NEIGHBOR_MAC,
    });
    expect(heard(question(from, "192.0.2.9"))).toBeUndefined();
    expect(heard(arpReply("01:00:5e:00:00:01", "192.0.2.9"))).toBeUndefined();
  });

  it("are neighbour discovery for IPv6, as RFC 4861 has it", () => {
    const asked = question({ ...from, address: "2001:db8::1" }, "2001:db8::aabb:ccdd");
    // Made with scapy: Ether()/IPv6(hlim=255)/ICMPv6ND_NS/ICMPv6NDOptSrcLLAddr
    expect(asked).toEqual(
      hex(
        `3333ffbbccdd ${MAC} 86dd 6000000000203aff 20010db8000000000000000000000001 ff0200000000000000000001ffbbccdd
         8700 CHECK 00000000 20010db80000000000000000aabbccdd 0101 ${MAC}`.replace(
          "CHECK",
          asked.subarray(56, 58).toString("hex"),
        ),
      ),
    );
    // The sum over pseudo header and message, checksum included, is 0xffff (RFC 1071).
    const summed = Buffer.concat([asked.subarray(22, 54), hex("0020 003a"), asked.subarray(54)]);
    let sum = 0;
    for (let i = 0; i < summed.length; i += 2) sum += summed.readUInt16BE(i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    expect(sum).toBe(0xffff);

    const advertised = (flags: string, option: string, hopLimit = "ff") =>
      hex(`${MAC} ${NEIGHBOR_MAC} 86dd 6000000000203a${hopLimit} 20010db80000000000000000aabbccdd
           20010db8000000000000000000000001 8800 0000 ${flags}000000 20010db80000000000000000aabbccdd ${option}`);
    const answer = (mac: string) => ({ kind: "answer", address: "2001:db8::aabb:ccdd", mac });
    expect(heard(advertised("60", `0201 ${OTHER_MAC}`))).toEqual(answer(OTHER_MAC));
    expect(heard(advertised("60", ""))).toEqual(answer(NEIGHBOR_MAC));
    expect(heard(advertised("20", `0201 ${OTHER_MAC}`))).toBeUndefined(); // nobody asked
    expect(heard(advertised("60", "", "40"))).toMatchObject({ kind: "unresolved" }); // it was routed
  });

  it("are not found in what is cut off", () => {
    const frames = [
      arpReply(NEIGHBOR_MAC, "192.0.2.9").subarray(0, 42),
      ipv4Frame("192.0.2.2", "192.0.2.9").subarray(0, 34),
    ];
    for (const frame of frames) {
      for (let length = 0; length < frame.length; length++) {
        expect(heard(frame.subarray(0, length))).toBeUndefined();
      }
    }
  });
});

describe("the table of a switch", () => {
  function tableOf(ports: unknown[], neighbors: unknown[] = []) {
    const sent: { to: string; port: number }[] = [];
    let changes = 0;
    const table = new NeighborTable({
      spec: parseValue("test", document(ports, neighbors)).switches[0]!,
      known: new Set(["192.0.2.200"]),
      send: (frame, port) => sent.push({ to: frame.toString("hex", 0, 6), port }),
      onChange: () => changes++,
    });
    return { table, sent: () => sent.splice(0), changes: () => changes };
  }
  const learning = [{ port: 1, network: "internet", address: "192.0.2.1/24", learn: true }];
  const EVERYBODY = { to: "ffffffffffff", port: 1 };
  const ONE = { to: "020000000102", port: 1 };
  const packetFor = (address: string) => ipv4Frame("198.51.100.1", address);

  it("asks for whom a packet is, three times, and forgets it without an answer", () => {
    const { table, sent, changes } = tableOf(learning);
    table.packetIn(packetFor("192.0.2.9"), 2, 0);
    table.packetIn(packetFor("192.0.2.9"), 2, 10);
    expect(sent()).toEqual([EVERYBODY]);
    for (let now = 250; now < 3000; now += 250) table.tick(now);
    expect(sent()).toEqual([EVERYBODY, EVERYBODY]);
    expect(table.list).toMatchObject([{ address: "192.0.2.9", mac: undefined, state: "incomplete" }]);
    table.tick(3000);
    expect(table.list).toEqual([]);
    expect(changes()).toBe(0);
  });

  it("keeps whom it knows as long as it answers, and asks again before that is too long ago", () => {
    const { table, sent, changes } = tableOf(learning);
    table.packetIn(packetFor("192.0.2.9"), 2, 0);
    table.packetIn(arpReply(NEIGHBOR_MAC, "192.0.2.9"), 1, 5);
    expect(table.resolved).toEqual([{ address: "192.0.2.9", mac: NEIGHBOR_MAC, port: 1, vlan: 0 }]);
    expect(changes()).toBe(1);
    sent();
    table.tick(29_999);
    expect(sent()).toEqual([]);
    table.tick(30_005);
    expect(sent()).toEqual([ONE]);
    expect(table.list).toMatchObject([{ state: "probing", mac: NEIGHBOR_MAC }]);
    table.packetIn(arpReply(NEIGHBOR_MAC, "192.0.2.9"), 1, 30_010);
    expect(table.list).toMatchObject([{ state: "reachable" }]);
    for (let now = 60_000; now <= 64_000; now += 250) table.tick(now);
    expect(sent()).toEqual([ONE, EVERYBODY, EVERYBODY]);
    expect(table.list).toEqual([]);
    expect(changes()).toBe(2);
  });

  it("follows one that has moved only when it answers a question", () => {
    const { table, sent, changes } = tableOf(learning);
    table.packetIn(packetFor("192.0.2.9"), 2, 0);
    table.packetIn(arpReply(NEIGHBOR_MAC, "192.0.2.9"), 1, 5);
    sent();
    table.packetIn(arpReply(OTHER_MAC, "192.0.2.9"), 1, 1000);
    expect(table.resolved).toMatchObject([{ mac: NEIGHBOR_MAC }]);
    table.tick(1000);
    table.tick(2000);
    expect(sent()).toEqual([ONE, EVERYBODY]);
    table.packetIn(arpReply(OTHER_MAC, "192.0.2.9"), 2, 2005); // not by its port
    expect(table.resolved).toMatchObject([{ mac: NEIGHBOR_MAC }]);
    table.packetIn(arpReply(OTHER_MAC, "192.0.2.9"), 1, 2010);
    expect(table.resolved).toMatchObject([{ mac: OTHER_MAC }]);
    expect(changes()).toBe(2);
  });

  it("asks for a declared neighbor from the start and for ever", () => {
    const port = { port: 1, network: "internet", address: "192.0.2.1/24" };
    const { table, sent } = tableOf([port], [{ address: "192.0.2.2", port: 1 }]);
    for (let now = 0; now < 10_000; now += 250) table.tick(now);
    expect(sent()).toEqual([EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY]);
    expect(table.list).toMatchObject([{ declared: true, mac: undefined }]);
    table.packetIn(packetFor("192.0.2.9"), 2, 0); // the port does not learn
    expect(table.list).toHaveLength(1);
  });

  it("does not learn itself, LDs, the ends of a subnet, or strangers; nor more than it may", () => {
    const { table, sent } = tableOf([{ ...learning[0]!, address: "10.0.0.1/16" }]);
    for (const address of ["10.0.0.1", "10.0.0.0", "10.0.255.255", "10.1.0.1"]) {
      table.packetIn(packetFor(address), 2, 0);
    }
    expect(sent()).toEqual([]);
    const { table: known } = tableOf(learning);
    known.packetIn(packetFor("192.0.2.200"), 2, 0);
    expect(known.list).toEqual([]);
    for (let i = 0; i < 2 * MAX_LEARNED; i++) {
      const address = `10.0.${1 + (i >> 8)}.${i & 255}`;
      table.packetIn(packetFor(address), 2, 0);
      table.packetIn(arpReply(NEIGHBOR_MAC, address), 1, 0);
    }
    expect(table.list).toHaveLength(MAX_LEARNED);
    sent();
    table.tick(40_000);
    expect(sent().length).toBeLessThanOrEqual(101); // what the switch lets through at once
  });

  it("asks at once whether what a switch holds is still so", () => {
    const { table, sent } = tableOf(learning);
    const held = (address: string, port: number) => ({
      address: ip(address),
      mac: mac(NEIGHBOR_MAC),
      port: uint(16, port),
      vlan: uint(12, 0),
    });
    table.adopt([held("192.0.2.9", 1), held("203.0.113.9", 1), held("192.0.2.8", 7)]);
    expect(table.resolved).toMatchObject([{ address: "192.0.2.9" }]);
    table.tick(0);
    expect(sent()).toEqual([ONE]);
  });
});

describe("through a switch that a controller keeps", () => {
  const folder = useFolder();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  /** A switch whose ports have stations that answer ARP. */
  async function region(changes: { ports: unknown[]; neighbors?: unknown[]; routes?: unknown[] }) {
    const stations = new Map<string, string>();
    const soft = new SoftSwitch({ deviceId: 1, cpuPort: CPU_PORT });
    const address = folder.socket("gw1.sock");
    const server = await serve(soft, { grpcAddr: address });
    ending.push(() => server.close());
    const packetOut = soft.packetOut.bind(soft);
    let asked = 0;
    soft.packetOut = (packet) => {
      const out = packetOut(packet);
      for (const { port, frame } of out) {
        asked++;
        const isArp = frame[12] === 0x08;
        const target = formatAddress(isArp ? frame.subarray(38, 42) : frame.subarray(62, 78));
        const mac = stations.get(target);
        if (mac === undefined) continue;
        const answer = isArp ? arpReply(mac, target) : advertisement(mac, Buffer.from(frame));
        setImmediate(() => soft.inject(port, answer));
      }
      return out;
    };
    const wanted = document(changes.ports, changes.neighbors, changes.routes);
    wanted.switches[0]!.p4runtime = address;
    const start = async (options?: { auditMs?: number }) => {
      const controller = await TestController.start(folder.path(""), options);
      ending.push(() => controller.stop());
      return controller;
    };
    const macOf = (to: string) => {
      const [out] = soft.inject(2, to.includes(":") ? ipv6Frame(to) : ipv4Frame("10.0.2.9", to));
      return out === undefined ? undefined : Buffer.from(out.frame).toString("hex", 0, 6);
    };
    return { stations, soft, wanted, start, macOf, asked: () => asked };
  }

  const ports = [
    { port: 1, network: "internet", address: "192.0.2.1/24", learn: true },
    { port: 2, network: "internet", address: "10.0.2.1/24" },
  ];

  it("the first packet for a station makes the next ones arrive, wherever it is now", async () => {
    const { stations, wanted, start, macOf } = await region({ ports });
    stations.set("192.0.2.9", NEIGHBOR_MAC);
    const controller = await start();
    await controller.apply(wanted);
    expect(macOf("192.0.2.9")).toBeUndefined();
    await eventually("the packet arrives", () => macOf("192.0.2.9") === "020000000102");
    const { body } = await controller.client.get<{ items: unknown[] }>("/v1/measurements/neighbors");
    expect(body.items).toMatchObject([
      {
        switch: "gw1",
        address: "192.0.2.9",
        mac: NEIGHBOR_MAC,
        port: 1,
        network: "internet",
        state: "reachable",
      },
    ]);
    // It is observed, not declared: it is no drift, and in no document.
    expect(controller.controller.reconciler.parts).toMatchObject([{ name: "gw1", mended: 0 }]);
    expect(controller.lines.filter(({ event }) => event === "drift")).toEqual([]);
    expect(controller.controller.region.state.switches[0]!.neighbors).toEqual([]);
  });

  /** The updates of a WriteRequest, like `INSERT route`. */
  const updatesOf = (request: Uint8Array) =>
    WriteRequest.decode(request).updates.map(({ type, entity }) => {
      const item = entity?.entity;
      const tableId = item?.$case === "tableEntry" ? item.value.tableId : 0;
      return `${Update_Type[type]} ${gateway.tables.get(tableId).alias}`;
    });

  it.each([0, 2_000])(
    "a station costs the same beside %i EIPs: two entries, and none is read",
    async (eips) => {
      const { stations, soft, wanted, start, macOf } = await region({ ports });
      const controller = await start({ auditMs: 600_000 });
      await controller.apply({
        ...wanted,
        networks: wanted.networks.map((network) => ({
          ...network,
          prefixes: [network.name === "internet" ? "203.0.0.0/16" : "10.0.2.0/24"],
        })),
        vpcs: [{ name: "blue", vni: 7 }],
        eips: Array.from({ length: eips }, (_, i) => ({
          name: `eip${i}`,
          address: `203.0.${i >> 8}.${i & 255}`,
          network: "internet",
          vm: { vpc: "blue", address: `192.168.${i >> 8}.${i & 255}`, mac: OTHER_MAC, host: "10.0.2.9" },
        })),
      });
      const reads = vi.spyOn(soft, "readEach");
      const writes = vi.spyOn(soft, "writeEncoded");
      const written = () => writes.mock.calls.splice(0).flatMap(([bytes]) => updatesOf(bytes));
      stations.set("192.0.2.9", NEIGHBOR_MAC);
      macOf("192.0.2.9");
      await eventually("the packet arrives", () => macOf("192.0.2.9") === "020000000102");
      expect(written()).toEqual(["INSERT nexthop", "INSERT route"]); // the next hop first, without which the route leads nowhere
      expect(reads).not.toHaveBeenCalled();
      expect(controller.controller.reconciler.parts).toMatchObject([{ state: "in sync", mended: 0 }]);
    },
  );

  it("so does one for an IPv6 station", async () => {
    const { stations, wanted, start, macOf } = await region({
      ports: ports.map((port, i) => ({ ...port, address_v6: `2001:db8:${i + 1}::1/64` })),
    });
    stations.set("2001:db8:1::9", NEIGHBOR_MAC);
    const controller = await start();
    await controller.apply(wanted);
    expect(macOf("2001:db8:1::9")).toBeUndefined();
    await eventually("the packet arrives", () => macOf("2001:db8:1::9") === "020000000102");
  });

  it("a controller that starts leaves what another one has learned, and asks whether it is so", async () => {
    const { stations, wanted, start, macOf, asked } = await region({ ports });
    stations.set("192.0.2.9", NEIGHBOR_MAC);
    const first = await start();
    await first.apply(wanted);
    macOf("192.0.2.9");
    await eventually("the packet arrives", () => macOf("192.0.2.9") !== undefined);
    await ending.pop()!();
    const before = asked();
    stations.set("192.0.2.9", OTHER_MAC);
    const second = await start();
    await second.settled(1);
    expect(second.lines.filter(({ event }) => event === "written")).toEqual([]);
    expect(macOf("192.0.2.9")).toBeDefined();
    await eventually("the station is found where it is", () => macOf("192.0.2.9") === "020000000103");
    expect(asked()).toBeGreaterThan(before);
  });

  it("a next hop that is declared without a MAC is asked for, and routes by it work when it has answered", async () => {
    const { stations, wanted, start, macOf } = await region({
      ports: [{ ...ports[0]!, learn: false }, ports[1]!],
      neighbors: [{ address: "192.0.2.2", port: 1 }],
      routes: [{ prefix: "0.0.0.0/0", via: "192.0.2.2" }],
    });
    const controller = await start();
    await controller.apply(wanted);
    expect(macOf("198.51.100.7")).toBeUndefined();
    stations.set("192.0.2.2", NEIGHBOR_MAC);
    await eventually("packets leave by the next hop", () => macOf("198.51.100.7") === "020000000102");
    expect(macOf("192.0.2.9")).toBe("020000000102"); // this port does not learn: the route is the way
  });
});
