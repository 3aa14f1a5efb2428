// What the main thread and the packet thread tell each other. Lists of protobuf messages travel encoded: one buffer changes
// hands, while the structured clone of an entry copies each of its fields, and with every byte string the whole buffer under it.
import type { PipelineAction } from "../control_port.js";
import type { OutFrame, UpdateResult } from "../types.js";
import type { PortCounters } from "./packet_port.js";

export interface WorkerSettings {
  deviceId: bigint;
  cpuPort: number | undefined;
  dropPort: number | undefined;
  ports: { number: number; interface: string }[];
  /** eventfd; the main thread writes to it after each message */
  wakeFd: number;
  /** shared; see {@link Outbox} */
  untaken: Int32Array;
  /** whether frames for ports that are no interfaces are told; else they are counted as dropped */
  tellFrames: boolean;
}

/** Calls, each answered by one {@link Result} with its id. */
export type Call = { id: number } & (
  | { kind: "setPipeline"; action: PipelineAction; p4info?: Uint8Array; deviceConfig?: Uint8Array }
  /** a WriteRequest */
  | { kind: "write"; request: Uint8Array }
  /** a ReadRequest; {@link Found} messages come before the result */
  | { kind: "read"; request: Uint8Array }
  /** a PacketOut */
  | { kind: "packetOut"; packet: Uint8Array }
  /** a DigestListAck */
  | { kind: "acknowledge"; ack: Uint8Array }
  | { kind: "inject"; port: number; frame: Uint8Array }
  | { kind: "counters" }
  | { kind: "stop" }
);

export interface SwitchCounters {
  ports: PortCounters[];
  /** forwarding failed with an exception */
  failed: number;
  /** came before there was a pipeline */
  noPipeline: number;
  /** went round and round in the pipeline, and were given up */
  circled: number;
  /** for the controller, but too short for the header of a packet-in */
  noHeader: number;
  /** for a port that is no interface */
  noPort: number;
  /** packet-ins, notices and frames of ports that are no interfaces, for which the main thread was too slow */
  untold: number;
}

export type Result = { kind: "result"; id: number; error?: UpdateResult; value?: unknown };

/** A ReadResponse: a part of what a read found. */
export type Found = { kind: "found"; id: number; response: Uint8Array };

export type FromWorker =
  | { kind: "ready" }
  /** it could not start; the message says why and what to do */
  | { kind: "unable"; message: string }
  | Result
  | Found
  /** what happened in one round: PacketIns, notices as StreamMessageResponses, and frames for ports that are no interfaces */
  | { kind: "events"; packetIns: Uint8Array[]; notices: Uint8Array[]; frames: OutFrame[] }
  | { kind: "log"; level: "debug" | "info" | "warn" | "error"; fields: object; message: string };
