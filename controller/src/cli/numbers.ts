// Numbers that options take. @throws InvalidArgumentError with what would be right; so does each of them
import { InvalidArgumentError } from "commander";

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError("give a whole number");
  }
  return Number(text);
}

export const wholeNumberIn = (least: number, most: number) => (text: string) => {
  const number = wholeNumber(text);
  if (number < least || number > most) {
    throw new InvalidArgumentError(`give a number from ${least} to ${most}`);
  }
  return number;
};

export function port(text: string): number {
  const number = wholeNumber(text);
  if (number < 1 || number > 65535) {
    throw new InvalidArgumentError("give a port from 1 to 65535");
  }
  return number;
}

/** Timers have no more than 25 days, and nobody waits for longer than this. */
const MAX_MS = 86_400_000;

export function milliseconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_MS) {
    throw new InvalidArgumentError(`give a whole number of milliseconds from 1 to ${MAX_MS}`);
  }
  return value;
}
