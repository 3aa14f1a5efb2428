// The region of the transition tests: one switch between an upstream router and the fabric, one cluster of LDs, IPv4 and IPv6. What a
// test is about comes to it.
import { state } from "@sluice/controller";

export const MAC = "02:00:00:00:00:01";
export const ROUTER_MAC = "02:00:00:00:01:02";
export const FABRIC_MAC = "02:00:00:00:02:fe";
export const CLIENT = "198.51.100.2";
export const UPSTREAM = 1;
export const FABRIC = 2;
export const VNI = 100;

export const ldAddress = (name: string) => `10.0.2.${1 + Number(name.slice(2))}`;

/** Sections as a document has them; those of the switch come to its own. */
export interface RegionParts {
  networks?: object[];
  ports?: object[];
  neighbors?: object[];
  routes?: object[];
  /** Of the VPC `blue`. */
  vms?: object[];
  /** Names of the LDs. */
  lds: readonly string[];
  services: object[];
  eips: object[];
}

export function regionOf(parts: RegionParts): state.DesiredState {
  const { networks = [], ports = [], neighbors = [], routes = [], vms = [], lds, services, eips } = parts;
  return state.parseValue("world", {
    networks: [
      { name: "internet", kind: "upstream", prefixes: ["203.0.113.0/24", "2001:db8:113::/48"] },
      { name: "fabric", kind: "fabric" },
      ...networks,
    ],
    vpcs: [{ name: "blue", vni: VNI, vms }],
    switches: [
      {
        name: "gw1",
        p4runtime: "unix:/nowhere/gw1",
        mac: MAC,
        tunnel_address: "10.255.0.1",
        ports: [
          { port: UPSTREAM, network: "internet", address: "192.0.2.1/24", address_v6: "2001:db8:1::1/64" },
          { port: FABRIC, network: "fabric", address: "10.0.2.1/24", address_v6: "2001:db8:f2::1/64" },
          ...ports,
        ],
        neighbors: [
          { address: "192.0.2.2", mac: ROUTER_MAC, port: UPSTREAM, vlan: 0 },
          { address: "2001:db8:1::2", mac: ROUTER_MAC, port: UPSTREAM, vlan: 0 },
          { address: "10.0.2.254", mac: FABRIC_MAC, port: FABRIC },
          ...neighbors,
        ],
        routes: [
          { prefix: "0.0.0.0/0", via: "192.0.2.2" },
          { prefix: "::/0", via: "2001:db8:1::2" },
          { prefix: "10.0.0.0/8", via: "10.0.2.254" },
          ...routes,
        ],
      },
    ],
    clusters: [
      {
        name: "edge",
        steering_address: "10.255.1.1",
        local_ips: ["198.18.0.0/30", "2001:db8:18::/126"],
        lds: lds.map((name) => ({
          name,
          agent: `unix:/nowhere/${name}`,
          address: `${ldAddress(name)}/24`,
          gateway: "10.0.2.1",
          address_v6: `2001:db8:f2::1${name.slice(2)}/64`,
          gateway_v6: "2001:db8:f2::1",
          mac: `02:00:00:00:02:0${name.slice(2)}`,
        })),
      },
    ],
    services,
    eips,
  });
}
