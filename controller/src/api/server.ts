// The API of the controller: HTTP with JSON bodies, version 1. openapi.ts describes it for programs, docs/api.md for people.
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { Logger } from "pino";
import { type Lead, type RegionController, sameValue, splitDocument, type Wish } from "../daemon/index.js";
import { EntryError, SchemaError } from "../p4runtime/index.js";
import { CapacityError, UnreachableError } from "../reconcile/index.js";
import { InvalidDocument, NAMED_SECTIONS, parseValue, SECTIONS, withoutPlaces } from "../state/index.js";
import { ConflictError, StoreError, TooLargeError } from "../store/index.js";
import {
  type Caller,
  callerOf,
  flag,
  HttpProblem,
  ifMatch,
  MAX_WAIT_MS,
  ROLES,
  type Role,
  readJson,
  sendJson,
  sendProblem,
  targetOf,
  wholeNumber,
} from "./http.js";
import { MEASUREMENTS, METRICS_LIMIT, measurement } from "./measurements.js";
import { renderMetrics } from "./metrics.js";
import { OPENAPI } from "./openapi.js";
import { hideSecrets, restoreSecrets } from "./secrets.js";

/** What an operator may change; the rest is for admins. */
const OPERATED: ReadonlySet<string> = new Set([
  "eips",
  "services",
  "clusters",
  "vpcs",
  "acl",
  "priority_ports",
]);
/** What is one thing, and has nothing of a name below it. */
const NAMELESS: ReadonlySet<string> = new Set(["openapi.json", "status", "state"]);
const MAX_HISTORY = 1_000;

export interface TlsFiles {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string[];
  query: URLSearchParams;
  caller: Caller;
}

export class ApiServer {
  readonly #lead: Lead;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #metricsLimit: number;

  /**
   * @param lead - asked at each request: whose turn it is changes
   * @param tls - clients must have a certificate of the same CA; left out: no encryption, for a Unix socket
   * @param metricsLimit - how many EIPs, and how many services, have metrics of their own
   */
  constructor(lead: Lead, log: Logger, tls?: TlsFiles, metricsLimit = METRICS_LIMIT) {
    this.#lead = lead;
    this.#metricsLimit = metricsLimit;
    this.#log = log;
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response);
    this.#server =
      tls === undefined
        ? createHttp(listener)
        : createHttps(
            { ...tls, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" },
            listener,
          );
  }

