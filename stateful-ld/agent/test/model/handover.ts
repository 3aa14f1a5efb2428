// The hand-over of one bucket between its two LDs (docs/failover.md), as a machine with few enough states to visit all of them.
//
// The network is the set of all packets that were ever sent: any of them may arrive at any time, again and again, or never. That is
// loss, delay, reordering, repetition and partition in one. Heartbeats are not packets here: a switch may take an LD for dead or, if it is
// online, for alive, at any time, so several switches that disagree are just packets of clients that come to either LD.
//
// Kept small: two clients, one port in the share of each LD, one real server, a window of one packet, a copy of one packet.

/** What of the protocol is left out, to see that the checks notice. */
export type Flaw = "one share for both" | "online without the copies" | "streams to any incarnation";

export interface Bounds {
  crashes: number;
  /** Times that an LD finds it has been silent for too long. */
  silences: number;
  /** Packets of clients that change something: a connection opened or closed, or a switch that turns to the other LD. */
  packets: number;
}

const LDS = [0, 1] as const;
const CLIENTS = [0, 1] as const;
const NONE = -1;

interface Session {
  /** The local port; NONE: there is none, or no more. */
  port: number;
  /** A packet of it has come to this LD itself; else it is on standby. */
  live: boolean;
  /** When its last packet came, to whichever LD. */
  seen: number;
}

/** A session as it is told. */
type Told = Omit<Session, "live">;

interface Ld {
  up: boolean;
  online: boolean;
  incarnation: number;
  /** Of the other LD, the newest heard of. */
  known: number;
  /** Its own stream: number, whom it is for, the last packet, the last acknowledged one. */
  stream: number;
  to: number;
  phase: "hello" | "copy" | "steady";
  sequence: number;
  acknowledged: number;
  /** Clients whose sessions have changed since they were told. */
  dirty: number;
  /** The stream that it takes in. */
  received: { stream: number; sequence: number };
  /** The other LD's copy has come, in this incarnation. */
  synced: boolean;
  /** By client. */
  sessions: Session[];
}

export interface State {
  lds: Ld[];
  packets: Packet[];
  /** By client: the local port of its connection, as its ends know it. */
  connections: number[];
  /** Clients whose connection the other LD has acknowledged. */
  told: number;
  crashes: number;
  silences: number;
  /** Packets of clients so far. */
  clock: number;
}

type Packet =
  | {
      kind: "data";
      from: number;
      incarnation: number;
      to: number;
      stream: number;
      sequence: number;
      /** By client; undefined: not told. */
      sessions: (Told | undefined)[];
      finish: boolean;
    }
  | {
      kind: "ack";
      from: number;
      incarnation: number;
      stream: number;
      sequence: number;
      again: boolean;
    };

export interface Step {
  name: string;
  state: State;
}

const fresh = (incarnation: number): Ld => ({
  up: true,
  online: false,
  incarnation,
  known: 0,
  stream: 0,
  to: 0,
  phase: "hello",
  sequence: 0,
  acknowledged: 0,
  dirty: 0,
  received: { stream: 0, sequence: 0 },
  synced: false,
  sessions: CLIENTS.map(() => ({ port: NONE, live: false, seen: 0 })),
});

/** Both are online and know no session. What they have told each other at first is still on its way, a second time. */
export function initial(): State {
  const state: State = {
    lds: LDS.map(() => ({
      ...fresh(1),
      online: true,
      known: 1,
      stream: 1,
      to: 1,
      synced: true,
      received: { stream: 1, sequence: 2 },
    })),
    packets: [],
    connections: CLIENTS.map(() => NONE),
    told: 0,
    crashes: 0,
    silences: 0,
    clock: 0,
  };
  for (const self of LDS) {
    sendData(state, self, () => false, false);
    sendData(state, self, () => true, true);
    Object.assign(state.lds[self]!, { phase: "steady", acknowledged: 2 });
  }
  return state;
}

/** Packets are never changed, so states share them. */
function clone(state: State): State {
  return {
    ...state,
    lds: state.lds.map((ld) => ({
      ...ld,
      received: { ...ld.received },
      sessions: ld.sessions.map((session) => ({ ...session })),
    })),
    packets: [...state.packets],
    connections: [...state.connections],
  };
}

const texts = new WeakMap<Packet, string>();

