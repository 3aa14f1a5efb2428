// A bucket that moves from LD A (0), with its backup B (1), to LD C (2), in the three maps of docs/failover.md, as a machine with few
// enough states to visit all of them: the controller that tells LDs and switches, the LDs' copies, clients, and a fault at any moment.
//
// What a stream does with its packets is in handover.ts. Here it has one packet on its way, which arrives at any time, or later, or never
// (loss, delay, partition); its acknowledgement may be lost, and then the packet comes again. The controller remembers nothing: each of its
// steps is found by a look at what LDs and switches hold, so that it may die between any two. A switch may send a client's packet to either
// LD of any map that one of the switches holds.

/** What is left out, to see that the checks notice. */
export type Flaw = "ports are taken before they are given up" | "the next map before the copies";

export interface Bounds {
  crashes: number;
  silences: number;
  /** Packets of clients that change something. */
  packets: number;
  /** An LD may also crash, and return, between a map and the end of its copies: what is lost then docs/failover.md says. */
  whileCopying?: boolean;
  /** No switch takes a primary for dead that is online: only what it sends elsewhere while it does not know better is lost by design. */
  exact?: boolean;
}

const LDS = [0, 1, 2] as const;
const CLIENTS = [0, 1] as const;
const NONE = -1;

/** By epoch. `gives`: the ports that each LD gives out, a bit each: one for each share. */
const MAPS = [
  { name: "before", primary: 0, backup: 1, gives: [1, 2, 0] },
  { name: "join", primary: 0, backup: 2, gives: [1, 0, 2] },
  { name: "swap", primary: 2, backup: 0, gives: [1, 0, 2] },
  { name: "leave", primary: 2, backup: 1, gives: [0, 1, 2] },
] as const;
const LAST = MAPS.length - 1;

interface Session {
  port: number;
  live: boolean;
  /** When its last packet came, to whichever LD. */
  seen: number;
}

interface Stream {
  /** The life of the peer that it is for; 0: not known. */
  to: number;
  copy: "all" | "finish" | "none";
  /** Clients whose sessions have changed since they were told. */
  dirty: number;
  packet: Packet | undefined;
}

interface Packet {
  /** The epoch in which it was first sent; sealed anew, it goes out in later ones as well. */
  since: number;
  /** By client; undefined: not told. */
  sessions: (Omit<Session, "live"> | undefined)[];
  finish: boolean;
  /** It has arrived, and its acknowledgement is lost. */
  taken: boolean;
}

interface Ld {
  up: boolean;
  online: boolean;
  life: number;
  /** Its configuration, which outlives it. */
  epoch: number;
  gives: number;
  /** It speaks for its epoch alone, since a second. */
  settled: boolean;
  sessions: Session[];
  /** To its partner in the bucket. */
  stream: Stream;
  /** The epoch of the copy that it has of its partner; NONE: none. */
  whole: number;
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
}

export interface Step {
  name: string;
  state: State;
}

const noStream = (): Stream => ({ to: 0, copy: "all", dirty: 0, packet: undefined });
const noSession = (): Session => ({ port: NONE, live: false, seen: 0 });

function partnerOf(self: number, epoch: number): number {
  const { primary, backup } = MAPS[epoch]!;
  return self === primary ? backup : self === backup ? primary : NONE;
}

const serves = (self: number, ld: Ld): boolean => partnerOf(self, ld.epoch) !== NONE;

/** All hold the first map, and A and B have told each other all there is: nothing. */
export function initial(): State {
  return {
    lds: LDS.map((self) => ({
      up: true,
      online: true,
      life: 1,
      epoch: 0,
      gives: MAPS[0].gives[self]!,
      settled: true,
      sessions: CLIENTS.map(noSession),
      stream: partnerOf(self, 0) === NONE ? noStream() : { to: 1, copy: "none", dirty: 0, packet: undefined },
      whole: partnerOf(self, 0) === NONE ? NONE : 0,
    })),
    switches: [0, 0],
    connections: CLIENTS.map(() => NONE),
    told: 0,
    dropped: false,
    crashes: 0,
    silences: 0,
    clock: 0,
  };
}

