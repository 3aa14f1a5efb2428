// The border between what speaks gRPC and what forwards frames. The switch may be in this thread or in another one, so
// everything here is asynchronous; calls take effect in the order in which they are made.
import { status } from "@grpc/grpc-js";
import type { P4Info } from "@sluice/proto/p4info";
import type { DigestListAck, Entity, PacketOut } from "@sluice/proto/p4runtime";
import type { NoticeListener, OutFrame, PacketInListener, UpdateResult } from "./types.js";

/** What p4c made of a program. */
export interface Pipeline {
  p4info: P4Info;
  /** BMv2 JSON */
  deviceConfig: Uint8Array;
}

/**
 * What to do with a pipeline, as in P4Runtime's SetForwardingPipelineConfig (section 14):
 *
 * - `verify`: compile it, change nothing
 * - `save`: compile it; writes and reads are about it from now on, packets still run through the one before
 * - `commit`: packets run through the saved one, with what has been written to it (no pipeline is given)
 * - `install`: start it with empty tables
 * - `reconcile`: start it with the entries of the one before; the P4Info is the same
 */
export type PipelineAction = "verify" | "save" | "commit" | "install" | "reconcile";

/** An error with the gRPC status code that a client is to get. */
export class StatusError extends Error {
  override name = "StatusError";

  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }
}

/** The gRPC code and message of whatever was thrown. */
export function statusOf(error: unknown, otherwise: status = status.INTERNAL): UpdateResult {
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return { code: typeof code === "number" && status[code] !== undefined ? code : otherwise, message };
}

export interface SwitchControl {
  readonly deviceId: bigint;

  /**
   * @param pipeline - left out for `commit` only
   * @throws StatusError INVALID_ARGUMENT: the message names the construct that was refused
   */
  setPipeline(action: PipelineAction, pipeline?: Pipeline): Promise<void>;

  /**
   * @param request - the bytes of a WriteRequest, of which the updates and the atomicity count
   * @returns one result per update, in order; none when all were made
   */
  write(request: Uint8Array): Promise<UpdateResult[]>;

  /**
   * Reads what each request matches, all at one moment.
   *
   * @param onBatch - gets what was found, in parts of bounded size
   * @returns one result per request, in order
   */
  read(requests: readonly Entity[], onBatch: (entities: Entity[]) => void): Promise<UpdateResult[]>;

  /** Frames that it causes are told to {@link onFrameOut}. @throws StatusError for metadata that does not fit the P4Info */
  packetOut(packet: PacketOut): Promise<void>;

  /** @returns the function that removes the listener */
  onPacketIn(listener: PacketInListener): () => void;

  /** Digests and idle entries. @returns the function that removes the listener */
  onNotice(listener: NoticeListener): () => void;

  /** @throws StatusError for a digest that the program does not have */
  acknowledge(ack: DigestListAck): Promise<void>;

  /** Gives a frame to a port. @returns what leaves because of it, through ports that are no interfaces */
  inject(port: number, frame: Uint8Array): Promise<OutFrame[]>;

  /**
   * Told of frames that leave through ports that are no interfaces and that no {@link inject} caused.
   *
   * @returns the function that removes the listener
   */
  onFrameOut(listener: (frame: OutFrame) => void): () => void;
}
