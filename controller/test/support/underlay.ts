// The example of EIPs with its fabric, and so its tunnels, in IPv6.
import { repositoryFile } from "./program.js";

const REPLACEMENTS: readonly (readonly [string, string])[] = [
  ["tunnel_address: 10.255.0.1", 'tunnel_address: "fd00:ff::1"'],
  ["network: fabric, address: 10.0.2.1/24", 'network: fabric, address_v6: "fd00:2::1/64"'],
  ["address: 10.0.2.254,", 'address: "fd00:2::fe",'],
  ["prefix: 10.0.0.0/16, via: 10.0.2.254", 'prefix: "fd00::/32", via: "fd00:2::fe"'],
  ["steering_address: 10.255.1.1", 'steering_address: "fd00:ff::100"'],
  ["address: 10.0.2.2/24", 'address: "fd00:2::2/64"'],
  ["address: 10.0.2.3/24", 'address: "fd00:2::3/64"'],
  ["gateway: 10.0.2.1", 'gateway: "fd00:2::1"'],
  ["host: 10.0.6.2", 'host: "fd00:0:6::2"'],
  ["host: 10.0.6.3", 'host: "fd00:0:6::3"'],
  [
    "    local_ips: [198.18.0.0/30]\n",
    "    local_ips: [198.18.0.0/30]\n    failover: { secret: sixteen characters }\n",
  ],
];

export function exampleOverIpv6(): string {
  let text = repositoryFile("controller/examples/eips.yaml");
  for (const [from, to] of REPLACEMENTS) {
    if (!text.includes(from)) {
      throw new Error(`controller/examples/eips.yaml has no "${from}" any more`);
    }
    text = text.replaceAll(from, to);
  }
  return text;
}