/** Packets on their way are replaced, never changed. */
function clone(state: State): State {
  return {
    ...state,
    lds: state.lds.map((ld) => ({
      ...ld,
      sessions: ld.sessions.map((session) => ({ ...session })),
      stream: { ...ld.stream },
    })),
    switches: [...state.switches],
    connections: [...state.connections],
  };
}

/** A copy of the state that `change` has been made to; what can be sent then is. */
function after(state: State, name: string, change: (next: State) => void): Step {
  const next = clone(state);
  change(next);
  for (const self of LDS) {
    fill(next, self);
  }
  return { name, state: next };
}

/** Puts on its way what is to be told. The LD that leaves a bucket to us leaves its sessions, too: they are ours by the copy. */
function fill(state: State, self: number): void {
  const ld = state.lds[self]!;
  const { stream } = ld;
  const isIdle = stream.packet === undefined && (stream.copy !== "none" || stream.dirty !== 0);
  if (!ld.up || !serves(self, ld) || stream.to === 0 || !isIdle) {
    return;
  }
  const isTold = (client: number) => stream.copy === "all" || ((stream.dirty >> client) & 1) === 1;
  if (stream.copy === "all" && MAPS[ld.epoch]!.primary === self) {
    for (const session of ld.sessions) {
      session.live ||= session.port !== NONE;
    }
  }
  stream.packet = {
    since: ld.epoch,
    sessions: ld.sessions.map(({ port, seen }, client) => (isTold(client) ? { port, seen } : undefined)),
    finish: stream.copy !== "none",
    taken: false,
  };
  stream.copy = "none";
  stream.dirty = 0;
}

/** As in handover.ts. @returns false when it is refused */
function install(ld: Ld, client: number, told: Omit<Session, "live">): boolean {
  const own = ld.sessions[client]!;
  const givesWay = (session: Session) => !session.live || !ld.online || session.seen < told.seen;
  if (own.seen >= told.seen) {
    return true;
  }
  const rivals = ld.sessions.filter(
    (other, i) => i !== client && other.port === told.port && told.port !== NONE,
  );
  if (![own, ...rivals].every(givesWay)) {
    return false;
  }
  for (const rival of rivals) {
    Object.assign(rival, { port: NONE, live: false });
  }
  Object.assign(own, { ...told, live: false });
  return true;
}

function arrive(next: State, from: number, to: number, packet: Packet): void {
  const [sender, receiver] = [next.lds[from]!, next.lds[to]!];
  if (packet.taken) {
    return;
  }
  const isShared = partnerOf(to, receiver.epoch) === from;
  let isShort = false;
  for (const [client, told] of packet.sessions.entries()) {
    if (told !== undefined) {
      isShort = !(isShared && install(receiver, client, told)) || isShort;
    }
  }
  if (packet.finish && isShort) {
    sender.stream = { ...noStream(), to: receiver.life };
  } else if (packet.finish) {
    receiver.whole = packet.since;
  }
}

function acknowledge(next: State, from: number): void {
  const { sessions, stream } = next.lds[from]!;
  stream.packet = undefined;
  for (const client of CLIENTS) {
    const { port } = sessions[client]!;
    if (port !== NONE && port === next.connections[client] && !((stream.dirty >> client) & 1)) {
      next.told |= stream.copy === "all" ? 0 : 1 << client;
    }
  }
}

function telling(state: State): Step[] {
  return LDS.flatMap((self): Step[] => {
    const ld = state.lds[self]!;
    const to = partnerOf(self, ld.epoch);
    const peer = state.lds[to];
    if (!ld.up || peer?.up !== true) {
      return [];
    }
    const { stream } = ld;
    if (stream.to !== peer.life) {
      return peer.epoch !== ld.epoch
        ? []
        : [
            after(state, `LD ${self} begins a stream to LD ${to}`, (next) => {
              const isNew = next.lds[to]!.stream.to === 0;
              next.lds[self]!.stream = { ...noStream(), to: peer.life };
              next.lds[to]!.whole = NONE;
              if (isNew) next.lds[self]!.whole = NONE; // its own stream has begun: that is how we know
            }),
          ];
    }
    const { packet } = stream;
    if (packet === undefined || peer.epoch < packet.since || peer.epoch > ld.epoch) {
      return [];
    }
    const name = `LD ${to} gets ${packet.finish ? "the copy" : "what has changed"} of LD ${self}`;
    const arrives = after(state, name, (next) => {
      const before = next.lds[self]!.stream;
      arrive(next, self, to, packet);
      if (next.lds[self]!.stream === before) {
        acknowledge(next, self);
      }
    });
    if (packet.taken) {
      return [arrives];
    }
    const unheard = after(state, `${name}, and is not heard`, (next) => {
      arrive(next, self, to, packet);
      if (next.lds[self]!.stream.packet === packet) {
        next.lds[self]!.stream.packet = { ...packet, taken: true };
      }
    });
    return [arrives, unheard];
  });
}

