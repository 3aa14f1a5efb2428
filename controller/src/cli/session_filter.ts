// Which sessions a command is about: the options that say it, and what LDs are asked.
import { type SessionFilter, SessionState } from "@sluice/proto/ld";
import { type Command, InvalidArgumentError } from "commander";
import { parseIp, parseIpPrefix, ValueError } from "../p4runtime/index.js";
import { port } from "./numbers.js";

export interface SessionFilterOptions {
  service?: string;
  client?: SessionFilter["client"];
  clientPort?: number;
  vip?: Uint8Array;
  vipPort?: number;
  rs?: string;
}

/** Makes an option's parser of one that throws ValueErrors. */
const value =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof ValueError ? new InvalidArgumentError(error.message) : error;
    }
  };

const prefix = value((text) => {
  const { address, prefixLen } = parseIpPrefix(text);
  return { address, len: prefixLen };
});

/** A state by its name, in either case. @throws InvalidArgumentError */
export function sessionState(text: string): SessionState {
  const names = Object.keys(SessionState).filter(
    (name) => SessionState[name as keyof typeof SessionState] > 0,
  );
  const name = text.toUpperCase();
  if (!names.includes(name)) {
    throw new InvalidArgumentError(`give one of ${names.join(", ")}`);
  }
  return SessionState[name as keyof typeof SessionState];
}

/** Adds the options that {@link sessionFilterOf} reads. */
export function withSessionFilter(command: Command): Command {
  return command
    .option("--service <name>", "only those of a service")
    .option("--client <prefix>", "only those of a client, or of the clients in a prefix", prefix)
    .option("--client-port <number>", "only those from this port", port)
    .option("--vip <address>", "only those to a VIP", value(parseIp))
    .option("--vip-port <number>", "only those to this port", port)
    .option("--rs <name>", "only those of a real server");
}

export function sessionFilterOf(
  { service, client, clientPort, vip, vipPort, rs }: SessionFilterOptions,
  more: { limit?: number; state?: SessionState | undefined } = {},
): SessionFilter {
  return {
    service: service ?? "",
    client,
    clientPort: clientPort ?? 0,
    vip: vip ?? new Uint8Array(),
    vipPort: vipPort ?? 0,
    rs: rs ?? "",
    limit: more.limit ?? 0,
    state: more.state ?? SessionState.SESSION_STATE_UNSPECIFIED,
  };
}
