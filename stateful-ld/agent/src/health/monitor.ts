// The health of all RSs that the configuration has checks for: makes the checks, and tells the data plane what share of its
// weight each RS may count on. It holds for one configuration after the other, and for one data plane after the other.

import { isDeepStrictEqual } from "node:util";
import {
  type HealthCheck,
  HealthCheck_Kind,
  LdConfig,
  RsHealth as RsHealthName,
  type RsState,
} from "@sluice/proto/ld";
import type { ListRealServersResponse } from "@sluice/proto/ld-agent";
import type { DataplaneRs, DataplaneRsList, RsShare } from "@sluice/proto/ld-dataplane";
import type { Logger } from "pino";
import { formatIp } from "../address.js";
import type { Dataplane, Greeting } from "../dataplane.js";
import { type CheckTarget, type Finding, runCheck } from "./check.js";
import { FULL_SHARE, type Health, RsHealth } from "./rs_health.js";

/** How often shares are told that rise by themselves. */
const RISE_MS = 250;
/** A data plane that needs so long for an answer stood still, and has lost what came meanwhile. */
const STOOD_STILL_MS = 500;

export interface HealthMonitorOptions {
  dataplane: Dataplane;
  /** False: nothing is checked. */
  checks: boolean;
  logger: Logger;
  /** Default: {@link runCheck}. */
  check?: (check: HealthCheck, target: CheckTarget) => Promise<Finding>;
}

/** One RS of one service. */
interface Watched {
  key: string;
  /** The data plane's name for it. */
  number: number;
  service: string;
  rs: string;
  weight: number;
  check: HealthCheck;
  health: RsHealth;
  target: CheckTarget;
  /** What the data plane had counted when it was last asked. */
  answered: bigint;
  unanswered: bigint;
  timer: NodeJS.Timeout | undefined;
}

const HEALTH_NAMES: Record<Health, RsHealthName> = {
  up: RsHealthName.UP,
  down: RsHealthName.DOWN,
  suspect: RsHealthName.SUSPECT,
};

/** What answers come back to this LD by: all that a configuration says but for services and what they may take. */
const wayOf = (config: LdConfig) =>
  Buffer.from(LdConfig.encode({ ...config, services: [], limits: [], priorityPorts: [] }).finish());