function goingOnline(state: State): Step[] {
  return LDS.flatMap((self) => {
    const ld = state.lds[self]!;
    const peer = state.lds[partnerOf(self, ld.epoch)];
    const isReady = peer === undefined || !peer.up || ld.whole === ld.epoch;
    return !ld.up || ld.online || !isReady
      ? []
      : [
          after(state, `LD ${self} goes online`, (next) => {
            next.lds[self]!.online = true;
          }),
        ];
  });
}

/** Records arrive within a millisecond, where they are not lost; a controller takes longer from one LD to the next. */
function arriveInTime(state: State, self: number): void {
  const ld = state.lds[self]!;
  const to = partnerOf(self, ld.epoch);
  const peer = state.lds[to];
  const isHeard = ld.up && peer?.up === true && ld.stream.to === peer.life && peer.epoch === ld.epoch;
  for (let { packet } = ld.stream; isHeard && packet !== undefined; { packet } = ld.stream) {
    arrive(state, self, to, packet);
    if (ld.stream.packet === packet) {
      acknowledge(state, self);
    }
    fill(state, self);
  }
}

/** The LD takes a map: sender_follow(), released_follow(). */
function configure(state: State, self: number, epoch: number, gives: number): void {
  const ld = state.lds[self]!;
  if (ld.epoch !== epoch) {
    arriveInTime(state, self);
    const isSame = partnerOf(self, ld.epoch) === partnerOf(self, epoch);
    const isSteady = ld.stream.to !== 0 && ld.stream.copy === "none";
    if (isSame && isSteady) {
      ld.stream.copy = "finish";
    } else {
      ld.stream = noStream();
    }
    ld.settled = false;
  }
  ld.epoch = epoch;
  ld.gives = gives;
}

/** Nobody misses a session: the LDs hold the newest map, are online, and have the copies. */
function isWhole(state: State, newest: number): boolean {
  return state.lds.every(
    (ld, self) =>
      ld.online &&
      ld.epoch === newest &&
      ld.gives === MAPS[newest]!.gives[self] &&
      (!serves(self, ld) || ld.whole === newest),
  );
}

function controlling(state: State, flaw: Flaw | undefined): Step[] {
  const { lds, switches } = state;
  if (!lds.every(({ up }) => up)) {
    return [];
  }
  const newest = Math.max(...lds.map(({ epoch }) => epoch));
  const steps: Step[] = [];
  const tell = (epoch: number) => {
    const { gives, name } = MAPS[epoch]!;
    const givesUp = lds.map((ld, self) => (ld.gives & ~gives[self]!) !== 0);
    for (const self of LDS) {
      const ld = lds[self]!;
      const final = gives[self]!;
      if (givesUp[self]) {
        steps.push(
          after(state, `LD ${self} gives up ports for ${name}`, (next) =>
            configure(next, self, epoch, ld.gives & final),
          ),
        );
      }
      const mayTake = !givesUp.includes(true) || flaw === "ports are taken before they are given up";
      if (mayTake && (ld.epoch !== epoch || ld.gives !== final)) {
        steps.push(
          after(state, `LD ${self} takes the map ${name}`, (next) => configure(next, self, epoch, final)),
        );
      }
    }
  };
  tell(newest);
  if (steps.length > 0) {
    return steps;
  }
  const whole = isWhole(state, newest);
  const [oldest, known] = switches;
  if (known !== newest && whole) {
    return [
      after(state, "a switch learns the map", (next) => {
        next.switches[1] = newest;
      }),
    ];
  }
  if (known === newest && oldest !== newest) {
    return [
      after(state, "all switches have learnt the map", (next) => {
        next.switches[0] = newest;
      }),
    ];
  }
  if (oldest === newest && lds.some(({ settled }) => !settled)) {
    return [
      after(state, "the LDs settle", (next) => {
        for (const ld of next.lds) ld.settled = true;
      }),
    ];
  }
  const mayGoOn = (whole && oldest === newest) || flaw === "the next map before the copies";
  if (newest < LAST && mayGoOn) {
    tell(newest + 1);
  }
  return steps;
}

