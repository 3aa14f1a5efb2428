// The rules of IPv6 at the LDs: what a VIP or a real server of either family needs of its cluster.
import { blockOf, isIpv6, overlap } from "./blocks.js";
import {
  type ClusterSpec,
  clustersOf,
  type DesiredState,
  type LdSpec,
  type RealServerSpec,
  type ServiceSpec,
} from "./document.js";
import type { Source } from "./source.js";

const LINK_LOCAL = blockOf("fe80::/10");

function checkGateway(source: Source, ld: LdSpec, field: "gateway" | "gateway_v6", own: string): void {
  const address = ld[field]!;
  const gateway = blockOf(address);
  if (!overlap(gateway, blockOf(own)) && !(isIpv6(own) && overlap(gateway, LINK_LOCAL))) {
    const where = isIpv6(own)
      ? `neither in the subnet of ${own} nor link-local`
      : `not in the subnet of ${own}`;
    source.report(
      source.at(ld, field),
      `LD ${ld.name}: ${field} ${address} is ${where} (the LD could not reach it)`,
    );
  } else if (address === own.split("/")[0]) {
    source.report(
      source.at(ld, field),
      `LD ${ld.name}: its ${field} is its own address (give the switch's address in that subnet)`,
    );
  }
}

function checkLd(source: Source, ld: LdSpec): void {
  const { address, address_v6, gateway_v6 } = ld;
  checkGateway(source, ld, "gateway", address);
  if (address_v6 === undefined || gateway_v6 === undefined) {
    return;
  }
  if (isIpv6(address)) {
    source.report(
      source.at(ld, "address_v6"),
      `LD ${ld.name}: its address ${address} is IPv6 already (leave address_v6 and gateway_v6 out)`,
    );
    return;
  }
  checkGateway(source, ld, "gateway_v6", address_v6);
}

/** What is IPv6 outside of any VPC is reached from the LD's own address. */
function checkOutside(
  source: Source,
  item: object,
  field: string,
  cluster: ClusterSpec | undefined,
  what: string,
): void {
  const ld = cluster?.lds.find(({ address, address_v6 }) => address_v6 === undefined && !isIpv6(address));
  if (ld !== undefined) {
    source.report(
      source.at(item, field),
      `${what} is IPv6, but LD ${ld.name} of cluster ${cluster!.name} has no IPv6 address (give it address_v6: and gateway_v6:)`,
    );
  }
}

function checkRealServer(
  source: Source,
  service: ServiceSpec,
  rs: RealServerSpec,
  cluster: ClusterSpec | undefined,
): void {
  const what = `service ${service.name}: real server ${rs.name}: ${rs.address}`;
  const place = source.at(rs, "address");
  if (isIpv6(rs.address) && !isIpv6(service.vip)) {
    source.report(
      place,
      `${what} is IPv6, but VIP ${service.vip} is IPv4 (clients of IPv6 can have real servers of IPv4, not the other way round)`,
    );
    return;
  }
  if (isIpv6(rs.address) && rs.vpc === undefined) {
    checkOutside(source, rs, "address", cluster, what);
  }
  if (
    cluster !== undefined &&
    cluster.local_ips.length > 0 &&
    source.isComplete(cluster.local_ips) &&
    !cluster.local_ips.some((text) => isIpv6(text) === isIpv6(rs.address))
  ) {
    source.report(
      place,
      `${what}: cluster ${cluster.name} has no local IP of ${isIpv6(rs.address) ? "IPv6" : "IPv4"} to reach it from (add one under local_ips:)`,
    );
  }
}

export function checkFamilies(source: Source, state: DesiredState): void {
  for (const ld of state.clusters.flatMap(({ lds }) => lds)) {
    checkLd(source, ld);
  }
  const clusters = new Map(state.clusters.map((cluster) => [cluster.name, cluster]));
  for (const service of state.services) {
    for (const cluster of clustersOf(service).map((name) => clusters.get(name))) {
      if (isIpv6(service.vip) && service.vpc === undefined) {
        checkOutside(source, service, "vip", cluster, `service ${service.name}: VIP ${service.vip}`);
      }
      for (const rs of service.real_servers) {
        checkRealServer(source, service, rs, cluster);
      }
    }
  }
}
