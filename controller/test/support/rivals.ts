// Addresses that make the numbering of neighbors and hosts do its worst.
import { preferredId } from "../../src/compile/index.js";

/** Of 65,535 numbers, two of these addresses wish for the same, and a third one for the next. */
export function rivals<T extends Parameters<typeof preferredId>[0]>(addressOf: (i: number) => T): T[] {
  const byWish = new Map<number, T>();
  for (let i = 1; i < 0xffff; i++) {
    const address = addressOf(i);
    const wish = preferredId(address, 0xffff);
    const [first, next] = [byWish.get(wish), byWish.get(wish + 1)];
    if (first !== undefined && next !== undefined) {
      return [first, address, next];
    }
    byWish.set(wish, address);
  }
  throw new Error("no two addresses wish for the same number");
}
