// A bucket that moves from LD A (0), with its backup B (1), to LD C (2), in the three maps of docs/failover.md, as a machine with few
// enough states to visit all of them: the controller that tells LDs and switches, the LDs' copies, clients, and a fault at any moment.
//
// What a stream does with its packets is in handover.ts. Here it has one packet on its way, which arrives at any time, or later, or never
// (loss, delay, partition); its acknowledgement may be lost, and then the packet comes again. The controller remembers nothing: each of its
// steps is found by a look at what LDs and switches hold, so that it may die between any two. A switch may send a client's packet to either
// LD of any map that one of the switches holds.
import {
  type Bounds,
  CLIENTS,
  clone,
  hasAll,
  LAST,
  LDS,
  type Ld,
  MAPS,
  NONE,
  noSession,
  noStream,
  type Packet,
  partnerOf,
  peersOf,
  type Session,
  type State,
  type Step,
  serves,
} from "./moves_state.js";

/** A copy of the state that `change` has been made to; what can be sent then is. */
function after(state: State, name: string, change: (next: State) => void): Step {
  const next = clone(state);
  change(next);
  for (const self of LDS) {
    fill(next, self);
    next.lds[self]!.lacks &&= !hasAll(next, self, (peer) => !peer.up);
  }
  return { name, state: next, isOwn: false };
}

/** Puts on its way what is to be told. */
function fill(state: State, self: number): void {
  const ld = state.lds[self]!;
  for (const peer of ld.up ? peersOf(state, self) : []) {
    const stream = ld.streams[peer]!;
    if (stream.to !== 0 && stream.packet === undefined && (stream.copy !== "none" || stream.dirty !== 0)) {
      fillOne(state, self, peer);
    }
  }
}

