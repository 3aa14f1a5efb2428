// The real compiled program, and its entries by name.
import { readFileSync } from "node:fs";
import type { P4Info } from "@sluice/proto/p4info";
import { parseP4InfoText } from "@sluice/proto/p4info-text";
import {
  type Entity,
  type FieldMatch,
  type ForwardingPipelineConfig,
  TableEntry,
  type Update,
  Update_Type,
} from "@sluice/proto/p4runtime";

const build = new URL("../../../build/", import.meta.url);

export const gatewayJson: Uint8Array = readFileSync(new URL("gateway_v1model.json", build));
export const gatewayP4Info: P4Info = parseP4InfoText(
  readFileSync(new URL("gateway_v1model.p4info.txtpb", build), "utf8"),
);

export const gatewayConfig: ForwardingPipelineConfig = {
  p4info: gatewayP4Info,
  p4DeviceConfig: gatewayJson,
  cookie: undefined,
};

/** As in p4src/gateway_v1model.p4. */
export const CPU_PORT = 255;

/** A number, or bytes in hex with or without colons (`02:00:…`), or an IPv4 address. */
type Value = number | string;

function bytes(value: Value): Uint8Array {
  if (typeof value === "number") {
    const hex = value.toString(16);
    return bytes(hex.length % 2 === 0 ? hex : `0${hex}`);
  }
  if (/^\d+(\.\d+){3}$/.test(value)) return canonical(Uint8Array.from(value.split("."), Number));
  return canonical(Buffer.from(value.replaceAll(":", ""), "hex"));
}

/** Specification, section 8.4: no leading zeros. */
function canonical(value: Uint8Array): Uint8Array {
  const first = value.findIndex((byte) => byte !== 0);
  return Uint8Array.from(value.subarray(first < 0 ? value.length - 1 : first));
}

export interface NamedEntry {
  table: string;
  /** `10.0.0.0/8` for a longest-prefix field */
  match: Record<string, Value>;
  action?: string;
  params?: Record<string, Value>;
}

/** @throws Error for a name that the program does not have */
export function toEntity({ table, match, action, params = {} }: NamedEntry, p4info = gatewayP4Info): Entity {
  const named = <T extends { preamble: { alias: string } | undefined }>(
    all: readonly T[],
    name: string,
  ): T => {
    const found = all.find((one) => one.preamble?.alias === name);
    if (found === undefined) throw new Error(`the program has no ${name}`);
    return found;
  };
  const { preamble, matchFields } = named(p4info.tables, table);
  const field = (name: string, value: Value): FieldMatch => {
    const fieldId = matchFields.find((one) => one.name === name)!.id;
    const [address, prefixLen] = String(value).split("/");
    return {
      fieldId,
      fieldMatchType:
        prefixLen === undefined
          ? { $case: "exact", value: { value: bytes(value) } }
          : { $case: "lpm", value: { value: bytes(address!), prefixLen: Number(prefixLen) } },
    };
  };
  const found = action === undefined ? undefined : named(p4info.actions, action);
  return {
    entity: {
      $case: "tableEntry",
      value: {
        ...TableEntry.fromPartial({ tableId: preamble!.id }),
        match: Object.entries(match).map(([name, value]) => field(name, value)),
        action: found && {
          type: {
            $case: "action",
            value: {
              actionId: found.preamble!.id,
              params: Object.entries(params).map(([name, value]) => ({
                paramId: found.params.find((one) => one.name === name)!.id,
                value: bytes(value),
              })),
            },
          },
        },
      },
    },
  };
}

export function insertEntries(...entries: NamedEntry[]): Update[] {
  return entries.map((entry) => ({ type: Update_Type.INSERT, entity: toEntity(entry) }));
}

export const GATEWAY_MAC = "02:00:00:00:00:fe";

/** A side of the gateway: a port (and VLAN) with an address that answers ARP, and one neighbour behind it. */
export interface Side {
  port: number;
  vlan: number;
  network: number;
  gateway: string;
  neighbour: string;
  mac: string;
}

export function sideEntries(side: Side): NamedEntry[] {
  const { port, vlan, network, gateway, neighbour, mac } = side;
  return [
    {
      table: "network",
      match: { port, vlan_id: vlan },
      action: "set_network",
      params: { network_id: network, vrf_id: 1 },
    },
    {
      table: "my_address",
      match: { network_id: network, address: gateway },
      action: "own_address",
      params: { mac: GATEWAY_MAC },
    },
    {
      table: "nexthop",
      match: { nexthop_id: network },
      action: "forward",
      params: { port, vlan_id: vlan, src_mac: GATEWAY_MAC, dst_mac: mac },
    },
    {
      table: "route",
      match: { vrf_id: 1, prefix: `${neighbour}/32` },
      action: "set_nexthop",
      params: { nexthop_id: network },
    },
  ];
}

export const MY_MAC: NamedEntry = { table: "my_mac", match: { mac: GATEWAY_MAC }, action: "accept_mac" };
