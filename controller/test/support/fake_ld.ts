// An LD agent for tests of the controller: it keeps the configuration it is given and fences epochs as agent.proto says.
import { Server, ServerCredentials, type ServerWritableStream, status } from "@grpc/grpc-js";
import {
  type CaptureRequest,
  Counters,
  type LdConfig,
  LdState,
  type PeerReplication,
  type RsState,
  Session,
  type SessionFilter,
  SessionState,
} from "@sluice/proto/ld";
import {
  type GetStatusResponse,
  type LdAgentServer,
  LdAgentService,
  type WatchStatusRequest,
  type WatchStatusResponse,
} from "@sluice/proto/ld-agent";

export class FakeLd {
  config: LdConfig | undefined;
  /** Configurations in the order in which they were applied. */
  readonly applied: LdConfig[] = [];
  onApply: (config: LdConfig) => void = () => {};
  dataPlaneUp = true;
  /** What its port has counted. */
  port = [{ name: "rx_packets", value: 200n }];
  /** Why it takes no configuration; undefined: it does. */
  refusal: string | undefined;
  /** It has all sessions of its buckets. */
  online = true;
  stuckCores: number[] = [];
  /** The process is stopped: it takes calls, and says nothing. */
  hangs = false;
  /** It ends what it is asked to go on telling, as a cancelled call. */
  cancelsWatch = false;
  /** How often it has been asked to tell how it is. */
  watches = 0;
  /** What listings have been asked for. */
  readonly filters: SessionFilter[] = [];
  realServers: RsState[] = [];
  /** The epoch by which their `sessionsPrimary` counts; 0: it cannot say. */
  countedEpoch = 0n;
  readonly captures: CaptureRequest[] = [];
  /** How far it is with what other LDs have to tell it. */
  peers: PeerReplication[] = [];
  uptimeMs = 65_000n;
  /** When its data plane was started, by performance.now(); left out: it is always as old as `uptimeMs`. */
  startedMs: number | undefined;
  /** How late it answers for its status. */
  lateMs = 0;
  /** How often it has been asked for it. */
  statusCalls = 0;
  readonly #server = new Server();
  readonly #watchers = new Set<ServerWritableStream<WatchStatusRequest, WatchStatusResponse>>();
  readonly #telling = setInterval(() => this.tell(), 1_000);

  static async listen(address: string): Promise<FakeLd> {
    const fake = new FakeLd();
    fake.#server.addService(LdAgentService, fake.#service());
    await new Promise<void>((resolve, reject) =>
      fake.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    return fake;
  }

  stop(): void {
    clearInterval(this.#telling);
    this.#server.forceShutdown();
  }

  /** Says to those who watch how it is, as it does every second. */
  tell(): void {
    for (const call of this.hangs ? [] : this.#watchers) {
      call.write({ status: this.#status() });
    }
  }

  #status(): GetStatusResponse {
    const { dataPlaneUp, config } = this;
    return {
      version: "1.2",
      dataPlaneUp,
      dataPlaneUptimeMs:
        this.startedMs === undefined ? this.uptimeMs : BigInt(Math.round(performance.now() - this.startedMs)),
      workerCores: 2,
      state: dataPlaneUp
        ? LdState.fromPartial({
            configured: config !== undefined,
            online: this.online && config !== undefined,
            epoch: config?.epoch ?? 0n,
            peers: this.peers,
          })
        : undefined,
      stuckCores: this.stuckCores,
      impaired: [],
    };
  }

  #service(): LdAgentServer {
    return {
      getConfig: (_, callback) => {
        if (this.hangs) return;
        if (this.dataPlaneUp) callback(null, { config: this.config });
        else callback({ code: status.UNAVAILABLE, details: "the data plane is not available" });
      },
      applyConfig: (call, callback) => {
        const { config } = call.request;
        if (this.hangs) return;
        if (this.refusal !== undefined) {
          callback({ code: status.INVALID_ARGUMENT, details: this.refusal });
          return;
        }
        if (config === undefined || config.epoch < (this.config?.epoch ?? 0n)) {
          callback({ code: status.FAILED_PRECONDITION, details: "an older epoch than the one held" });
          return;
        }
        this.config = config;
        this.applied.push(config);
        this.onApply(config);
        callback(null, {});
      },
      listSessions: (call) => {
        if (call.request.filter !== undefined) this.filters.push(call.request.filter);
        const sessions = (this.config?.services ?? [])
          .filter(({ name }) => [name, ""].includes(call.request.filter?.service ?? ""))
          .map((service) =>
            Session.fromPartial({
              service: service.name,
              protocol: service.protocol,
              clientIp: Uint8Array.of(198, 51, 100, 7),
              clientPort: 40_000,
              vip: service.vip,
              vipPort: service.port,
              localIp: this.config?.localIps[0] ?? new Uint8Array(4),
              localPort: 1029,
              rsIp: service.realServers[0]?.address ?? new Uint8Array(4),
              rsPort: service.realServers[0]?.port ?? 0,
              rs: service.realServers[0]?.name ?? "",
              state: SessionState.ESTABLISHED,
              bucket: 5,
              expiresInMs: 89_000n,
            }),
          );
        call.write({ sessions: sessions.slice(0, 1) });
        call.write({ sessions: sessions.slice(1) });
        call.end();
      },
      capture: (call) => {
        this.captures.push(call.request);
        call.write({ pcapng: Uint8Array.of(10, 13, 13, 10), last: false, missed: 0n });
        call.write({ pcapng: Uint8Array.of(1, 2, 3), last: true, missed: 5n });
        call.end();
      },
      getCounters: (_, callback) =>
        callback(null, {
          counters: Counters.fromPartial({
            services: (this.config?.services ?? []).map(({ name, realServers }) => ({
              service: name,
              realServers: realServers.map((rs, i) => ({
                rs: rs.name,
                sessionsTotal: BigInt(10 * (i + 1)),
                sessionsActive: 1n,
                packetsIn: 100n,
                bytesIn: 6_400n,
                packetsOut: 90n,
                bytesOut: 90_000n,
              })),
            })),
            port: this.port,
            drops: [
              { name: "no_session", value: 2n },
              { name: "bad_header", value: 0n },
            ],
            sessionsActive: 2n,
            sessionsCapacity: 65_536n,
            workers: [],
          }),
        }),
      getStatus: (_, callback) => {
        this.statusCalls++;
        const now = this.#status();
        if (!this.hangs) setTimeout(() => callback(null, now), this.lateMs);
      },
      listRealServers: (_, callback) =>
        callback(null, { realServers: this.realServers, countedEpoch: this.countedEpoch }),
      watchStatus: (call) => {
        this.watches++;
        if (this.cancelsWatch) {
          call.emit("error", { code: status.CANCELLED, details: "cancelled" });
          return;
        }
        this.#watchers.add(call);
        call.once("cancelled", () => this.#watchers.delete(call));
        if (!this.hangs) call.write({ status: this.#status() });
      },
    };
  }
}
