// The rules between the parts of a document: names are unique, references lead somewhere, addresses do not collide.
import { type Block, BlockSet, blockOf, contains, isIpv6, overlap, sizeOf } from "./blocks.js";
import { checkAcl } from "./check_acl.js";
import { checkEips } from "./check_eips.js";
import { checkFamilies } from "./check_families.js";
import { checkMigrations } from "./check_migrations.js";
import { checkUnderlay } from "./check_underlay.js";
import { checkVpcs } from "./check_vpcs.js";
import type { DesiredState, RouteSpec, SwitchSpec } from "./document.js";
import { type Claim, ownAddresses, reference, unique, uniqueIds, uniqueNames } from "./rules.js";
import type { Source } from "./source.js";

/** Local IPs of one family in a cluster: what an LD takes. Each is 64,512 ports towards each real server. */
const MAX_LOCAL_IPS = 64;
/** LdConfig.return_tunnels */
const MAX_REGION_ENTRIES = 64;

/** `10.0.3.2:80`, `[2001:db8::2]:80` */
export function endpointOf({ address, port }: { address: string; port: number }): string {
  return `${isIpv6(address) ? `[${address}]` : address}:${port}`;
}

/** `203.0.113.10:443/tcp`, `[2001:db8::10]:443/tcp`: how people name a service. */
export function serviceAddress(service: {
  vip: string;
  port: number;
  protocol: string;
  vpc?: string | undefined;
}): string {
  const inside = service.vpc === undefined ? "" : ` in VPC ${service.vpc}`;
  return `${endpointOf({ address: service.vip, port: service.port })}/${service.protocol}${inside}`;
}

function checkSwitch(source: Source, item: SwitchSpec): void {
  const subject = `switch ${item.name}`;
  const label = (port: number, vlan: number) => (vlan === 0 ? `port ${port}` : `port ${port}, VLAN ${vlan}`);
  unique(
    source,
    item.ports,
    "port",
    ({ port, vlan }) => label(port, vlan),
    (_, key, line) => `${subject}: ${key} is listed twice (first in line ${line})`,
  );
  unique(
    source,
    item.ports,
    "address",
    ({ network, address }) => address && `${network} ${address.split("/")[0]}`,
    (port, _, line) =>
      `${subject}: port ${port.port}: address ${port.address} is used twice in network ${port.network} (first in line ${line})`,
  );
  unique(
    source,
    item.ports,
    "address_v6",
    ({ network, address_v6 }) => address_v6 && `${network} ${address_v6.split("/")[0]}`,
    (port, _, line) =>
      `${subject}: port ${port.port}: address ${port.address_v6} is used twice in network ${port.network} (first in line ${line})`,
  );
  unique(
    source,
    item.neighbors,
    "address",
    ({ address }) => address,
    (_, address, line) => `${subject}: neighbor ${address} is listed twice (first in line ${line})`,
  );
  unique(
    source,
    item.routes,
    "prefix",
    ({ prefix, vrf }) => `${vrf ?? 0} ${prefix}`,
    ({ prefix }, _, line) => `${subject}: route ${prefix} is listed twice (first in line ${line})`,
  );
  for (const port of item.ports) {
    reference(source, port, "network", "network", "networks", port.network, `${subject}: port ${port.port}`);
    if (port.learn && port.address === undefined && port.address_v6 === undefined) {
      source.report(
        source.at(port, "learn"),
        `${subject}: port ${port.port}: it cannot learn neighbors without a subnet (give it an address:)`,
      );
    }
  }
  for (const neighbor of item.neighbors) {
    const ports = item.ports.filter(
      ({ port, vlan }) => port === neighbor.port && (neighbor.vlan ?? vlan) === vlan,
    );
    const what = `${subject}: neighbor ${neighbor.address}`;
    if (ports.length === 0 && source.isComplete(item.ports)) {
      const label = neighbor.vlan === undefined ? "" : `, VLAN ${neighbor.vlan},`;
      source.report(
        source.at(neighbor, "port"),
        `${what}: port ${neighbor.port}${label} is not one of the switch's (declare it under ports:)`,
      );
    } else if (ports.length > 1) {
      source.report(
        source.at(neighbor, "port"),
        `${what}: port ${neighbor.port} has several VLANs (give the neighbor's vlan:)`,
      );
    } else if (neighbor.mac === undefined && ports.length === 1 && !isOnSubnet(ports[0]!, neighbor.address)) {
      source.report(
        source.at(neighbor, "address"),
        `${what}: it is not on a subnet of port ${neighbor.port}, so nobody can ask for its MAC (give its mac:)`,
      );
    }
  }
  for (const route of item.routes) {
    checkRoute(source, item, route, subject);
  }
}

