// Network namespaces that a test makes and takes away again, and processes in them.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Why tests with interfaces cannot run here, or undefined when they can. */
export function whyNoNetns(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (spawnSync("ip", ["-V"]).error !== undefined)
    return "the command ip is missing (apt-get install iproute2)";
  const name = `sluice-probe-${process.pid}`;
  if (spawnSync("ip", ["netns", "add", name]).status !== 0) return "ip netns add fails here";
  ip("netns", "delete", name);
  return undefined;
}

function ip(...words: string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Namespaces, and what runs in them. */
export class Lab {
  readonly #names = new Map<string, string>();
  readonly #processes = new Set<ChildProcess>();

  add(...nodes: string[]): void {
    for (const node of nodes) {
      const name = `sluice-${process.pid}-${node}`;
      ip("netns", "add", name);
      this.#names.set(node, name);
      this.run(
        node,
        "sysctl",
        "-qw",
        "net.ipv6.conf.all.disable_ipv6=1",
        "net.ipv6.conf.default.disable_ipv6=1",
      );
      this.ip(node, "link", "set", "lo", "up");
    }
  }

  #name(node: string): string {
    return this.#names.get(node)!;
  }

  /** A cable between two nodes. */
  link(a: string, aInterface: string, b: string, bInterface: string): void {
    this.ip(a, "link", "add", aInterface, "type", "veth", "peer", "name", bInterface, "netns", this.#name(b));
    this.ip(a, "link", "set", aInterface, "up");
    this.ip(b, "link", "set", bInterface, "up");
  }

  /** An interface goes to another node; it is down then. */
  move(node: string, name: string, to: string): void {
    this.ip(node, "link", "set", name, "netns", this.#name(to));
  }

  ip(node: string, ...words: string[]): void {
    ip("-n", this.#name(node), ...words);
  }

  /** Runs a command to its end. @returns what it printed @throws Error when it fails */
  run(node: string, command: string, ...words: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.#name(node), command, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
  }

  /** Starts a command; `ip netns exec` becomes it, so the process is the command's own. */
  start(node: string, command: string, ...words: string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.#name(node), command, ...words], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    return child;
  }

  async remove(): Promise<void> {
    for (const child of [...this.#processes]) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    for (const name of this.#names.values()) ip("netns", "delete", name);
    this.#names.clear();
  }
}

/** How long a line may take before its process is taken for dead. */
const DEAD_MS = 60_000;

/** The lines that a process prints. */
export class Lines {
  readonly all: string[] = [];
  readonly #child: ChildProcess;
  #wake: () => void = () => {};

  constructor(child: ChildProcess, stream: "stdout" | "stderr") {
    this.#child = child;
    createInterface({ input: child[stream]! }).on("line", (line) => {
      this.all.push(line);
      this.#wake();
    });
    child.once("exit", () => this.#wake());
  }

  /**
   * @param from - lines before this one are not looked at
   * @returns the first line that matches, also one that has come already
   * @throws Error with all lines when the process ends before
   */
  async until(matches: (line: string) => boolean, from = 0): Promise<string> {
    const end = AbortSignal.timeout(DEAD_MS);
    end.addEventListener("abort", () => this.#wake());
    for (let seen = from; ; ) {
      for (; seen < this.all.length; seen++) if (matches(this.all[seen]!)) return this.all[seen]!;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || end.aborted) {
        throw new Error(`the line did not come; there were:\n${this.all.join("\n")}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
