// The gRPC service LdAgent: each call is one exchange with the data plane. The agent keeps no state of its own, so what it
// says is always what the data plane holds.
import type { handleUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { LdAgentServer, ListSessionsRequest, ListSessionsResponse } from "@sluice/proto/ld-agent";
import type { Logger } from "pino";
import { type Dataplane, DataplaneError } from "./dataplane.js";

function toStatus(error: unknown): { code: status; details: string } {
  return error instanceof DataplaneError
    ? { code: error.code, details: error.message }
    : { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) };
}

export function ldAgentService(dataplane: Dataplane, logger: Logger): LdAgentServer {
  /** Makes a gRPC handler of an async function; failures are logged once, here. */
  const unary =
    <Q, A>(name: string, handle: (request: Q) => Promise<A>): handleUnaryCall<Q, A> =>
    (call, callback) => {
      handle(call.request).then(
        (answer) => callback(null, answer),
        (error) => {
          const failure = toStatus(error);
          logger.warn(
            { event: "call_failed", call: name, code: status[failure.code], reason: failure.details },
            name,
          );
          callback(failure);
        },
      );
    };

  async function streamSessions(call: ServerWritableStream<ListSessionsRequest, ListSessionsResponse>) {
    const batches = dataplane.sessions(call.request.filter ?? { service: "", limit: 0 });
    const gone = new Promise((resolve) => call.once("cancelled", resolve));
    for await (const sessions of batches) {
      if (call.cancelled) {
        return;
      }
      if (!call.write({ sessions })) {
        await Promise.race([new Promise((resolve) => call.once("drain", resolve)), gone]);
      }
    }
    call.end();
  }

  return {
    getConfig: unary("GetConfig", async () => {
      const { config } = await dataplane.ask({ $case: "getConfig", value: {} }, "config");
      return { config };
    }),

    applyConfig: unary("ApplyConfig", async ({ config }) => {
      if (config === undefined) {
        throw new DataplaneError(status.INVALID_ARGUMENT, "the request holds no configuration");
      }
      await dataplane.tell({ $case: "applyConfig", value: config });
      const { epoch, services, ownedBuckets } = config;
      const buckets = ownedBuckets.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      logger.info(
        { event: "config_applied", epoch: epoch.toString(), services: services.length, buckets },
        "configuration applied",
      );
      return {};
    }),

    listSessions: (call) => {
      streamSessions(call).catch((error) => {
        const failure = toStatus(error);
        logger.warn(
          { event: "call_failed", call: "ListSessions", code: status[failure.code], reason: failure.details },
          "ListSessions",
        );
        call.emit("error", failure);
      });
    },

    getCounters: unary("GetCounters", async () => {
      return { counters: await dataplane.ask({ $case: "getCounters", value: {} }, "counters") };
    }),

    getStatus: unary("GetStatus", async () => {
      try {
        const { version, uptimeMs, workerCores } = await dataplane.ask(
          { $case: "getStatus", value: {} },
          "status",
        );
        return { version, dataPlaneUp: true, dataPlaneUptimeMs: uptimeMs, workerCores };
      } catch (error) {
        if (error instanceof DataplaneError && error.code === status.UNAVAILABLE) {
          logger.debug(
            { event: "dataplane_down", reason: error.message },
            "status asked while the data plane is down",
          );
          return { version: "", dataPlaneUp: false, dataPlaneUptimeMs: 0n, workerCores: 0 };
        }
        throw error;
      }
    }),
  };
}
