// P4Runtime and BMv2's packet-I/O service in front of a switch.
import {
  Server,
  type ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { DataplaneInterfaceService } from "@sluice/proto/bm";
import { serverCredentials } from "@sluice/proto/tls";
import { type BmService, bmService } from "./bm/service.js";
import type { SwitchControl } from "./control_port.js";
import { InProcessControl } from "./in_process.js";
import { listen, removeSocket } from "./listen.js";
import { P4RUNTIME, p4RuntimeService } from "./p4runtime/service.js";
import { SoftSwitch } from "./switch.js";
import type { Log } from "./types.js";

export interface ServeOptions {
  /** where P4Runtime listens: "unix:/abs/path" or "host:port" */
  grpcAddr: string;
  /** where BMv2's packet-I/O service listens; the same forms */
  dpGrpcAddr?: string;
  /** directory of `sluice pki part`: P4Runtime only for clients of that authority; default: no encryption */
  pki?: string;
  /** how long a connection may say nothing until it is asked for a sign of life, and that then may take; default 30 and 60 s */
  keepalive?: { afterMs: number; withinMs: number };
  log?: Log;
}

export interface ServerDrops {
  /** packets, digests and idle entries that no controller has taken: there was none, or it was slow */
  noController: number;
  /** frames of BMv2's packet stream: of ports that are down, that no stream took, or that came by one that had ended */
  noStream: number;
}

export interface RunningServer {
  /** the address with the port that was bound, when port 0 was asked for */
  readonly grpcAddr: string;
  readonly dpGrpcAddr: string | undefined;
  dropped(): ServerDrops;
  /** ends all streams and calls, removes Unix sockets */
  close(): Promise<void>;
}

/** A device config can be larger than gRPC's default of 4 MB (specification, "gRPC Server Maximum Receive Message Size"). */
const SERVER_OPTIONS = {
  "grpc.max_receive_message_length": 128 * 1024 * 1024,
  "grpc.max_send_message_length": -1,
};

/**
 * A controller whose machine or network is gone must not hold its election id, and the packet stream, for ever. One that is busy
 * with a large configuration may answer late.
 */
const KEEPALIVE = { afterMs: 30_000, withinMs: 60_000 };

/**
 * Starts the servers.
 *
 * @param target - a switch in this thread, or the control of one
 * @throws Error that names the address when it cannot listen; nothing listens then
 */
export async function serve(
  target: SoftSwitch | SwitchControl,
  options: ServeOptions,
): Promise<RunningServer> {
  const control = target instanceof SoftSwitch ? new InProcessControl(target) : target;
  const log = options.log ?? (target instanceof SoftSwitch ? target.options.log : undefined);
  const started: Started[] = [];
  const close = async () => {
    for (const one of started.splice(0)) one.close();
  };
  try {
    const p4runtime = p4RuntimeService(control, log);
    let packets: BmService | undefined;
    const { keepalive = KEEPALIVE } = options;
    const credentials = serverCredentials(options.pki);
    started.push(await start(P4RUNTIME, p4runtime, options.grpcAddr, keepalive, credentials));
    if (options.dpGrpcAddr !== undefined) {
      packets = bmService(control, log);
      started.push(await start(DataplaneInterfaceService, packets, options.dpGrpcAddr, keepalive));
    }
    const dropped = () => ({ noController: p4runtime.dropped(), noStream: packets?.dropped() ?? 0 });
    return { grpcAddr: started[0]!.address, dpGrpcAddr: started[1]?.address, dropped, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Started {
  address: string;
  close(): void;
}

async function start(
  definition: ServiceDefinition,
  service: { handlers: UntypedServiceImplementation; close(): void },
  asked: string,
  keepalive: typeof KEEPALIVE,
  credentials?: ServerCredentials,
): Promise<Started> {
  const server = new Server({
    ...SERVER_OPTIONS,
    "grpc.keepalive_time_ms": keepalive.afterMs,
    "grpc.keepalive_timeout_ms": keepalive.withinMs,
  });
  server.addService(definition, service.handlers);
  try {
    const address = await listen(server, asked, credentials);
    return {
      address,
      close: () => {
        service.close();
        server.forceShutdown();
        removeSocket(address);
      },
    };
  } catch (error) {
    service.close();
    throw error;
  }
}
