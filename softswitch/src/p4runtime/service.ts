// The P4Runtime service: each call's checks in the order of the specification, then the switch.
import { type handleUnaryCall, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import {
  type P4RuntimeServer,
  P4RuntimeService,
  type ReadRequest,
  WriteRequest_Atomicity,
  type WriteResponse,
} from "@sluice/proto/p4runtime";
import { StatusError, type SwitchControl, statusOf } from "../control_port.js";
import type { Log, UpdateResult } from "../types.js";
import { Arbiter, checkDevice, checkRole } from "./arbiter.js";
import { batchFailure } from "./batch_status.js";
import { PipelineConfig } from "./pipeline_config.js";
import { Streams } from "./stream.js";
import { decodeWriteHead, type UndecodedWrite } from "./write_head.js";

const ATOMICITIES: ReadonlySet<number> = new Set([
  WriteRequest_Atomicity.CONTINUE_ON_ERROR,
  WriteRequest_Atomicity.ROLLBACK_ON_ERROR,
  WriteRequest_Atomicity.DATAPLANE_ATOMIC,
]);

/** The version whose rules are followed (section 17). */
const API_VERSION = "1.4.1";

/** P4Runtime, with writes as {@link decodeWriteHead} leaves them. */
export const P4RUNTIME = {
  ...P4RuntimeService,
  write: { ...P4RuntimeService.write, requestDeserialize: decodeWriteHead },
};

type Handlers = { write: handleUnaryCall<UndecodedWrite, WriteResponse> } & Pick<
  P4RuntimeServer,
  "read" | "setForwardingPipelineConfig" | "getForwardingPipelineConfig" | "streamChannel" | "capabilities"
>;

export interface RunningService {
  handlers: Handlers;
  /** Packets, digests and idle entries that no controller has taken. */
  dropped(): number;
  /** Stops listening to the switch. */
  close(): void;
}

/** Makes the handlers of P4Runtime for one switch. */
export function p4RuntimeService(control: SwitchControl, log?: Log): RunningService {
  const arbiter = new Arbiter(control.deviceId);
  const pipeline = new PipelineConfig(control);
  const streams = new Streams(control, arbiter, log);
  const oneAtATime = serializer();

  async function write({ head, bytes }: UndecodedWrite): Promise<UpdateResult[]> {
    return arbiter.asPrimary(head, () =>
      oneAtATime(() => {
        pipeline.check();
        if (!ATOMICITIES.has(head.atomicity)) {
          throw new StatusError(status.INVALID_ARGUMENT, `atomicity ${head.atomicity} does not exist`);
        }
        return control.write(bytes);
      }),
    );
  }

  const handlers: Handlers = {
    write: (call, callback) => {
      write(call.request).then((results) => {
        const failure = batchFailure(results, "update");
        if (failure === undefined) callback(null, {});
        else callback(failure);
      }, refuse(callback));
    },

    read: (call) => {
      const read = async ({ deviceId, role, entities }: ReadRequest) => {
        checkDevice(control.deviceId, deviceId);
        checkRole(role);
        pipeline.check();
        return control.read(entities, (found) => call.write({ entities: found }));
      };
      read(call.request).then(
        (results) => {
          const failure = batchFailure(results, "request");
          if (failure === undefined) call.end();
          else call.emit("error", failure);
        },
        (error) => call.emit("error", asServiceError(error)),
      );
    },

    setForwardingPipelineConfig: unary(async ({ request }) => {
      await arbiter.asPrimary(request, () => oneAtATime(() => pipeline.set(request.action, request.config)));
      log?.info(
        { action: request.action, cookie: String(request.config?.cookie?.cookie ?? "") },
        "pipeline config",
      );
      return {};
    }),

    getForwardingPipelineConfig: unary(async ({ request }) => {
      checkDevice(control.deviceId, request.deviceId);
      return { config: pipeline.get(request.responseType) };
    }),

    streamChannel: (stream) => streams.serve(stream),

    capabilities: unary(async ({ request }) => {
      if (request.deviceId !== 0n) checkDevice(control.deviceId, request.deviceId);
      return { p4runtimeApiVersion: API_VERSION, experimental: undefined };
    }),
  };
  const ends = [
    control.onPacketIn((packet) => streams.tell({ $case: "packet", value: packet })),
    control.onNotice((notice) => streams.tell(notice)),
  ];
  return {
    handlers,
    dropped: () => streams.dropped,
    close: () => {
      for (const end of ends) end();
    },
  };
}

/** Writes and pipelines take effect one after the other, as they came (section 12.1: strictly serializable). */
function serializer(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}

function unary<Request, Response>(handle: (call: ServerUnaryCall<Request, Response>) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    handle(call).then((response) => callback(null, response), refuse(callback));
  };
}

function refuse(callback: sendUnaryData<never>): (error: unknown) => void {
  return (error) => callback(asServiceError(error));
}

function asServiceError(error: unknown) {
  const { code, message } = statusOf(error);
  return Object.assign(new Error(message), { code, details: message });
}
