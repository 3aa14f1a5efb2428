// What of each report grows, line by line, for `--watch`.
import type { DropNumbers, EipNumbers, LdNumbers, ServiceNumbers } from "../measure/index.js";
import type { Rates } from "./watch.js";

const DIRECTIONS = ["in", "out"] as const;

export const SERVICE_RATES: Rates<ServiceNumbers[]> = {
  labels: ["service", "vip", "switch"],
  linesOf: (services) =>
    services.flatMap(({ name, vip, switches }) =>
      switches.map((item) => ({
        labels: [name, vip, item.switch],
        packets: item.packets,
        bytes: item.bytes,
      })),
    ),
};

export const EIP_RATES: Rates<EipNumbers[]> = {
  labels: ["eip", "address", "switch", "direction"],
  linesOf: (eips) =>
    eips.flatMap(({ name, address, switches }) =>
      switches.flatMap((item) =>
        DIRECTIONS.map((direction) => ({
          labels: [name, address, item.switch, direction],
          ...item[direction],
        })),
      ),
    ),
};

/** What an LD's port receives and sends, tunnels included. */
export const LD_RATES: Rates<LdNumbers[]> = {
  labels: ["ld", "cluster", "direction"],
  linesOf: (lds) =>
    lds.flatMap(({ name, cluster, up, port }) =>
      (["rx", "tx"] as const).map((side, i) => ({
        labels: [name, up ? cluster : `${cluster} (down)`, DIRECTIONS[i]!],
        packets: port[`${side}_packets`] ?? 0n,
        bytes: port[`${side}_bytes`],
      })),
    ),
};

/** Reasons that occurred. */
export const DROP_RATES: Rates<DropNumbers[]> = {
  labels: ["part", "reason"],
  linesOf: (parts) =>
    parts.flatMap(({ part, drops }) =>
      Object.entries(drops).flatMap(([reason, packets]) =>
        packets > 0n ? [{ labels: [part, reason], packets }] : [],
      ),
    ),
};
