// Requests and answers of the API: JSON bodies, problems, who is asking.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { duplicateKey } from "./duplicate_keys.js";

/** The longest that a request may wait for parts. */
export const MAX_WAIT_MS = 600_000;

/** A document of a million EIPs is about this large. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;

/** An answer other than success (RFC 9457). */
export class HttpProblem extends Error {
  override name = "HttpProblem";
  readonly status: number;
  /** Each problem with its remedy; `message` is their summary. */
  readonly problems: readonly string[];
  /** With 412: where the desired state is. */
  readonly revision: number | undefined;

  constructor(status: number, message: string, problems: readonly string[] = [], revision?: number) {
    super(message);
    this.status = status;
    this.problems = problems;
    this.revision = revision;
  }
}

export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Caller {
  name: string;
  role: Role;
}

/**
 * Who is asking. Over TLS: the common name of the client's certificate, and its organization as the role. A Unix socket is for
 * those whom its permissions let in: admins.
 */
export function callerOf(request: IncomingMessage): Caller {
  const socket = request.socket as Partial<TLSSocket>;
  if (typeof socket.getPeerCertificate !== "function") {
    return { name: "local", role: "admin" };
  }
  const { subject } = socket.getPeerCertificate();
  const role = ROLES.find((name) => name === subject?.O);
  if (role === undefined) {
    throw new HttpProblem(
      403,
      `the client's certificate names no role (its O is one of ${ROLES.join(", ")})`,
    );
  }
  return { name: String(subject.CN), role };
}

/** What a request is for. @throws HttpProblem when it is no path */
export function targetOf({ url = "/" }: IncomingMessage): { path: string[]; query: URLSearchParams } {
  try {
    // A path may begin with two slashes; behind them is no host.
    const { pathname, searchParams } = new URL(url.startsWith("/") ? `http://controller${url}` : url);
    return { path: pathname.split("/").slice(1).map(decodeURIComponent), query: searchParams };
  } catch {
    throw new HttpProblem(400, `${url} is not a path (write it like /v1/eips/NAME, with %25 for %)`);
  }
}

/** The revision that a change was made for; undefined: it may be any (RFC 9110, section 13.1.1). @throws HttpProblem */
export function ifMatch({ headers }: IncomingMessage): number | undefined {
  const text = headers["if-match"];
  if (text === undefined || text === "*") {
    return undefined;
  }
  const [, revision] = /^"?(\d+)"?$/.exec(text) ?? [];
  if (revision === undefined) {
    throw new HttpProblem(400, `If-Match: ${text} is not a revision (write it like "7", as ETag has it)`);
  }
  return Number(revision);
}

/** A parameter that is true or false, and false when it is left out. @throws HttpProblem */
export function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "false";
  if (text !== "true" && text !== "false") {
    throw new HttpProblem(400, `${name}=${text} is neither true nor false`);
  }
  return text === "true";
}

/** @throws HttpProblem */
export function wholeNumber(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name);
  if (text === null) {
    return fallback;
  }
  if (!/^\d+$/.test(text) || Number(text) > max) {
    throw new HttpProblem(400, `${name}=${text} is not a whole number up to ${max}`);
  }
  return Number(text);
}

/** @throws HttpProblem for a body that is no JSON, or says one thing twice */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) {
        throw new HttpProblem(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof HttpProblem
      ? error
      : new HttpProblem(400, `the body did not come whole: ${(error as Error).message}`);
  }
  return parseJson(Buffer.concat(chunks).toString("utf8"));
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HttpProblem(400, `the body is no JSON: ${(error as Error).message}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    const { key, path, line, column } = twice;
    const place = `line ${line}, column ${column}`;
    throw new HttpProblem(
      400,
      `${path === "" ? "the body" : path} has the key ${JSON.stringify(key)} twice (again at ${place}; leave one of them)`,
    );
  }
  return value;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify(value, (_, item) => (typeof item === "bigint" ? Number(item) : item));
  const type = status >= 400 ? "application/problem+json" : "application/json";
  response.writeHead(status, { "content-type": type, ...headers });
  response.end(`${body}\n`);
}

export function sendProblem(response: ServerResponse, problem: HttpProblem): void {
  const { status, message, problems, revision } = problem;
  sendJson(response, status, {
    title: message,
    status,
    problems,
    ...(revision !== undefined && { revision }),
  });
}