function forgetting(state: State): Step[] {
  return LDS.flatMap((self) => {
    const ld = state.lds[self]!;
    return !ld.up || serves(self, ld) || !ld.settled || ld.sessions.every(({ port }) => port === NONE)
      ? []
      : [
          after(state, `LD ${self} forgets the bucket`, (next) => {
            next.lds[self]!.sessions = CLIENTS.map(noSession);
          }),
        ];
  });
}

/** The LD that a packet ends at: where it came to, or the one that it is passed on to. */
function knowing(state: State, self: number, client: number): number | undefined {
  const knows = (at: number) =>
    state.lds[at]?.up === true && state.lds[at]!.sessions[client]!.port === state.connections[client];
  const { epoch } = state.lds[self]!;
  const other = partnerOf(self, epoch);
  return [self, other === NONE ? MAPS[epoch]!.primary : other].find(knows);
}

function clientsAt(state: State, self: number): Step[] {
  const ld = state.lds[self]!;
  const steps: Step[] = [];
  const change = (at: number, client: number, name: string, session: Session, connection: number) =>
    steps.push(
      after(state, name, (next) => {
        next.clock++;
        next.lds[at]!.sessions[client] = { ...session, seen: next.clock };
        next.lds[at]!.stream.dirty |= serves(at, next.lds[at]!) ? 1 << client : 0;
        next.connections[client] = connection;
        next.told &= connection === NONE ? ~(1 << client) : next.told;
      }),
    );
  for (const client of CLIENTS) {
    const port = state.connections[client]!;
    if (port === NONE) {
      const taken = new Set(ld.sessions.map((session) => session.port));
      const free = [0, 1].find((item) => ((ld.gives >> item) & 1) === 1 && !taken.has(item));
      if (ld.online && serves(self, ld) && free !== undefined && ld.sessions[client]!.port === NONE) {
        const name = `LD ${self} opens a session for client ${client} with port ${free}`;
        change(self, client, name, { port: free, live: true, seen: 0 }, free);
      }
      continue;
    }
    const at = knowing(state, self, client);
    if (at === undefined) {
      steps.push(
        after(state, `a packet of client ${client} is lost at LD ${self}`, (next) => {
          next.dropped = true;
        }),
      );
      continue;
    }
    const session = state.lds[at]!.sessions[client]!;
    if (!session.live) {
      change(at, client, `LD ${at} gets a packet of client ${client}`, { ...session, live: true }, port);
    } else {
      change(at, client, `client ${client} closes at LD ${at}`, noSession(), NONE);
    }
  }
  return steps;
}

function clients(state: State, bounds: Bounds): Step[] {
  const [oldest, newest] = state.switches;
  const isAlive = (self: number) => state.lds[self]!.up && state.lds[self]!.online;
  const reached = new Set(
    MAPS.slice(oldest, newest + 1).flatMap(({ primary, backup }): number[] =>
      bounds.exact === true && isAlive(primary) ? [primary] : [primary, backup],
    ),
  );
  const over = LDS.flatMap((self) =>
    CLIENTS.flatMap((client) => {
      const { port } = state.lds[self]!.sessions[client]!;
      return !state.lds[self]!.up || port === NONE || port === state.connections[client]
        ? []
        : [
            after(state, `LD ${self} forgets a session of client ${client}`, (next) => {
              Object.assign(next.lds[self]!.sessions[client]!, { port: NONE, live: false });
            }),
          ];
    }),
  );
  const packets =
    state.clock < bounds.packets
      ? [...reached].flatMap((self) => (state.lds[self]!.up ? clientsAt(state, self) : []))
      : [];
  return [...over, ...packets];
}

