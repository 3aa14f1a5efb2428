// P4Runtime and BMv2's packet-I/O service in front of a switch.
import type { SoftSwitch } from "./switch.js";

export interface ServeOptions {
  /** where P4Runtime listens: "unix:/abs/path" or "host:port" */
  grpcAddr: string;
  /** where BMv2's packet-I/O service listens; the same forms */
  dpGrpcAddr?: string;
}

export interface RunningServer {
  /** the address with the port that was bound, when port 0 was asked for */
  readonly grpcAddr: string;
  readonly dpGrpcAddr: string | undefined;
  /** ends all streams and calls, removes Unix sockets */
  close(): Promise<void>;
}

/** Starts the servers; rejects with a message that names the address when it cannot listen. */
export async function serve(_sw: SoftSwitch, _options: ServeOptions): Promise<RunningServer> {
  throw new Error("not yet");
}
