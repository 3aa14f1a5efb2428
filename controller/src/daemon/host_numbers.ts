// The hosts that are reached over IPv6, and their numbers, while EIPs come to them and go. Numbers are a function of all hosts there are
// (compile/ids.ts); here is what of them a change of a few EIPs touches, however many there are.
import { type Ids, idsOf, MAX_ID, preferredId } from "../compile/index.js";
import { type Ipv6, type Uint, uint } from "../p4runtime/index.js";
import { type DesiredState, hostsOverIpv6, isIpv6 } from "../state/index.js";
import type { EipChange } from "./region.js";

/** Hosts that come and go with a change, with their numbers. */
export interface HostChange {
  come: Ids["hosts"];
  go: Ids["hosts"];
}

export class HostNumbers {
  readonly #users: Map<Ipv6, number>;
  readonly #numbers: Map<Ipv6, Uint<16>>;
  readonly #holders: Map<number, Ipv6>;
  /** Some number went on from the greatest to the smallest: which of them depend on which is not told here. */
  readonly #wraps: boolean;

  constructor(state: DesiredState) {
    this.#users = hostsOverIpv6(state);
    this.#numbers = new Map(idsOf(state).hosts);
    this.#holders = new Map([...this.#numbers].map(([host, number]) => [number, host]));
    this.#wraps = [...this.#numbers].some(([host, number]) => number < preferredId(host, MAX_ID));
  }

  get(host: Ipv6): Uint<16> | undefined {
    return this.#numbers.get(host);
  }

  /** @returns undefined when a host that stays would get another number */
  changeOf(eips: readonly EipChange[]): HostChange | undefined {
    const steps = stepsOf(eips);
    const come = new Map<Ipv6, Uint<16>>();
    const go = new Map<Ipv6, Uint<16>>();
    for (const [host, step] of steps) {
      const users = this.#users.get(host) ?? 0;
      if (users > 0 && users + step === 0) go.set(host, this.#numbers.get(host)!);
    }
    const taken = new Set<number>();
    for (const [host, step] of steps) {
      if (step > 0 && !this.#numbers.has(host)) {
        const number = uint(16, preferredId(host, MAX_ID));
        // Where nobody has the number that a host wishes, it gets that, and nobody else's depends on it.
        if (this.#wraps || this.#holders.has(number) || taken.has(number)) return undefined;
        taken.add(number);
        come.set(host, number);
      }
    }
    const isStill = [...go.values()].every((number) => !this.#isPassed(number));
    return isStill ? { come, go } : undefined;
  }

  /** Whether a host has a number after this one because this one is taken: it is right behind, and has not what it wishes. */
  #isPassed(number: number): boolean {
    const next = this.#holders.get(number + 1);
    return this.#wraps || (next !== undefined && preferredId(next, MAX_ID) !== number + 1);
  }

  /** Makes a change that {@link changeOf} was asked about. */
  accept(eips: readonly EipChange[], { come, go }: HostChange): void {
    for (const [host, step] of stepsOf(eips)) {
      this.#users.set(host, (this.#users.get(host) ?? 0) + step);
    }
    for (const [host, number] of go) {
      this.#users.delete(host);
      this.#numbers.delete(host);
      this.#holders.delete(number);
    }
    for (const [host, number] of come) {
      this.#numbers.set(host, number);
      this.#holders.set(number, host);
    }
  }
}

/** By how much the users of each host change. */
function stepsOf(eips: readonly EipChange[]): Map<Ipv6, number> {
  const steps = new Map<Ipv6, number>();
  for (const { before, after } of eips) {
    for (const [eip, step] of [
      [before, -1],
      [after, 1],
    ] as const) {
      const host = eip?.vm?.host;
      if (host !== undefined && isIpv6(host)) {
        steps.set(host, (steps.get(host) ?? 0) + step);
      }
    }
  }
  return steps;
}
