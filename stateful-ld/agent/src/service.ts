// The gRPC service LdAgent. What it says of configuration, sessions and counters is always what the data plane holds: each call
// is one exchange with it. It remembers which controller led last.
import type { handleUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { type CaptureBatch, type CaptureRequest, SessionFilter } from "@sluice/proto/ld";
import type {
  GetStatusResponse,
  LdAgentServer,
  ListSessionsRequest,
  ListSessionsResponse,
  WatchStatusRequest,
  WatchStatusResponse,
} from "@sluice/proto/ld-agent";
import type { Logger } from "pino";
import { type Dataplane, DataplaneError } from "./dataplane.js";
import type { HealthMonitor } from "./health/monitor.js";
import type { LastConfig } from "./last_config.js";
import type { StatusFeed } from "./status_feed.js";

function toStatus(error: unknown): { code: status; details: string } {
  return error instanceof DataplaneError
    ? { code: error.code, details: error.message }
    : { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) };
}

export interface ServiceOptions {
  dataplane: Dataplane;
  /** A connection for one call that takes as long as its caller likes: nobody else is to wait for it. */
  openOwn: () => Dataplane;
  feed: StatusFeed;
  /** Where configurations are kept; undefined: nowhere. */
  last: LastConfig | undefined;
  health: HealthMonitor;
  logger: Logger;
}

export function ldAgentService({
  dataplane,
  openOwn,
  feed,
  last,
  health,
  logger,
}: ServiceOptions): LdAgentServer {
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

  /** Of the controllers that have configured this LD. */
  let greatestTerm = 0n;

  /** Passes on what a connection of its own yields, as fast as the caller reads it, and until he leaves. */
  async function passOn<B, M>(
    call: ServerWritableStream<unknown, M>,
    batchesOf: (connection: Dataplane) => AsyncIterable<B>,
    message: (batch: B) => M,
  ): Promise<void> {
    const connection = openOwn();
    const gone = new Promise<void>((resolve) => call.once("cancelled", resolve));
    void gone.then(() => connection.close());
    try {
      for await (const batch of batchesOf(connection)) {
        if (call.cancelled) return; // before there was a connection to close
        if (!call.write(message(batch))) {
          await Promise.race([new Promise((resolve) => call.once("drain", resolve)), gone]);
        }
      }
      call.end();
    } catch (error) {
      if (!call.cancelled) throw error;
    } finally {
      connection.close();
    }
  }

  function streamSessions(call: ServerWritableStream<ListSessionsRequest, ListSessionsResponse>) {
    const filter = call.request.filter ?? SessionFilter.fromPartial({});
    return passOn(
      call,
      (connection) => connection.sessions(filter),
      (sessions): ListSessionsResponse => ({ sessions }),
    );
  }

  function streamCapture(call: ServerWritableStream<CaptureRequest, CaptureBatch>) {
    logger.info({ event: "capture_began", filter: call.request.filter }, "packets are captured");
    return passOn(
      call,
      (connection) => connection.capture(call.request),
      (batch) => batch,
    );
  }

  /** Runs a handler that streams; its failure is logged, and is the call's. */
  const streaming =
    <Q, A>(name: string, handle: (call: ServerWritableStream<Q, A>) => Promise<void>) =>
    (call: ServerWritableStream<Q, A>): void => {
      handle(call).catch((error) => {
        const failure = toStatus(error);
        logger.warn(
          { event: "call_failed", call: name, code: status[failure.code], reason: failure.details },
          name,
        );
        call.emit("error", failure);
      });
    };

  function watchStatus(call: ServerWritableStream<WatchStatusRequest, WatchStatusResponse>): void {
    if (call.cancelled) return; // it will not say so again
    // A caller that does not read gets the newest status when it does, not all that it has missed.
    let waiting: GetStatusResponse | undefined;
    let blocked = false;
    const send = (status: GetStatusResponse) => {
      if (blocked) waiting = status;
      else blocked = !call.write({ status });
    };
    call.on("drain", () => {
      const status = waiting;
      blocked = false;
      waiting = undefined;
      if (status !== undefined) send(status);
    });
    const leave = feed.subscribe(send);
    call.once("cancelled", () => {
      leave();
      call.end();
    });
    send(feed.current);
  }

  return {
    getConfig: unary("GetConfig", async () => {
      const { config } = await dataplane.ask({ $case: "getConfig", value: {} }, "config");
      return { config };
    }),

    applyConfig: unary("ApplyConfig", async ({ config, term }) => {
      if (term !== 0n && term < greatestTerm) {
        throw new DataplaneError(
          status.FAILED_PRECONDITION,
          `a controller of term ${greatestTerm} has been here, this one's is ${term}: another one leads now`,
        );
      }
      greatestTerm = term === 0n ? greatestTerm : term;
      if (config === undefined) {
        throw new DataplaneError(status.INVALID_ARGUMENT, "the request holds no configuration");
      }
      await dataplane.tell({ $case: "applyConfig", value: config });
      await last?.save(config);
      await health.configured(config);
      const { epoch, services, ownedBuckets } = config;
      const buckets = ownedBuckets.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      logger.info(
        { event: "config_applied", epoch: epoch.toString(), services: services.length, buckets },
        "configuration applied",
      );
      return {};
    }),

    listSessions: streaming("ListSessions", streamSessions),
    capture: streaming("Capture", streamCapture),

    getCounters: unary("GetCounters", async () => {
      return { counters: await dataplane.ask({ $case: "getCounters", value: {} }, "counters") };
    }),

    getStatus: unary("GetStatus", () => feed.read()),

    listRealServers: unary("ListRealServers", () => health.states()),

    watchStatus,
  };
}
