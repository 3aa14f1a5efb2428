// A region of any size, made up: what the benches compile.
import { parseValue } from "../dist/state/index.js";

const dotted = (number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
const mac = (number) =>
  ["02", "00", ...[24, 16, 8, 0].map((s) => ((number >>> s) & 0xff).toString(16).padStart(2, "0"))].join(":");

/** EIPs are dealt from 100.64.0.0/10, VIPs from 203.0.0.0/16, VMs from 1,000 VPCs on 4,096 hosts. */
export function makeRegion({ eips, services, switches = 1, lds = 16 }) {
  const rack = (number) => `10.0.${number}.1`;
  return parseValue("region", {
    networks: [
      {
        name: "internet",
        vrf: 0,
        kind: "upstream",
        prefixes: ["100.64.0.0/10", "203.0.0.0/15"],
      },
      { name: "fabric", vrf: 0, kind: "fabric", prefixes: [] },
    ],
    vpcs: Array.from({ length: 1000 }, (_, i) => ({ name: `vpc${i}`, vni: i + 1 })),
    switches: Array.from({ length: switches }, (_, i) => ({
      name: `gw${i + 1}`,
      p4runtime: `unix:/nowhere/gw${i + 1}`,
      device_id: 1,
      mac: mac(i + 1),
      tunnel_address: `10.255.0.${i + 1}`,
      ports: [
        { port: 1, network: "internet", address: `192.0.2.${i + 1}/24`, vlan: 0 },
        { port: 2, network: "fabric", address: `${rack(i)}/24`, vlan: 0 },
      ],
      neighbors: [
        { address: "192.0.2.254", mac: mac(0x1000), port: 1 },
        { address: `10.0.${i}.254`, mac: mac(0x1001), port: 2 },
      ],
      routes: [
        { prefix: "0.0.0.0/0", via: ["192.0.2.254"] },
        { prefix: "10.0.0.0/8", via: [`10.0.${i}.254`] },
      ],
    })),
    clusters: [
      {
        name: "edge",
        steering_address: "10.255.1.1",
        local_ips: ["198.18.0.0/26"],
        lds: Array.from({ length: lds }, (_, i) => ({
          name: `ld${i + 1}`,
          agent: `unix:/nowhere/ld${i + 1}`,
          address: `10.9.0.${i + 1}/24`,
          gateway: "10.9.0.254",
          mac: mac(0x2000 + i),
        })),
      },
    ],
    services: Array.from({ length: services }, (_, i) => ({
      name: `service${i}`,
      vip: dotted(0xcb000000 + i),
      protocol: "tcp",
      port: 443,
      cluster: "edge",
      scheduler: "wrr",
      real_servers: [0, 1].map((rs) => ({
        name: `rs${rs}`,
        address: dotted(0x0a200000 + 2 * i + rs),
        port: 8443,
        weight: 1,
      })),
    })),
    eips: Array.from({ length: eips }, (_, i) => makeEip(i)),
    priority_ports: ["22/tcp"],
    acl: [],
  });
}

export function makeEip(i, host = i % 4096) {
  return {
    name: `eip${i}`,
    address: dotted(0x64400000 + i),
    network: "internet",
    vm: {
      vpc: `vpc${i % 1000}`,
      address: dotted(0xac100000 + Math.floor(i / 1000)),
      mac: mac(0x1000000 + i),
      host: dotted(0x0a400000 + host),
    },
  };
}
