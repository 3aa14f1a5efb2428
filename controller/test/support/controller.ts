// A controller with its API on a Unix socket, for tests.
import { get } from "node:http";
import { pino } from "pino";
import { ApiClient } from "../../src/api/index.js";
import { ApiServer } from "../../src/api/server.js";
import { RegionController } from "../../src/daemon/index.js";
import { LevelStore } from "../../src/store/index.js";
import { gatewayPipeline } from "./program.js";

export interface LogLine {
  event: string;
  [field: string]: unknown;
}

export class TestController {
  readonly controller: RegionController;
  readonly api: ApiServer;
  readonly client: ApiClient;
  readonly lines: LogLine[];
  readonly address: string;

  private constructor(controller: RegionController, api: ApiServer, address: string, lines: LogLine[]) {
    this.controller = controller;
    this.api = api;
    this.address = address;
    this.lines = lines;
    this.client = new ApiClient({ server: address, timeoutMs: 30_000 });
  }

  static async start(
    folder: string,
    options: { auditMs?: number; timeoutMs?: number; term?: bigint } = {},
  ): Promise<TestController> {
    const lines: LogLine[] = [];
    const log = pino(
      { level: "debug", base: null },
      { write: (line: string) => lines.push(JSON.parse(line)) },
    );
    const controller = await RegionController.start({
      store: await LevelStore.open(`${folder}/store`),
      pipeline: gatewayPipeline,
      log,
      auditMs: options.auditMs ?? 50,
      timeoutMs: options.timeoutMs ?? 10_000,
      ...(options.term !== undefined && { term: options.term }),
    });
    const api = new ApiServer({ controller, leader: undefined }, log);
    const address = await api.listen(`unix:${folder}/api.sock`);
    return new TestController(controller, api, address, lines);
  }

  /** Puts a whole document and waits until all parts have it. */
  async apply(document: unknown): Promise<number> {
    const { body } = await this.client.put<{ revision: number }>("/v1/state", document, "apply");
    await this.settled(body.revision);
    return body.revision;
  }

  async settled(revision: number): Promise<void> {
    if (!(await this.controller.reconciler.settled(revision, 150_000))) {
      throw new Error(
        `revision ${revision} is not applied: ${JSON.stringify(this.controller.reconciler.parts)}`,
      );
    }
  }

  /** What Prometheus reads. */
  metrics(): Promise<string> {
    const socketPath = this.address.replace(/^unix:/, "");
    return new Promise((resolve, reject) => {
      get({ socketPath, path: "/metrics" }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => (text += part));
        response.on("end", () => resolve(text));
      }).on("error", reject);
    });
  }

  async stop(): Promise<void> {
    await this.api.close();
    await this.controller.close();
  }
}

/** Waits for something that comes about by itself. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 150_000;
  while (!holds()) {
    if (Date.now() > deadline) {
      throw new Error(`it never came to it that ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
