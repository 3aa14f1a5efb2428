// The API from the other side: what the command line speaks.
import { readFileSync } from "node:fs";
import { type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Between two rounds over several controllers, none of which leads. */
const NEXT_ROUND_MS = 200;

/** How long a controller may be silent before the next one is asked as well. */
const HEAD_START_MS = 500;

/** The controller refused, or could not be reached (`status` 0). */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly problems: readonly string[];

  constructor(status: number, message: string, problems: readonly string[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

export interface ApiClientOptions {
  /** `unix:/path`, or `host:port` with TLS. Several, with commas in between, where several controllers share a region. */
  server: string;
  /** Directory with ca.pem, client.pem and client.key; needed for `host:port`. */
  pki?: string;
  timeoutMs?: number;
}

export interface Answer<T> {
  status: number;
  revision: number | undefined;
  body: T;
}

/** What asking one of several has come to. */
interface Outcome<T> {
  server: string;
  answer?: Answer<T>;
  error?: unknown;
}

export class ApiClient {
  readonly #options: ApiClientOptions;
  /** The one that answered last comes first. */
  #servers: readonly string[];

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#servers = options.server.split(",");
  }

  get<T>(path: string, timeoutMs?: number): Promise<Answer<T>> {
    return this.#call("GET", path, undefined, {}, timeoutMs);
  }

  /**
   * @param action - what the user asked for, for the audit trail
   * @param ifRevision - refuse when the desired state is at another revision
   */
  put<T>(path: string, body: unknown, action: string, ifRevision?: number): Promise<Answer<T>> {
    return this.#call("PUT", path, body, headersOf(action, ifRevision));
  }

  delete<T>(path: string, action: string, ifRevision?: number): Promise<Answer<T>> {
    return this.#call("DELETE", path, undefined, headersOf(action, ifRevision));
  }

  #where(server: string): RequestOptions {
    const { pki } = this.#options;
    if (server.startsWith("unix:")) {
      return { socketPath: server.slice("unix:".length) };
    }
    const at = server.lastIndexOf(":");
    const host = server.slice(0, at).replace(/^\[|\]$/g, "");
    if (pki === undefined) {
      throw new ApiError(
        0,
        `${server}: the controller wants a certificate (give the directory of yours by --pki)`,
      );
    }
    const read = (name: string) => readFileSync(join(pki, name));
    try {
      return {
        host,
        port: server.slice(at + 1),
        ...{ ca: read("ca.pem"), cert: read("client.pem"), key: read("client.key") },
      };
    } catch (error) {
      const needed = "the directory given by --pki needs ca.pem, client.pem and client.key";
      throw new ApiError(
        0,
        `${server}: the certificate cannot be read: ${(error as Error).message} (${needed})`,
      );
    }
  }

  /**
   * Asks the controllers until the one that leads has answered: the next one as soon as one has refused, or has been silent for a moment,
   * while its answer is still welcome. To send a change again that one of them may have made already does no harm: it is
   * answered as done.
   */
  async #call<T>(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    timeoutMs = this.#options.timeoutMs ?? 10_000,
  ): Promise<Answer<T>> {
    const ended = new AbortController();
    const ask = (server: string) =>
      this.#ask<T>(server, { method, path, headers, signal: ended.signal }, body, timeoutMs);
    const [only, second] = this.#servers;
    try {
      return second === undefined
        ? await ask(only!)
        : await this.#askAll(ask, performance.now() + timeoutMs, ended.signal);
    } finally {
      ended.abort();
    }
  }

  async #askAll<T>(
    ask: (server: string) => Promise<Answer<T>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Answer<T>> {
    const asked = new Map<string, Promise<Outcome<T>>>();
    let failure: unknown;
    /** @returns the answer, when one comes within this time */
    const heard = async (ms: number): Promise<Answer<T> | undefined> => {
      const pause = sleep(ms, undefined, { signal }).catch(() => undefined); // none is left behind
      const outcome = await Promise.race([...asked.values(), pause]);
      if (outcome === undefined) {
        return undefined;
      }
      const { server, answer, error } = outcome;
      asked.delete(server);
      if (answer !== undefined) {
        this.#servers = [server, ...this.#servers.filter((other) => other !== server)];
        return answer;
      }
      if (!(error instanceof ApiError && (error.status === 0 || error.status === 503))) {
        throw error;
      }
      failure = error;
      return undefined;
    };
    for (;;) {
      const isLate = performance.now() > deadline;
      if (isLate && asked.size === 0) {
        throw failure;
      }
      for (const server of isLate ? [] : this.#servers.filter((each) => !asked.has(each))) {
        asked.set(
          server,
          ask(server).then(
            (answer) => ({ server, answer }),
            (error: unknown) => ({ server, error }),
          ),
        );
        const answer = await heard(HEAD_START_MS);
        if (answer !== undefined) {
          return answer;
        }
      }
      const answer = await heard(NEXT_ROUND_MS);
      if (answer !== undefined) {
        return answer;
      }
    }
  }

  #ask<T>(
    server: string,
    { headers, ...asked }: RequestOptions & { headers: Record<string, string> },
    body: unknown,
    timeoutMs: number,
  ): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      const make = server.startsWith("unix:") ? requestHttp : requestHttps;
      const options = {
        ...this.#where(server),
        ...asked,
        headers: { "content-type": "application/json", ...headers },
      };
      const call = make(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (error) => reject(unreachable(server, error)));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const status = response.statusCode ?? 0;
          const value = parse(text);
          if (status >= 400 || value === undefined) {
            const { title, problems } = (value ?? {}) as { title?: string; problems?: string[] };
            reject(
              new ApiError(
                status,
                title ?? `the controller answered ${status}: ${text.slice(0, 200)}`,
                problems,
              ),
            );
            return;
          }
          const etag = response.headers.etag?.replaceAll('"', "");
          resolve({ status, revision: etag === undefined ? undefined : Number(etag), body: value as T });
        });
      });
      call.setTimeout(timeoutMs, () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      call.on("error", (error) => reject(unreachable(server, error)));
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function headersOf(action: string, ifRevision: number | undefined): Record<string, string> {
  // What a header cannot say is written as in a path.
  const said = action.replaceAll(/[^\x20-\x7e]/gu, encodeURIComponent);
  return { "sluice-action": said, ...(ifRevision !== undefined && { "if-match": `"${ifRevision}"` }) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(server: string, error: Error): ApiError {
  return new ApiError(
    0,
    `the controller at ${server} cannot be reached: ${error.message} (is sluice serve running?)`,
  );
}