function isOnSubnet({ address, address_v6 }: SwitchSpec["ports"][number], other: string): boolean {
  return [address, address_v6].some((text) => text !== undefined && contains(blockOf(text), blockOf(other)));
}

function checkRoute(source: Source, item: SwitchSpec, route: RouteSpec, owner: string): void {
  const subject = `${owner}: route ${route.prefix}`;
  const place = source.at(route, "via");
  const neighbors = new Set(item.neighbors.map(({ address }) => address));
  const vias = route.via ?? [];
  for (const [i, via] of vias.entries()) {
    if (isIpv6(via) !== isIpv6(route.prefix)) {
      source.report(
        place,
        `${subject}: ${via} is not of the prefix's address family (give a neighbor of the same one)`,
      );
    } else if (!neighbors.has(via) && source.isComplete(item.neighbors)) {
      source.report(
        place,
        `${subject}: ${via} is not a neighbor of this switch (declare it under neighbors:)`,
      );
    } else if (vias.indexOf(via) < i) {
      source.report(place, `${subject}: ${via} is listed twice (each neighbor has an equal share)`);
    }
  }
}

function checkClusters(source: Source, state: DesiredState, own: readonly Claim[]): void {
  const pools: { block: Block; text: string; cluster: string; line: number }[] = [];
  for (const cluster of state.clusters) {
    const subject = `cluster ${cluster.name}`;
    const place = source.at(cluster, "local_ips");
    if (cluster.lds.length === 0 && source.isComplete(cluster.lds)) {
      source.report(source.at(cluster, "lds"), `${subject}: it has no LD (list at least one under lds:)`);
    }
    if (cluster.lds.length > 0 && cluster.lds.every(({ drained }) => drained)) {
      source.report(
        source.at(cluster, "lds"),
        `${subject}: every LD is drained (one at least must have the buckets)`,
      );
    }
    if (cluster.local_ips.length === 0 && source.isComplete(cluster.local_ips)) {
      source.report(
        place,
        `${subject}: it has no local IP (list at least one address or prefix under local_ips:)`,
      );
    }
    for (const [family, ofFamily] of [
      ["IPv4", cluster.local_ips.filter((text) => !isIpv6(text))],
      ["IPv6", cluster.local_ips.filter(isIpv6)],
    ] as const) {
      const total = ofFamily.reduce((sum, text) => sum + sizeOf(blockOf(text)), 0);
      if (total > MAX_LOCAL_IPS) {
        source.report(
          place,
          `${subject}: ${total} local IPs of ${family} are more than ${MAX_LOCAL_IPS} (give longer prefixes)`,
        );
      }
    }
    for (const text of cluster.local_ips) {
      const block = blockOf(text);
      for (const earlier of pools.filter((pool) => overlap(pool.block, block))) {
        const where =
          earlier.cluster === cluster.name
            ? "of the same cluster"
            : `of cluster ${earlier.cluster}, line ${earlier.line}`;
        source.report(
          place,
          `${subject}: local IPs ${text} overlap ${earlier.text} (${where}; each local IP belongs to one cluster, once)`,
        );
      }
      for (const { what } of own.filter((claim) => overlap(claim.block, block))) {
        source.report(
          place,
          `${subject}: local IPs ${text} contain ${what} (choose a prefix that nothing else uses)`,
        );
      }
      pools.push({ block, text, cluster: cluster.name, line: place.line });
    }
  }
  const pooled = new BlockSet(pools.map(({ block }) => block));
  for (const service of state.services.filter(({ vip }) => pooled.meets(vip))) {
    const vip = blockOf(service.vip);
    for (const pool of pools.filter(({ block }) => overlap(block, vip))) {
      source.report(
        source.at(service, "vip"),
        `service ${service.name}: VIP ${service.vip} is inside the local IPs ${pool.text} of cluster ${pool.cluster} (line ${pool.line}; choose another VIP, or other local IPs)`,
      );
    }
  }
}

