// What a packet test needs of a switch. Every target is driven over the same two gRPC services, P4Runtime and BMv2's packet
// I/O, so a test cannot tell them apart.
import type { Switch } from "@sluice/controller/p4runtime";

export type TargetName = "softswitch" | "bmv2";

/** A frame and the port at which it enters or leaves the switch. */
export interface PortFrame {
  port: number;
  frame: Uint8Array;
}

/** A frame that the switch gave to the controller. */
export interface PacketIn {
  ingressPort: number;
  networkId: number;
  frame: Uint8Array;
}

/** All that came of one frame. Complete: see fence.ts. */
export interface Outcome {
  frames: PortFrame[];
  packetIns: PacketIn[];
}

/** All that came of several frames. */
export interface BatchOutcome {
  /** By the position of the frame that caused them. */
  frames: PortFrame[][];
  /** In the order of their frames. */
  packetIns: PacketIn[];
}

export interface Target {
  readonly name: TargetName;
  /** Primary, the pipeline pushed. */
  readonly control: Switch;
  /** Sends a frame in at a port and waits until all that it causes is out. */
  inject(port: number, frame: Uint8Array): Promise<Outcome>;
  /** {@link inject} for many frames at the cost of one. Any number: the target's queues are never overrun. */
  injectAll(frames: readonly PortFrame[]): Promise<BatchOutcome>;
  /** Sends a frame as the controller does. @returns what left the switch */
  packetOut(egressPort: number, frame: Uint8Array): Promise<PortFrame[]>;
  /** Frees all that the target holds. May be called twice. */
  stop(): Promise<void>;
}

/** The device id that both targets answer to. */
export const DEVICE_ID = 1n;
/** As in p4src/gateway_v1model.p4. */
export const CPU_PORT = 255;
