// Which EIP has which number: the cells of its limits and counters. A number is given once and kept, so that it costs nothing
// when another EIP comes or goes.
import { preferredId } from "../compile/index.js";

interface Numbered {
  name: string;
  id?: number;
}

export class EipIds {
  readonly #max: number;
  readonly #holders = new Map<number, string>();

  constructor(max: number) {
    this.#max = max;
  }

  holderOf(id: number | undefined): string | undefined {
    return id === undefined ? undefined : this.#holders.get(id);
  }

  moved(before: Numbered | undefined, after: Numbered | undefined): void {
    if (before?.id !== undefined && this.#holders.get(before.id) === before.name) {
      this.#holders.delete(before.id);
    }
    if (after?.id !== undefined) {
      this.#holders.set(after.id, after.name);
    }
  }

  /** Numbers for a change that may not come about. */
  draft(): { release(id: number | undefined): void; take(eip: Numbered): void } {
    const released = new Set<number>();
    const taken = new Set<number>();
    const isFree = (id: number) => !taken.has(id) && (released.has(id) || !this.#holders.has(id));
    return {
      release: (id) => {
        if (id !== undefined) released.add(id);
      },
      take: (eip) => {
        if (eip.id === undefined && this.#holders.size - released.size + taken.size < this.#max) {
          let id = preferredId(eip.name, this.#max);
          while (!isFree(id)) {
            id = (id % this.#max) + 1;
          }
          eip.id = id;
        }
        if (eip.id !== undefined) taken.add(eip.id);
      },
    };
  }
}