function checkServices(source: Source, state: DesiredState, own: readonly Claim[]): void {
  unique(
    source,
    state.services,
    "vip",
    serviceAddress,
    (service, key, line) =>
      `service ${service.name}: ${key} is already the address of the service in line ${line} (each VIP, port and protocol has one service)`,
  );
  const claimed = new BlockSet(own.map(({ block }) => block));
  for (const service of state.services) {
    const subject = `service ${serviceAddress(service)}`;
    reference(source, service, "cluster", "cluster", "clusters", service.cluster, subject);
    reference(source, service, "limit", "limit", "limits", service.limit, subject);
    reference(source, service, "vpc", "VPC", "vpcs", service.vpc, subject);
    if (service.vpc === undefined && claimed.meets(service.vip)) {
      for (const { what } of own.filter(({ block }) => overlap(block, blockOf(service.vip)))) {
        source.report(
          source.at(service, "vip"),
          `service ${service.name}: VIP ${service.vip} is ${what} (choose another VIP)`,
        );
      }
    }
    uniqueNames(source, "real server", service.real_servers, `service ${service.name}: `);
    unique(
      source,
      service.real_servers,
      "address",
      (rs) => `${endpointOf(rs)}${rs.vpc === undefined ? "" : ` in VPC ${rs.vpc}`}`,
      (rs, key, line) =>
        `service ${service.name}: real server ${rs.name}: ${key} is listed twice (first in line ${line}; use weight: for a larger share)`,
    );
    for (const rs of service.real_servers) {
      reference(source, rs, "vpc", "VPC", "vpcs", rs.vpc, `service ${service.name}: real server ${rs.name}`);
    }
  }
}

function checkRegionEntries(source: Source, { switches }: DesiredState): void {
  const entries = switches.filter(({ region_entry }) => region_entry);
  const tunnels = new Set(entries.map(({ tunnel_address }) => tunnel_address));
  if (tunnels.size > MAX_REGION_ENTRIES) {
    const last = entries.at(-1)!;
    source.report(
      source.at(last, "region_entry"),
      `switch ${last.name}: ${tunnels.size} region entries have tunnel addresses of their own, an LD knows ${MAX_REGION_ENTRIES} (give those of one site the same tunnel_address)`,
    );
  }
}

/** Reports everything about a well-formed document that does not fit together. */
export function checkState(source: Source, state: DesiredState): void {
  uniqueNames(source, "network", state.networks);
  uniqueIds(source, "network", state.networks);
  checkVpcs(source, state);
  uniqueNames(source, "switch", state.switches);
  unique(
    source,
    state.switches,
    "p4runtime",
    ({ p4runtime, device_id }) => `${p4runtime} (device ${device_id})`,
    ({ name }, address, line) => `switch ${name}: ${address} is the switch in line ${line} already`,
  );
  uniqueNames(source, "cluster", state.clusters);
  uniqueNames(source, "limit", state.limits);
  uniqueIds(source, "cluster", state.clusters);
  const lds = state.clusters.flatMap((cluster) => cluster.lds);
  uniqueNames(source, "LD", lds);
  uniqueIds(source, "LD", lds);
  unique(
    source,
    lds,
    "agent",
    ({ agent }) => agent,
    ({ name }, agent, line) =>
      `LD ${name}: agent ${agent} belongs to the LD in line ${line} already (an LD is in one cluster)`,
  );
  unique(
    source,
    lds,
    "address",
    ({ address }) => address.split("/")[0],
    ({ name }, address, line) => `LD ${name}: address ${address} belongs to the LD in line ${line} already`,
  );
  uniqueNames(source, "service", state.services);
  for (const item of state.switches) {
    checkSwitch(source, item);
  }
  checkRegionEntries(source, state);
  const own = ownAddresses(state);
  checkClusters(source, state, own);
  checkServices(source, state, own);
  checkFamilies(source, state);
  checkUnderlay(source, state);
  checkMigrations(source, state);
  checkEips(source, state, own);
  checkAcl(source, state);
}