/** The LD that leaves a bucket to us leaves its sessions, too: they are ours by the copy. */
function fillOne(state: State, self: number, peer: number): void {
  const ld = state.lds[self]!;
  const stream = ld.streams[peer]!;
  const isTold = (client: number) => stream.copy === "all" || ((stream.dirty >> client) & 1) === 1;
  if (stream.copy === "all" && MAPS[ld.epoch]!.primary === self && peer === partnerOf(self, ld.epoch)) {
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

/** All that an LD tells of a client's session from now on. */
function mark(state: State, self: number, client: number, but = NONE): void {
  for (const peer of peersOf(state, self)) {
    state.lds[self]!.streams[peer]!.dirty |= peer === but ? 0 : 1 << client;
  }
}

type Installed = "installed" | "known" | "refused";

/** As in handover.ts. */
function install(ld: Ld, client: number, told: Omit<Session, "live">): Installed {
  const own = ld.sessions[client]!;
  const givesWay = (session: Session) => !session.live || !ld.online || session.seen < told.seen;
  if (own.seen >= told.seen) {
    return "known";
  }
  const rivals = ld.sessions.filter(
    (other, i) => i !== client && other.port === told.port && told.port !== NONE,
  );
  if (![own, ...rivals].every(givesWay)) {
    return "refused";
  }
  for (const rival of rivals) {
    Object.assign(rival, { port: NONE, live: false });
  }
  Object.assign(own, { ...told, live: false });
  return "installed";
}

function arrive(next: State, from: number, to: number, packet: Packet): void {
  const [sender, receiver] = [next.lds[from]!, next.lds[to]!];
  if (packet.taken) {
    return;
  }
  const isShared = peersOf(next, to).includes(from);
  let isShort = false;
  for (const [client, told] of packet.sessions.entries()) {
    const done = told === undefined ? "known" : isShared ? install(receiver, client, told) : "refused";
    isShort ||= done === "refused";
    if (done === "installed") {
      mark(next, to, client, from); // who shares the bucket with us, and not with that one, hears of it from us
    }
  }
  if (packet.finish && isShort) {
    sender.streams[to] = { ...noStream(), to: receiver.life };
  } else if (packet.finish) {
    receiver.whole[from] = packet.since;
  }
}

function acknowledge(next: State, from: number, to: number): void {
  const { sessions, streams } = next.lds[from]!;
  const stream = streams[to]!;
  stream.packet = undefined;
  for (const client of CLIENTS) {
    const { port } = sessions[client]!;
    const isOther = to === partnerOf(from, next.lds[from]!.epoch); // who leaves the bucket is not counted on
    if (isOther && port !== NONE && port === next.connections[client] && !((stream.dirty >> client) & 1)) {
      next.told |= stream.copy === "all" ? 0 : 1 << client;
    }
  }
}

function telling(state: State): Step[] {
  return LDS.flatMap((self) =>
    state.lds[self]!.up ? peersOf(state, self).flatMap((to) => tellingOne(state, self, to)) : [],
  );
}

function tellingOne(state: State, self: number, to: number): Step[] {
  const ld = state.lds[self]!;
  const peer = state.lds[to]!;
  if (!peer.up) {
    return [];
  }
  const stream = ld.streams[to]!;
  if (stream.to !== peer.life) {
    return peer.epoch !== ld.epoch
      ? []
      : [
          after(state, `LD ${self} begins a stream to LD ${to}`, (next) => {
            const isNew = next.lds[to]!.streams[self]!.to === 0;
            next.lds[self]!.streams[to] = { ...noStream(), to: peer.life };
            next.lds[to]!.whole[self] = NONE;
            if (isNew) next.lds[self]!.whole[to] = NONE; // its own stream has begun: that is how we know
          }),
        ];
  }
  const { packet } = stream;
  if (packet === undefined || peer.epoch < packet.since || peer.epoch > ld.epoch) {
    return [];
  }
  const name = `LD ${to} gets ${packet.finish ? "the copy" : "what has changed"} of LD ${self}`;
  const arrives = after(state, name, (next) => {
    const before = next.lds[self]!.streams[to];
    arrive(next, self, to, packet);
    if (next.lds[self]!.streams[to] === before) {
      acknowledge(next, self, to);
    }
  });
  if (packet.taken || !packet.finish) {
    return [arrives];
  }
  const unheard = after(state, `${name}, and is not heard`, (next) => {
    arrive(next, self, to, packet);
    if (next.lds[self]!.streams[to]!.packet === packet) {
      next.lds[self]!.streams[to]!.packet = { ...packet, taken: true };
    }
  });
  return [arrives, unheard];
}

function goingOnline(state: State): Step[] {
  return LDS.flatMap((self) => {
    const ld = state.lds[self]!;
    return !ld.up || ld.online || !hasAll(state, self, (peer) => !peer.up)
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
  for (const to of ld.up ? peersOf(state, self) : []) {
    const peer = state.lds[to]!;
    const isHeard = peer.up && ld.streams[to]!.to === peer.life && peer.epoch === ld.epoch;
    for (let { packet } = ld.streams[to]!; isHeard && packet !== undefined; { packet } = ld.streams[to]!) {
      arrive(state, self, to, packet);
      if (ld.streams[to]!.packet === packet) {
        acknowledge(state, self, to);
      }
      fill(state, self);
    }
  }
}

/** Only streams to whom the bucket is shared with go on. */
function endStreams(state: State, self: number): void {
  const peers = peersOf(state, self);
  for (const other of LDS.filter((ld) => !peers.includes(ld))) {
    state.lds[self]!.streams[other] = noStream();
    state.lds[self]!.whole[other] = NONE;
  }
}

/** The LD takes a map: sender_follow(), released_follow(). */
function configure(state: State, self: number, epoch: number, gives: number): void {
  const ld = state.lds[self]!;
  if (ld.epoch !== epoch) {
    arriveInTime(state, self);
    const before = peersOf(state, self);
    ld.lacks ||= !serves(self, ld);
    ld.settled = false;
    ld.epoch = epoch;
    ld.lacks &&= serves(self, ld);
    for (const peer of peersOf(state, self)) {
      const stream = ld.streams[peer]!;
      if (before.includes(peer) && stream.to !== 0 && stream.copy === "none") {
        stream.copy = "finish";
      } else {
        ld.streams[peer] = noStream();
      }
    }
    endStreams(state, self);
  }
  ld.gives = gives;
}

/** Nobody misses a session: the LDs hold the newest map, are online, and have the copies. */
function isWhole(state: State, newest: number): boolean {
  return state.lds.every(
    (ld, self) =>
      ld.online &&
      ld.epoch === newest &&
      ld.gives === MAPS[newest]!.gives[self] &&
      hasAll(state, self, () => false),
  );
}

function controlling(state: State): Step[] {
  const { lds, switches, flaw } = state;
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
        for (const self of LDS) endStreams(next, self);
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

/** Of those that an LD may give out, one that no session has that it knows; undefined: there is none. */
function freePort(state: State, self: number, client: number): number | undefined {
  const ld = state.lds[self]!;
  const mayOpen = ld.up && ld.online && serves(self, ld) && ld.sessions[client]!.port === NONE;
  if (!mayOpen || (ld.lacks && state.flaw !== "ports are given out before the copy has come")) {
    return undefined;
  }
  const taken = new Set(ld.sessions.map(({ port }) => port));
  return [0, 1].find((item) => ((ld.gives >> item) & 1) === 1 && !taken.has(item));
}

function clientsAt(state: State, self: number): Step[] {
  const ld = state.lds[self]!;
  const steps: Step[] = [];
  const change = (at: number, client: number, name: string, session: Session, connection: number) =>
    steps.push(
      after(state, name, (next) => {
        next.clock++;
        next.lds[at]!.sessions[client] = { ...session, seen: next.clock };
        mark(next, at, client);
        next.connections[client] = connection;
        next.told &= connection === NONE ? ~(1 << client) : next.told;
      }),
    );
  for (const client of CLIENTS) {
    const port = state.connections[client]!;
    if (port === NONE) {
      // Where no port is left, and the map may be new, the LD's partner is asked.
      for (const at of [self, ...(ld.settled ? [] : [partnerOf(self, ld.epoch)])]) {
        const free = at === NONE ? undefined : freePort(state, at, client);
        if (free !== undefined) {
          const name = `LD ${at} opens a session for client ${client} with port ${free}`;
          change(at, client, name, { port: free, live: true, seen: 0 }, free);
        }
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
    Object.assign(ld, {
      life: ld.life + 1,
      online: false,
      whole: LDS.map(() => NONE),
      streams: LDS.map(noStream),
    });
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
    if (state.crashes < bounds.crashes) {
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

export function steps(state: State, bounds: Bounds): Step[] {
  const own = [...telling(state), ...goingOnline(state), ...controlling(state), ...forgetting(state)];
  for (const step of own) {
    step.isOwn = true;
  }
  return [...own, ...clients(state, bounds), ...failing(state, bounds)];
}
