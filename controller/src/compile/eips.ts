// Elastic IPs: who has which address, and its limits.
import { type Entry, type Ipv4, type Ipv6, type Uint, uint } from "../p4runtime/index.js";
import { type EipSpec, isIpv6, ownerOf } from "../state/index.js";
import * as tables from "../tables/gateway.js";
import type { EipNumbers } from "./names.js";
import { type Region, vniOf, vrfOf } from "./site.js";
import { PROTOCOL_NUMBERS } from "./steering.js";
import { type EipSite, ownerEntry } from "./vpcs.js";

/** Of the key `direction` of eip_limit, and the EIP's cell of the counter eip_packets: 2 * index, + 1 for out. */
export const EIP_DIRECTIONS = { in: { key: 1, cell: 0 }, out: { key: 2, cell: 1 } } as const;

const BITS_PER_BYTE = 8;
const US_PER_S = 1e6;
/** A byte's time is in 2^-20 us (p4src/controls/eip_limit.p4). */
const BYTE_TIME_UNITS_PER_US = 2 ** 20;
/** What low priority may send at once; high priority has as much again to itself. A 20th of a second is 1 % of 5 s. */
const TOLERANCE_US = 50_000;
/** At low rates that would not hold a few packets of full size, without which TCP stalls. */
const TOLERANCE_BYTES = 4 * 1500;

/** The numbers of a limit as the switch computes with them. */
export function limitOf(rateBps: number): {
  byte_time: Uint<32>;
  low_tolerance_us: Uint<32>;
  high_tolerance_us: Uint<32>;
} {
  const usPerByte = (BITS_PER_BYTE * US_PER_S) / rateBps;
  const low_tolerance_us = Math.max(TOLERANCE_US, Math.ceil(TOLERANCE_BYTES * usPerByte));
  return {
    byte_time: uint(32, Math.round(usPerByte * BYTE_TIME_UNITS_PER_US)),
    low_tolerance_us: uint(32, low_tolerance_us),
    high_tolerance_us: uint(32, 2 * low_tolerance_us),
  };
}

function addLimit(
  entries: Entry[],
  index: Uint<24>,
  direction: keyof typeof EIP_DIRECTIONS,
  rateBps: number | undefined,
): void {
  if (rateBps !== undefined) {
    const key = { index, direction: EIP_DIRECTIONS[direction].key };
    entries.push(tables.eip_limit.set_limit(key, limitOf(rateBps)));
  }
}

// Every field by name: a spread in what is made a million times costs a quarter of compile's memory.

/** Of both families the same: a VM's host is an address, or reached over IPv6 and a number. */
function bound(
  key: tables.EipInKey,
  { index, vni }: { index: Uint<24>; vni: Uint<24> },
  own: Ipv4,
  { vm }: EipSpec,
  { hosts }: EipNumbers,
): Entry {
  if (vm === undefined) {
    return tables.eip_in.bind_vip(key, { index, vni, vip: own });
  }
  const { mac, host } = vm;
  return isIpv6(host)
    ? tables.eip_in.bind_vm_by_host_id(key, { index, vni, address: own, mac, host_id: hosts.get(host)! })
    : tables.eip_in.bind_vm(key, { index, vni, address: own, mac, host });
}

function boundV6(
  key: tables.EipInV6Key,
  { index, vni }: { index: Uint<24>; vni: Uint<24> },
  own: Ipv6,
  { vm }: EipSpec,
  { hosts }: EipNumbers,
): Entry {
  if (vm === undefined) {
    return tables.eip_in_v6.bind_vip_v6(key, { index, vni, vip: own });
  }
  const { mac, host } = vm;
  return isIpv6(host)
    ? tables.eip_in_v6.bind_vm_by_host_id_v6(key, {
        index,
        vni,
        address: own,
        mac,
        host_id: hosts.get(host)!,
      })
    : tables.eip_in_v6.bind_vm_v6(key, { index, vni, address: own, mac, host });
}

function addEntries(entries: Entry[], site: EipSite, eip: EipSpec, index: Uint<24>): void {
  const { state, ids } = site;
  const { address, network, limit } = eip;
  const owner = ownerOf(eip);
  const network_id = ids.networks.get(network)!;
  const vrf_id = vrfOf(state, network);
  const vni = vniOf(state, owner.vpc);
  if (isIpv6(address)) {
    const own = owner.address as Ipv6; // of the same family: state/check_eips.ts
    entries.push(
      tables.eip_out_v6.set_eip_v6({ vni, address: own }, { network_id, vrf_id, eip: address }),
      boundV6({ network_id, eip: address }, { index, vni }, own, eip, ids),
    );
  } else {
    const own = owner.address as Ipv4;
    entries.push(
      tables.eip_out.set_eip({ vni, address: own }, { network_id, vrf_id, eip: address }),
      bound({ network_id, eip: address }, { index, vni }, own, eip, ids),
    );
  }
  if (limit !== undefined) {
    addLimit(entries, index, "in", limit.in);
    addLimit(entries, index, "out", limit.out);
  }
  const known = ownerEntry(site, eip);
  if (known !== undefined) {
    entries.push(known);
  }
}

/** The entries of one EIP: they depend on no other one. @param index - the EIP's (`Ids.eips`) */
export function eipEntries(site: EipSite, eip: EipSpec, index: Uint<24>): Entry[] {
  const entries: Entry[] = [];
  addEntries(entries, site, eip, index);
  return entries;
}

/** One EIP after the other: there may be a million. */
export function* compileEips(region: Region): Generator<Entry> {
  const { priority_ports, eips } = region.state;
  const { eipIndices } = region.ids;
  const priority = new Map(
    priority_ports.map(({ protocol, port }) => [`${port}/${protocol}`, { protocol, port }]),
  );
  for (const { protocol, port } of priority.values()) {
    yield tables.priority_port.high_priority({ protocol: PROTOCOL_NUMBERS[protocol], port });
  }
  const entries: Entry[] = []; // the same for all, by index: lists and iterators of a million EIPs take a tenth of the time
  for (let i = 0; i < eips.length; i++) {
    entries.length = 0;
    addEntries(entries, region, eips[i]!, uint(24, eipIndices[i]!));
    for (let k = 0; k < entries.length; k++) {
      yield entries[k]!;
    }
  }
}