function textOf(packet: Packet): string {
  let text = texts.get(packet);
  if (text === undefined) {
    text = JSON.stringify(packet);
    texts.set(packet, text);
  }
  return text;
}

function send(state: State, packet: Packet): void {
  const text = textOf(packet);
  if (!state.packets.some((other) => textOf(other) === text)) {
    state.packets.push(packet);
  }
}

/** The next packet of an LD's stream. */
function sendData(state: State, self: number, chosen: (client: number) => boolean, finish: boolean): void {
  const ld = state.lds[self]!;
  ld.sequence++;
  send(state, {
    kind: "data",
    from: self,
    incarnation: ld.incarnation,
    to: ld.to,
    stream: ld.stream,
    sequence: ld.sequence,
    sessions: ld.sessions.map(({ port, seen }, client) => (chosen(client) ? { port, seen } : undefined)),
    finish,
  });
}

/** A new stream to the other LD, as far as it is known. Numbers rise over crashes: they are times. */
function begin(state: State, self: number): void {
  const ld = state.lds[self]!;
  ld.stream++;
  ld.to = ld.known;
  ld.phase = "hello";
  ld.sequence = 0;
  ld.acknowledged = 0;
  ld.dirty = 0;
  sendData(state, self, () => false, false);
}

/** What an LD may do by itself: send. */
function sending(state: State, self: number): Step[] {
  const ld = state.lds[self]!;
  if (!ld.up) {
    return [];
  }
  const next = clone(state);
  const mine = next.lds[self]!;
  if (ld.to !== ld.known) {
    begin(next, self);
    return [{ name: `LD ${self} begins a stream`, state: next }];
  }
  if (ld.acknowledged !== ld.sequence) {
    return []; // what is on its way may arrive at any time, as if it were sent again
  }
  if (ld.phase === "copy") {
    sendData(next, self, () => true, true);
    mine.phase = "steady";
    mine.dirty = 0;
    return [{ name: `LD ${self} sends its copy`, state: next }];
  }
  if (ld.phase === "steady" && ld.dirty !== 0) {
    sendData(next, self, (client) => ((ld.dirty >> client) & 1) === 1, false);
    mine.dirty = 0;
    return [{ name: `LD ${self} tells what has changed`, state: next }];
  }
  return [];
}

/** What a record does to the sessions: install.c. Whose last packet is the newer one stays, where it matters. */
function install(ld: Ld, client: number, told: Told): void {
  const own = ld.sessions[client]!;
  const givesWay = (session: Session) => !session.live || !ld.online || session.seen < told.seen;
  const rivals = ld.sessions.filter(
    (other, i) => i !== client && other.port === told.port && told.port !== NONE,
  );
  if (own.seen >= told.seen || ![own, ...rivals].every(givesWay)) {
    return;
  }
  for (const rival of rivals) {
    Object.assign(rival, { port: NONE, live: false });
  }
  Object.assign(own, { ...told, live: false });
}

function takeData(state: State, packet: Packet & { kind: "data" }, flaw: Flaw | undefined): void {
  const self = 1 - packet.from;
  const ld = state.lds[self]!;
  const { received } = ld;
  const answer = (again: boolean) =>
    send(state, {
      kind: "ack",
      from: self,
      incarnation: ld.incarnation,
      stream: packet.stream,
      sequence: received.sequence,
      again,
    });
  if (packet.stream < received.stream) {
    return;
  }
  if (packet.stream > received.stream && packet.sequence === 1) {
    received.stream = packet.stream;
    received.sequence = 0;
  }
  const forUs =
    packet.sequence === 1 || packet.to === ld.incarnation || flaw === "streams to any incarnation";
  if (packet.stream !== received.stream || !forUs) {
    answer(true);
    return;
  }
  if (packet.sequence === received.sequence + 1) {
    for (const [client, told] of packet.sessions.entries()) {
      if (told !== undefined) {
        install(ld, client, told);
      }
    }
    ld.synced ||= packet.finish;
    received.sequence = packet.sequence;
  }
  answer(false);
}