function failing(state: State, bounds: Bounds): Step[] {
  const begin = (ld: Ld) =>
    Object.assign(ld, { life: ld.life + 1, online: false, whole: NONE, stream: noStream() });
  return LDS.flatMap((self): Step[] => {
    const ld = state.lds[self]!;
    if (!ld.up) {
      return [
        after(state, `LD ${self} starts`, (next) => {
          begin(Object.assign(next.lds[self]!, { up: true, sessions: CLIENTS.map(noSession) }));
        }),
      ];
    }
    const steps: Step[] = [];
    const isCopied = isWhole(state, ld.epoch) || bounds.whileCopying === true;
    if (state.crashes < bounds.crashes && isCopied) {
      steps.push(
        after(state, `LD ${self} crashes`, (next) => {
          next.crashes++;
          Object.assign(next.lds[self]!, { up: false, online: false, sessions: CLIENTS.map(noSession) });
        }),
      );
    }
    if (state.silences < bounds.silences) {
      steps.push(
        after(state, `LD ${self} finds that it was silent`, (next) => {
          next.silences++;
          begin(next.lds[self]!);
        }),
      );
    }
    return steps;
  });
}

/** What comes by itself, without clients and faults. */
export function protocol(state: State, flaw?: Flaw): Step[] {
  return [...telling(state), ...goingOnline(state), ...controlling(state, flaw), ...forgetting(state)];
}

export function steps(state: State, bounds: Bounds, flaw?: Flaw): Step[] {
  return [...protocol(state, flaw), ...clients(state, bounds), ...failing(state, bounds)];
}

/** The bucket has moved, and nothing is left to do. */
export function hasMoved({ lds, switches }: State): boolean {
  return switches[0] === LAST && lds.every(({ settled, epoch }) => settled && epoch === LAST);
}

/** Two LDs may give out the same port. */
export function twoAllocators({ lds }: State): string | undefined {
  for (const a of LDS) {
    const b = LDS.find((other) => other > a && (lds[a]!.gives & lds[other]!.gives) !== 0);
    if (b !== undefined) {
      return `LD ${a} and LD ${b} give out the same port`;
    }
  }
  return undefined;
}

/** LDs have different connections on one port: answers of the real server would go to the wrong client. */
export function sharedPort({ lds, connections }: State): string | undefined {
  const knowing = CLIENTS.map((client) =>
    LDS.filter(
      (self) => connections[client] !== NONE && lds[self]!.sessions[client]!.port === connections[client],
    ),
  );
  return connections[0] === connections[1] && knowing.every((at) => at.length > 0)
    ? `port ${connections[0]} is client 0's at LD ${knowing[0]!.join()} and client 1's at LD ${knowing[1]!.join()}`
    : undefined;
}

/** A connection that was told to the other LD is known to none any more. */
export function lostConnection(state: State): string | undefined {
  const lost = CLIENTS.find(
    (client) =>
      ((state.told >> client) & 1) === 1 &&
      !state.lds.some((ld) => ld.up && ld.sessions[client]!.port === state.connections[client]),
  );
  return lost === undefined ? undefined : `no LD knows the connection of client ${lost} any more`;
}

/** The same for states that differ in nothing that matters; clients may change places. */
export function keyOf(state: State): string {
  const text = (order: readonly number[]) => {
    const bits = (mask: number) => order.map((client) => (mask >> client) & 1).join("");
    const session = ({ port, seen, live }: Session) => `${port},${seen},${live ? 1 : 0}`;
    const told = (item: Omit<Session, "live"> | undefined) =>
      item === undefined ? "-" : `${item.port},${item.seen}`;
    const ld = ({ stream, sessions, ...rest }: Ld) => {
      const { packet } = stream;
      const sent = packet && [
        packet.since,
        packet.finish,
        packet.taken,
        ...order.map((i) => told(packet.sessions[i])),
      ];
      return [
        Object.values(rest),
        order.map((i) => session(sessions[i]!)),
        [stream.to, stream.copy, bits(stream.dirty), sent],
      ].join(";");
    };
    const { lds, connections, told: known, switches, dropped, crashes, silences, clock } = state;
    const shared = [
      switches,
      dropped,
      crashes,
      silences,
      clock,
      bits(known),
      order.map((i) => connections[i]),
    ];
    return [...lds.map(ld), shared.join(";")].join("|");
  };
  return [text([0, 1]), text([1, 0])].sort()[0]!;
}