/** An RS that changes its address is another one. */
const keyOf = ({ service, rs, address, port }: DataplaneRs) =>
  `${service}\n${rs}\n${formatIp(address)}\n${port}`;

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  #watched = new Map<string, Watched>();
  /** Shares as the data plane has them; by RS, also of those that have no check any more. */
  #told = new Map<string, RsShare>();
  #panicking = new Set<string>();
  /** Whether answers would come back to this LD. */
  #able = false;
  /** Whether the last look saw the LD online. */
  #online = false;
  #way: Buffer | undefined;
  /** The question that all bad findings of the moment wait for. */
  #asked: Promise<boolean> | undefined;
  /** Rises whenever answers that are on their way may be lost for other reasons than the RS's. */
  #generation = 0;
  #riseTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  /** Not {@link Date.now}, which may be set back. */
  #now(): number {
    return performance.timeOrigin + performance.now();
  }

  /** A data plane has been connected to: it may be a new one, or have another configuration. */
  async greet(ask: Greeting): Promise<void> {
    if (!this.#options.checks) return;
    const { config } = await ask({ $case: "getConfig", value: {} }, "config");
    if (config === undefined) return;
    const list = await ask({ $case: "listRs", value: {} }, "rsList");
    this.#take(config, list);
    const shares = this.#news();
    if (shares.length > 0) await ask({ $case: "setShares", value: { shares } }, undefined);
  }

  /** The data plane has taken a configuration: what goes wrong here is logged, it is in force all the same. */
  async configured(config: LdConfig): Promise<void> {
    if (!this.#options.checks) return;
    try {
      this.#take(config, await this.#list());
      await this.#tell();
    } catch (error) {
      const reason = (error as Error).message;
      this.#options.logger.error(
        { event: "checks_not_begun", reason },
        "real servers are checked as before the configuration",
      );
    }
  }

  /** A second has passed: looks at what the data plane has counted. `online`: it gets its buckets' packets. */
  async look(online: boolean): Promise<void> {
    if (!this.#options.checks || this.#watched.size === 0) return;
    const list = await this.#list();
    const stayed = online && this.#online; // else what clients missed was the LD's fault, perhaps
    this.#online = online;
    this.#setAble(online && list.canProbe);
    const nowMs = this.#now();
    for (const item of list.realServers) {
      const watched = this.#watched.get(keyOf(item));
      if (watched === undefined) continue;
      const answered = item.answered - watched.answered;
      const unanswered = item.unanswered - watched.unanswered;
      watched.answered = item.answered;
      watched.unanswered = item.unanswered;
      if (!stayed) {
        watched.health.forgetSeen();
      } else if (watched.health.seen(answered, unanswered, nowMs)) {
        const { service, rs, health } = watched;
        this.#options.logger.warn(
          { event: "rs_suspect", service, rs, reason: health.lastError },
          "real server is suspect",
        );
      }
    }
    await this.#tell();
  }

  /** The data plane is gone. */
  lost(): void {
    this.#online = false;
    this.#setAble(false);
    this.#generation++;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#riseTimer);
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
  }

  /** How all RSs are, those without a check too. @throws DataplaneError */
  async states(): Promise<ListRealServersResponse> {
    const { realServers, countedEpoch } = await this.#list();
    return { realServers: realServers.map((item) => this.#stateOf(item)), countedEpoch };
  }

  /** Those that do not take all new sessions they might. */
  get impaired(): RsState[] {
    const nowMs = this.#now();
    return [...this.#watched.values()]
      .filter(({ health }) => health.share(nowMs) < FULL_SHARE)
      .map((watched) => this.#described(watched, nowMs));
  }

  #list(): Promise<DataplaneRsList> {
    return this.#options.dataplane.ask({ $case: "listRs", value: {} }, "rsList");
  }

  #described({ key, service, rs, health, weight }: Watched, nowMs: number): RsState {
    return {
      service,
      rs,
      weight,
      address: new Uint8Array(),
      port: 0,
      health: HEALTH_NAMES[health.health(nowMs)],
      sharePermille: this.#told.get(key)?.sharePermille ?? FULL_SHARE,
      sinceMs: BigInt(Math.round(health.sinceMs)),
      lastError: health.lastError,
      lastLatencyUs: Math.round(1000 * (health.lastLatencyMs ?? 0)),
      lastCheckMs: BigInt(Math.round(health.lastCheckMs ?? 0)),
      sessionsActive: 0n,
      sessionsStandby: 0n,
      sessionsGuest: 0n,
      sessionsPrimary: 0n,
    };
  }

  #stateOf(item: DataplaneRs): RsState {
    const watched = this.#watched.get(keyOf(item));
    const { address, port, weight, sharePermille } = item;
    const { sessionsActive, sessionsStandby, sessionsGuest, sessionsPrimary } = item;
    const counted = { sessionsActive, sessionsStandby, sessionsGuest, sessionsPrimary };
    const known: RsState =
      watched === undefined
        ? {
            service: item.service,
            rs: item.rs,
            weight,
            address,
            port,
            health: RsHealthName.RS_HEALTH_UNKNOWN,
            sharePermille,
            sinceMs: 0n,
            lastError: "",
            lastLatencyUs: 0,
            lastCheckMs: 0n,
            ...counted,
          }
        : this.#described(watched, this.#now());
    return { ...known, address, port, weight, sharePermille, ...counted };
  }

  #setAble(able: boolean): void {
    if (able !== this.#able) this.#generation++;
    this.#able = able;
  }

  /** From now on it is about the RSs of this configuration. Those that stay keep what is known of them. */
  #take(config: LdConfig, list: DataplaneRsList): void {
    const checks = new Map(config.services.map(({ name, healthCheck }) => [name, healthCheck]));
    const before = this.#watched;
    const nowMs = this.#now();
    const way = wayOf(config);
    if (this.#way?.equals(way) !== true) this.#generation++;
    this.#way = way;
    this.#watched = new Map();
    this.#told = new Map(
      list.realServers.map((item) => {
        const { number, service, rs, sharePermille } = item;
        return [keyOf(item), { number, service, rs, sharePermille }];
      }),
    );
    for (const item of list.realServers) {
      const check = checks.get(item.service);
      if (check === undefined) continue;
      const key = keyOf(item);
      const known = before.get(key);
      const target = {
        address: formatIp(item.probeAddress),
        pingAddress: formatIp(item.pingAddress),
        port: check.port === 0 ? item.port : check.port,
      };
      const watched: Watched = known ?? {
        key,
        number: item.number,
        service: item.service,
        rs: item.rs,
        // The data plane may have outlived an agent that knew more of it.
        health: new RsHealth(check, item.sharePermille, nowMs),
        check,
        target,
        weight: item.weight,
        answered: item.answered,
        unanswered: item.unanswered,
        timer: undefined,
      };
      if (check.kind === HealthCheck_Kind.NONE && watched.health.health(nowMs) === "down") {
        watched.health = new RsHealth(check, 0, nowMs); // nothing would find it up again
      }
      watched.health.check = check;
      Object.assign(watched, { number: item.number, weight: item.weight });
      // What is under way is of the same question as long as these are the same objects.
      if (!isDeepStrictEqual(watched.check, check)) watched.check = check;
      if (!isDeepStrictEqual(watched.target, target)) watched.target = target;
      this.#watched.set(key, watched);
      before.delete(key);
    }
    for (const { timer } of before.values()) clearTimeout(timer);
    this.#begin();
  }

  /** Checks of RSs that are new, or have got their first check, spread over their interval. */
  #begin(): void {
    const fresh = [...this.#watched.values()].filter(
      ({ timer, check }) => timer === undefined && check.kind !== HealthCheck_Kind.NONE,
    );
    fresh.forEach((watched, i) => {
      this.#schedule(watched, (watched.check.intervalMs * i) / fresh.length);
    });
  }

  #schedule(watched: Watched, delayMs: number): void {
    if (this.#stopped) return;
    watched.timer = setTimeout(() => void this.#checkOnce(watched), delayMs);
  }

  async #checkOnce(watched: Watched): Promise<void> {
    const start = performance.now();
    const { check, target } = watched;
    const generation = this.#generation;
    if (check.kind === HealthCheck_Kind.NONE) {
      watched.timer = undefined;
      return;
    }
    if (this.#able) {
      let finding = await (this.#options.check ?? runCheck)(check, target);
      if (finding.verdict === "bad" && !(await this.#getsAnswers())) {
        finding = { verdict: "undecided", error: "the LD got no answers" };
      }
      if (this.#stopped || this.#watched.get(watched.key) !== watched) return;
      const asked = check === watched.check && target === watched.target;
      if (asked && (generation === this.#generation || finding.verdict === "good")) {
        this.#found(watched, finding);
      }
    } else {
      watched.health.found({ verdict: "undecided", error: "the LD cannot check now" }, this.#now());
    }
    if (watched.check.kind === HealthCheck_Kind.NONE) {
      watched.timer = undefined;
      return;
    }
    this.#schedule(watched, Math.max(0, watched.check.intervalMs - (performance.now() - start)));
  }

  /** A check has failed: whether it could have succeeded, as far as the data plane itself knows. A look is up to a second old. */
  #getsAnswers(): Promise<boolean> {
    const ask = async (): Promise<boolean> => {
      const start = performance.now();
      try {
        const { state } = await this.#options.dataplane.ask({ $case: "getStatus", value: {} }, "status");
        return state?.online === true && performance.now() - start < STOOD_STILL_MS;
      } catch {
        return false; // it is gone, or answers nobody
      } finally {
        this.#asked = undefined;
      }
    };
    this.#asked ??= ask();
    return this.#asked;
  }

  #found(watched: Watched, finding: Finding): void {
    const { service, rs, health } = watched;
    const { logger } = this.#options;
    const nowMs = this.#now();
    const beforeMs = health.sinceMs;
    if (!health.found(finding, nowMs)) {
      logger.debug({ event: "rs_checked", service, rs, ...finding }, "real server checked");
      return;
    }
    const afterMs = Math.round(nowMs - beforeMs);
    if (health.health(nowMs) === "down") {
      logger.warn(
        { event: "rs_down", service, rs, reason: health.lastError, up_ms: afterMs },
        "real server is down",
      );
    } else {
      logger.info({ event: "rs_up", service, rs, down_ms: afterMs }, "real server is up");
    }
    void this.#tell();
  }

  /** Tells the data plane what has changed. */
  async #tell(): Promise<void> {
    const shares = this.#news();
    if (shares.length === 0) return;
    try {
      await this.#options.dataplane.tell({ $case: "setShares", value: { shares } });
    } catch (error) {
      // A data plane that was lost is greeted, and asked what it holds, when it is back.
      const reason = (error as Error).message;
      this.#options.logger.debug(
        { event: "shares_not_told", reason },
        "the data plane was not told of its real servers",
      );
    }
  }

  /** Shares that the data plane does not have yet; they count as told. */
  #news(): RsShare[] {
    const wanted = this.#shares();
    const shares: RsShare[] = [];
    for (const [key, told] of this.#told) {
      const sharePermille = wanted.get(key) ?? FULL_SHARE; // what is not checked any more is well
      if (told.sharePermille === sharePermille) continue;
      told.sharePermille = sharePermille;
      shares.push({ ...told });
    }
    this.#riseLater();
    return shares;
  }

  /** Slow starts, and suspicions that end, change shares without any finding. */
  #riseLater(): void {
    const nowMs = this.#now();
    const rising = [...this.#watched.values()].some(
      ({ health }) => health.health(nowMs) !== "down" && health.share(nowMs) < FULL_SHARE,
    );
    if (!rising || this.#riseTimer !== undefined || this.#stopped) return;
    this.#riseTimer = setTimeout(() => {
      this.#riseTimer = undefined;
      void this.#tell();
    }, RISE_MS);
  }

  #shares(): Map<string, number> {
    const nowMs = this.#now();
    const services = new Map<string, Watched[]>();
    for (const watched of this.#watched.values()) {
      const all = services.get(watched.service);
      if (all === undefined) services.set(watched.service, [watched]);
      else all.push(watched);
    }
    const shares = new Map<string, number>();
    for (const all of services.values()) {
      const ignored = this.#ignored(all, nowMs);
      for (const { key, health } of all) {
        shares.set(key, ignored.has(health.health(nowMs)) ? FULL_SHARE : health.share(nowMs));
      }
    }
    return shares;
  }

  /** What is not believed of a service's RSs, because too few would be left. */
  #ignored(all: readonly Watched[], nowMs: number): Set<Health> {
    const { service, check } = all[0]!;
    const eligible = all.filter(({ weight }) => weight > 0).map(({ health }) => health.health(nowMs));
    const up = eligible.filter((health) => health === "up").length;
    const panic = eligible.length > 0 && (100 * up) / eligible.length < check.panicPercent;
    if (panic !== this.#panicking.has(service)) {
      const said = { service, up, real_servers: eligible.length, panic_percent: check.panicPercent };
      if (panic)
        this.#options.logger.error({ event: "panic", ...said }, "too few real servers are up: all are used");
      else this.#options.logger.info({ event: "panic_over", ...said }, "enough real servers are up");
      if (panic) this.#panicking.add(service);
      else this.#panicking.delete(service);
    }
    if (panic) return new Set(["down", "suspect"]);
    // Clients alone must not take a service away: a suspicion leaves at least one RS.
    return up === 0 ? new Set(["suspect"]) : new Set();
  }
}
