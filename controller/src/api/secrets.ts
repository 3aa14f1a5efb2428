// Secrets of the desired state: shown to nobody but an admin who asks for the state itself, and kept when somebody who cannot see
// them writes back what was shown.

/** Keys whose values are secrets, wherever they are in a document. */
const SECRET_KEYS: ReadonlySet<string> = new Set(["secret"]);
/** Stands for a secret. It is too short to be one (`state/scalars.ts`). */
export const HIDDEN = "(hidden)";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The same value without its secrets. */
export function hideSecrets<T>(value: T): T {
  if (Array.isArray(value)) {
    return value.map(hideSecrets) as T;
  }
  return isObject(value)
    ? (Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, SECRET_KEYS.has(key) ? HIDDEN : hideSecrets(item)]),
      ) as T)
    : value;
}

/** What a caller wrote, with the secrets that it was not shown: those of what is there now. */
export function restoreSecrets<T>(value: T, present: unknown): T {
  if (!isObject(value) || Array.isArray(value) || !isObject(present)) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEYS.has(key) && item === HIDDEN ? present[key] : restoreSecrets(item, present[key]),
    ]),
  ) as T;
}
