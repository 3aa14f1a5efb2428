// How buckets move: never to an LD that has not their sessions, and no packet is refused on the way (docs/failover.md).
//
//     now A, backup B      join      now A, backup C      C gets all sessions
//                          swap      now C, backup A      both have them; the ports that each gives out stay its own
//                          leave     now C, backup D      A gives up its ports, and forgets
//
// Each is a map of its own, that all LDs and switches hold before the next one. So the map that is in force tells how far a move has
// come, and who begins anew goes on from there.
import type { BucketHolders, BucketMap } from "./bucket_map.js";

/** Of the four shares of a bucket's ports (`port / 1024 mod 4`), which each LD gives out; bit 0 to 3. */
export interface PortShares {
  primary: number;
  backup: number;
}

export const ALL_SHARES = 0xf;
const BACKUPS_SHARE = 0x8;
/** Of a bucket that has never moved. */
export const USUAL_SHARES: PortShares = { primary: ALL_SHARES ^ BACKUPS_SHARE, backup: BACKUPS_SHARE };

/** What a bucket goes through, in this order; it may begin with any. */
const MOVE_STEPS = ["join", "swap", "leave"] as const;
export type MoveStep = (typeof MOVE_STEPS)[number];

export interface NextMap {
  map: BucketMap;
  step: MoveStep;
  /** How many buckets have another primary or backup in it, or ports dealt otherwise. */
  buckets: number;
}

function sharesOf({ backup, shares }: BucketHolders): PortShares {
  return backup === undefined ? { primary: ALL_SHARES, backup: 0 } : (shares ?? USUAL_SHARES);
}

/** Shares that say what is usual are not there. */
function withShares(ld: string, backup: string | undefined, shares: PortShares): BucketHolders {
  const isUsual = shares.primary === USUAL_SHARES.primary && shares.backup === USUAL_SHARES.backup;
  return backup === undefined || isUsual ? { ld, backup } : { ld, backup, shares };
}

/** The shares that an LD gives out now. */
function sharesHeld(holders: BucketHolders, ld: string): number {
  const { primary, backup } = sharesOf(holders);
  return ld === holders.ld ? primary : ld === holders.backup ? backup : 0;
}

/** A bucket that `ld` has. It keeps the ports that it gives out, and gets the others but for one share: its backup's. */
function settle(now: BucketHolders, ld: string, backup: string | undefined): BucketHolders {
  const others = ALL_SHARES ^ sharesHeld(now, ld);
  const one = [BACKUPS_SHARE, 0x1, 0x2, 0x4].find((share) => (others & share) !== 0);
  const deals = others === ALL_SHARES || one === undefined;
  return withShares(ld, backup, deals ? USUAL_SHARES : { primary: ALL_SHARES ^ one, backup: one });
}

function stepOf(now: BucketHolders, to: BucketHolders): MoveStep | undefined {
  if (to.ld !== now.ld) {
    return to.ld === now.backup ? "swap" : "join";
  }
  const settled = settle(now, to.ld, to.backup);
  const isSettled = now.backup === to.backup && sharesHeld(settled, to.ld) === sharesHeld(now, to.ld);
  return isSettled ? undefined : "leave";
}

function take(step: MoveStep, now: BucketHolders, to: BucketHolders): BucketHolders {
  switch (step) {
    case "join":
      return withShares(now.ld, to.ld, now.backup === undefined ? USUAL_SHARES : sharesOf(now));
    case "swap": {
      const { primary, backup } = sharesOf(now);
      return withShares(to.ld, now.ld, { primary: backup, backup: primary });
    }
    case "leave":
      return settle(now, to.ld, to.backup);
  }
}

/**
 * A map without LDs that are no more: a bucket of one is its backup's, which has the sessions.
 *
 * @param final - where the map is to lead
 * @param members - names of the cluster's LDs
 * @returns the same map when there is nothing to mend
 */
export function mendMap(present: BucketMap, final: BucketMap, members: ReadonlySet<string>): BucketMap {
  const isGone = (name: string | undefined) => name !== undefined && !members.has(name);
  const mend = (now: BucketHolders, bucket: number): BucketHolders => {
    if (!isGone(now.ld) && !isGone(now.backup)) {
      return now;
    }
    const { ld, backup } = final[bucket]!;
    const heir = [now.ld, now.backup].find((name) => name !== undefined && members.has(name));
    // Who is to have it at last, but has not its sessions, gets them first.
    return heir === undefined || heir === ld ? settle(now, ld, backup) : settle(now, heir, ld);
  };
  return present.some(({ ld, backup }) => isGone(ld) || isGone(backup)) ? present.map(mend) : present;
}

/**
 * The map that follows the one in force, on the way to the final one.
 *
 * @param present - that all LDs and switches hold, with all sessions where it says
 * @param final - as many buckets
 * @returns undefined: nothing moves any more
 */
export function nextMap(present: BucketMap, final: BucketMap): NextMap | undefined {
  const wanted = present.map((now, bucket) => stepOf(now, final[bucket]!));
  const step = MOVE_STEPS.find((item) => wanted.includes(item));
  if (step === undefined) {
    return undefined;
  }
  const map = present.map((now, bucket) => (wanted[bucket] === step ? take(step, now, final[bucket]!) : now));
  return { map, step, buckets: wanted.filter((item) => item === step).length };
}

/** Where a map is to lead, with the ports dealt as they are where nothing moves any more. */
export function withSharesOf(present: BucketMap, final: BucketMap): BucketMap {
  return final.map((to, bucket) => {
    const now = present[bucket]!;
    return stepOf(now, to) === undefined ? now : to;
  });
}

/** How many buckets have not come to where they shall be. */
export function bucketsLeft(present: BucketMap, final: BucketMap): number {
  return present.filter((now, bucket) => stepOf(now, final[bucket]!) !== undefined).length;
}
