// What must hold in every state of model/moves.ts, and which states are the same.
import { CLIENTS, LAST, LDS, type Ld, NONE, type State } from "./moves_state.js";

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
export function keyOf({ lds, ...state }: State): string {
  const ofClient = (client: number) => {
    const bit = (mask: number) => (mask >> client) & 1;
    const ofLd = ({ sessions, streams }: Ld) => {
      const { port, seen, live } = sessions[client]!;
      const told = streams.map(({ dirty, packet }) => {
        const session = packet?.sessions[client];
        return `${bit(dirty)},${session === undefined ? "-" : `${session.port},${session.seen}`}`;
      });
      return [port, seen, live ? 1 : 0, ...told].join();
    };
    return [state.connections[client], bit(state.told), ...lds.map(ofLd)].join(";");
  };
  const ofLd = ({ sessions, streams, ...rest }: Ld) => {
    const sent = streams.map(({ to, copy, packet }) =>
      packet === undefined ? [to, copy] : [to, copy, packet.since, packet.finish, packet.taken],
    );
    return [Object.values(rest).join(), ...sent.map((one) => one.join())].join(";");
  };
  const { switches, dropped, crashes, silences, clock } = state;
  const shared = [...switches, dropped, crashes, silences, clock].join();
  return [shared, ...lds.map(ofLd), ...CLIENTS.map(ofClient).sort()].join("|");
}