function takeAck(state: State, packet: Packet & { kind: "ack" }): void {
  const self = 1 - packet.from;
  const ld = state.lds[self]!;
  if (packet.stream !== ld.stream) {
    return;
  }
  if (packet.again) {
    begin(state, self);
    return;
  }
  if (packet.sequence <= ld.acknowledged || packet.sequence > ld.sequence) {
    return;
  }
  ld.acknowledged = packet.sequence;
  if (ld.phase === "hello" && ld.to !== 0) {
    ld.phase = "copy";
  }
  if (ld.phase === "steady" && ld.acknowledged === ld.sequence) {
    for (const client of CLIENTS) {
      const { port } = ld.sessions[client]!;
      if (port !== NONE && port === state.connections[client] && !((ld.dirty >> client) & 1)) {
        state.told |= 1 << client;
      }
    }
  }
}

function arriving(state: State, flaw: Flaw | undefined): Step[] {
  return state.packets.flatMap((packet) => {
    const next = clone(state);
    const ld = next.lds[1 - packet.from]!;
    if (!ld.up || packet.incarnation < ld.known) {
      return [];
    }
    ld.known = packet.incarnation;
    if (packet.kind === "data") {
      takeData(next, packet, flaw);
    } else {
      takeAck(next, packet);
    }
    return [{ name: `LD ${1 - packet.from} gets ${textOf(packet)}`, state: next }];
  });
}

/** LD 0 is the primary and gives out port 0, LD 1 the backup and gives out port 1. */
function portsOf(self: number, flaw: Flaw | undefined): number[] {
  return flaw === "one share for both" ? [0, 1] : [self];
}

/** Packets of clients, which any switch may send to either LD. */
function clients(state: State, bounds: Bounds, flaw: Flaw | undefined): Step[] {
  const steps: Step[] = [];
  const more = state.clock < bounds.packets;
  for (const self of LDS) {
    const ld = state.lds[self]!;
    for (const client of ld.up ? CLIENTS : []) {
      const session = ld.sessions[client]!;
      const connection = state.connections[client]!;
      if (more && connection !== NONE && session.port === connection && !session.live) {
        const next = clone(state);
        Object.assign(next.lds[self]!.sessions[client]!, { live: true, seen: ++next.clock });
        next.lds[self]!.dirty |= 1 << client;
        steps.push({ name: `LD ${self} gets a packet of client ${client}`, state: next });
      }
      if (more && connection === NONE && session.port === NONE && ld.online) {
        const taken = new Set(ld.sessions.map(({ port }) => port));
        const port = portsOf(self, flaw).find((free) => !taken.has(free));
        if (port !== undefined) {
          const next = clone(state);
          next.connections[client] = port;
          next.lds[self]!.sessions[client] = { port, live: true, seen: ++next.clock };
          next.lds[self]!.dirty |= 1 << client;
          steps.push({
            name: `LD ${self} opens a session for client ${client} with port ${port}`,
            state: next,
          });
        }
      }
      // The connection ends, and each LD forgets it in its own time.
      if (more && connection !== NONE && session.port === connection && session.live) {
        const next = clone(state);
        next.connections[client] = NONE;
        next.told &= ~(1 << client);
        next.lds[self]!.sessions[client] = { port: NONE, live: false, seen: ++next.clock };
        next.lds[self]!.dirty |= 1 << client;
        steps.push({ name: `client ${client} closes at LD ${self}`, state: next });
      }
      if (session.port !== NONE && connection !== session.port) {
        const next = clone(state);
        Object.assign(next.lds[self]!.sessions[client]!, { port: NONE, live: false });
        steps.push({ name: `LD ${self} forgets a session of client ${client}`, state: next });
      }
    }
  }
  return steps;
}

function goingOnline(state: State, flaw: Flaw | undefined): Step[] {
  return LDS.flatMap((self) => {
    const ld = state.lds[self]!;
    const gone = !state.lds[1 - self]!.up; // it says nothing for 500 ms
    if (!ld.up || ld.online || !(ld.synced || gone || flaw === "online without the copies")) {
      return [];
    }
    const next = clone(state);
    next.lds[self]!.online = true;
    return [{ name: `LD ${self} goes online${ld.synced ? "" : " alone"}`, state: next }];
  });
}

