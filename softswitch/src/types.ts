// The words the parts of the soft switch and its users share.
import type { PacketIn, TableEntry, Update } from "@sluice/proto/p4runtime";
import type { Notice } from "./control/timers.js";

export type { Notice };

/** Something that takes log lines; a pino logger is one. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A frame that left the switch. */
export interface OutFrame {
  /** the egress port, as the P4 program numbers it */
  port: number;
  /** the frame's bytes, without FCS; the receiver owns them */
  frame: Uint8Array;
}

export interface SoftSwitchOptions {
  /** P4Runtime device id; default 1 */
  deviceId?: number | bigint;
  /** frames the program sends to this port become packet-in messages; default: no CPU port */
  cpuPort?: number;
  /** egress_spec value that means "drop"; default 511, as simple_switch */
  dropPort?: number;
  log?: Log;
  /** Told of every look-up by a packet: the table's name, the action of the entry that matched and the entry, undefined for none. Slow. */
  onLookUp?: (table: string, action: string | undefined, entry: () => TableEntry | undefined) => void;
  /** microseconds since the switch started; default: the machine's monotonic clock. Tests set it. */
  clockUs?: () => number;
}

/** Told of every packet-in, in order. */
export type PacketInListener = (packet: PacketIn) => void;

/** Told of digests and idle entries, in order. */
export type NoticeListener = (notice: Notice) => void;

/** The outcome of one update of a batch: a gRPC status code (0 = OK) and its message. */
export interface UpdateResult {
  code: number;
  message: string;
}

/** Thrown by {@link SoftSwitch.write} when at least one update failed. `results` has one element per update. */
export class WriteError extends Error {
  constructor(
    readonly updates: readonly Update[],
    readonly results: readonly UpdateResult[],
  ) {
    const failed = results.filter((result) => result.code !== 0);
    super(`${failed.length} of ${results.length} updates failed; first: ${failed[0]?.message ?? ""}`);
    this.name = "WriteError";
  }
}
