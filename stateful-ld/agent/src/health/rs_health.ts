// What the checks of one RS mean: up or down, since when, and what share of its weight new sessions may count on. Pure: time
// is given to it.
import { type HealthCheck, HealthCheck_Kind } from "@sluice/proto/ld";
import type { Finding } from "./check.js";

/** Of an RS's weight, in the unit of RsShare. */
export const FULL_SHARE = 1000;
/** What an RS begins its slow start with. */
const FIRST_SHARE = 100;

export type Health = "up" | "down" | "suspect";

export class RsHealth {
  #check: HealthCheck;
  #up: boolean;
  /** Since the last change between up and down, on the caller's clock. */
  #sinceMs: number;
  /** Findings in a row that are against the state. */
  #against = 0;
  /** When it came back; undefined: its share is full. */
  #backMs: number | undefined;
  #suspectUntilMs = 0;
  #unansweredInARow = 0;
  /** The last thing that was wrong; empty: nothing since it is up. */
  lastError = "";
  lastLatencyMs: number | undefined;
  lastCheckMs: number | undefined;

  /**
   * @param share - what new sessions count on now: a slow start that was under way goes on from there. 0: it is down until checks
   * have found otherwise; where there are none, it was suspect, and comes back
   */
  constructor(check: HealthCheck, share: number, nowMs: number) {
    this.#check = check;
    this.#up = share > 0 || check.kind === HealthCheck_Kind.NONE;
    this.#sinceMs = nowMs;
    if (this.#up && share < FULL_SHARE) this.#backMs = nowMs - (check.slowStartMs * share) / FULL_SHARE;
  }

  /** Other rules apply from now on. */
  set check(check: HealthCheck) {
    this.#check = check;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  health(nowMs: number): Health {
    if (!this.#up) return "down";
    return nowMs < this.#suspectUntilMs ? "suspect" : "up";
  }

  /** A check has found something. @returns whether it is up or down now as it was not before */
  found(finding: Finding, nowMs: number): boolean {
    this.lastCheckMs = nowMs;
    if (finding.verdict === "good") this.lastLatencyMs = finding.latencyMs;
    else this.lastError = finding.error;
    if (finding.verdict === "undecided") return false;
    if ((finding.verdict === "good") === this.#up) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    if (this.#against < (this.#up ? this.#check.fall : this.#check.rise)) return false;
    this.#against = 0;
    this.#up = !this.#up;
    this.#sinceMs = nowMs;
    this.#suspectUntilMs = 0;
    this.#backMs = this.#up ? nowMs : undefined;
    if (this.#up) this.lastError = "";
    return true;
  }

  /**
   * What clients have seen of it since the last time: sessions whose SYN it has answered, and has not.
   *
   * @returns whether it has become suspect
   */
  seen(answered: bigint, unanswered: bigint, nowMs: number): boolean {
    const rule = this.#check.passive;
    if (rule === undefined || !this.#up) {
      this.#unansweredInARow = 0;
      return false;
    }
    this.#unansweredInARow = answered > 0n ? 0 : this.#unansweredInARow + Number(unanswered);
    if (this.#unansweredInARow < rule.unanswered) return false;
    this.#unansweredInARow = 0;
    this.#suspectUntilMs = nowMs + rule.suspectMs;
    this.#backMs = this.#suspectUntilMs;
    this.lastError = `${rule.unanswered} sessions in a row without a SYN-ACK`;
    return true;
  }

  /** What clients have seen since the last time says nothing of the RS. */
  forgetSeen(): void {
    this.#unansweredInARow = 0;
  }

  /** What new sessions may count on: 0 while it is down, rising for its slow start, then {@link FULL_SHARE}. */
  share(nowMs: number): number {
    if (this.health(nowMs) !== "up") return 0;
    const { slowStartMs } = this.#check;
    if (this.#backMs === undefined || nowMs >= this.#backMs + slowStartMs) {
      this.#backMs = undefined;
      return FULL_SHARE;
    }
    const risen = (FULL_SHARE * (nowMs - this.#backMs)) / slowStartMs;
    return Math.max(FIRST_SHARE, Math.floor(risen));
  }
}