  /** @throws HttpProblem 503 when it is another one's turn */
  get #controller(): RegionController {
    const { controller, leader } = this.#lead;
    if (controller === undefined) {
      const message =
        leader === undefined
          ? "no controller leads at the moment (ask again in some seconds; when it stays so, etcd cannot be reached)"
          : `the controller at ${leader} leads (ask that one; sluice takes a list, --server A,B)`;
      throw new HttpProblem(503, message);
    }
    return controller;
  }

  /** @param address - `unix:/path` or `host:port` @returns the same, with the port that was bound */
  async listen(address: string): Promise<string> {
    const at = address.lastIndexOf(":");
    const where = address.startsWith("unix:")
      ? { path: address.slice("unix:".length) }
      : { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(where, () => resolve());
    });
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? `${address.slice(0, at)}:${bound.port}` : address;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    let caller: Caller | undefined;
    try {
      caller = callerOf(request);
      await this.#route({ request, response, ...targetOf(request), caller });
    } catch (error) {
      sendProblem(response, this.#problemOf(error));
    }
    this.#log.debug({
      event: "request",
      actor: caller?.name,
      method: request.method,
      path: request.url?.split("?", 1)[0],
      status: response.statusCode,
      ms: Math.round(performance.now() - started),
    });
  }

  #problemOf(error: unknown): HttpProblem {
    if (error instanceof HttpProblem) {
      return error;
    }
    if (error instanceof InvalidDocument) {
      const problems = error.problems.map(withoutPlaces);
      return new HttpProblem(
        422,
        `${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`,
        problems,
      );
    }
    if (
      error instanceof CapacityError ||
      error instanceof EntryError ||
      error instanceof SchemaError ||
      error instanceof TooLargeError
    ) {
      return new HttpProblem(422, error.message, [error.message]);
    }
    if (error instanceof UnreachableError) {
      return new HttpProblem(503, error.message, error.reasons);
    }
    if (error instanceof ConflictError) {
      return new HttpProblem(412, error.message, [error.message], error.revision);
    }
    if (error instanceof StoreError) {
      this.#log.error({ event: "store_failed", reason: error.message });
      return new HttpProblem(503, error.message);
    }
    this.#log.error({ event: "request_failed", reason: (error as Error).stack });
    return new HttpProblem(500, "the controller failed at this request; its log says why");
  }

  async #route(exchange: Exchange): Promise<void> {
    const { request, response, path } = exchange;
    const [version, resource = "", name] = path;
    if (version === "healthz") {
      const { controller, leader } = this.#lead;
      return sendJson(response, 200, { status: "ok", leads: controller !== undefined, leader });
    }
    if (version === "metrics") {
      const { type, text } = await renderMetrics(this.#lead, this.#metricsLimit);
      response.writeHead(200, { "content-type": type }).end(text);
      return;
    }
    if (version !== "v1" || path.length > (NAMELESS.has(resource) ? 2 : 3) || name === "") {
      throw new HttpProblem(
        404,
        `/${path.join("/")} does not exist (the API is under /v1, described in /v1/openapi.json)`,
      );
    }
    const read = request.method === "GET" || request.method === "HEAD";
    this.#allow(exchange.caller, read ? "viewer" : OPERATED.has(resource) ? "operator" : "admin");
    switch (resource) {
      case "openapi.json":
        return sendJson(response, 200, OPENAPI);
      case "status":
        return this.#status(exchange);
      case "history":
        return this.#history(exchange, name);
      case "measurements":
        return this.#measurement(exchange, name);
      case "state":
        return read ? this.#getState(exchange) : this.#putState(exchange);
      default:
        if (!SECTIONS.includes(resource)) {
          throw new HttpProblem(404, `/v1/${resource} does not exist (there are ${SECTIONS.join(", ")})`);
        }
        return read ? this.#getObjects(exchange, resource, name) : this.#change(exchange, resource, name);
    }
  }

  #allow(caller: Caller, needed: Role): void {
    if (ROLES.indexOf(caller.role) < ROLES.indexOf(needed)) {
      throw new HttpProblem(403, `${caller.name} is a ${caller.role}; this needs the role ${needed}`);
    }
  }

  // ---- Reading ---------------------------------------------------------------------------------------------------------

  async #status({ response, query }: Exchange): Promise<void> {
    const { region, reconciler } = this.#controller;
    const revision = wholeNumber(query, "revision", region.revision, Number.MAX_SAFE_INTEGER);
    const waitMs = wholeNumber(query, "wait_ms", 0, MAX_WAIT_MS);
    const settled = await reconciler.settled(revision, waitMs);
    sendJson(response, 200, {
      revision: region.revision,
      applied_revision: Math.max(0, reconciler.applied),
      written_revision: Math.max(0, reconciler.written),
      settled,
      parts: reconciler.parts,
      moves: reconciler.moves.map(({ cluster, left, waiting }) => ({
        cluster: cluster.name,
        buckets_left: left,
        sessions_copied: waiting?.copied ?? 0,
        sessions_to_copy: waiting?.toCopy ?? 0,
        waits_for: waiting?.reasons ?? [],
      })),
    });
  }

  async #history({ response, query }: Exchange, revision: string | undefined): Promise<void> {
    if (revision === undefined) {
      const before = wholeNumber(query, "before", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      const limit = wholeNumber(query, "limit", 20, MAX_HISTORY);
      return sendJson(response, 200, { commits: await this.#controller.store.history(limit, before) });
    }
    const commit = await this.#controller.store.read(Number(revision));
    if (commit === undefined) {
      throw new HttpProblem(
        404,
        `there is no revision ${revision} (the newest is ${this.#controller.region.revision})`,
      );
    }
    sendJson(response, 200, hideSecrets(commit));
  }

  async #measurement(exchange: Exchange, what = ""): Promise<void> {
    methodIs(exchange, "GET");
    if (!MEASUREMENTS.includes(what)) {
      throw new HttpProblem(
        404,
        `/v1/measurements/${what} does not exist (there are ${MEASUREMENTS.join(", ")})`,
      );
    }
    sendJson(exchange.response, 200, { items: await measurement(this.#controller, what) });
  }

  #getState({ response, caller }: Exchange): void {
    const { region } = this.#controller;
    const document = caller.role === "admin" ? region.document() : hideSecrets(region.document());
    sendJson(response, 200, { revision: region.revision, document }, etag(region.revision));
  }

  #getObjects({ response }: Exchange, section: string, name: string | undefined): void {
    const { region } = this.#controller;
    const headers = etag(region.revision);
    if (name === undefined) {
      const value = hideSecrets(region.get(section) ?? region.section(section));
      sendJson(response, 200, { revision: region.revision, items: value }, headers);
      return;
    }
    const value = region.get(`${section}/${name}`);
    if (value === undefined) {
      throw new HttpProblem(404, `${section}/${name} does not exist`);
    }
    sendJson(response, 200, hideSecrets(value), headers);
  }

  // ---- Changing --------------------------------------------------------------------------------------------------------

  async #putState(exchange: Exchange): Promise<void> {
    methodIs(exchange, "PUT");
    const document = await readJson(exchange.request);
    // Names that are used twice would be one object: they are found before the document is taken apart.
    parseValue("the document", document);
    const { region } = this.#controller;
    await this.#commit(
      exchange,
      region.wishesFor(splitDocument(document as Record<string, unknown>)),
      "apply",
    );
  }

  async #change(exchange: Exchange, section: string, name: string | undefined): Promise<void> {
    const { request } = exchange;
    const key = name === undefined ? section : `${section}/${name}`;
    const isNamed = NAMED_SECTIONS.has(section);
    if (isNamed && name === undefined) {
      throw new HttpProblem(
        405,
        `${request.method} the things of ${section} one by one, /v1/${section}/NAME, or PUT all of /v1/state`,
      );
    }
    if (!isNamed && name !== undefined) {
      throw new HttpProblem(404, `/v1/${key} does not exist (PUT /v1/${section} replaces all its items)`);
    }
    if (request.method === "DELETE") {
      return this.#commit(exchange, [{ key, value: undefined }], `delete ${key}`);
    }
    methodIs(exchange, "PUT");
    const value = await readJson(request);
    if (name !== undefined && !sameValue((value as { name?: unknown } | null)?.name, name)) {
      throw new HttpProblem(
        422,
        `the body's name is not "${name}" (the path and the body name the same thing)`,
      );
    }
    return this.#commit(exchange, [{ key, value }], `put ${key}`);
  }

  async #commit(
    { request, response, query, caller }: Exchange,
    wishes: Wish[],
    action: string,
  ): Promise<void> {
    const ifRevision = ifMatch(request);
    const asked = request.headers["sluice-action"];
    const { region } = this.#controller;
    const result = await this.#controller.change({
      wishes: wishes.map(({ key, value }) => ({ key, value: restoreSecrets(value, region.get(key)) })),
      actor: caller.name,
      action: typeof asked === "string" ? asked : action,
      dryRun: flag(query, "dry_run"),
      ...(ifRevision !== undefined && { ifRevision }),
    });
    sendJson(response, 200, hideSecrets(result), etag(result.revision));
  }
}

function etag(revision: number): Record<string, string> {
  return { etag: `"${revision}"` };
}

function methodIs({ request }: Exchange, method: string): void {
  if (request.method !== method) {
    throw new HttpProblem(
      405,
      `${request.method} is not possible here (GET, PUT and DELETE are what there is)`,
    );
  }
}
