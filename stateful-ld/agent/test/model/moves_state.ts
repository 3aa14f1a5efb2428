// What a state of model/moves.ts is: the LDs with their sessions and streams, what switches and clients know.

/** What is left out, to see that the checks notice. */
export type Flaw =
  | "ports are taken before they are given up"
  | "the next map before the copies"
  | "who leaves the bucket is not asked"
  | "ports are given out before the copy has come";

export interface Bounds {
  crashes: number;
  silences: number;
  /** Packets of clients that change something. */
  packets: number;
  /** No switch takes a primary for dead that is online: only what it sends elsewhere while it does not know better is lost by design. */
  exact?: boolean;
}

export const LDS = [0, 1, 2] as const;
export const CLIENTS = [0, 1] as const;
export const NONE = -1;

/** By epoch. `gives`: the ports that each LD gives out, a bit each: one for each share. `former`: who leaves the bucket. */
export const MAPS = [
  { name: "before", primary: 0, backup: 1, former: NONE, gives: [1, 2, 0] },
  { name: "join", primary: 0, backup: 2, former: 1, gives: [1, 0, 2] },
  { name: "swap", primary: 2, backup: 0, former: NONE, gives: [1, 0, 2] },
  { name: "leave", primary: 2, backup: 1, former: 0, gives: [0, 1, 2] },
] as const;
export const LAST = MAPS.length - 1;

export interface Session {
  port: number;
  live: boolean;
  /** When its last packet came, to whichever LD. */
  seen: number;
}

export interface Stream {
  /** The life of the peer that it is for; 0: not known. */
  to: number;
  copy: "all" | "finish" | "none";
  /** Clients whose sessions have changed since they were told. */
  dirty: number;
  packet: Packet | undefined;
}

export interface Packet {
  /** The epoch in which it was first sent; sealed anew, it goes out in later ones as well. */
  since: number;
  /** By client; undefined: not told. */
  sessions: (Omit<Session, "live"> | undefined)[];
  finish: boolean;
  /** It has arrived, and its acknowledgement is lost. */
  taken: boolean;
}

export interface Ld {
  up: boolean;
  online: boolean;
  life: number;
  /** Its configuration, which outlives it. */
  epoch: number;
  gives: number;
  /** It speaks for its epoch alone, since a second. */
  settled: boolean;
  /** It has got the bucket, but not its sessions yet. */
  lacks: boolean;
  sessions: Session[];
  /** To each LD that it shares the bucket with. */
  streams: Stream[];
  /** By LD: the epoch of the copy that it has of it; NONE: none. */
  whole: number[];
}

export interface State {
  lds: Ld[];
  /** The oldest and the newest map that a switch holds. */
  switches: [number, number];
  /** By client: the local port of its connection, as its ends know it. */
  connections: number[];
  /** Clients whose connection the other LD has acknowledged. */
  told: number;
  /** A client's packet has found no LD that knows its connection. */
  dropped: boolean;
  crashes: number;
  silences: number;
  clock: number;
  flaw: Flaw | undefined;
}

export interface Step {
  name: string;
  state: State;
  /** It comes by itself, without clients and faults. */
  isOwn: boolean;
}

export const noStream = (): Stream => ({ to: 0, copy: "all", dirty: 0, packet: undefined });
export const noSession = (): Session => ({ port: NONE, live: false, seen: 0 });

export function partnerOf(self: number, epoch: number): number {
  const { primary, backup } = MAPS[epoch]!;
  return self === primary ? backup : self === backup ? primary : NONE;
}

export const serves = (self: number, ld: Ld): boolean => partnerOf(self, ld.epoch) !== NONE;

/** By epoch, LD, and whether whoever leaves the bucket is asked as well. */
const PEERS = MAPS.map(({ primary, former }, epoch) =>
  LDS.map((self) =>
    [false, true].map((isShared) => {
      const other =
        isShared && former !== NONE && self === primary
          ? former
          : isShared && self === former
            ? primary
            : NONE;
      return [partnerOf(self, epoch), other].filter((peer) => peer !== NONE);
    }),
  ),
);

/** Whom an LD shares the bucket's sessions with: its other LD, and whoever leaves it, until that has settled. */
export function peersOf({ lds, flaw }: State, self: number): readonly number[] {
  const { epoch, settled } = lds[self]!;
  const isShared = !settled && flaw !== "who leaves the bucket is not asked";
  return PEERS[epoch]![self]![isShared ? 1 : 0]!;
}

/** It has all sessions that the other LDs can give it. */
export function hasAll(state: State, self: number, isGone: (peer: Ld) => boolean): boolean {
  const { epoch, whole } = state.lds[self]!;
  return peersOf(state, self).every((peer) => whole[peer] === epoch || isGone(state.lds[peer]!));
}

/** All hold the first map, and A and B have told each other all there is: nothing. */
export function initial(flaw?: Flaw): State {
  const isShared = (self: number, peer: number) => partnerOf(self, 0) === peer;
  return {
    lds: LDS.map((self) => ({
      up: true,
      online: true,
      life: 1,
      epoch: 0,
      gives: MAPS[0].gives[self]!,
      settled: true,
      lacks: false,
      sessions: CLIENTS.map(noSession),
      streams: LDS.map((peer) => ({ ...noStream(), ...(isShared(self, peer) && { to: 1, copy: "none" }) })),
      whole: LDS.map((peer) => (isShared(self, peer) ? 0 : NONE)),
    })),
    switches: [0, 0],
    connections: CLIENTS.map(() => NONE),
    told: 0,
    dropped: false,
    crashes: 0,
    silences: 0,
    clock: 0,
    flaw,
  };
}

function cloneSession({ port, live, seen }: Session): Session {
  return { port, live, seen };
}

function cloneStream({ to, copy, dirty, packet }: Stream): Stream {
  return { to, copy, dirty, packet };
}

function cloneLd({ up, online, life, epoch, gives, settled, lacks, sessions, streams, whole }: Ld): Ld {
  return {
    up,
    online,
    life,
    epoch,
    gives,
    settled,
    lacks,
    sessions: [cloneSession(sessions[0]!), cloneSession(sessions[1]!)],
    streams: [cloneStream(streams[0]!), cloneStream(streams[1]!), cloneStream(streams[2]!)],
    whole: [whole[0]!, whole[1]!, whole[2]!],
  };
}

/** Field by field: it is what all the steps do most. Packets on their way are replaced, never changed. */
export function clone(state: State): State {
  const { lds, switches, connections, told, dropped, crashes, silences, clock, flaw } = state;
  return {
    lds: [cloneLd(lds[0]!), cloneLd(lds[1]!), cloneLd(lds[2]!)],
    switches: [switches[0], switches[1]],
    connections: [connections[0]!, connections[1]!],
    told,
    dropped,
    crashes,
    silences,
    clock,
    flaw,
  };
}