function failing(state: State, bounds: Bounds): Step[] {
  return LDS.flatMap((self): Step[] => {
    const ld = state.lds[self]!;
    const next = clone(state);
    if (!ld.up) {
      next.lds[self] = { ...fresh(ld.incarnation + 1), stream: ld.stream };
      begin(next, self);
      return [{ name: `LD ${self} starts`, state: next }];
    }
    const steps: Step[] = [];
    if (state.crashes < bounds.crashes) {
      next.crashes++;
      next.lds[self] = { ...fresh(ld.incarnation), up: false, stream: ld.stream };
      steps.push({ name: `LD ${self} crashes`, state: next });
    }
    if (state.silences < bounds.silences) {
      const silent = clone(state);
      const mine = silent.lds[self]!;
      silent.silences++;
      mine.incarnation++;
      mine.online = false;
      mine.synced = false;
      begin(silent, self);
      steps.push({ name: `LD ${self} finds that it was silent`, state: silent });
    }
    return steps;
  });
}

/** What the LDs do without any fault or client: where none of it changes anything, they have settled. */
export function protocol(state: State, flaw?: Flaw): Step[] {
  return [
    ...LDS.flatMap((self) => sending(state, self)),
    ...arriving(state, flaw),
    ...goingOnline(state, flaw),
  ];
}

/** Whether a packet can still change anything, whatever happens. While its receiver may crash, it may forget what it has heard. */
function matters(state: State, packet: Packet, bounds: Bounds): boolean {
  const ld = state.lds[1 - packet.from]!;
  if (!ld.up || packet.incarnation > ld.known) {
    return true;
  }
  if (packet.kind === "ack") {
    // Numbers of streams rise, also over crashes.
    return packet.stream === ld.stream && (packet.again || packet.sequence > ld.acknowledged);
  }
  const { stream, sequence } = ld.received;
  return (
    state.crashes < bounds.crashes ||
    packet.stream > stream ||
    (packet.stream === stream && (packet.sequence > sequence || !isAnswered(state, packet)))
  );
}

/** The acknowledgement of a packet is on its way, or has arrived. */
function isAnswered(state: State, packet: Packet & { kind: "data" }): boolean {
  const sender = state.lds[packet.from]!;
  return (
    packet.stream !== sender.stream ||
    packet.sequence <= sender.acknowledged ||
    state.packets.some(
      (other) => other.kind === "ack" && other.stream === packet.stream && other.sequence >= packet.sequence,
    )
  );
}

export function steps(state: State, bounds: Bounds, flaw?: Flaw): Step[] {
  const all = [...protocol(state, flaw), ...clients(state, bounds, flaw), ...failing(state, bounds)];
  for (const { state: next } of all) {
    next.packets = next.packets.filter((packet) => matters(next, packet, bounds));
  }
  return all;
}

/** Two LDs have different connections on one port: answers of the real server would go to the wrong client. */
export function sharedPort(state: State): string | undefined {
  const users = LDS.flatMap((self) =>
    state.lds[self]!.sessions.flatMap(({ port }, client) =>
      port !== NONE && port === state.connections[client] ? [{ self, client, port }] : [],
    ),
  );
  for (const a of users) {
    const b = users.find((other) => other.port === a.port && other.client !== a.client);
    if (b !== undefined) {
      return `port ${a.port} is client ${a.client}'s at LD ${a.self} and client ${b.client}'s at LD ${b.self}`;
    }
  }
  return undefined;
}

/** A connection that was told to the other LD is known to none any more. */
export function lostConnection(state: State): string | undefined {
  for (const client of CLIENTS) {
    const known = state.lds.some((ld) => ld.up && ld.sessions[client]!.port === state.connections[client]);
    if (((state.told >> client) & 1) === 1 && state.connections[client] !== NONE && !known) {
      return `no LD knows the connection of client ${client} any more`;
    }
  }
  return undefined;
}

/** Both LDs are up and have settled, but one does not know a connection of the other's. */
export function notConverged(state: State): string | undefined {
  if (!state.lds.every(({ up }) => up)) {
    return undefined;
  }
  for (const client of CLIENTS) {
    const connection = state.connections[client]!;
    const knows = state.lds.map((ld) => ld.sessions[client]!.port === connection);
    if (connection !== NONE && knows[0] !== knows[1]) {
      return `LD ${knows[0] ? 1 : 0} does not know the connection of client ${client}`;
    }
  }
  return undefined;
}

/** The same for states that differ in nothing that matters. */
export function keyOf({ lds, packets, ...rest }: State): string {
  return JSON.stringify([lds, rest, packets.map(textOf).sort()]);
}
