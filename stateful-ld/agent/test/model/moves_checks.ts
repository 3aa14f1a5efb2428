// What must hold in every state of model/moves.ts, and which states are the same.
import { CLIENTS, LAST, LDS, NONE, type State } from "./moves_state.js";

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

/** Of one key; {@link keyOf} writes it anew each time: half of the time would go into texts otherwise. */
const octets = Buffer.alloc(256);
const COPIES = { all: 0, finish: 1, none: 2 };
/** Behind every number that there is. */
const NOT_TOLD = 0xff;

/** Numbers from NONE on, an octet each. */
function put(at: number, ...numbers: number[]): number {
  for (let i = 0; i < numbers.length; i++) {
    octets[at + i] = numbers[i]! + 1;
  }
  return at + numbers.length;
}

function putShared({ lds, switches, dropped, crashes, silences, clock }: State): number {
  let at = put(0, switches[0], switches[1], dropped ? 1 : 0, crashes, silences, clock);
  for (const { up, online, life, epoch, gives, settled, lacks, whole, streams } of lds) {
    const flags = (up ? 1 : 0) | (online ? 2 : 0) | (settled ? 4 : 0) | (lacks ? 8 : 0);
    at = put(at, flags, life, epoch, gives, whole[0]!, whole[1]!, whole[2]!);
    for (const { to, copy, packet } of streams) {
      const sent = packet === undefined ? 0 : 1 | (packet.finish ? 2 : 0) | (packet.taken ? 4 : 0);
      at = put(at, to, COPIES[copy], sent, packet?.since ?? 0);
    }
  }
  return at;
}

function putClient(start: number, { lds, connections, told }: State, client: number): number {
  let at = put(start, connections[client]!, (told >> client) & 1);
  for (const { sessions, streams } of lds) {
    const { port, seen, live } = sessions[client]!;
    at = put(at, port, seen, live ? 1 : 0);
    for (const { dirty, packet } of streams) {
      const session = packet?.sessions[client];
      octets[at] = session === undefined ? NOT_TOLD : session.port + 1;
      at = put(at + 1, session?.seen ?? 0, (dirty >> client) & 1);
    }
  }
  return at;
}

/** The same for states that differ in nothing that matters; clients may change places. */
export function keyOf(state: State): string {
  const shared = putShared(state);
  const first = putClient(shared, state, 0);
  const end = putClient(first, state, 1);
  const isInOrder = octets.compare(octets, first, end, shared, first) <= 0;
  return isInOrder
    ? octets.toString("latin1", 0, end)
    : octets.toString("latin1", 0, shared) +
        octets.toString("latin1", first, end) +
        octets.toString("latin1", shared, first);
}
