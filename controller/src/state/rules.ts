// Rules that many parts of a document share: names are unique, references lead somewhere.
import { nearest } from "../p4runtime/index.js";
import { type Block, blockOf } from "./blocks.js";
import type { DesiredState } from "./document.js";
import type { Source } from "./source.js";

/** Things that must not have the same `key`; `said` makes the message from the key and the line of the first one. */
export function unique<T extends object>(
  source: Source,
  items: readonly T[],
  field: string,
  key: (item: T) => string | number | undefined,
  said: (item: T, key: string | number, line: number) => string,
): void {
  const first = new Map<string | number, T>();
  for (const item of items) {
    const value = key(item);
    if (value === undefined) {
      continue;
    }
    const earlier = first.get(value);
    if (earlier === undefined) {
      first.set(value, item);
    } else {
      source.report(source.at(item, field), said(item, value, source.at(earlier, field).line));
    }
  }
}

export function uniqueNames(
  source: Source,
  kind: string,
  items: readonly { name: string }[],
  owner = "",
): void {
  unique(
    source,
    items,
    "name",
    (item) => item.name,
    (_, name, line) =>
      `${owner}${kind} ${name}: this name is used twice (first in line ${line}; give each ${kind} its own)`,
  );
}

export function uniqueIds(
  source: Source,
  kind: string,
  items: readonly { name: string; id?: number | undefined }[],
): void {
  unique(
    source,
    items,
    "id",
    (item) => item.id,
    (item, id, line) =>
      `${kind} ${item.name}: id ${id} is used twice (first in line ${line}; leave ids out to have them chosen)`,
  );
}

export function reference(
  source: Source,
  owner: object,
  field: string,
  kind: string,
  section: string,
  name: string | undefined,
  subject: string,
): void {
  const known = source.declared(kind);
  if (name !== undefined && !known.has(name)) {
    const hint = nearest(name, [...known]);
    const remedy = hint.startsWith("did") ? hint : `declare it under ${section}:`;
    source.report(source.at(owner, field), `${subject}: ${kind} "${name}" does not exist (${remedy})`);
  }
}

export interface Claim {
  block: Block;
  /** "switch gw1's address 10.0.2.1" */
  what: string;
}

/** Addresses that parts of the gateway have themselves: no VIP, EIP or local IP may be one of them. */
export function ownAddresses(state: DesiredState): Claim[] {
  const claim = (address: string, what: string): Claim => {
    const host = address.split("/")[0]!;
    return { block: blockOf(host), what: `${what} ${host}` };
  };
  return [
    ...state.switches.flatMap((item) => [
      claim(item.tunnel_address, `switch ${item.name}'s tunnel address`),
      ...item.ports.flatMap(({ address, address_v6 }) =>
        [address, address_v6].flatMap((own) =>
          own === undefined ? [] : [claim(own, `switch ${item.name}'s address`)],
        ),
      ),
      ...item.neighbors.map(({ address }) => claim(address, `switch ${item.name}'s neighbor`)),
    ]),
    ...state.clusters.flatMap((cluster) => [
      claim(cluster.steering_address, `cluster ${cluster.name}'s steering address`),
      ...cluster.lds.flatMap((ld) =>
        [ld.address, ld.address_v6].flatMap((own) =>
          own === undefined ? [] : [claim(own, `LD ${ld.name}'s address`)],
        ),
      ),
    ]),
  ];
}
