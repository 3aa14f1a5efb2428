// A region of fake parts that a controller keeps: one switch, a cluster of two LDs, the EIPs of an example.
import { afterEach, beforeEach } from "vitest";
import { decodeEntry, describeAction } from "../../src/p4runtime/index.js";
import { plainDocument } from "../../src/state/index.js";
import { type Outcome, runOnTerminal, runSluice } from "./cli.js";
import { TestController } from "./controller.js";
import { FakeLd } from "./fake_ld.js";
import { FakeSwitch } from "./fake_switch.js";
import type { useFolder } from "./folder.js";
import { gateway, repositoryFile } from "./program.js";

export interface Document {
  networks: Record<string, unknown>[];
  eips: Record<string, unknown>[];
  clusters: { lds: Record<string, unknown>[] }[];
  [section: string]: unknown;
}

/** What an EIP is bound to on a switch. */
export function bindingOn(gw: FakeSwitch, eip: string): string | undefined {
  for (const entry of gw.entries.values()) {
    const { table, match, ...call } = decodeEntry(gateway, entry);
    if (table === "eip_in" && match.eip === eip) {
      return describeAction(call);
    }
  }
  return undefined;
}

export class TestRegion {
  readonly running: TestController[] = [];
  readonly #folder: ReturnType<typeof useFolder>;
  document!: Document;
  gw1!: FakeSwitch;
  lds!: FakeLd[];

  constructor(folder: ReturnType<typeof useFolder>) {
    this.#folder = folder;
  }

  /** A document like the example of EIPs, with its parts where those of this region are. */
  documentOf(text: string): Document {
    const document = plainDocument(text.replaceAll("/run/sluice", this.#folder.path(""))) as Document;
    for (const network of document.networks) {
      network.kind ??= "upstream";
      network.prefixes ??= ["100.64.9.0/24"];
    }
    return document;
  }

  /** Begins anew: an empty switch and empty LDs. */
  async open(): Promise<void> {
    const folder = this.#folder;
    const document = this.documentOf(repositoryFile("controller/examples/eips.yaml"));
    const [gw1, ...lds] = await Promise.all([
      FakeSwitch.listen(folder.socket("gw1.sock")),
      FakeLd.listen(folder.socket("ld1.agent.sock")),
      FakeLd.listen(folder.socket("ld2.agent.sock")),
    ]);
    Object.assign(this, { document, gw1, lds });
  }

  async close(): Promise<void> {
    await Promise.all(this.running.splice(0).map((controller) => controller.stop()));
    this.gw1.stop();
    for (const ld of this.lds) ld.stop();
  }

  /** Starts a controller; it is stopped at the end of the test. */
  async start(options: { auditMs?: number; timeoutMs?: number } = {}): Promise<TestController> {
    const controller = await TestController.start(this.#folder.path(""), options);
    this.running.push(controller);
    return controller;
  }

  async stop(controller: TestController): Promise<void> {
    this.running.splice(this.running.indexOf(controller), 1);
    await controller.stop();
  }

  get #server(): string {
    return this.#folder.socket("api.sock");
  }

  /** A command that asks the controller. */
  sluice(...argv: string[]): Promise<Outcome> {
    return runSluice(...argv, "--server", this.#server);
  }

  /** The same on a terminal, see {@link runOnTerminal}. */
  onTerminal(typed: string | undefined, ...argv: string[]): Promise<Outcome> {
    return runOnTerminal(typed, ...argv, "--server", this.#server);
  }

  /** What an EIP is bound to on the switch. */
  bindingOf(eip: string): string | undefined {
    return bindingOn(this.gw1, eip);
  }

  /** What has been written to the switch since the first `first` requests. */
  updatesSince(first: number) {
    return this.gw1.writes.slice(first).flatMap(({ updates }) => updates);
  }
}

/** A region that begins anew with each test. */
export function useRegion(folder: ReturnType<typeof useFolder>): TestRegion {
  const region = new TestRegion(folder);
  beforeEach(() => region.open());
  afterEach(() => region.close());
  return region;
}
