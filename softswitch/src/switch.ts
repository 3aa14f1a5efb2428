// The switch as a library: control plane on one side, frames on the other, both synchronous.
import type { P4Info } from "@sluice/proto/p4info";
import type { Entity, PacketOut, Update, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import type { OutFrame, PacketInListener, SoftSwitchOptions } from "./types.js";

export class SoftSwitch {
  readonly deviceId: bigint;

  constructor(readonly options: SoftSwitchOptions = {}) {
    this.deviceId = BigInt(options.deviceId ?? 1);
  }

  /** Compiles and starts a pipeline; tables, counters and registers start empty. */
  setPipeline(_p4info: P4Info, _deviceConfig: Uint8Array): void {
    throw new Error("not yet");
  }

  /** Applies updates; throws WriteError when one fails. */
  write(_updates: readonly Update[], _atomicity?: WriteRequest_Atomicity): void {
    throw new Error("not yet");
  }

  /** Reads entities; wildcards as in P4Runtime. */
  read(_entities: readonly Entity[]): Entity[] {
    throw new Error("not yet");
  }

  /** Gives a frame to a port; returns what leaves at once, in order. CPU-port frames go to packet-in listeners. */
  inject(_port: number, _frame: Uint8Array): OutFrame[] {
    throw new Error("not yet");
  }

  /** A packet from the controller; returns what leaves. */
  packetOut(_packet: PacketOut): OutFrame[] {
    throw new Error("not yet");
  }

  /** Registers a listener for packet-in; returns the function that removes it. */
  onPacketIn(_listener: PacketInListener): () => void {
    throw new Error("not yet");
  }
}
